"""Sources: where the images of a whole data set are, by number, read a few at a time."""

from __future__ import annotations

import abc
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from visualize.data.images import read_picture
from visualize.data.picture_format import PictureFormat, as_bytes
from visualize.errors import InputError

SAMPLED = 64  # images of which the fingerprint of an array is made


@dataclass(frozen=True, eq=False)
class Piece:
    """A few images of a source, as the model takes them.

    Attributes:
        images: (readable, height, width, channels), of those that could be read.
        readable: which of the requested images these are, (readable,).
        errors: why the others could not be read, by their place among the requested images.
    """

    images: np.ndarray
    readable: np.ndarray
    errors: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class BulkSource(abc.ABC):
    """The images of a data set by number.

    Attributes:
        count: how many there are.
        labels: (count,) the class of each image; None if unknown.
        class_names: what the data set calls the classes; empty if it does not say.
        in_order: whether the images can be read in their order alone.
    """

    count: int
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    in_order: bool = False

    @abc.abstractmethod
    def ids(self, start: int, stop: int) -> list[str]:
        """What to call the images from `start` to `stop`: the same for the same image, wherever the data set is."""

    @abc.abstractmethod
    def read(self, start: int, stop: int, picture_format: PictureFormat) -> Piece:
        """The images from `start` to `stop`."""

    @abc.abstractmethod
    def fingerprint(self) -> str:
        """A few hexadecimal digits that change where the images behind the same ids do, as far as a quick look can tell."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PictureFiles(BulkSource):
    """Picture files.

    Attributes:
        root: the folder that the names of the files start from.
        names: of the files, with "/" between folders; they are the ids.
    """

    root: Path
    names: Sequence[str]

    def ids(self, start: int, stop: int) -> list[str]:
        """The names of the files."""
        return list(self.names[start:stop])

    def read(self, start: int, stop: int, picture_format: PictureFormat) -> Piece:
        """The pictures, in the model's size and range; those that cannot be read have their errors."""
        pictures, errors, channels = {}, {}, picture_format.number_of_channels
        for place, name in enumerate(self.names[start:stop]):
            path = self.root / name
            try:
                pictures[place] = picture_format.prepare(read_picture(path, channels=channels)[None], name).images
            except (InputError, OSError) as error:  # the same words wherever the folder is
                errors[place] = " ".join(str(error).replace(str(path), name).split())
        images = np.concatenate(list(pictures.values())) if pictures else np.empty((0,), "float32")
        return Piece(picture_format.channels.from_last(images) if pictures else images, np.array(list(pictures), int), errors)

    def fingerprint(self) -> str:
        """Nothing: a name stands for its picture."""
        return ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Arrays(BulkSource):
    """Images in an array, which may be mapped from a file.

    Attributes:
        images: (count, height, width, channels), or anything that gives such arrays for slices.
        name: of the data set; the ids are "name number".
    """

    images: Any
    name: str

    def ids(self, start: int, stop: int) -> list[str]:
        """The name of the data set and the number of the image."""
        return [f"{self.name} {number}".strip() for number in range(start, stop)]

    def read(self, start: int, stop: int, picture_format: PictureFormat) -> Piece:
        """The images, in the model's size and range."""
        return _piece(np.asarray(self.images[start:stop]), f"{self.name} {start}".strip(), picture_format)

    def fingerprint(self) -> str:
        """Of the shape and a few images."""
        numbers = np.unique(np.linspace(0, self.count - 1, SAMPLED).astype(int)).tolist()
        digest = hashlib.sha256()
        for number in numbers:
            image = np.ascontiguousarray(self.images[number : number + 1])
            digest.update(f"{image.dtype.str} {image.shape}".encode() + image.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False, kw_only=True)
class Stream(BulkSource):
    """Images that an iterable gives one after the other, as often as it is iterated over.

    Attributes:
        images: begins again and gives the images, (height, width, channels) each.
    """

    images: Callable[[], Iterator[np.ndarray]]
    in_order: bool = True
    _open: dict[str, Any] = field(default_factory=dict)

    def ids(self, start: int, stop: int) -> list[str]:
        """The number of the image."""
        return [str(number) for number in range(start, stop)]

    def read(self, start: int, stop: int, picture_format: PictureFormat) -> Piece:
        """The next images; an earlier `start` begins the iterable again.

        Raises:
            InputError: the iterable ended earlier than it did the first time.
        """
        if self._open.get("at", self.count) > start:
            self._open.update(at=0, images=self.images())
        images = self._open["images"]
        skipped = sum(1 for _ in itertools.islice(images, start - self._open["at"]))
        batch = list(itertools.islice(images, stop - start))
        if skipped < start - self._open["at"] or len(batch) < stop - start:
            raise InputError(f"`data` must give the same {self.count} images each time. Received: fewer.")
        self._open["at"] = stop
        return _piece(np.stack(batch), f"image {start}", picture_format)

    def fingerprint(self) -> str:
        """Nothing: an iterable is taken at its word."""
        return ""


def digest_of_ids(source: BulkSource) -> str:
    """SHA-256 of all ids in their order."""
    digest = hashlib.sha256()
    for start in range(0, source.count, 4096):
        digest.update(json.dumps(source.ids(start, min(start + 4096, source.count))).encode())
    return digest.hexdigest()


def rank_of(picture_format: PictureFormat) -> int:
    """How many axes a batch of the model's images has."""
    name, shapes = picture_format.input_name, picture_format.input_shapes
    return 1 + next((len(shape) for key, shape in shapes.items() if name in (None, key)), 3)


def _piece(batch: np.ndarray, name: str, picture_format: PictureFormat) -> Piece:
    """A batch of an array, in the model's size and range."""
    batch = batch[..., None] if batch.ndim < rank_of(picture_format) else batch
    if batch.dtype.kind in "ui" and batch.dtype != np.uint8 and picture_format.shape is not None:
        pixels = as_bytes(batch)
        if pixels.dtype != np.uint8:
            raise InputError(f"`data` must hold bytes, 0 to 255, or numbers in the model's range. Received: {batch.dtype}.")
        batch = pixels
    images = picture_format.channels.from_last(picture_format.prepare(np.ascontiguousarray(batch), name).images)
    return Piece(images, np.arange(len(images)))
