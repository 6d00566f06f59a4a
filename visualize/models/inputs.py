"""Inputs: the arrays that a model is asked about, checked once at the door."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize.errors import InputError
from visualize.models import layers as models

MOST_COUNT = 2**31 - 1
ANY_SIZE = 128  # the height or width of a picture where the model takes any


class Channels(enum.Enum):
    """Where an input of a model has its channels. Inside, images always have them last."""

    LAST = "last"
    FIRST = "first"  # (batch, channels, height, width)
    NONE = "none"  # (batch, height, width), or a vector, (batch, length)

    def last(self, array: Any) -> np.ndarray:
        """What the model takes, with its channels last."""
        if self is Channels.NONE:
            return array[..., None]
        return np.moveaxis(array, 1, -1) if self is Channels.FIRST else array

    def taken(self, images: Any) -> Any:
        """Images with channels last, as the model takes them: an array of an array, a tensor of a tensor."""
        if self is Channels.NONE:
            return images[..., 0]
        if self is Channels.LAST:
            return images
        order = [0, len(images.shape) - 1, *range(1, len(images.shape) - 1)]
        return tf.transpose(images, order) if tf.is_tensor(images) else np.transpose(images, order)


@dataclass(frozen=True)
class Inputs:
    """The arrays of one question, by input name.

    Attributes:
        arrays: name -> (batch, ...); the model's first input is called "images" where it has no name.
        explained: the name of the input that is explained; its array has its channels last, whatever the model takes.
        structure: the names, in the list or dict that the model takes.
        channels: where the model wants the channels of the explained input.
    """

    arrays: Mapping[str, np.ndarray]
    explained: str
    structure: Any
    channels: Channels = Channels.LAST

    @property
    def images(self) -> np.ndarray:
        """The explained array: pictures, (batch, height, width, channels); sequences or volumes with other axes between."""
        return self.arrays[self.explained]

    @property
    def size(self) -> tuple[int, ...]:
        """Of an image without its channels: (height, width)."""
        return self.images.shape[1:-1]

    def specs(self) -> dict[str, Any]:
        """A tensor specification for each array, whatever the size of the batch."""
        return {name: tf.TensorSpec([None, *array.shape[1:]], array.dtype) for name, array in self.arrays.items()}

    def packed(self, tensors: Mapping[str, Any]) -> Any:
        """The tensors in the structure that the model is called on."""
        taken = {**tensors, self.explained: self.channels.taken(tensors[self.explained])}
        return keras.tree.map_structure(lambda name: taken[name], self.structure)


def inputs_of(model: Any, images: Any, explained: str | None = None) -> Inputs:
    """Check what a person hands over as `images` against what the model takes.

    Args:
        model: Keras model.
        images: an array; or, for a model of several inputs, a list of arrays or a dict of arrays by input name.
        explained: the name of the input to explain; it can be left out where one input alone is a batch of pictures.

    Raises:
        InputError: names, shapes or numbers that the model cannot take.
    """
    known = _known(model)
    if isinstance(images, Mapping):
        arrays = dict(images)
        structure = _named_structure(model, arrays, known)
    elif isinstance(images, list | tuple) and len(known) > 1:
        if len(images) != len(known):
            raise InputError(f"`images` must hold one array for each input {_names(known)}. Received: {len(images)} arrays.")
        arrays = dict(zip(known, images, strict=True))
        structure = _named_structure(model, arrays, known)
    else:
        if len(known) > 1:
            raise InputError(
                f"`images` must be a dict with one array for each input of this model: {_names(known)}. Received: one array."
            )
        name = next(iter(known), "images")
        arrays, structure = {name: images}, name
    arrays = {name: _array(name, array, known.get(name)) for name, array in arrays.items()}
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) != 1 or not min(counts.values()):
        raise InputError(f"`images` must hold at least one image, and as many of each input. Received: {counts}.")
    chosen = _explained(arrays, explained)
    _check_range(arrays[chosen], models.card(model).input_range)
    channels = channels_of(model, arrays[chosen].ndim - 1)
    return Inputs({**arrays, chosen: channels.last(arrays[chosen])}, chosen, structure, channels)


def channels_of(model: Any, rank: int) -> Channels:
    """Where a model has the channels of an input of so many axes, the batch not counted.

    A convolution with `data_format="channels_first"` tells for the whole model. Two axes are (length, channels) for a model
    with one-dimensional convolutions or poolings and no others, and a gray picture, (height, width), for any other.

    Raises:
        InputError: no such number of axes.
    """
    if not 1 <= rank <= 4:
        raise InputError(f"The explained input must have 1 to 4 axes beside the batch. Received: {rank}.")
    kinds = {type(layer).__name__ for layer in models.layers(model).values()}
    sequences = any("1D" in kind for kind in kinds) and not any("2D" in kind or "3D" in kind for kind in kinds)
    if rank == 1 or (rank == 2 and not sequences):
        return Channels.NONE
    return Channels.FIRST if models.channels_first(model) else Channels.LAST


def picture_shape(model: Any, explained: str | None = None) -> tuple[int | None, ...] | None:
    """(height, width, channels) of the picture that the model takes; None where the model does not tell, or takes none."""
    found = _picture(model, explained)
    return None if found is None else found[0]


def picture_channels(model: Any, explained: str | None = None) -> Channels:
    """Where the model has the channels of its picture."""
    found = _picture(model, explained)
    return Channels.LAST if found is None else found[1]


def input_shapes(model: Any) -> dict[str, tuple[int | None, ...]]:
    """The shape of each input by name, without the batch; empty where the model does not tell.

    Raises:
        InputError: `model` is no Keras model.
    """
    models.check_model(model)
    return {name: shape for name, (shape, _) in _known(model).items()}


def example(model: Any, size: tuple[int, int] | None = None, explained: str | None = None) -> Inputs:
    """One row of zeros for each input of a model that tells its input shapes: enough to trace it.

    Args:
        model: Keras model.
        size: (height, width) of its picture, for a model that takes any.
        explained: name of the input to explain; by default the first that takes pictures.

    Raises:
        InputError: the model does not tell its input shape, or takes another size.
    """
    shapes = input_shapes(model)
    if not shapes:
        raise InputError("The model does not tell the shape of its input: call it on one batch before it is saved.")
    arrays = {name: np.zeros((1, *_settled(model, shape, size)), "float32") for name, shape in shapes.items()}
    if explained is None:
        explained = next((name for name, shape in shapes.items() if len(shape) == 3), next(iter(shapes)))
    return inputs_of(model, arrays if len(arrays) > 1 else next(iter(arrays.values())), explained)


def _picture(model: Any, explained: str | None) -> tuple[tuple[int | None, ...], Channels] | None:
    shapes = input_shapes(model)
    if explained is not None:
        shapes = {name: shape for name, shape in shapes.items() if name == explained}
    found = []
    for shape in shapes.values():
        channels = channels_of(model, len(shape)) if 2 <= len(shape) <= 3 else None
        if len(shape) == 2 and channels is Channels.NONE:
            found.append(((*shape, 1), channels))
        elif len(shape) == 3:
            found.append(((*shape[1:], shape[0]) if channels is Channels.FIRST else shape, channels))
    return found[0] if len(found) == 1 else None


def _settled(model: Any, shape: tuple[int | None, ...], size: tuple[int, int] | None) -> tuple[int, ...]:
    """An input shape without unknowns: `size`, or a size that any network can take."""
    if size is not None and len(shape) == 3:
        shape = (shape[0], *size) if channels_of(model, 3) is Channels.FIRST else (*size, shape[-1])
    return tuple(length or ANY_SIZE for length in shape)


def checked_count(name: str, value: int, least: int) -> int:
    """A whole number that is neither too small nor more than TensorFlow counts to.

    Raises:
        InputError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"`{name}` must be a whole number from {least}. Received: {value!r}.")
    if value > MOST_COUNT:
        raise InputError(f"`{name}` must be a whole number from {least} to {MOST_COUNT}. Received: {value}.")
    return int(value)


