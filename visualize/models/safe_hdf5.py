"""Safe HDF5: what a file declares, checked before HDF5 makes room for it."""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from visualize._utils.lazy import h5py
from visualize._utils.limits import check_size
from visualize._utils.text import shortened
from visualize.errors import InputError

TEXTS = (b"model_config", b"keras_version", b"backend")  # attributes of an HDF5 file that are read


def hdf5_config(path: Path) -> str | bytes:
    """The configuration of the model in an HDF5 file, as JSON text.

    Raises:
        InputError: the file is damaged, or holds weights without a model.
    """
    _check_raw(path)
    try:
        with h5py.File(path, "r") as file:
            _check_attributes(path, file, path.stat().st_size)
            config = file.attrs.get("model_config")
    except InputError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError):
        raise InputError(f"{path} is corrupt or not a model: HDF5 cannot read it.") from None
    if config is None:
        raise InputError(
            f"{path} holds weights only. Build the model, load them, and save it whole: model.save('model.keras')."
        )
    if not isinstance(config, str | bytes):
        raise InputError(
            f"{path} is corrupt or not a model: its model_config must be text. Received: {type(config).__name__}."
        )
    return config


def arrays_size(path: Path, file: h5py.File, stored: int) -> int:
    """Bytes of all arrays in an open HDF5 file.

    Raises:
        InputError: some of them are in another file, or only declared and not there.
        Exception: whatever h5py raises for a file that is damaged.
    """
    links: dict[str, object] = {}
    file.visititems_links(links.__setitem__)
    total = 0
    for name, link in links.items():
        item = file.get(name) if isinstance(link, h5py.HardLink) else None  # the target of any other link is not read
        if isinstance(item, h5py.Group | h5py.Dataset):
            _check_attributes(path, item, stored)
        array = item if isinstance(item, h5py.Dataset) else None
        if isinstance(link, h5py.ExternalLink) or (array is not None and (array.is_virtual or array.external)):
            raise InputError(f"{path} must hold its weights itself. Received: {shortened(name)!r}, which is in another file.")
        if array is not None and array.shape is not None:
            total += math.prod(array.shape) * array.dtype.itemsize
    check_size(f"The arrays of {path}", total, stored)
    return total


def _check_raw(path: Path) -> None:
    """Check what HDF5 trusts too much, on the bytes of the file.

    Raises:
        InputError: it declares more than it has.
    """
    if h5py.is_hdf5(path):  # nothing else is searched, however large
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if not (_texts_fit(content) and _heaps_fit(content)):
                raise InputError(f"{path} is corrupt or not a model: it declares a text that is longer than the file.")


def _texts_fit(content: mmap.mmap) -> bool:
    """Whether no text of the file is declared longer than the file: HDF5 makes room for it before it reads it.

    HDF5 tells the length only once it has read the text, so it is read here where the attribute's message has it, behind its
    name, its type and its shape ("Attribute Message" of the HDF5 file format specification).
    """
    for name_start in (place for text in TEXTS for place in _places(content, text + b"\0")):
        for padded, header in ((8, 8), (1, 8), (1, 9)):  # the versions of the message: parts are padded in the first
            start = name_start - header
            if start < 0 or content[start] not in (1, 2, 3):
                continue
            lengths = struct.unpack_from("<3H", content, start + 2)  # of the name, the type and the shape
            place = name_start + sum(-(-length // padded) * padded for length in lengths)
            if place + 4 <= len(content) and struct.unpack_from("<I", content, place)[0] > len(content):
                return False
    return True


def _places(content: mmap.mmap, text: bytes) -> Iterator[int]:
    """Where a text begins. A pattern of several texts would take twenty times as long, six seconds for 300 MB."""
    place = content.find(text)
    while place >= 0:
        yield place
        place = content.find(text, place + 1)


def _heaps_fit(content: mmap.mmap) -> bool:
    """Whether the texts in each global heap end within it: HDF5 walks an endless loop where they do not."""
    for start in _places(content, b"GCOL\x01\0\0\0"):  # signature, version; then the size of the heap
        end = start + int.from_bytes(content[start + 8 : start + 16], "little")
        place = start + 16
        while place + 16 <= end <= len(content):
            index, size = struct.unpack_from("<HxxxxxxQ", content, place)
            if index == 0:  # free space, which counts its own header, up to the end
                if size != end - place:
                    return False
                break
            place += 16 + -(-size // 8) * 8
            if place > end:
                return False
    return True


def _check_attributes(path: Path, item: h5py.HLObject, stored: int) -> None:
    """Refuse attributes that HDF5 reads wrongly, by their headers alone: it makes room for as much as they say.

    Raises:
        InputError: one is larger than its file, or a list of varying length, at which HDF5 crashes if it is damaged.
    """
    for name in item.attrs:
        attribute = item.attrs.get_id(name)
        if attribute.shape is None:  # empty
            continue
        kind = attribute.get_type()
        if kind.get_class() == h5py.h5t.VLEN or math.prod(attribute.shape) * kind.get_size() > stored:
            raise InputError(
                f"{path} is corrupt or not a model: its attribute {shortened(name)!r} must hold text or numbers, and no more "
                "than the file has bytes."
            )
