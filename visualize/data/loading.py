"""Loading images: picture files, arrays and named data sets, as the model takes them."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from visualize._utils.validation import checked_path, received, renamed_keywords
from visualize.data.framing import Original
from visualize.data.images import picture_files, read_arrays, read_picture
from visualize.data.picture_format import PictureFormat, Prepared, as_bytes
from visualize.errors import InputError
from visualize.models.input_structure import optional_inputs

if TYPE_CHECKING:
    import keras

ENTRY_POINTS = "visualize.datasets"
ARRAY_FILES = (".npz", ".npy")

Resize = Literal["crop", "fit", "stretch"]


@dataclass(frozen=True)
class Source:
    """Images, ready for the model.

    Attributes:
        images: (batch, ...) or, for a model of several inputs, a dict of arrays by name.
        names: what to call each image in a figure and, without special characters, in a file name.
        labels: (batch,) the class of each image; None if unknown.
        notes: what was assumed or changed, one line each.
        sheet: what to call all of them together.
        class_names: what the data set calls the classes; empty if it does not say, or the model has other classes.
        index: which images of a data set these are; empty for files.
        originals: the photograph that each image was made of; None for an image that was taken as it is.
    """

    images: np.ndarray | dict[str, np.ndarray]
    names: tuple[str, ...]
    labels: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    sheet: str = "sheet"
    class_names: tuple[str, ...] = ()
    index: tuple[int, ...] = ()
    originals: tuple[Original | None, ...] = ()

    def first(self) -> Source:
        """The first image alone."""
        images = self.images
        images = {name: array[:1] for name, array in images.items()} if isinstance(images, dict) else images[:1]
        labels = None if self.labels is None else self.labels[:1]
        return replace(
            self, images=images, names=self.names[:1], labels=labels, index=self.index[:1], originals=self.originals[:1]
        )


@renamed_keywords(explained="input_name")
def from_files(
    model: keras.Model,
    paths: str | Path | Sequence[str | Path],
    input_name: str | None = None,
    *,
    resize: Resize | None = None,
) -> Source:
    """Images from picture files, `.npy` and `.npz`, in the size and range of the model.

    Arrays of floats are taken to be in the model's range already; bytes are resized and scaled as pictures are.

    Args:
        model: Keras model.
        paths: a file, a folder of pictures or a pattern such as `photos/*.jpg`, or a list of them. For a model of several
            inputs one `.npz`, with one array for each.
        input_name: name of the input that holds the pictures, for a model of several inputs.
        resize: how a photograph of other proportions is brought to the size of the model: "crop" takes the middle, "fit" shows
            it whole between bars, "stretch" changes its proportions. By default what the model's card says, else "crop".

    Returns:
        Source whose `images` a method takes, (batch, height, width, channels) in the model's range, with their names and the
        photographs that they were made of: `result.labeled(source)` draws a map on them.

    Raises:
        InputError: a file that cannot be read, or does not fit the model.
    """
    files = _checked_paths(paths)
    picture_format = PictureFormat.of(model, input_name, resize)
    many_inputs = len(picture_format.input_shapes) > 1
    batches = []
    for path in files:
        suffix = path.suffix.lower()
        if many_inputs and suffix != ".npz":
            raise InputError(
                f"{path} must be a .npz file with one array for each input of this model, "
                f"{sorted(picture_format.input_shapes)}. Received: one array."
            )
        if suffix not in ARRAY_FILES:
            picture = read_picture(path, channels=picture_format.number_of_channels)
            batches.append(_Batch.of(picture[None], path.name, picture_format))
            continue
        arrays = read_arrays(path)
        if many_inputs or len(arrays) > 1:
            if len(files) > 1:
                raise InputError(
                    f"`paths` must name one file if it holds an array for each input. "
                    f"Received: {len(files)} files, one of them {path} with the arrays {sorted(arrays)}."
                )
            return _with_resize_note(_named_inputs(arrays, path, picture_format), resize)
        (array,) = arrays.values()
        _check_not_empty(path.name, array)
        batches.append(_Batch.of(picture_format.as_batch(array), path.name, picture_format))
    return _with_resize_note(_joined(batches, picture_format), resize)


@renamed_keywords(explained="input_name")
def from_data(
    model: keras.Model,
    data: str | Path,
    index: int | Sequence[int] | None = None,
    *,
    input_name: str | None = None,
    each_class: bool = False,
    resize: Resize | None = None,
) -> Source:
    """Images of a named data set (`mnist:test`), a folder, a `.npy`, or a `.npz` with images and, if it has them, labels.

    Args:
        model: Keras model.
        data: `name:argument`, where a package registered `name` in the entry-point group `visualize.datasets`; or a file, a
            folder of pictures or a pattern such as `photos/*.jpg`, whose pictures are numbered in the order of their names.
        index: number of the image, or a list of numbers; by default the first.
        input_name: name of the input that holds the pictures.
        each_class: instead of `index`, the first image of each class.
        resize: how pictures of other proportions are brought to the size of the model, as for `from_files`.

    Returns:
        Source whose `images` a method takes, (batch, height, width, channels) in the model's range, with their names, and
        their labels if the data set has any.

    Raises:
        InputError: no such data set, no such image, or no labels by which to find the classes.
    """
    if not isinstance(data, str | os.PathLike):
        raise InputError(f"`data` must be NAME:PART, such as mnist:test, or a file. Received: {received(data)}.")
    data = str(data)
    picture_format = PictureFormat.of(model, input_name, resize)
    if len(picture_format.input_shapes) > 1:
        raise InputError(
            f"`data` needs a model of one input. Received: {data!r}, for the inputs {sorted(picture_format.input_shapes)}. "
            "Name a .npz file with one array for each instead of images."
        )
    if _is_several_files(data):
        return _from_pictures(model, data, None if each_class else _checked_index(index), input_name, resize)
    dataset = load_dataset(data)
    images = np.asarray(dataset["images"])
    _check_not_empty(data, images)
    images = picture_format.as_batch(images)
    labels = _checked_labels(data, dataset.get("labels"), len(images))
    chosen = _first_of_each_class(data, labels) if each_class else _checked_index(index)
    _check_range(chosen, len(images))
    prepared = picture_format.prepare(images[chosen], data)
    title = Path(data).name if data.endswith(ARRAY_FILES) else data
    source = Source(
        images=picture_format.channels.from_last(prepared.images),
        names=(title,) if len(images) == 1 else tuple(f"{title} {number}" for number in chosen.tolist()),
        labels=None if labels is None else labels[chosen],
        notes=tuple(dict.fromkeys(prepared.notes)),
        sheet="per-class" if each_class else "sheet",
        class_names=fitting_names(model, dataset.get("class_names")),
        index=tuple(chosen.tolist()),
        originals=prepared.originals,
    )
    return _with_resize_note(source, resize)


@dataclass(frozen=True)
class _Batch:
    """The pictures of one file: (batch, height, width, channels) in the model's range."""

    prepared: Prepared
    names: list[str]

    @classmethod
    def of(cls, pictures: np.ndarray, name: str, picture_format: PictureFormat) -> _Batch:
        prepared, count = picture_format.prepare(pictures, name), len(pictures)
        return cls(prepared, [name] if count == 1 else [f"{name} {index}" for index in range(count)])


