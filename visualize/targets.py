"""Targets: which score of each image is explained."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.validation import received
from visualize.errors import InputError
from visualize.tf_keras_vis import classes_of_score

OWN_PREDICTION = -1  # explain the class that the model itself predicts
MAX_LISTED = 20  # class names in a message


@dataclass(frozen=True, eq=False)
class Target:
    """What to explain beyond a class: a score of one of several outputs, of a region of an output, or a unit inside the model.

    Every method that takes images and a target also takes a `Target`.

    Attributes:
        classes: a class index or name, one for all images or one per image, as a list, an array or a tensor; a function of the
            scores; None for the class that the model predicts. Two classes of one image are two calls, whose results
            `draw([first, second])` shows side by side.
        output: name of the output, for a model with several.
        region: the positions of an image output, (batch, height, width, classes), whose mean is the score, in pixels of the
            explained image: (top, left, height, width), or the weight of each pixel, (height, width) or (batch, height,
            width), such as a mask of 0 and 1. By default all positions.
        layer: path of a layer whose units `classes` refers to. The score of a unit is its activation, before a softmax or
            sigmoid; for a feature map it is the mean over its positions, or over those of the region.
    """

    classes: Any = None
    output: str | None = None
    region: Any = None
    layer: str | None = None


def region_weights(region: Any, count: int, size: tuple[int, ...]) -> np.ndarray | None:
    """The weight of each position of `count` images, (count, *size) float32; None without a region.

    Raises:
        InputError: `region` is neither a box within the image nor an array of its size, or its weights are all 0.
    """
    if region is None:
        return None
    try:
        array = np.asarray(region, "float64")
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.shape == (2 * len(size),) and (np.abs(array) < 2**31).all() and (array == array.astype(int)).all():
        starts, lengths = array.astype(int).reshape(2, -1)
        if (starts < 0).any() or (lengths < 1).any() or (starts + lengths > size).any():
            raise InputError(
                f"`region` must be top, left, height, width within an image of {'x'.join(map(str, size))}. "
                f"Received: {', '.join(map(str, array.astype(int)))}."
            )
        weights = np.zeros(size, "float32")
        weights[tuple(slice(start, start + length) for start, length in zip(starts, lengths, strict=True))] = 1
        array = weights
    if array.shape not in (size, (count, *size)) or not np.isfinite(array).all() or (array < 0).any():
        raise InputError(
            f"`region` must be (top, left, height, width), or numbers from 0 of shape {size} or {(count, *size)}. "
            f"Received: shape {array.shape}."
        )
    if not array.reshape(-1, *size).any(axis=tuple(range(1, 1 + len(size)))).all():
        raise InputError("`region` must choose at least one pixel of each image. Received: none.")
    return np.ascontiguousarray(np.broadcast_to(array, (count, *size)), "float32")


def split_target(target: Any) -> tuple[Any, Callable[..., Any] | None]:
    """A target as (classes, None), or as (None, function of the scores).

    tf-keras-vis' `CategoricalScore` and `BinaryScore` name classes, so they become classes; any other function, its other
    Scores included, is called on the scores, (batch, classes), or on whatever else the model returns.
    """
    if not callable(target):
        return _as_plain(target), None
    classes = classes_of_score(target)
    return (None, target) if classes is None else (classes, None)


def class_indices(target: Any, count: int, classes: int, names: Sequence[str] = (), *, name: str = "target") -> np.ndarray:
    """The class to explain for each of `count` images, (count,) int32; `OWN_PREDICTION` where the target is None.

    Args:
        target: None, a class index, a class name, or a sequence, array or tensor of these, one per image.
        count: number of images.
        classes: number of classes of the model.
        names: the names of the classes, if known.
        name: name of the parameter, for the message.

    Raises:
        InputError: there is no such class, or the number of targets differs from the number of images.
    """
    target = _as_plain(target)
    if not isinstance(target, list | tuple):
        return np.full(count, _index(name, target, classes, names), "int32")
    if len(target) != count:
        raise InputError(f"`{name}` must be one class, or one for each of the {count} images. Received: {len(target)}.")
    return np.array([_index(name, choice, classes, names) for choice in target], "int32")


def check_class_names(names: Sequence[str], classes: int) -> None:
    """Refuse class names that cannot be the model's.

    Raises:
        InputError: there are names, but not one for each class.
    """
    if names and len(names) != classes:
        raise InputError(f"`class_names` must name each of the {classes} classes of the model. Received: {len(names)} names.")


def class_name(index: int, names: Sequence[str]) -> str:
    """The name of a class, or its number if it has no name."""
    return names[index] if 0 <= index < len(names) else str(index)


def _as_plain(target: Any) -> Any:
    """An array or tensor of any library as Python numbers, names and lists; anything else as it is."""
    if isinstance(target, list | tuple):
        return [_as_plain(each) for each in target]
    if isinstance(target, str) or not hasattr(target, "__array__"):
        return target
    try:
        plain = np.asarray(target).tolist()
    except (TypeError, ValueError, NotImplementedError, RuntimeError):  # a symbolic tensor, or one on another device
        raise InputError(f"`target` must hold numbers or names that can be read. Received: {received(target)}.") from None
    return _decoded(plain)


def _decoded(values: Any) -> Any:
    """Names that TensorFlow keeps as bytes as strings."""
    if isinstance(values, list):
        return [_decoded(each) for each in values]
    return values.decode("utf-8", "replace") if isinstance(values, bytes) else values


def _index(argument: str, target: Any, classes: int, names: Sequence[str]) -> int:
    if target is None:
        return OWN_PREDICTION
    if isinstance(target, str):
        named = [index for index, name in enumerate(names) if name == target]
        if len(named) > 1:
            raise InputError(f"`{argument}` must name one class. Received: {target!r}, the name of {named}: choose by number.")
        if named:
            return _index(argument, named[0], classes, names)
        if target.isdecimal():
            return _index(argument, int(target), classes, names)
        raise InputError(f"`{argument}` must be {_choices(target, classes, names)}. Received: {target!r}.")
    if isinstance(target, bool) or not isinstance(target, int | np.integer):
        raise InputError(f"`{argument}` must be a class index, a class name or None. Received: {target!r}.")
    if not 0 <= target < classes:
        raise InputError(f"`{argument}` must be between 0 and {classes - 1}. Received: {target}.")
    return int(target)


def _choices(target: str, classes: int, names: Sequence[str]) -> str:
    """The valid names of a class: all of them if they are few, else the nearest."""
    if not names:
        return f"a number between 0 and {classes - 1}"
    if len(names) <= MAX_LISTED:
        return f"one of {', '.join(map(repr, names))}"
    near = difflib.get_close_matches(target, names, n=5, cutoff=0.4)
    nearest = f"; nearest: {', '.join(map(repr, near))}" if near else ""
    return f"one of the {len(names)} class names or a number between 0 and {classes - 1}{nearest}"
