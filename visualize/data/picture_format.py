"""Picture format: the size, channels and range in which a model takes its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from visualize.data.framing import Framing, Original, describe_change
from visualize.data.images import scaled, with_channels
from visualize.errors import InputError
from visualize.models.input_range import input_dtype, range_of
from visualize.models.inputs import Channels, checked_input, input_shapes, picture_channels, picture_shape
from visualize.models.layers import card_of

if TYPE_CHECKING:
    import keras

    from visualize.models.inputs import PictureShape


@dataclass(frozen=True, eq=False)
class Prepared:
    """Pictures as a model takes them.

    Attributes:
        images: (batch, height, width, channels) in the model's range.
        originals: what each was made of; None where it was taken as it is.
        notes: what was changed or assumed, for the user.
    """

    images: np.ndarray
    originals: tuple[Original | None, ...]
    notes: list[str]


@dataclass(frozen=True)
class PictureFormat:
    """How a model takes its pictures.

    Attributes:
        model: Keras model.
        input_name: name of the input that holds the pictures; None for the only one that does.
        input_shapes: the shape of each input by name, without the batch; empty where the model does not state them.
        shape: (height, width, channels), None where any length fits; None for a model that takes no pictures.
        channels: where the model has the channels.
        framing: how pictures are brought to its size.
    """

    model: keras.Model
    input_name: str | None
    input_shapes: dict[str, tuple[int | None, ...]]
    shape: PictureShape | None
    channels: Channels
    framing: Framing

    @classmethod
    def of(cls, model: keras.Model, input_name: str | None, resize: str | None = None) -> PictureFormat:
        """The format of the pictures that `model` takes as its input `input_name`.

        Raises:
            InputError: `model` is not a built Keras model, or has no input of that name; `resize` is no way to resize.
        """
        shapes = input_shapes(model)
        if shapes and input_name is not None:
            checked_input(input_name, shapes)
        shape, framing = picture_shape(model, input_name), Framing.of(card_of(model), resize)
        return cls(model, input_name, shapes, shape, picture_channels(model, input_name), framing)

    @property
    def number_of_channels(self) -> int:
        """1 or 3 for a picture file; 3 where the model takes any.

        Raises:
            InputError: the model takes no pictures, or does not state its input shape.
        """
        if self.shape is not None:
            return self.shape[2] or 3
        if self.input_shapes:
            shape = next(iter(self.input_shapes.values()))
            raise InputError(f"The model must take pictures, (height, width, channels). Received: arrays of shape {shape}.")
        raise InputError("The model must state the shape of its pictures. Received: none. Pass them as a .npy array.")

    def as_batch(self, array: np.ndarray) -> np.ndarray:
        """An array as (batch, height, width, channels): a single picture gets a batch axis, gray pictures get a channel."""
        if self.shape is None:
            lengths = [len(shape) for name, shape in self.input_shapes.items() if self.input_name in (None, name)] or [3]
            return array[None] if array.ndim == lengths[0] else array
        channels = self.shape[2]
        if self.channels is Channels.FIRST and array.ndim in (3, 4) and array.shape[-3] == channels != array.shape[-1]:
            array = np.moveaxis(array, -3, -1)
        if self._lacks_channels(array):
            array = array[..., None]
        return array[None] if array.ndim == 3 else array

    def prepare(self, batch: np.ndarray, name: str) -> Prepared:
        """Pictures with the size, channels and range of the model.

        Floats are taken to be in the model's range already; bytes are resized and scaled.

        Args:
            batch: (batch, height, width, channels).
            name: what to call them in notes and messages.

        Raises:
            InputError: bytes that cannot be made to fit.
        """
        pixels, dtype = as_bytes(batch), input_dtype(self.model, self.input_name)
        if pixels.dtype != np.uint8 or (self.shape is None and "int" in dtype):  # such as tokens, which are no pixels
            return Prepared(pixels, (None,) * len(pixels), [])
        framed, originals = self._frame(pixels, name)
        changes = [describe_change(original, framed.shape[1:3]) for original in originals if original is not None]
        images, range_notes = self.scale(framed)
        return Prepared(images, originals, [f"{name}: {change}" for change in changes[:1]] + range_notes)

    def scale(self, pixels: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """Bytes as numbers in the model's range, with a note if that range had to be assumed."""
        (low, high), reason = range_of(self.model, self.input_name)
        note = f"input range {low:g} to {high:g} assumed, as {reason}; a card or --input-range LOW HIGH settles it"
        images = scaled(pixels, (low, high))
        dtype = input_dtype(self.model, self.input_name)
        return np.rint(images) if "int" in dtype or dtype == "bool" else images, [note] if reason else []

    def _lacks_channels(self, array: np.ndarray) -> bool:
        """Whether an array is (height, width) or (batch, height, width), gray pictures without a channel axis."""
        channels = None if self.shape is None else self.shape[2]
        if array.ndim == 2:
            return channels in (1, 3)
        if array.ndim != 3:
            return False
        if channels == 1:
            return array.shape[-1] not in (1, 3)
        # (3, height, width) is more likely one color picture with its channels first
        return channels == 3 and array.shape[0] != 3 and array.shape[-1] > 4

    def _frame(self, pixels: np.ndarray, name: str) -> tuple[np.ndarray, tuple[Original | None, ...]]:
        """Bytes with the channels and the size that the model takes, and what each picture was made of."""
        if self.shape is None:
            return pixels, (None,) * len(pixels)
        if pixels.ndim != 4:
            raise InputError(f"{name} must hold pictures, (batch, height, width, channels). Received: shape {pixels.shape}.")
        height, width, _ = self.shape
        pictures = (with_channels(picture, self.number_of_channels) for picture in pixels)
        framed, originals = zip(*(self.framing.apply(picture, (height, width)) for picture in pictures), strict=True)
        return np.stack(framed), originals


def as_bytes(array: np.ndarray) -> np.ndarray:
    """Whole numbers from 0 to 255 as bytes, whatever their type; anything else as it is."""
    if array.dtype.kind in "ui" and array.size and array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8)
    return array