def _joined(batches: Sequence[_Batch], picture_format: PictureFormat) -> Source:
    try:
        images = np.concatenate([batch.prepared.images for batch in batches])
    except ValueError:
        shapes = sorted({str(batch.prepared.images.shape[1:]) for batch in batches})
        raise InputError(f"`images` must be of one size for a model that takes any. Received: {', '.join(shapes)}.") from None
    names = tuple(name for batch in batches for name in batch.names)
    originals = tuple(original for batch in batches for original in batch.prepared.originals)
    notes = dict.fromkeys(note for batch in batches for note in batch.prepared.notes)
    return Source(picture_format.channels.from_last(images), names, notes=tuple(notes), originals=originals)


def _with_resize_note(source: Source, resize: Resize | None) -> Source:
    """With a note if pictures were to be resized in a certain way, and none had to be."""
    if resize is None or any(source.originals):
        return source
    note = "`resize` changes nothing: the pictures have the size of the model, or it takes any"
    return replace(source, notes=(*source.notes, note))


def _named_inputs(arrays: Mapping[str, np.ndarray], path: Path, picture_format: PictureFormat) -> Source:
    """The arrays of one `.npz`, one for each input, bytes in the model's range."""
    shapes = picture_format.input_shapes
    optional = optional_inputs(picture_format.model)
    if shapes and not set(shapes) - set(optional) <= set(arrays) <= set(shapes):
        raise InputError(f"{path} must hold one array for each input, {sorted(shapes)}. Received: {sorted(arrays)}.")
    images, notes = dict(arrays), []
    for name, array in arrays.items():
        if array.ndim == 4 and as_bytes(array).dtype == np.uint8:
            images[name], range_notes = picture_format.scale(as_bytes(array))
            notes += range_notes
    count = len(np.atleast_1d(next(iter(images.values()))))
    return Source(images, tuple(f"{path.name} {index}" for index in range(count)), notes=tuple(notes))


