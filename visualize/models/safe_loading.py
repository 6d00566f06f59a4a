"""Vetting: a model file is judged before Keras reads it."""

from __future__ import annotations

import importlib
import io
import json
import math
import re
import stat
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visualize._utils.limits import check_size
from visualize._utils.text import shortened
from visualize.errors import InputError

FORMATS = "`model` must be a .keras, .h5 or .hdf5 file."
MOST_CONFIG = 2**26  # bytes: the largest published architectures need a hundredth
WEIGHTS = "model.weights.h5"
IMPORTED = ("keras", "keras_hub", "keras_cv", "keras_nlp")  # packages whose modules Keras imports if a file names them


def check_file(path: Path) -> None:
    """Tell a missing, a corrupt and a weights-only file apart, without importing Keras.

    Raises:
        InputError: the file cannot hold a model, or would unpack to much more than its size.
    """
    if path.is_dir():
        raise InputError(f"{FORMATS} Received: {path}, a directory.")
    if not path.exists():
        raise InputError(f"{FORMATS} Received: {path}, which does not exist.")
    if not path.is_file():  # to open a pipe would wait for ever
        raise InputError(f"{FORMATS} Received: {path}, which is no regular file.")
    if path.suffix == ".keras":
        _check_archive(path)
    elif path.suffix in (".h5", ".hdf5"):
        _hdf5_config(path)
    else:
        raise InputError(f"{FORMATS} Received: {path.name}.")


def check_config(path: Path) -> None:
    """Refuse a configuration that makes Keras import a module, or fill memory with an array of a few letters.

    Call it when every module that the user named is imported: what is imported already does no more harm.

    Raises:
        InputError: it names a module of Keras' family that nobody imported, or an array of overlong strings.
    """
    for one in _dicts(_config(path)):
        module = one.get("module")
        if isinstance(module, str) and module.split(".")[0] in IMPORTED and module not in sys.modules:
            raise InputError(
                f"{path} names the module {shortened(module)!r}, and nothing is imported because a file names it. "
                "If you trust its author, name it yourself: --custom-objects MODULE (in Python: custom_objects=[...])."
            )
        content = one.get("config")
        if one.get("class_name") == "__numpy__" and isinstance(content, dict):
            dtype = content.get("dtype")
            if not isinstance(dtype, str) or not re.fullmatch(r"[a-z_]+\d{0,3}", dtype):
                raise InputError(f"{path} must hold arrays of numbers. Received: one of dtype {shortened(repr(dtype))}.")


def weights_size(path: Path) -> int:
    """Bytes of all arrays in a model file.

    Raises:
        InputError: some of them are in another file, or only declared and not there.
        Exception: whatever zipfile and h5py raise for a file that is damaged.
    """
    h5py = importlib.import_module("h5py")
    if path.suffix != ".keras":
        with h5py.File(path, "r") as file:
            return _arrays_size(path, file, path.stat().st_size)
    with zipfile.ZipFile(path) as archive:
        if WEIGHTS not in archive.namelist():
            return sum(member.file_size for member in archive.infolist())
        content = archive.read(WEIGHTS)  # whole, as Keras does: within the archive each step back would read it from its start
    with h5py.File(io.BytesIO(content), "r") as file:
        return _arrays_size(path, file, len(content))


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):
        raise InputError(f"{path} is corrupt or no model: a .keras file is a zip archive, this is none.") from None
    names = [member.filename for member in members]
    missing = {"config.json", "metadata.json"} - set(names)
    if missing:
        raise InputError(f"{path} is a zip archive but no Keras model: it holds no {min(missing)}.")
    outside = [member.filename for member in members if _leads_outside(member)]
    if outside:
        raise InputError(f"{path} must hold files of its own. Received: {shortened(outside[0])!r}, which leads out of it.")
    check_size(str(path), sum(member.file_size for member in members), path.stat().st_size)


def _leads_outside(member: zipfile.ZipInfo) -> bool:
    name = member.filename
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return is_link or name.startswith(("/", "\\")) or ":" in name or ".." in re.split(r"[/\\]", name)


def _config(path: Path) -> Any:
    """The configuration as JSON has it; None where there is none to read, which Keras will tell in its own words."""
    if path.suffix != ".keras":
        text = _hdf5_config(path)
    else:
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo("config.json").file_size
            if size > MOST_CONFIG:
                raise InputError(f"{path} must have a config.json of at most {MOST_CONFIG:,} bytes. Received: {size:,}.")
            text = archive.read("config.json")
    return json.loads(text)


def _hdf5_config(path: Path) -> str | bytes:
    h5py = importlib.import_module("h5py")
    try:
        with h5py.File(path, "r") as file:
            config = file.attrs.get("model_config")
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        raise InputError(f"{path} is corrupt or no model: HDF5 cannot read it.") from None
    if config is None:
        raise InputError(
            f"{path} holds weights only. Build the model, load them, and save it whole: model.save('model.keras')."
        )
    if not isinstance(config, str | bytes):
        raise InputError(f"{path} is corrupt or no model: its model_config must be text. Received: {type(config).__name__}.")
    return config


def _arrays_size(path: Path, file: Any, stored: int) -> int:
    h5py = importlib.import_module("h5py")
    links: dict[str, Any] = {}
    file.visititems_links(links.__setitem__)
    total = 0
    for name, link in links.items():
        found = file.get(name) if isinstance(link, h5py.HardLink) else None  # what another link leads to is not looked at
        is_array = isinstance(found, h5py.Dataset)
        if isinstance(link, h5py.ExternalLink) or (is_array and (found.is_virtual or found.external)):
            raise InputError(f"{path} must hold its weights itself. Received: {shortened(name)!r}, which is in another file.")
        if is_array and found.shape is not None:
            total += math.prod(found.shape) * found.dtype.itemsize
    check_size(f"The arrays of {path}", total, stored)
    return total


def _dicts(config: Any) -> Iterator[dict[str, Any]]:
    """Every object in a tree of JSON, however deep."""
    todo = [config]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            yield one
            todo += one.values()
        elif isinstance(one, list):
            todo += one
