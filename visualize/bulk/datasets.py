"""Data sets: the source that a path, a name or a Python object stands for."""

from __future__ import annotations

import csv
import glob
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visualize._utils.validation import received
from visualize.bulk.sources import Arrays, BulkSource, PictureFiles, Stream, rank_of
from visualize.data.images import SUFFIXES
from visualize.data.loading import fitting_names, load_dataset
from visualize.data.picture_format import PictureFormat
from visualize.errors import InputError
from visualize.models.layers import card_of

ZARR = ("zarr.json", ".zarray", ".zgroup")  # of the folder of an array or a group
LISTS = (".txt", ".lst", ".list")
PATH_COLUMNS, LABEL_COLUMNS = ("path", "file", "filename", "image"), ("label", "class", "target")


def source_of(data: Any, picture_format: PictureFormat) -> BulkSource:
    """The images of a folder, file, named data set or Python object.

    Args:
        data: a folder of pictures, with the folders in it; a pattern such as `photos/**/*.jpg`; a list of paths (`.txt`); a
            `.csv` with the columns path and, if there are any, label; a `.npy`, which is mapped and never read whole; a
            `.npz`; a folder of Zarr; a named data set such as `mnist:test`. In Python also an array, a pair of arrays
            (images, labels), anything with a length and items, a `keras.utils.PyDataset`, a `tf.data.Dataset` or another
            iterable that can be iterated over more than once.
        picture_format: how the model takes its pictures.

    Raises:
        InputError: there is no such data set, no picture in it, or its labels do not fit.
    """
    if isinstance(data, str | os.PathLike):
        source = _from_text(os.fspath(data), picture_format)
    else:
        source = _from_object(data, picture_format)
    if not source.count:
        raise InputError(f"`data` must have at least one image. Received: {received(data)}, which has none.")
    return source


def _from_text(data: str, picture_format: PictureFormat) -> BulkSource:
    """The source that a path, a pattern or a name stands for."""
    path = Path(data)
    if path.is_dir() and any((path / name).is_file() for name in ZARR):
        return _zarr(path, picture_format)
    if path.is_dir():
        return _files(path, _files_below(path))
    if path.suffix.lower() in LISTS and path.is_file():
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        return _files(path.parent, [line.strip() for line in lines if line.strip()])
    if path.suffix.lower() == ".csv" and path.is_file():
        return _table(path, picture_format)
    if set("*?[") & set(data) and not path.exists():
        root = Path(*itertools.takewhile(lambda part: not set("*?[") & set(part), path.parts))
        inside = (Path(each) for each in glob.iglob(data, recursive=True))
        return _files(root, _sorted(each.relative_to(root).as_posix() for each in inside if each.is_file()))
    if path.suffix.lower() == ".npy" and path.is_file():
        return _arrays(_mapped(path), None, path.name, picture_format)
    dataset = load_dataset(data)
    names, name = tuple(dataset.get("class_names") or ()), path.name if path.is_file() else data
    return _arrays(np.asarray(dataset["images"]), dataset.get("labels"), name, picture_format, names)


def _from_object(data: Any, picture_format: PictureFormat) -> BulkSource:
    """The source that a Python object is."""
    if isinstance(data, tuple) and len(data) == 2 and np.ndim(data[1]) == 1:
        return _arrays(data[0], data[1], "", picture_format)
    if isinstance(data, list | tuple):
        return _arrays(_Items(data), None, "", picture_format)
    if hasattr(data, "shape") and hasattr(data, "__getitem__"):
        return _arrays(data, None, "", picture_format)
    if hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        return _indexable(data, picture_format)
    if not isinstance(data, Iterable):
        raise InputError(f"`data` must be a path, a data set's name, an array or an iterable. Received: {received(data)}.")
    if isinstance(data, Iterator):
        raise InputError(
            "`data` must be iterable more than once: a run that was interrupted begins it again. "
            f"Received: a {type(data).__name__}. Pass a list, a tf.data.Dataset or an object with __iter__."
        )
    rank = rank_of(picture_format)
    return Stream(count=sum(1 for _ in _images(data, rank)), images=lambda: _images(data, rank), labels=_labels(data, rank))


