"""Inputs: the arrays that a model is called on, checked once, when the user passes them."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.limits import check_tensor
from visualize._utils.validation import checked_count
from visualize.errors import InputError
from visualize.models.input_graph import axes_of_first_reader, moves_channels_last, reshaped_vector
from visualize.models.input_structure import (
    Structure,
    arrays_by_name,
    check_stateless,
    fixed_batch_size,
    optional_inputs,
    packed,
    structure_of,
    tensors_by_name,
    without,
)
from visualize.models.layers import card_of, check_model, has_channels_first, layers_by_path

PictureShape = tuple[int | None, int | None, int | None]  # (height, width, channels), None where any length fits
ANY_SIZE = 128  # height or width of a picture if the model takes any


class Channels(enum.Enum):
    """Where an input of a model has its channels. Inside this package, images always have them last."""

    LAST = "last"
    FIRST = "first"  # (batch, channels, height, width)
    NONE = "none"  # (batch, height, width), or a vector, (batch, length)

    def to_last(self, array: np.ndarray) -> np.ndarray:
        """An array as the model takes it, with its channels last."""
        if self is Channels.NONE:
            return array[..., None]
        return np.moveaxis(array, 1, -1) if self is Channels.FIRST else array

    def from_last(self, images: Any) -> Any:
        """Images with their channels last, an array or a tensor, as the model takes them."""
        if self is Channels.NONE:
            return images[..., 0]
        if self is Channels.LAST or len(images.shape) < 3:  # too few axes to have channels: `inputs_of` refuses them
            return images
        order = [0, len(images.shape) - 1, *range(1, len(images.shape) - 1)]
        return tf.transpose(images, order) if tf.is_tensor(images) else np.transpose(images, order)


@dataclass(frozen=True)
class InputSignature:
    """How a model is called: which inputs it takes, in which lists and dicts, and which of them is explained.

    Attributes:
        structure: the names of the inputs in the containers in which the model takes them, see `models.input_structure`; the
            only input of a model that does not name it is called "images".
        input_name: the explained input.
        channels: where the model has the channels of the explained input.
        integers: the type of the whole numbers that it takes as the explained input; None where it takes floats.
        vector: the explained input is a flat vector, of which the model itself makes a picture first.
    """

    structure: Structure
    input_name: str
    channels: Channels = Channels.LAST
    integers: str | None = None
    vector: bool = False

    def pack(self, tensors: Mapping[str, Any]) -> Any:
        """The tensors by name, channels last, as the model is called on them, which includes rounding for integers."""
        images = self.channels.from_last(tensors[self.input_name])
        if self.vector:
            images = tf.reshape(images, [-1, int(np.prod(images.shape[1:]))])
        if self.integers is not None:
            rounded = tf.round(images)
            images = tf.cast(rounded > 0, tf.bool) if self.integers == "bool" else tf.saturate_cast(rounded, self.integers)
        return packed({**tensors, self.input_name: images}, self.structure)


@dataclass(frozen=True)
class Inputs:
    """The arrays that a model is called on, by input name.

    Attributes:
        arrays: name -> (batch, ...); that of the explained input has its channels last, whatever the model takes.
        signature: how the model is called on them.
        fixed_batch_size: the number of rows that the model takes at once; None where it takes any number.
    """

    arrays: Mapping[str, np.ndarray]
    signature: InputSignature
    fixed_batch_size: int | None = None

    @property
    def input_name(self) -> str:
        """The explained input."""
        return self.signature.input_name

    @property
    def images(self) -> np.ndarray:
        """The explained array: pictures, (batch, height, width, channels); sequences or volumes with other spatial axes."""
        return self.arrays[self.input_name]

    @property
    def size(self) -> tuple[int, ...]:
        """The spatial shape of an image: (height, width)."""
        return self.images.shape[1:-1]

    @property
    def taken_shape(self) -> tuple[int, ...]:
        """The shape of an image as the model takes it: of a gray picture perhaps (height, width), of a vector (length,)."""
        return (int(np.prod(self._picture_shape)),) if self.signature.vector else self._picture_shape

    def as_image(self, array: np.ndarray) -> np.ndarray:
        """An image of `taken_shape` as `images` has it; one that has the shape of theirs as it is."""
        if array.shape == self.images.shape[1:] or array.shape != self.taken_shape:
            return array
        return self.signature.channels.to_last(array.reshape(1, *self._picture_shape))[0]

    @property
    def _picture_shape(self) -> tuple[int, ...]:
        """The shape of an image with its channels where the model has them."""
        return self.signature.channels.from_last(np.empty((1, *self.images.shape[1:]), "bool")).shape[1:]

    @property
    def others(self) -> list[str]:
        """The names of the inputs that are not explained."""
        return [name for name in self.arrays if name != self.input_name]

    def specs(self) -> dict[str, tf.TensorSpec]:
        """A tensor specification for each array, for any batch size."""
        return {
            name: tf.TensorSpec([None, *array.shape[1:]], tf.string if _is_text(array) else array.dtype)
            for name, array in self.arrays.items()
        }


def inputs_of(model: keras.Model, images: Any, input_name: str | None = None) -> Inputs:
    """The `images` that a caller passes, checked against what the model takes.

    Args:
        model: Keras model.
        images: an array; or, for a model of several inputs, a list of arrays or a dict of arrays by input name.
        input_name: the input to explain; it can be left out if only one input holds pictures.

    Raises:
        InputError: the model cannot take these names, shapes or numbers.
    """
    declared = _declared_inputs(model)
    check_stateless(layers_by_path(model))
    arrays, structure = _named_arrays(model, images, declared)
    arrays = {name: _as_declared(model, name, array, declared.get(name)) for name, array in arrays.items()}
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) != 1 or not min(counts.values()):
        raise InputError(f"`images` must hold at least one image, and as many of each input. Received: {counts}.")
    chosen = _chosen_input(arrays, input_name)
    if _is_text(arrays[chosen]):
        raise InputError(f"`input_name` must name an input of numbers. Received: {chosen!r}, which holds text.")
    _check_range(arrays[chosen], card_of(model).input_range)
    integers = arrays[chosen].dtype.name if arrays[chosen].dtype.kind in "uib" else None
    if integers is not None:
        arrays[chosen] = _as_floats(chosen, arrays[chosen])
    picture = reshaped_vector(model, chosen) if arrays[chosen].ndim == 2 else None
    images = arrays[chosen] if picture is None else arrays[chosen].reshape(-1, *picture)
    moved = picture is not None and moves_channels_last(model, chosen)
    channels = Channels.FIRST if moved else channels_of(model, images.ndim - 1, chosen)
    signature = InputSignature(structure, chosen, channels, integers, vector=picture is not None)
    return Inputs({**arrays, chosen: channels.to_last(images)}, signature, fixed_batch_size(model))


def channels_of(model: keras.Model, rank: int, input_name: str | None = None) -> Channels:
    """Where a model has the channels of an input of `rank` axes, not counting the batch.

    One convolution with `data_format="channels_first"` decides it for the whole model. Two axes are (length, channels) for an
    input that one-dimensional convolutions or poolings read first, or of a model that has no others; and a gray picture,
    (height, width), for any other.

    Raises:
        InputError: `rank` is not from 1 to 4.
    """
    if not 1 <= rank <= 4:
        raise InputError(f"The explained input must have 1 to 4 axes beside the batch. Received: {rank}.")
    if rank == 1:
        return Channels.NONE
    if rank == 2:
        axes = axes_of_first_reader(model, input_name) if len(getattr(model, "inputs", None) or ()) > 1 else None
        kinds = {type(layer).__name__ for layer in layers_by_path(model).values()}
        sequences = any("1D" in kind for kind in kinds) and not any("2D" in kind or "3D" in kind for kind in kinds)
        if axes != 1 and (axes is not None or not sequences):
            return Channels.NONE
    return Channels.FIRST if has_channels_first(model) else Channels.LAST


def picture_shape(model: keras.Model, input_name: str | None = None) -> PictureShape | None:
    """(height, width, channels) of the picture that the model takes; None if it takes none, or does not state its shape."""
    picture = _picture(model, input_name)
    return None if picture is None else picture[0]


def picture_channels(model: keras.Model, input_name: str | None = None) -> Channels:
    """Where the model has the channels of its picture."""
    picture = _picture(model, input_name)
    return Channels.LAST if picture is None else picture[1]


def input_shapes(model: keras.Model) -> dict[str, tuple[int | None, ...]]:
    """The shape of each input by name, without the batch; empty if the model does not state it.

    Raises:
        InputError: `model` is not a built Keras model.
    """
    check_model(model)
    return {name: shape for name, (shape, _) in _declared_inputs(model).items()}


def example_inputs(model: keras.Model, size: tuple[int, int] | None = None, input_name: str | None = None) -> Inputs:
    """One row of zeros for each input of a model that states its input shapes: enough to trace it.

    Args:
        model: Keras model.
        size: (height, width) of its picture, for a model that takes any.
        input_name: name of the input to explain; by default the first that takes pictures.

    Raises:
        InputError: the model does not state its input shape, or takes another size.
    """
    shapes = input_shapes(model)
    if not shapes:
        raise InputError("The model does not tell the shape of its input: call it on one batch before it is saved.")
    optional = optional_inputs(model)
    optional = () if set(shapes) <= set(optional) else optional  # something must be explained
    text = {name for name, (_, dtype) in _declared_inputs(model).items() if dtype == "string"}
    lengths = {name: _settled(model, shape, size) for name, shape in shapes.items() if name not in optional}
    for name, shape in lengths.items():
        check_tensor(f"The input {name!r}", shape, 4)
    arrays = {
        name: np.full((1, *shape), *(("", object) if name in text else (0, "float32"))) for name, shape in lengths.items()
    }
    if input_name is None:
        input_name = next((name for name in arrays if len(shapes[name]) == 3), next(iter(arrays)))
    return inputs_of(model, arrays if len(shapes) > 1 else next(iter(arrays.values())), input_name)


def _picture(model: keras.Model, input_name: str | None) -> tuple[PictureShape, Channels] | None:
    """Shape and place of the channels of the only input that takes pictures; None if there is none, or more than one."""
    shapes = input_shapes(model)
    if input_name is not None:
        shapes = {name: shape for name, shape in shapes.items() if name == input_name}
    pictures = []
    for name, shape in shapes.items():
        moved = len(shape) == 1 and moves_channels_last(model, name)
        shape = (reshaped_vector(model, name) or shape) if len(shape) == 1 else shape
        channels = channels_of(model, len(shape), name) if 2 <= len(shape) <= 3 else None
        channels = Channels.FIRST if moved else channels
        if len(shape) == 2 and channels is Channels.NONE:
            pictures.append(((shape[0], shape[1], 1), channels))
        elif len(shape) == 3:
            last = (shape[1], shape[2], shape[0]) if channels is Channels.FIRST else shape
            pictures.append((last, channels))
    return pictures[0] if len(pictures) == 1 else None


def _settled(model: keras.Model, shape: tuple[int | None, ...], size: tuple[int, int] | None) -> tuple[int, ...]:
    """An input shape without unknown lengths: `size`, or a size that any network can take."""
    if size is not None and len(shape) == 3:
        shape = (shape[0], *size) if channels_of(model, 3) is Channels.FIRST else (*size, shape[-1])
    return tuple(length or ANY_SIZE for length in shape)


def checked_input(input_name: str, names: Iterable[str]) -> str:
    """The name of an input, if the model has it.

    Raises:
        InputError: no input has that name.
    """
    if input_name not in list(names):
        raise InputError(f"`input_name` must be an input of the model: {_names(names)}. Received: {input_name!r}.")
    return input_name


def checked_batch_size(batch_size: int | None, inputs: Inputs) -> int:
    """The batch size that the model takes, else the caller's, or by default one that suits the size of the images."""
    if inputs.fixed_batch_size is not None:
        return inputs.fixed_batch_size
    return _default_batch_size(inputs.images.shape[1:]) if batch_size is None else checked_count("batch_size", batch_size, 1)