def checked_input(explained: str, names: Iterable[str]) -> str:
    """The name of an input.

    Raises:
        InputError: no input has it.
    """
    if explained not in list(names):
        raise InputError(f"`explained` must be an input of the model: {_names(names)}. Received: {explained!r}.")
    return explained


def checked_batch_size(batch_size: int | None, inputs: Inputs) -> int:
    """The batch size that was asked for, or the one that suits the size of the images."""
    return _suited(inputs.images.shape[1:]) if batch_size is None else checked_count("batch_size", batch_size, 1)


def _suited(shape: tuple[int, ...]) -> int:
    """How many images of (height, width, channels) keep two cores busy without costing memory: 128 small, 10 of 224x224."""
    return max(1, min(128, 2**19 // max(1, int(np.prod(shape[:-1])))))


def _known(model: Any) -> dict[str, tuple[tuple[int | None, ...], str]]:
    """Shape without batch and dtype of each input, by name, where the model tells."""
    tensors = getattr(model, "inputs", None)
    if tensors:
        taken = getattr(model, "input", None)  # a Sequential that no other model calls has none
        if not isinstance(taken, dict):
            taken = {tensor._keras_history.operation.name: tensor for tensor in tensors}
        return {name: (tuple(tensor.shape[1:]), tensor.dtype) for name, tensor in taken.items()}
    config = model.get_build_config() if hasattr(model, "get_build_config") else None
    shape = (config or {}).get("input_shape")
    if isinstance(shape, list | tuple) and len(shape) > 1 and not isinstance(shape[-1], list | tuple):
        return {"images": (tuple(shape[1:]), "float32")}
    if isinstance(shape, dict):
        return {name: (tuple(one[1:]), "float32") for name, one in shape.items()}
    return {}


def _named_structure(model: Any, arrays: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    if known and set(arrays) != set(known):
        raise InputError(f"`images` must hold one array for each input: {_names(known)}. Received: {_names(arrays)}.")
    taken = getattr(model, "input", None) if getattr(model, "inputs", None) else None
    if isinstance(taken, list | tuple):
        return list(known)
    if len(known) == 1 and not isinstance(taken, dict):
        return next(iter(known))
    return {name: name for name in arrays}


def _array(name: str, value: Any, known: tuple[tuple[int | None, ...], str] | None) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputError(f"{name!r} must be one array: its rows differ in shape.") from None
    if array.dtype.kind not in "buif" and array.dtype.name != "bfloat16":
        raise InputError(f"{name!r} must be an array of numbers. Received: dtype {array.dtype}.")
    if not array.ndim:
        raise InputError(f"{name!r} must be a batch of images. Received: the number {array}.")
    if known is not None:
        shape, dtype = known
        fits = len(shape) == array.ndim - 1 and all(
            want in (None, size) for want, size in zip(shape, array.shape[1:], strict=True)
        )
        if not fits:
            expected = ", ".join(str(size or "any") for size in ("batch", *shape))
            hint = " Add the batch axis: images[None]." if array.ndim == len(shape) else ""
            raise InputError(f"{name!r} must have shape ({expected}). Received: {array.shape}.{hint}")
        array = array.astype(dtype if dtype in ("float32", "float64") or "int" in dtype else "float32", copy=False)
    elif array.dtype.kind != "f" or array.dtype.itemsize < 4:
        array = array.astype("float32")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{name!r} must hold finite numbers. Received: nan or infinity.")
    return array


def _check_range(images: np.ndarray, input_range: tuple[float, float] | None) -> None:
    """Refuse pixels that are farther outside of the range than the range is long, such as 0 to 255 for 0 to 1."""
    if input_range is None:
        return
    (low, high), least, most = input_range, float(images.min()), float(images.max())
    if least < low - (high - low) or most > high + (high - low):
        raise InputError(
            f"`images` must be in the range that the model was trained on, {low:g} to {high:g}, as its card says. "
            f"Received: {least:g} to {most:g}."
        )


def _explained(arrays: Mapping[str, np.ndarray], explained: str | None) -> str:
    if explained is not None:
        return checked_input(explained, arrays)
    if len(arrays) == 1:
        return next(iter(arrays))
    pictures = [name for name, array in arrays.items() if array.ndim >= 4]
    if len(pictures) != 1:
        raise InputError(f"`explained` must name the input to explain, one of {_names(arrays)}. Received: None.")
    return pictures[0]


def _names(names: Any) -> str:
    return ", ".join(repr(name) for name in names)