def _is_several_files(data: str) -> bool:
    """Whether `data` is a folder or a pattern, and no data set has that name."""
    is_pattern = bool(set("*?[") & set(data)) and not Path(data).exists()
    return (is_pattern or Path(data).is_dir()) and data.partition(":")[0] not in _datasets()


def _from_pictures(
    model: keras.Model, data: str, chosen: np.ndarray | None, input_name: str | None, resize: Resize | None
) -> Source:
    """The pictures of a folder or a pattern that have these numbers."""
    files = picture_files([data])
    chosen = _first_of_each_class(data, None) if chosen is None else chosen
    _check_range(chosen, len(files))
    source = from_files(model, [files[number] for number in chosen.tolist()], input_name, resize=resize)
    if len(source.names) != len(chosen):
        raise InputError(f"`data` must be a folder or a pattern of files of one picture each. Received: {data!r}.")
    return replace(source, index=tuple(chosen.tolist()))


def _datasets() -> dict[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=ENTRY_POINTS)}


def load_dataset(data: str) -> Mapping[str, Any]:
    """The images, and labels and class names if there are any, of a data set by these names.

    Args:
        data: a `.npz` or `.npy` file, or `name:argument` of a registered data set.

    Raises:
        InputError: there is no such data set, or it cannot be read.
    """
    if data.endswith(ARRAY_FILES):
        return _dataset_of_arrays(data)
    name, _, argument = data.partition(":")
    entries = _datasets()
    if name not in entries:
        known = ", ".join(f"{name}:..." for name in sorted(entries)) or "none is registered"
        raise InputError(
            f"`data` must be a folder of pictures, a .npz or .npy file, or a named data set ({known}). Received: {data!r}."
        )
    try:
        return entries[name].load()(argument)
    except (ValueError, OSError) as error:
        raise InputError(str(error)) from error


def _dataset_of_arrays(path: str) -> Mapping[str, Any]:
    arrays = read_arrays(path)
    names = ("images", "x_test", "x", *(arrays if len(arrays) == 1 else ()))  # a single array may have any name
    images = next((arrays[name] for name in names if name in arrays), None)
    if images is None:
        raise InputError(f"{path} must hold an array named images, x_test or x. Received: {sorted(arrays)}.")
    labels = next((arrays[name] for name in ("labels", "y_test", "y") if name in arrays), None)
    return {"images": images, "labels": labels}


def _checked_paths(paths: object) -> list[Path]:
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    if not isinstance(paths, list | tuple):
        raise InputError(f"`paths` must be a path, or a list of paths. Received: {received(paths)}.")
    if not paths:
        raise InputError("`paths` must name at least one file. Received: none.")
    return picture_files([checked_path("paths", path) for path in paths])


def _check_not_empty(name: str, array: np.ndarray) -> None:
    if not array.ndim or not array.size:
        raise InputError(f"{name} must hold at least one picture. Received: an array of shape {array.shape}.")


def _checked_labels(data: str, labels: object, count: int) -> np.ndarray | None:
    if labels is None:
        return None
    array = np.asarray(labels)
    if array.shape != (count,) or array.dtype.kind not in "ui":
        raise InputError(
            f"{data} must have a whole number as the label of each of its {count} images. "
            f"Received: labels of shape {array.shape}, dtype {array.dtype}."
        )
    return array


def _first_of_each_class(data: str, labels: np.ndarray | None) -> np.ndarray:
    if labels is None:
        raise InputError(f"`per_class` needs a data set with labels. Received: {data!r}, which has none.")
    return np.unique(labels, return_index=True)[1]


def _checked_index(index: object) -> np.ndarray:
    chosen = np.atleast_1d(np.asarray(0 if index is None else index))
    if chosen.dtype.kind not in "iu" or chosen.ndim != 1:
        raise InputError(f"`index` must be a whole number, or a list of whole numbers. Received: {received(index)}.")
    return chosen


def _check_range(chosen: np.ndarray, count: int) -> None:
    outside = [number for number in chosen.tolist() if not 0 <= number < count]
    if outside:
        raise InputError(f"`index` must be between 0 and {count - 1}. Received: {outside[0]}.")


def fitting_names(model: keras.Model, names: Sequence[str] | None) -> tuple[str, ...]:
    """The class names of a data set if the model can have so many classes, as far as its output shape is known."""
    count = len(names or ())
    output = getattr(model, "output_shape", None) if getattr(model, "outputs", None) else None
    units = output[-1] if isinstance(output, tuple) and output and not isinstance(output[-1], tuple) else None
    return tuple(names or ()) if units in (None, count) or (units == 1 and count == 2) else ()
