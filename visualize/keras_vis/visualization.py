"""keras-vis' `visualization`: three pictures of a layer's units."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import tf
from visualize.attribution.gradcam import gradcam
from visualize.attribution.gradients import saliency
from visualize.errors import InputError
from visualize.feature_visualization.maximize import maximize
from visualize.models.inputs import input_shapes
from visualize.models.layers import check_model, layers_by_path
from visualize.targets import Target


def visualize_activation(
    model: Any,
    layer_idx: int,
    filter_indices: Any = None,
    *,
    seed_input: Any = None,
    input_range: tuple[float, float] | None = None,
    max_iter: int = 200,
    **others: Any,
) -> np.ndarray:
    """The input that a unit of a layer answers to most: `visualize.maximize`.

    Args:
        model: Keras model.
        layer_idx: number of the layer in `model.layers`; -1 is the last.
        filter_indices: unit of the layer: a class, or the channel of a map.
        seed_input: image to start from; by default gray with noise.
        input_range: lowest and highest value of a pixel; by default what the model's card says, or `maximize` assumes. (In
            keras-vis 0 and 255, which is not what the articles' networks were trained on.)
        max_iter: steps of the ascent.
        others: further options of keras-vis, which are refused.

    Returns:
        An image of the input's shape, (height, width, channels), within the input range.

    Raises:
        InputError: no such layer, no such unit, more than one unit, or an option that is not followed here.
    """
    _refuse(others, "maximize")
    path = _path(model, layer_idx)
    units = _units(filter_indices)
    if len(units) > 1:
        raise InputError(f"`filter_indices` must be one unit: draw an image for each. Received: {filter_indices!r}.")
    given = {"input_range": tuple(map(float, input_range))} if input_range is not None else {}
    if seed_input is not None:
        given["start"] = _one_image(model, seed_input)
    with _in_words_of_keras_vis(layer="layer_idx", start="seed_input", steps="max_iter"):
        return maximize(model, units[0], layer=path, steps=max_iter, **given).pictures[0]


def visualize_saliency(
    model: Any,
    layer_idx: int,
    filter_indices: Any,
    seed_input: Any,
    *,
    backprop_modifier: Literal["guided", "relu"] | None = None,
    **others: Any,
) -> np.ndarray:
    """How much each pixel changes what a unit answers: `visualize.saliency`, in parts of its largest value.

    Args:
        model: Keras model.
        layer_idx: number of the layer in `model.layers`; -1 is the last.
        filter_indices: unit of the layer: a class, or the channel of a map, whose score is the mean of the map; several, and
            the score is their sum.
        seed_input: the image, (height, width, channels), or a batch of one.
        backprop_modifier: how a ReLU passes gradients back; by default as it is.
        others: further options of keras-vis, which are refused.

    Returns:
        (height, width) in 0..1, zero where there is nothing, ready for imshow.

    Raises:
        InputError: no such layer, no such unit, more than one image, no ReLU to modify, or an option not followed.
    """
    _refuse(others, "saliency")
    target = _target(_path(model, layer_idx), filter_indices)
    with _in_words_of_keras_vis(layer="layer_idx"):
        found = saliency(model, _one_image(model, seed_input), target, modifier=backprop_modifier)
    return _in_parts(found.values[0])


def visualize_cam(
    model: Any,
    layer_idx: int,
    filter_indices: Any,
    seed_input: Any,
    *,
    penultimate_layer_idx: int | None = None,
    backprop_modifier: Literal["guided", "relu"] | None = None,
    **others: Any,
) -> np.ndarray:
    """Which places of the image speak for a unit: `visualize.gradcam`, in parts of its largest value.

    The weight of a channel is the mean of its gradient, as in the paper. (keras-vis first divides by the largest gradient,
    which turns the map around where all gradients are negative.)

    Args:
        model: Keras model.
        layer_idx: number of the layer in `model.layers`; -1 is the last.
        filter_indices: unit of the layer: a class, or the channel of a map, whose score is the mean of the map; several, and
            the score is their sum.
        seed_input: the image, (height, width, channels), or a batch of one.
        penultimate_layer_idx: number of the layer whose maps are weighted; by default the last of the last convolution's size
            before `layer_idx`. (In keras-vis a pooling after it, if there is one.)
        backprop_modifier: how a ReLU passes gradients back; by default as it is.
        others: further options of keras-vis, which are refused.

    Returns:
        (height, width) in 0..1, zero where there is nothing, ready for imshow.

    Raises:
        InputError: no such layer, no such unit, more than one image, no ReLU to modify, no map between image and unit, or an
            option that is not followed here.
    """
    _refuse(others, "gradcam")
    target = _target(_path(model, layer_idx), filter_indices)
    read = None if penultimate_layer_idx is None else _path(model, penultimate_layer_idx, "penultimate_layer_idx")
    with _in_words_of_keras_vis(layer="penultimate_layer_idx"):
        found = gradcam(model, _one_image(model, seed_input), target, layer=read, modifier=backprop_modifier)
    return _in_parts(found.values[0])


def _path(model: Any, index: Any, name: str = "layer_idx") -> str:
    """The path of a layer that is given by its number."""
    check_model(model)
    count = len(model.layers)
    whole = isinstance(index, int | np.integer) and not isinstance(index, bool)
    if not whole or not -count <= index < count:
        raise InputError(f"`{name}` must be a number of `model.layers`, {-count} to {count - 1}. Received: {index!r}.")
    return next(path for path, layer in layers_by_path(model).items() if layer is model.layers[index])


def _units(filter_indices: Any) -> list[int]:
    several = np.atleast_1d(filter_indices).tolist() if filter_indices is not None else []
    if not several or not all(type(unit) is int for unit in several):
        raise InputError(f"`filter_indices` must be a number, or several. Received: {filter_indices!r}.")
    return several


def _target(path: str, filter_indices: Any) -> Target:
    """What a layer's units answer together."""
    units = _units(filter_indices)
    if len(units) == 1:
        return Target(units[0], layer=path)

    def together(answers: Any) -> Any:
        outside = [unit for unit in units if not 0 <= unit < answers.shape[-1]]
        if outside:
            raise InputError(f"`filter_indices` must be between 0 and {answers.shape[-1] - 1}. Received: {outside[0]}.")
        means = tf.reduce_mean(answers, axis=list(range(1, answers.shape.rank - 1)))
        return tf.reduce_sum(tf.gather(means, units, axis=-1), axis=-1)

    return Target(together, layer=path)