def _files(root: Path, names: Sequence[str], labels: np.ndarray | None = None) -> PictureFiles:
    if not names:
        raise InputError(f"`data` must have pictures. Received: {root}, where there is none.")
    return PictureFiles(count=len(names), labels=labels, root=root, names=names)


def _files_below(root: Path) -> list[str]:
    """The picture files in a folder and in those inside it, in the order of their names."""
    return _sorted(
        (Path(folder) / name).relative_to(root).as_posix()
        for folder, _, names in os.walk(root)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES
    )


def _sorted(names: Iterable[str]) -> list[str]:
    """Names with their numbers in order: "2.png" before "10.png"; of two that are equal so far, by their characters."""

    def order(name: str) -> tuple[list[tuple[int, int | str]], str]:
        parts = re.split(r"(\d+)", name.casefold())
        return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], name

    return sorted(names, key=order)


def _table(path: Path, picture_format: PictureFormat) -> PictureFiles:
    """The pictures that a CSV names, relative to its folder, and their labels: numbers, or names of the model's classes."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file) if any(row)]
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    paths = next((head.index(name) for name in PATH_COLUMNS if name in head), None)
    labels = next((head.index(name) for name in LABEL_COLUMNS if name in head), None)
    if paths is None:  # no heading: the path, then the label
        paths, labels = 0, 1 if len(head) > 1 else None
    else:
        rows = rows[1:]
    if any(len(row) <= max(paths, labels or 0) for row in rows):
        raise InputError(f"{path} must have a path and the same columns in each row. Received: a shorter row.")
    words = None if labels is None else [row[labels].strip() for row in rows]
    return _files(path.parent, [row[paths].strip() for row in rows], _numbered(path, words, picture_format))


def _numbered(path: Path, words: Sequence[str] | None, picture_format: PictureFormat) -> np.ndarray | None:
    """Labels as numbers of classes."""
    if words is None:
        return None
    numbers = {name: number for number, name in enumerate(card_of(picture_format.model).class_names)}
    unknown = next((word for word in words if not word.isdecimal() and word not in numbers), None)
    if unknown is not None:
        raise InputError(f"The labels of {path} must be numbers, or names of the model's classes. Received: {unknown!r}.")
    return np.array([int(word) if word.isdecimal() else numbers[word] for word in words], "int32")


def _zarr(path: Path, picture_format: PictureFormat) -> Arrays:
    """The array of a Zarr store, or the arrays `images` and `labels` of its group."""
    try:
        import zarr
    except ImportError:
        raise InputError(f"{path} is a Zarr store, which needs the extra bulk: pip install 'kerasdemos[bulk]'.") from None
    node = zarr.open(path, mode="r")
    if isinstance(node, zarr.Array):
        return _arrays(node, None, path.name, picture_format)
    if "images" not in node:
        raise InputError(f"{path} must be an array, or have an array named images. Received: {sorted(node)}.")
    labels = np.asarray(node["labels"]) if "labels" in node else None
    return _arrays(node["images"], labels, path.name, picture_format)


def _mapped(path: Path) -> np.ndarray:
    """The array of a `.npy`, on the disk until it is read."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} must hold a plain array. Received: {' '.join(str(error).split())}.") from None


def _arrays(images: Any, labels: Any, name: str, picture_format: PictureFormat, class_names: tuple[str, ...] = ()) -> Arrays:
    """Images in an array, each with its channels."""
    images = _with_channels(images, picture_format)
    count = images.shape[0]  # an array of Zarr has no length
    labels = None if labels is None else np.asarray(labels)
    if labels is not None and (labels.shape != (count,) or labels.dtype.kind not in "ui"):
        raise InputError(
            f"`data` must have a whole number as the label of each of its {count} images. "
            f"Received: labels of shape {labels.shape}, dtype {labels.dtype}."
        )
    names = fitting_names(picture_format.model, class_names)
    return Arrays(count=count, labels=labels, class_names=names, images=images, name=name)


