"""The module `visualization` of keras-vis: three pictures of a layer's units."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from visualize._utils.lazy import keras, tf
from visualize.attribution.gradcam import gradcam
from visualize.attribution.gradients import saliency
from visualize.errors import InputError
from visualize.feature_visualization.maximize import maximize
from visualize.models.inputs import input_shapes
from visualize.models.layers import check_model, layers_by_path
from visualize.targets import Target

Units = int | Sequence[int] | np.ndarray


def visualize_activation(
    model: keras.Model,
    layer_idx: int,
    filter_indices: Units | None = None,
    *,
    seed_input: ArrayLike | None = None,
    input_range: tuple[float, float] | None = None,
    max_iter: int = 200,
    **others: object,
) -> np.ndarray:
    """The input that a unit of a layer responds to most: `visualize.maximize`.

    Args:
        model: Keras model.
        layer_idx: number of the layer in `model.layers`; -1 is the last.
        filter_indices: unit of the layer: a class, or the channel of a feature map.
        seed_input: image to start from; by default gray with noise.
        input_range: lowest and highest value of a pixel; by default what the model's card says, or `maximize` assumes. (In
            keras-vis 0 and 255, which is not what the articles' networks were trained on.)
        max_iter: steps of the optimization.
        others: other options of keras-vis, which are refused.

    Returns:
        An image of the input's shape, (height, width, channels), within the input range.

    Raises:
        InputError: no such layer, no such unit, more than one unit, or an option that is not supported.
    """
    _refuse(others, "maximize")
    path = _path(model, layer_idx)
    units = _units(filter_indices)
    if len(units) > 1:
        raise InputError(f"`filter_indices` must be one unit: draw an image for each. Received: {filter_indices!r}.")
    if input_range is not None:
        low, high = map(float, input_range)
        input_range = (low, high)
    start = None if seed_input is None else _single_image(model, seed_input)
    with _with_names_of_keras_vis(layer="layer_idx", start="seed_input", steps="max_iter"):
        tiles = maximize(model, units[0], layer=path, steps=max_iter, input_range=input_range, start=start)
    return tiles.pictures[0]


def visualize_saliency(
    model: keras.Model,
    layer_idx: int,
    filter_indices: Units | None,
    seed_input: ArrayLike,
    *,
    backprop_modifier: Literal["guided", "relu"] | None = None,
    **others: object,
) -> np.ndarray:
    """How much each pixel changes the activation of a unit: `visualize.saliency`, divided by its largest value.

    Args:
        model: Keras model.
        layer_idx: number of the layer in `model.layers`; -1 is the last.
        filter_indices: unit of the layer: a class, or the channel of a feature map, whose score is the mean of the map; of
            several units the score is their sum.
        seed_input: the image, (height, width, channels), or a batch of one.
        backprop_modifier: how ReLUs propagate gradients back; by default unchanged.
        others: other options of keras-vis, which are refused.

    Returns:
        (height, width) in 0..1, all zero if the map is empty, ready for imshow.

    Raises:
        InputError: no such layer, no such unit, more than one image, no ReLU to modify, or an unsupported option.
    """
    _refuse(others, "saliency")
    target = _target(_path(model, layer_idx), filter_indices)
    with _with_names_of_keras_vis(layer="layer_idx"):
        attribution = saliency(model, _single_image(model, seed_input), target, modifier=backprop_modifier)
    return _normalized(attribution.values[0])


def visualize_cam(
    model: keras.Model,
    layer_idx: int,
    filter_indices: Units | None,
    seed_input: ArrayLike,
    *,
    penultimate_layer_idx: int | None = None,
    backprop_modifier: Literal["guided", "relu"] | None = None,
    **others: object,
) -> np.ndarray:
    """Which regions of the image speak for a unit: `visualize.gradcam`, divided by its largest value.

    The weight of a channel is the mean of its gradient, as in the paper. (keras-vis first divides by the largest gradient,
    which inverts the map if all gradients are negative.)

    Args:
        model: Keras model.
        layer_idx: number of the layer in `model.layers`; -1 is the last.
        filter_indices: unit of the layer: a class, or the channel of a feature map, whose score is the mean of the map; of
            several units the score is their sum.
        seed_input: the image, (height, width, channels), or a batch of one.
        penultimate_layer_idx: number of the layer whose feature maps are weighted; by default the last before `layer_idx` of
            the size of the last convolution. (In keras-vis a pooling after it, if there is one.)
        backprop_modifier: how ReLUs propagate gradients back; by default unchanged.
        others: other options of keras-vis, which are refused.

    Returns:
        (height, width) in 0..1, all zero if the map is empty, ready for imshow.

    Raises:
        InputError: no such layer, no such unit, more than one image, no ReLU to modify, no feature map between image and unit,
            or an unsupported option.
    """
    _refuse(others, "gradcam")
    target = _target(_path(model, layer_idx), filter_indices)
    layer = None if penultimate_layer_idx is None else _path(model, penultimate_layer_idx, "penultimate_layer_idx")
    with _with_names_of_keras_vis(layer="penultimate_layer_idx"):
        image = _single_image(model, seed_input)
        attribution = gradcam(model, image, target, layer=layer, modifier=backprop_modifier)
    return _normalized(attribution.values[0])


def _path(model: keras.Model, index: object, name: str = "layer_idx") -> str:
    """The path of the layer with this number."""
    check_model(model)
    count = len(model.layers)
    if not isinstance(index, int | np.integer) or isinstance(index, bool) or not -count <= index < count:
        raise InputError(f"`{name}` must be a number of `model.layers`, {-count} to {count - 1}. Received: {index!r}.")
    return next(path for path, layer in layers_by_path(model).items() if layer is model.layers[index])


def _units(filter_indices: Units | None) -> list[int]:
    units = np.atleast_1d(filter_indices).tolist() if filter_indices is not None else []
    if not units or not all(type(unit) is int for unit in units):
        raise InputError(f"`filter_indices` must be a number, or several. Received: {filter_indices!r}.")
    return units


def _target(path: str, filter_indices: Units | None) -> Target:
    """The activation of a unit, or the sum of several."""
    units = _units(filter_indices)
    if len(units) == 1:
        return Target(units[0], layer=path)

    def summed(activations: tf.Tensor) -> tf.Tensor:
        channels = activations.shape[-1] or 0
        outside = [unit for unit in units if not 0 <= unit < channels]
        if outside:
            raise InputError(f"`filter_indices` must be between 0 and {channels - 1}. Received: {outside[0]}.")
        means = tf.reduce_mean(activations, axis=list(range(1, activations.shape.rank - 1)))
        return tf.reduce_sum(tf.gather(means, units, axis=-1), axis=-1)

    return Target(summed, layer=path)


def _single_image(model: keras.Model, seed_input: ArrayLike) -> np.ndarray:
    """The image as a batch of one."""
    shapes = list(input_shapes(model).values())
    if len(shapes) > 1:
        raise InputError(
            "`model` must take one input here. Received: a model of several inputs, which visualize.saliency takes."
        )
    image = np.asarray(seed_input)
    image = image[None] if image.ndim == (len(shapes[0]) if shapes else 3) else image
    if image.ndim and len(image) != 1:
        raise InputError(f"`seed_input` must be one image, or a batch of one. Received: shape {image.shape}.")
    return image


def _normalized(values: np.ndarray) -> np.ndarray:
    """Values from zero, divided by the largest."""
    largest = values.max()
    return values / largest if largest > 0 else values


def _refuse(others: dict[str, object], method: str) -> None:
    if others:
        name = next(iter(others))
        raise InputError(f"`{name}` must be left out: it is not supported here. visualize.{method} has more options.")


@contextlib.contextmanager
def _with_names_of_keras_vis(**words: str) -> Iterator[None]:
    """Let a refusal name the arguments of keras-vis instead of ours."""
    words = {"target": "filter_indices", "modifier": "backprop_modifier", **words}
    try:
        yield
    except InputError as error:
        text = str(error)
        for ours, theirs in words.items():
            text = text.replace(f"`{ours}`", f"`{theirs}`")
        raise InputError(text) from None
