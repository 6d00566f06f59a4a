"""Sources: the images that a command line names, as the model takes them."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from visualize._utils.validation import checked_path, received, renamed_keywords
from visualize.data.images import read_arrays, read_picture, resized, scaled, with_channels
from visualize.errors import InputError
from visualize.models.inputs import Channels, checked_input, input_shapes, picture_channels, picture_shape
from visualize.models.layers import range_of

GROUP = "visualize.datasets"
FILES = (".npz", ".npy")  # that hold a data set
_SEVERAL = "this model takes several inputs. Hand over a .npz with one array for each: {}."


@dataclass(frozen=True)
class Source:
    """Images, ready for the model.

    Attributes:
        images: (batch, ...) or, for a model of several inputs, a dict of arrays by name.
        names: what to call each image in a figure, and (made plain) in a file name.
        labels: the class of each image, or None where nobody knows.
        notes: what was assumed or changed on the way, a line each.
        sheet: what to call all of them together.
        index: which of a data set the images are; empty for files.
        class_names: what the data set calls the classes; empty where it does not say, or the model has others.
    """

    images: Any
    names: tuple[str, ...]
    labels: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    sheet: str = "sheet"
    class_names: tuple[str, ...] = ()
    index: tuple[int, ...] = ()

    def first(self) -> Source:
        """The first image alone."""
        images = self.images
        images = {name: array[:1] for name, array in images.items()} if isinstance(images, dict) else images[:1]
        labels = None if self.labels is None else self.labels[:1]
        return replace(self, images=images, names=self.names[:1], labels=labels, index=self.index[:1])


@renamed_keywords(explained="input_name")
def from_files(model: Any, paths: str | Path | Sequence[str | Path], input_name: str | None = None) -> Source:
    """Picture files, `.npy` and `.npz`, scaled to the size and range of the model.

    Arrays of floats are taken to be in the model's range already; bytes are scaled as pictures are.

    Args:
        model: Keras model.
        paths: one file or several. For a model of several inputs one `.npz`, with an array for each.
        input_name: name of the input that holds the pictures, for a model of several inputs.

    Returns:
        Source whose `images` a method takes, (batch, height, width, channels) in the model's range, with their names.

    Raises:
        InputError: a file that cannot be read, or does not fit the model.
    """
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    if not isinstance(paths, list | tuple):
        raise InputError(f"`paths` must be a path, or a list of paths. Received: {received(paths)}.")
    if not paths:
        raise InputError("`paths` must name at least one file. Received: none.")
    arrays, names, notes = [], [], []
    several = len(_shapes(model, input_name)) > 1
    for path in (checked_path("paths", one) for one in paths):
        if several and path.suffix.lower() != ".npz":
            raise InputError(f"{path} is one array: {_SEVERAL.format(sorted(input_shapes(model)))}")
        if path.suffix.lower() not in (".npy", ".npz"):
            pixels = _fitted(
                model,
                read_picture(path, channels=_channels(model, input_name))[None],
                input_name,
                path.name,
                notes,
            )
            arrays.append(_scaled(model, pixels, notes))
            names.append(path.name)
            continue
        found = read_arrays(path)
        if len(found) > 1 or several:
            if len(paths) > 1:
                raise InputError(
                    f"{path} holds several arrays, {sorted(found)}, for the inputs of a model: name no other file."
                )
            return _named_inputs(model, found, path, input_name)
        (array,) = found.values()
        _check_any(path.name, array)
        array = _bytes(_as_batch(model, array, input_name))
        if array.dtype == np.uint8:
            array = _scaled(model, _fitted(model, array, input_name, path.name, notes), notes)
        arrays.append(array)
        names += [path.name] if len(array) == 1 else [f"{path.name} {index}" for index in range(len(array))]
    try:
        images = np.concatenate(arrays)
    except ValueError:
        shapes = sorted({str(array.shape[1:]) for array in arrays})
        raise InputError(f"`images` must be of one size for a model that takes any. Received: {', '.join(shapes)}.") from None
    images = picture_channels(model, input_name).from_last(images)
    return Source(images, tuple(names), notes=tuple(dict.fromkeys(notes)))


@renamed_keywords(explained="input_name")
def from_data(
    model: Any,
    data: str | Path,
    index: int | Sequence[int] | None = None,
    *,
    input_name: str | None = None,
    each_class: bool = False,
) -> Source:
    """Images of a named data set (`mnist:test`), of a `.npy`, or of a `.npz` with images and, if it knows them, labels.

    Args:
        model: Keras model.
        data: `name:argument`, where a package registered `name` in the entry-point group `visualize.datasets`; or a file.
        index: which image, or images; by default the first.
        input_name: name of the input that holds the pictures.
        each_class: instead of `index`, the first image of each class.

    Returns:
        Source whose `images` a method takes, (batch, height, width, channels) in the model's range, with their names, and
        their labels where the data set has any.

    Raises:
        InputError: no such data set, no such image, no labels to tell the classes by.
    """
    if not isinstance(data, str | os.PathLike):
        raise InputError(f"`data` must be NAME:PART, such as mnist:test, or a file. Received: {received(data)}.")
    data = str(data)
    if len(_shapes(model, input_name)) > 1:
        raise InputError(f"{data} has pictures only: {_SEVERAL.format(sorted(input_shapes(model)))}")
    dataset = _dataset(data)
    images, labels = np.asarray(dataset["images"]), dataset.get("labels")
    _check_any(data, images)
    images = _as_batch(model, images, input_name)
    if labels is not None and (np.shape(labels) != images.shape[:1] or np.asarray(labels).dtype.kind not in "ui"):
        raise InputError(
            f"{data} must have a whole number as the label of each of its {len(images)} images. "
            f"Received: labels of shape {np.shape(labels)}, dtype {np.asarray(labels).dtype}."
        )
    if each_class:
        if labels is None:
            raise InputError(f"`per_class` needs a data set with labels. Received: {data!r}, which has none.")
        _, chosen = np.unique(np.asarray(labels), return_index=True)
    else:
        chosen = np.atleast_1d(np.asarray(0 if index is None else index))
        if chosen.dtype.kind not in "iu" or chosen.ndim != 1:
            raise InputError(f"`index` must be a whole number, or several. Received: {received(index)}.")
    outside = [one for one in chosen.tolist() if not 0 <= one < len(images)]
    if outside:
        raise InputError(f"`index` must be between 0 and {len(images) - 1}. Received: {outside[0]}.")
    picked, notes = _bytes(images[chosen]), []
    if picked.dtype == np.uint8:
        picked = _scaled(model, _fitted(model, picked, input_name, data, notes), notes)
    picked = picture_channels(model, input_name).from_last(picked)
    classes = tuple(dataset.get("class_names") or ())
    classes = classes if _fits(model, len(classes)) else ()
    called = Path(data).name if data.endswith(FILES) else data
    names = tuple(f"{called} {one}" for one in chosen.tolist())
    labels = None if labels is None else np.asarray(labels)[chosen]
    sheet = "per-class" if each_class else "sheet"
    return Source(picked, names, labels, tuple(dict.fromkeys(notes)), sheet, classes, tuple(chosen.tolist()))


def _check_any(name: str, array: np.ndarray) -> None:
    if not array.ndim or not array.size:
        raise InputError(f"{name} must hold at least one picture. Received: an array of shape {array.shape}.")


def _dataset(data: str) -> Mapping[str, Any]:
    if data.endswith(FILES):
        arrays = read_arrays(data)
        named = ("images", "x_test", "x", *(arrays if len(arrays) == 1 else ()))  # one alone may have any name
        images = next((arrays[name] for name in named if name in arrays), None)
        if images is None:
            raise InputError(f"{data} must hold an array named images, x_test or x. Received: {sorted(arrays)}.")
        labels = next((arrays[name] for name in ("labels", "y_test", "y") if name in arrays), None)
        return {"images": images, "labels": labels}
    name, _, argument = data.partition(":")
    entries = {entry.name: entry for entry in importlib.metadata.entry_points(group=GROUP)}
    if name not in entries:
        known = ", ".join(f"{one}:..." for one in sorted(entries)) or "none is registered"
        raise InputError(f"`data` must be a .npz or .npy file or a named data set ({known}). Received: {data!r}.")
    try:
        return entries[name].load()(argument)
    except (ValueError, OSError) as error:
        raise InputError(str(error)) from error


def _named_inputs(model: Any, arrays: dict[str, np.ndarray], path: Path, input_name: str | None) -> Source:
    shapes = input_shapes(model)
    if shapes and set(shapes) != set(arrays):
        raise InputError(f"{path} must hold one array for each input, {sorted(shapes)}. Received: {sorted(arrays)}.")
    notes: list[str] = []
    for name, array in arrays.items():
        if array.ndim == 4 and _bytes(array).dtype == np.uint8:
            arrays[name] = _scaled(model, _bytes(array), notes)
    count = len(np.atleast_1d(next(iter(arrays.values()))))
    return Source(arrays, tuple(f"{path.name} {index}" for index in range(count)), notes=tuple(notes))


def _as_batch(model: Any, array: np.ndarray, input_name: str | None) -> np.ndarray:
    """One image as a batch of one; pictures with their channels last, gray ones too."""
    shape, channels = picture_shape(model, input_name), picture_channels(model, input_name)
    if shape is None:
        axes = [len(one) for name, one in input_shapes(model).items() if input_name in (None, name)] or [3]
        return array[None] if array.ndim == axes[0] else array
    if channels is Channels.FIRST and array.ndim in (3, 4) and array.shape[-3] == shape[2] != array.shape[-1]:
        array = np.moveaxis(array, -3, -1)
    if shape[2] == 1 and (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] not in (1, 3))):
        array = array[..., None]
    if shape[2] == 3 and (array.ndim == 2 or (array.ndim == 3 and array.shape[0] != 3 and array.shape[-1] > 4)):
        array = array[..., None]  # gray ones for a model of color; (3, height, width) is more likely one with channels first
    return array[None] if array.ndim == 3 else array


def _shapes(model: Any, input_name: str | None) -> dict[str, tuple[int | None, ...]]:
    """The shape of each input by name, of which `input_name` must be one; empty where the model does not tell."""
    shapes = input_shapes(model)
    if shapes and input_name is not None:
        checked_input(input_name, shapes)
    return shapes


def _fits(model: Any, names: int) -> bool:
    """Whether a model can have so many classes, as far as it tells."""
    output = getattr(model, "output_shape", None) if getattr(model, "outputs", None) else None
    units = output[-1] if isinstance(output, tuple) and output and not isinstance(output[-1], tuple) else None
    return names > 0 and (units in (None, names) or (units == 1 and names == 2))


def _channels(model: Any, input_name: str | None) -> int:
    shape = picture_shape(model, input_name)
    if shape is None:
        shapes = list(input_shapes(model).values())
        if shapes:
            raise InputError(
                f"The model must take pictures, (height, width, channels). Received: one of arrays of shape {shapes[0]}."
            )
        raise InputError("The model does not tell which pictures it takes. Hand them over as a .npy array.")
    return shape[2] or 3


def _fitted(model: Any, pixels: np.ndarray, input_name: str | None, name: str, notes: list[str]) -> np.ndarray:
    """Bytes with the channels and the size that the model takes."""
    shape = picture_shape(model, input_name)
    if shape is None:
        return pixels
    if pixels.ndim != 4:
        raise InputError(f"{name} must hold pictures, (batch, height, width, channels). Received: shape {pixels.shape}.")
    fitted = [resized(with_channels(picture, _channels(model, input_name)), shape[:2]) for picture in pixels]
    if fitted[0].shape[:2] != pixels.shape[1:3]:
        before, after = ("x".join(map(str, size)) for size in (pixels.shape[1:3], fitted[0].shape[:2]))
        notes.append(f"{name}: resized from {before} to {after} (height x width)")
    return np.stack(fitted)


def _scaled(model: Any, pixels: np.ndarray, notes: list[str]) -> np.ndarray:
    """Bytes in the model's range, which is assumed where neither card nor command line gives it."""
    input_range, why = range_of(model)
    if why:
        notes.append(
            f"input range {input_range[0]:g} to {input_range[1]:g} assumed, as {why}; "
            "a card or --input-range LOW HIGH settles it"
        )
    return scaled(pixels, input_range)


def _bytes(array: np.ndarray) -> np.ndarray:
    """Whole numbers from 0 to 255 as bytes, whatever their type; anything else as it is."""
    if array.dtype.kind in "ui" and array.size and array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8)
    return array