def _default_batch_size(shape: tuple[int, ...]) -> int:
    """How many images of (height, width, channels) keep two cores busy without costing memory: 128 small, 10 of 224x224."""
    return max(1, min(128, 2**19 // max(1, int(np.prod(shape[:-1])))))


def _declared_inputs(model: keras.Model) -> dict[str, tuple[tuple[int | None, ...], str]]:
    """Shape without batch and dtype of each input, by name; empty if the model does not state them."""
    tensors = tensors_by_name(model)
    if tensors:
        return {name: (tuple(tensor.shape[1:]), tensor.dtype) for name, tensor in tensors.items()}
    config = model.get_build_config() if hasattr(model, "get_build_config") else None
    shape = (config or {}).get("input_shape")
    if isinstance(shape, list | tuple) and len(shape) > 1 and not isinstance(shape[-1], list | tuple):
        return {"images": (tuple(shape[1:]), "float32")}
    if isinstance(shape, dict):
        return {name: (tuple(lengths[1:]), "float32") for name, lengths in shape.items()}
    return {}


def _named_arrays(model: keras.Model, images: Any, declared: Mapping[str, Any]) -> tuple[dict[str, Any], Structure]:
    """The arrays by name, without optional inputs that were left out, and the structure in which the model takes them."""
    structure = structure_of(model)
    if isinstance(images, Mapping) or (isinstance(images, list | tuple) and len(declared) > 1):
        arrays = _by_name(images, declared, structure)
        if structure is None:
            structure = "dict", tuple(arrays), tuple(arrays)
            if isinstance(images, list | tuple):
                structure = "list", tuple(range(len(arrays))), tuple(arrays)
            elif len(declared) == 1:
                structure = next(iter(arrays))
        optional = optional_inputs(model)
        absent = [name for name in declared if arrays.get(name) is None and name in optional]
        arrays = {name: array for name, array in arrays.items() if name not in absent}
        if declared and set(arrays) != {*declared} - {*absent}:
            raise InputError(f"`images` must hold one array for each input: {_names(declared)}. Received: {_names(arrays)}.")
        return arrays, without(structure, absent)
    if len(declared) > 1:
        raise InputError(
            f"`images` must be a dict with one array for each input of this model: {_names(declared)}. Received: one array."
        )
    name = next(iter(declared), "images")
    return {name: images}, name


def _by_name(images: Any, declared: Mapping[str, Any], structure: Structure) -> dict[str, Any]:
    """The arrays by name, from a flat dict or list of them, or from the structure in which the model takes them."""
    if isinstance(images, Mapping) and set(images) & set(declared):
        return dict(images)
    arrays = arrays_by_name(images, structure)
    if arrays is not None:
        return arrays
    if isinstance(images, Mapping):
        return dict(images)
    if len(images) != len(declared):
        raise InputError(f"`images` must hold one array for each input {_names(declared)}. Received: {len(images)} arrays.")
    return dict(zip(declared, images, strict=True))


def _as_declared(model: keras.Model, name: str, value: Any, declared: Any) -> np.ndarray:
    """One input as an array that the model takes; pictures of which a vector is to be made become one."""
    if declared is not None and declared[1] == "string":
        return _text(name, value, declared[0])
    if declared is not None and len(declared[0]) == 1 and np.ndim(value) > 2:
        picture = reshaped_vector(model, name)
        if picture is not None and np.shape(value)[1:] in (picture, (*picture, 1)):
            value = np.reshape(value, (-1, *declared[0]))
    return _array(name, value, declared)


def _text(name: str, value: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """A string input, which the model looks up itself."""
    array = np.asarray(value)
    if array.dtype.kind not in "OUS" or not all(isinstance(each, str | bytes) for each in array.ravel().tolist()):
        raise InputError(f"{name!r} must be an array of strings. Received: dtype {array.dtype}.")
    _check_shape(name, array, shape)
    return array.astype(object)


def _is_text(array: np.ndarray) -> bool:
    return array.dtype.kind in "OUS"


def _check_shape(name: str, array: np.ndarray, shape: tuple[int | None, ...]) -> None:
    """Refuse an array of another shape than the model declares, without the batch."""
    fits = len(shape) == array.ndim - 1 and all(
        expected in (None, size) for expected, size in zip(shape, array.shape[1:], strict=True)
    )
    if not fits:
        expected = ", ".join(str(size or "any") for size in ("batch", *shape))
        hint = " Add the batch axis: images[None]." if array.ndim == len(shape) else ""
        raise InputError(f"{name!r} must have shape ({expected}). Received: {array.shape}.{hint}")


def _array(name: str, value: Any, declared: tuple[tuple[int | None, ...], str] | None) -> np.ndarray:
    """One input as an array of a type that the model takes."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputError(f"{name!r} must be one array: its rows differ in shape.") from None
    if array.dtype.kind not in "buif" and array.dtype.name != "bfloat16":
        raise InputError(f"{name!r} must be an array of numbers. Received: dtype {array.dtype}.")
    if not array.ndim:
        raise InputError(f"{name!r} must be a batch of images. Received: the number {array}.")
    if declared is not None:
        shape, dtype = declared
        _check_shape(name, array, shape)
        if "int" in dtype or dtype == "bool":
            return _whole_numbers(name, array, dtype)
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused below
            array = array.astype(dtype if dtype in ("float32", "float64") else "float32", copy=False)
    elif array.dtype.kind != "f" or array.dtype.itemsize < 4:
        array = array.astype("float32")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{name!r} must hold finite numbers. Received: nan or infinity.")
    return array


def _whole_numbers(name: str, array: np.ndarray, dtype: str) -> np.ndarray:
    """An array as the integers that an input of the model takes.

    Raises:
        InputError: it holds fractions, or numbers that the type cannot hold.
    """
    least, most = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    whole = array.dtype.kind in "bui" or bool((np.isfinite(array) & (np.floor(array) == array)).all())
    if not whole or (array.size and (array.min() < least or array.max() > most)):
        hint = " Scale fractions of 0 to 1 by 255 and round them." if dtype == "uint8" and not whole else ""
        kind = "whole numbers" if whole else "floats"
        raise InputError(
            f"{name!r} must hold whole numbers from {least} to {most}, as the model takes {dtype}. "
            f"Received: {kind} from {array.min():g} to {array.max():g}.{hint}"
        )
    return array.astype(dtype, copy=False)


def _as_floats(name: str, integers: np.ndarray) -> np.ndarray:
    """The integers of the explained input as floats, in which methods compute.

    Raises:
        InputError: they are too large for float32 to tell apart.
    """
    floats = integers.astype("float32")
    if integers.size and np.abs(floats).max() > 2**24:
        raise InputError(f"{name!r} must hold numbers up to {2**24:,} to be explained. Received: up to {integers.max():,}.")
    return floats


def _check_range(images: np.ndarray, input_range: tuple[float, float] | None) -> None:
    """Refuse pixels that are farther outside the range than the range is long, such as 0 to 255 for 0 to 1."""
    if input_range is None:
        return
    (low, high), least, most = input_range, float(images.min()), float(images.max())
    if least < low - (high - low) or most > high + (high - low):
        raise InputError(
            f"`images` must be in the range that the model was trained on, {low:g} to {high:g}, as its card says. "
            f"Received: {least:g} to {most:g}."
        )


def _chosen_input(arrays: Mapping[str, np.ndarray], input_name: str | None) -> str:
    if input_name is not None:
        return checked_input(input_name, arrays)
    if len(arrays) == 1:
        return next(iter(arrays))
    pictures = [name for name, array in arrays.items() if array.ndim >= 4]
    if len(pictures) != 1:
        raise InputError(f"`input_name` must name the input to explain, one of {_names(arrays)}. Received: None.")
    return pictures[0]


def _names(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