def _with_channels(images: Any, picture_format: PictureFormat) -> Any:
    """An array as (count, height, width, channels), without reading it."""
    shape = tuple(np.shape(images) if isinstance(images, list | tuple) else images.shape)
    probe = picture_format.as_batch(np.broadcast_to(np.uint8(0), shape))
    if probe.shape == shape:
        return images
    if isinstance(images, np.ndarray):
        return picture_format.as_batch(images)
    return _Reshaped(images, picture_format, probe.shape)


@dataclass(frozen=True, eq=False)
class _Reshaped:
    """An array on the disk whose slices get a channel axis, or have theirs moved."""

    images: Any
    picture_format: PictureFormat
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        part = np.asarray(self.images[rows])
        return part[..., None] if part.ndim < len(self.shape) else np.moveaxis(part, -3, -1)


class _Items:
    """Images in a list, as an array that gives slices."""

    def __init__(self, images: Sequence[Any]):
        shapes = {np.shape(image) for image in images}
        if len(shapes) > 1:
            raise InputError(f"`data` must have images of one shape. Received: {', '.join(map(str, sorted(shapes)))}.")
        self._images, self.shape = images, (len(images), *next(iter(shapes), ()))

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rows: slice) -> np.ndarray:
        return np.stack([np.asarray(image) for image in self._images[rows]])


class _Batches:
    """A `keras.utils.PyDataset` or the like as an array: item i is a batch, or (batch, labels, ...)."""

    def __init__(self, batches: Any):
        self._batches, self._count = batches, len(batches)
        first, last = self._batch(0), self._batch(self._count - 1)
        self._size = len(first)
        self.shape = (self._size * (self._count - 1) + len(last), *first.shape[1:])

    def _batch(self, number: int) -> np.ndarray:
        batch = self._batches[number]
        return np.asarray(batch[0] if isinstance(batch, tuple | list) else batch)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(len(self))
        first = start // self._size
        parts = [self._batch(number) for number in range(first, -(-stop // self._size))]
        return np.concatenate(parts)[start - first * self._size : stop - first * self._size]

    def labels(self) -> np.ndarray | None:
        """The labels of all batches, if each has one whole number per image; None if not."""
        first = self._batches[0]
        if not isinstance(first, tuple | list) or len(first) < 2 or np.asarray(first[1]).dtype.kind not in "ui":
            return None
        labels = [np.asarray(self._batches[number][1]) for number in range(self._count)]
        return np.concatenate(labels) if all(array.ndim == 1 for array in labels) else None


def _indexable(data: Any, picture_format: PictureFormat) -> Arrays:
    """An object with a length whose items are images, (image, label) or batches of them."""
    if not len(data):
        raise InputError("`data` must have at least one image. Received: none.")
    first = data[0]
    image = np.asarray(first[0] if isinstance(first, tuple) else first)
    if image.ndim >= rank_of(picture_format):
        batches = _Batches(data)
        return _arrays(batches, batches.labels(), "", picture_format)
    return _arrays(_Each(data, image.shape), _labels((data[n] for n in range(len(data))), np.inf), "", picture_format)


class _Each:
    """An object whose item i is an image, or (image, label), as an array that gives slices."""

    def __init__(self, items: Any, shape: tuple[int, ...]):
        self._items, self.shape = items, (len(items), *shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        items = (self._items[number] for number in range(*rows.indices(len(self))))
        return np.stack([np.asarray(item[0] if isinstance(item, tuple) else item) for item in items])


def _images(data: Iterable[Any], rank: float) -> Iterator[np.ndarray]:
    """The images of an iterable of images or batches, alone or as the first of (image, label)."""
    for element in data:
        array = np.asarray(element[0] if isinstance(element, tuple) else element)
        yield from array if array.ndim >= rank else (array,)


def _labels(data: Iterable[Any], rank: float) -> np.ndarray | None:
    """The labels of the same iterable, if each element is a pair with whole numbers; None if not."""
    labels = []
    for element in data:
        second = np.asarray(element[1]) if isinstance(element, tuple) and len(element) > 1 else np.array(0.5)
        if second.dtype.kind not in "ui" or second.ndim > 1:
            return None
        labels.extend(np.atleast_1d(second).tolist())
    return np.array(labels, "int32")
