"""Kept measures: the numbers of a method in a file, found again for the same model, settings and images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from visualize._utils.atomic import atomic_file
from visualize.attribution.comparison import name_of
from visualize.metrics.measured_method import MeasuredMethod, Subject, TrustOptions
from visualize.models.digest import add_array, model_digest
from visualize.models.inputs import inputs_of
from visualize.results import Attribution

FORMAT = 2  # grows when a measure changes, so that older files are not taken for its values
FOLDER = "trust-measures"  # within the folder of a figure


def kept_path(folder: Path, subject: Subject, method: Callable[..., Attribution], options: TrustOptions) -> Path | None:
    """The file of a method, whether it exists or not; None for a function of the user's own, which may change.

    Its name has a hash of everything that the numbers depend on: the weights and the layers of the model, the method and its
    settings, the images and the classes.
    """
    function = getattr(method, "func", method)
    chosen = getattr(method, "keywords", {})
    if not function.__module__.startswith("visualize.attribution.") or not _is_plain((chosen, dict(subject.options))):
        return None
    if not _is_plain((subject.target.classes, subject.target.output, subject.target.layer)):
        return None
    digest = hashlib.sha256()
    target = (subject.target.classes, subject.target.output, subject.target.layer, subject.other and subject.other.classes)
    parts = (FORMAT, asdict(options), name_of(method), dict(chosen), dict(subject.options), target)
    digest.update(json.dumps(parts, sort_keys=True).encode())
    add_array(digest, np.asarray(subject.target.region if subject.target.region is not None else 0.0, float))
    for name, array in inputs_of(subject.model, subject.images, subject.options.get("input_name")).arrays.items():
        digest.update(name.encode())
        add_array(digest, array)
    digest.update(model_digest(subject.model).encode())
    return folder / FOLDER / f"{name_of(method)}-{digest.hexdigest()[:20]}.json"


def read_measures(path: Path) -> MeasuredMethod | None:
    """What a file holds; None where there is none, or another kind of file."""
    try:
        return MeasuredMethod.of_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_measures(path: Path, method: MeasuredMethod) -> None:
    """Keep what was measured; the file appears whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write((json.dumps(method.as_json(), indent=1) + "\n").encode())


def _is_plain(value: Any) -> bool:
    """Whether a value consists of what JSON has."""
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_plain(each) for name, each in value.items())
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, str | int | float | bool)
