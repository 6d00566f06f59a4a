"""Safe HDF5: what a file declares, checked before HDF5 makes room for it."""

from __future__ import annotations

import contextlib
import io
import math
import mmap
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from visualize._utils.lazy import h5py
from visualize._utils.limits import check_size
from visualize._utils.text import shortened
from visualize.errors import InputError

TEXTS = (b"model_config", b"keras_version", b"backend")  # attributes of an HDF5 file that are read
# Filters of HDF5 that unpack what can be checked: DEFLATE (gzip), SHUFFLE, FLETCHER32 and LZF. Others may be in a plug-in.
FILTERS = frozenset({1, 2, 3, 32000})
CHECKSUM = 4  # bytes that FLETCHER32 appends

Content = bytes | mmap.mmap
Filters = list[tuple[int, int, tuple[int, ...], bytes]]  # number, flags, parameters and name of each, in the order of packing


def hdf5_config(path: Path) -> str | bytes:
    """The configuration of the model in an HDF5 file, as JSON text.

    Raises:
        InputError: the file is damaged, or holds weights without a model.
    """
    with _bytes_of(path) as content:
        _check_raw(path, content)
    try:
        with h5py.File(path, "r") as file:
            _check_attributes(path, file, path.stat().st_size)
            config = file.attrs.get("model_config")
    except InputError:
        raise
    except Exception:  # h5py raises errors of many kinds, SystemError among them
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


def arrays_size(path: Path, content: bytes | None = None) -> int:
    """Bytes of all arrays in an HDF5 file.

    Args:
        path: the file, or the archive that it is in.
        content: of the file in an archive; None where `path` is the file itself, and `hdf5_config` has read it.

    Raises:
        InputError: the file is damaged, or some of them are in another file, or only declared and not there.
    """
    try:
        if content is not None:
            _check_raw(path, content)
            with h5py.File(io.BytesIO(content), "r") as file:
                return _arrays_size(path, file, content)
        with _bytes_of(path) as mapped, h5py.File(path, "r") as file:
            return _arrays_size(path, file, mapped)
    except InputError:
        raise
    except Exception:  # h5py raises errors of many kinds, SystemError among them
        raise InputError(f"{path} is corrupt or not a model: HDF5 cannot read it.") from None


def _arrays_size(path: Path, file: h5py.File, content: Content) -> int:
    """Bytes of all arrays in an open file of that content."""
    links: dict[str, object] = {}
    file.visititems_links(links.__setitem__)
    total = 0
    for name, link in links.items():
        if isinstance(link, h5py.ExternalLink):
            raise InputError(f"{path} must hold its weights itself. Received: {shortened(name)!r}, which is in another file.")
        item = file.get(name) if isinstance(link, h5py.HardLink) else None  # the target of a soft link is not read
        if isinstance(item, h5py.Group | h5py.Dataset):
            _check_attributes(path, item, len(content))
        if isinstance(item, h5py.Dataset):
            total += _check_array(path, name, item, content)
    check_size(f"The arrays of {path}", total, len(content))
    return total


@contextlib.contextmanager
def _bytes_of(path: Path) -> Iterator[Content]:
    """The content of a file, which is not read until it is looked at; nothing of a file that is not HDF5, however large."""
    if not h5py.is_hdf5(path):
        yield b""
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def _check_raw(path: Path, content: Content) -> None:
    """Check what HDF5 trusts too much, on the bytes of a file.

    Raises:
        InputError: it declares more than it has.
    """
    if not (_texts_fit(content) and _heaps_fit(content)):
        raise InputError(f"{path} is corrupt or not a model: it declares a text that is longer than the file.")


def _texts_fit(content: Content) -> bool:
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


def _places(content: Content, text: bytes) -> Iterator[int]:
    """Where a text begins. A pattern of several texts would take twenty times as long, six seconds for 300 MB."""
    place = content.find(text)
    while place >= 0:
        yield place
        place = content.find(text, place + 1)


def _heaps_fit(content: Content) -> bool:
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


def _check_array(path: Path, name: str, array: h5py.Dataset, content: Content) -> int:
    """Bytes that HDF5 takes to read an array, once it is known that HDF5 can read it.

    Raises:
        InputError: the array is none of numbers or text, is in another file, or its parts are not what the headers say.
    """
    if array.is_virtual or array.external:
        raise InputError(f"{path} must hold its weights itself. Received: {shortened(name)!r}, which is in another file.")
    if array.dtype.kind not in "biufcSU" and not h5py.check_string_dtype(array.dtype):
        raise InputError(
            f"{path} must hold arrays of numbers. Received: {shortened(name)!r}, of {shortened(str(array.dtype))}."
        )
    size = 0 if array.shape is None else math.prod(array.shape) * array.dtype.itemsize
    if array.chunks is None:
        return size
    chunk_size, count = math.prod(array.chunks) * array.dtype.itemsize, array.id.get_num_chunks()
    size = max(size, chunk_size * count)
    check_size(f"The arrays of {path}", size, len(content))
    properties = array.id.get_create_plist()
    filters = [properties.get_filter(place) for place in range(properties.get_nfilters())]
    unknown = {kind for kind, *_ in filters} - FILTERS
    if unknown:
        raise InputError(
            f"{path} must hold arrays that are plain or packed by gzip or LZF. "
            f"Received: {shortened(name)!r}, packed by filter {min(unknown)} of HDF5."
        )
    for number in range(count):
        if not _chunk_fits(array.id, number, filters, chunk_size, content):
            raise InputError(f"{path} is corrupt or not a model: a part of its array {shortened(name)!r} is not in it.")
    return size


def _chunk_fits(array: h5py.h5d.DatasetID, number: int, filters: Filters, chunk_size: int, content: Content) -> bool:
    """Whether a part of an array is in the file, and unpacks to the size of a part: HDF5 reads beyond one that is shorter."""
    chunk = array.get_chunk_info(number)
    start = chunk.byte_offset or 0
    if not 0 < chunk.size <= len(content) - start:
        return False
    size = chunk.size
    for place, (kind, _, parameters, _) in reversed(list(enumerate(filters))):
        if chunk.filter_mask >> place & 1:  # left out for this part
            continue
        if kind == h5py.h5z.FILTER_FLETCHER32:
            size -= CHECKSUM
        elif kind == h5py.h5z.FILTER_LZF:
            size = parameters[2] if len(parameters) > 2 else 0  # HDF5 makes room for so much before it unpacks
        elif kind == h5py.h5z.FILTER_DEFLATE:
            try:
                size = len(zlib.decompressobj().decompress(content[start : start + max(size, 0)], chunk_size + 1))
            except zlib.error:
                return False
    return size == chunk_size


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