def _one_image(model: Any, seed_input: Any) -> np.ndarray:
    """The image as a batch of one."""
    shapes = list(input_shapes(model).values())
    if len(shapes) > 1:
        raise InputError(
            "`model` must take one input here. Received: one that takes several: call visualize.saliency and others."
        )
    image = np.asarray(seed_input)
    image = image[None] if image.ndim == (len(shapes[0]) if shapes else 3) else image
    if image.ndim and len(image) != 1:
        raise InputError(f"`seed_input` must be one image, or a batch of one. Received: shape {image.shape}.")
    return image


def _in_parts(values: np.ndarray) -> np.ndarray:
    """Values from zero, in parts of the largest."""
    largest = values.max()
    return values / largest if largest > 0 else values


def _refuse(others: dict[str, Any], method: str) -> None:
    if others:
        name = next(iter(others))
        raise InputError(f"`{name}` must be left out: it is not followed here. The options of visualize.{method} are more.")


@contextlib.contextmanager
def _in_words_of_keras_vis(**words: str) -> Iterator[None]:
    """Name the arguments that the person gave, where our methods refuse theirs."""
    words = {"target": "filter_indices", "modifier": "backprop_modifier", **words}
    try:
        yield
    except InputError as error:
        text = str(error)
        for ours, theirs in words.items():
            text = text.replace(f"`{ours}`", f"`{theirs}`")
        raise InputError(text) from None
