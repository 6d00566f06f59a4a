"""Rules: what each type of layer does to a window of its input.

A rule says which outputs a changed stretch of inputs can change (its reaches, one for rows and one for columns) and how to
compute them from a window of the input. A layer that treats every pixel by itself has no reaches: its output changes where its
input does. Whoever is not listed here has no rule, and is computed in full.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize.attribution.incremental.receptive_field import Reach, window_reach
from visualize.engine.forward import call_layer


@dataclass(frozen=True, eq=False)
class Rule:
    """A layer whose changed output is a window of a map.

    Attributes:
        compute: windows of the inputs, each (copies, height, width, channels), to windows of the output. The padding, where
            there is any, is in the windows already.
        reaches: of rows and of columns; None for a layer that treats every pixel by itself.
        padding: what stands outside of the map.
        counts_pixels: an average that `compute` takes over everything it reads, and the layer over the real pixels only.
    """

    compute: Callable[[Sequence[Any]], Any]
    reaches: tuple[Reach, Reach] | None = None
    padding: float = 0.0
    counts_pixels: bool = False


@dataclass(frozen=True, eq=False)
class Flat:
    """A layer that lays a map out as one row, pixel after pixel."""


@dataclass(frozen=True, eq=False)
class End:
    """A layer that makes one row of numbers of a map, linear in its pixels: what changes is added to what it was.

    Attributes:
        unhidden: the layer's input for the unhidden images to the row that it makes of them, before bias and activation.
        compute: (that row, (batch, units); the changed pixels as they are now (places, batch, rows, columns, channels), and
            as they were, the same or without places; the first row of the map that they are in) to the layer's output,
            (places x batch, units).
        across: it reads whole rows of the map, and places are computed side by side only where these are the same rows.
    """

    unhidden: Callable[[Any], Any]
    compute: Callable[[Any, Any, Any, Any], Any]
    across: bool = False


def rule_of(layer: Any, shapes: Sequence[tuple[int, ...]], *, flat: bool) -> Rule | Flat | End | str:
    """The rule of a layer for inputs of these shapes, or why it has none.

    Args:
        layer: Keras layer.
        shapes: (height, width, channels) of each input.
        flat: the input is the row that a `Flat` has made of a map of this shape.
    """
    kind = type(layer)
    if "call" in vars(layer):
        return f"its call was replaced by {vars(layer)['call']!r}"
    if getattr(layer, "quantization_mode", None):
        return "it is quantized"
    if getattr(layer, "data_format", "channels_last") not in ("channels_last", None):
        return "its channels come first"
    if not _local_activation(getattr(layer, "activation", None)):
        return "its activation is not known to treat every pixel by itself"
    if flat:
        return _dense(layer, shapes[0]) if kind is keras.layers.Dense else f"{kind.__name__} of a flat row has no rule"
    if kind in _merging():
        return _merge(layer, shapes)
    if len(shapes) > 1:
        return "it takes more than the map, a mask perhaps"
    if kind in _windowed():
        return _windowed()[kind](layer, shapes[0])
    if kind in _pointwise():
        return _point(layer)
    return f"{kind.__name__} has no rule"


# Point by point -------------------------------------------------------------------------------------------------------------


def _point(layer: Any) -> Rule | str:
    """Activation, normalization by fixed numbers, dropout at inference: as the layer itself does it, on a smaller picture."""
    axis = getattr(layer, "axis", -1)
    if axis not in (-1, 3, [-1], [3], (-1,), (3,), (), None):
        return f"it works along axis {axis}, not along the channels"
    numbers = [getattr(layer, name, 0.0) for name in ("alpha", "mean", "scale", "offset")]  # PReLU, Normalization, Rescaling
    if any(max((1, *np.shape(number)[:-1])) > 1 for number in numbers):
        return "it has numbers of its own for each pixel"
    return Rule(functools.partial(call_layer, layer))


def _merge(layer: Any, shapes: Sequence[tuple[int, ...]]) -> Rule | str:
    """Branches that come together: each pixel of the output is made of the same pixel of every input."""
    joined = isinstance(layer, keras.layers.Concatenate)
    if joined and layer.axis not in (-1, 3):
        return f"it joins along axis {layer.axis}, not along the channels"
    if len({shape[:2] if joined else shape for shape in shapes}) > 1:
        return "its inputs differ in shape: one is spread over the other"
    return Rule(functools.partial(call_layer, layer))


# Windows --------------------------------------------------------------------------------------------------------------------


def _convolution(layer: Any, shape: tuple[int, ...]) -> Rule:
    """Each output is a sum of products over a window of the input."""
    reaches = _reaches(shape, layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding)

    def compute(windows):
        found = tf.nn.conv2d(
            windows[0], tf.convert_to_tensor(layer.kernel), layer.strides, "VALID", dilations=layer.dilation_rate
        )
        return _finished(layer, found)

    return Rule(compute, reaches)


def _depthwise(layer: Any, shape: tuple[int, ...]) -> Rule:
    """The same, each channel by itself."""
    reaches = _reaches(shape, layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding)
    return Rule(lambda windows: _finished(layer, _each_channel(layer, windows[0], layer.kernel)), reaches)


def _separable(layer: Any, shape: tuple[int, ...]) -> Rule:
    """A depthwise convolution, then one of a single pixel."""
    reaches = _reaches(shape, layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding)

    def compute(windows):
        found = _each_channel(layer, windows[0], layer.depthwise_kernel)
        return _finished(layer, tf.nn.conv2d(found, tf.convert_to_tensor(layer.pointwise_kernel), 1, "VALID"))

    return Rule(compute, reaches)


def _max_pooling(layer: Any, shape: tuple[int, ...]) -> Rule:
    """The highest of a window; outside of the map there is nothing that could be higher."""
    reaches = _reaches(shape, layer.pool_size, layer.strides, (1, 1), layer.padding)
    lowest = float(tf.as_dtype(layer.compute_dtype).min)
    return Rule(lambda windows: tf.nn.max_pool2d(windows[0], layer.pool_size, layer.strides, "VALID"), reaches, lowest)


def _average_pooling(layer: Any, shape: tuple[int, ...]) -> Rule:
    """The mean of a window; at the border the mean of those of its pixels that are in the map."""
    reaches = _reaches(shape, layer.pool_size, layer.strides, (1, 1), layer.padding)
    return Rule(
        lambda windows: tf.nn.avg_pool2d(windows[0], layer.pool_size, layer.strides, "VALID"),
        reaches,
        counts_pixels=layer.padding == "same",
    )


def _padding(layer: Any, shape: tuple[int, ...]) -> Rule:
    """Each output is the input `before` places earlier."""
    reaches = tuple(
        Reach(1, 1, 1, before, length + before + after)
        for length, (before, after) in zip(shape[:2], layer.padding, strict=True)
    )
    return Rule(lambda windows: windows[0], reaches)


def _cropping(layer: Any, shape: tuple[int, ...]) -> Rule:
    """The same, with less than nothing before the first pixel."""
    reaches = tuple(
        Reach(1, 1, 1, -before, length - before - after)
        for length, (before, after) in zip(shape[:2], layer.cropping, strict=True)
    )
    return Rule(lambda windows: windows[0], reaches)


# From a map to a row --------------------------------------------------------------------------------------------------------


def _flatten(layer: Any, shape: tuple[int, ...]) -> Flat:
    return Flat()


def _average_of_all(layer: Any, shape: tuple[int, ...]) -> End:
    """The mean moves by the sum of the differences, over the number of pixels."""
    height, width, channels = shape

    def compute(mean, now, before, first):
        moved = tf.reduce_sum(now - before, axis=(2, 3)) / (height * width)  # (places, batch, channels)
        mean = tf.reshape(mean + moved, [-1, channels])
        return mean[:, None, None] if layer.keepdims else mean

    return End(lambda unhidden: tf.reduce_mean(unhidden, axis=(1, 2)), compute)


def _dense(layer: Any, shape: tuple[int, ...]) -> End:
    """What each unit sums moves by difference x weight; only the weights of the rows that change are multiplied."""
    height, width, channels = shape

    def kernel():
        return tf.reshape(tf.convert_to_tensor(layer.kernel), [height, width * channels, layer.units])

    def compute(summed, now, before, first):
        rows = now.shape[2]
        weights = tf.reshape(tf.slice(kernel(), [first, 0, 0], [rows, -1, -1]), [-1, layer.units])
        moved = tf.matmul(tf.reshape(now - before, [-1, rows * width * channels]), weights)
        found = tf.reshape(moved, [-1, tf.shape(summed)[0], layer.units]) + summed
        return _finished(layer, tf.reshape(found, [-1, layer.units]))

    return End(
        lambda unhidden: tf.einsum("bhc,hcu->bu", tf.reshape(unhidden, [-1, height, width * channels]), kernel()),
        compute,
        across=True,
    )


# What the rules share -------------------------------------------------------------------------------------------------------


def _reaches(shape: tuple[int, ...], kernel: Any, strides: Any, dilation: Any, padding: str) -> tuple[Reach, Reach]:
    axes = zip(shape[:2], kernel, strides, dilation, strict=True)
    return tuple(window_reach(*axis, same=padding == "same") for axis in axes)


def _each_channel(layer: Any, windows: Any, kernel: Any) -> Any:
    strides = (1, *layer.strides, 1)
    return tf.nn.depthwise_conv2d(windows, tf.convert_to_tensor(kernel), strides, "VALID", dilations=layer.dilation_rate)


def _finished(layer: Any, summed: Any) -> Any:
    """Bias and activation."""
    if layer.use_bias:
        summed = tf.nn.bias_add(summed, tf.convert_to_tensor(layer.bias))
    return summed if layer.activation is None else layer.activation(summed)


def _local_activation(activation: Any) -> bool:
    """Whether a function treats every pixel by itself; a softmax does, over its channels."""
    known = (
        "celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear log_sigmoid log_softmax "
        "mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus squareplus tanh tanh_shrink "
        "threshold"
    )
    return activation is None or activation in [getattr(keras.activations, name) for name in known.split()]


@functools.cache
def _windowed() -> dict[type, Callable[[Any, tuple[int, ...]], Any]]:
    return {
        keras.layers.Conv2D: _convolution,
        keras.layers.DepthwiseConv2D: _depthwise,
        keras.layers.SeparableConv2D: _separable,
        keras.layers.MaxPooling2D: _max_pooling,
        keras.layers.AveragePooling2D: _average_pooling,
        keras.layers.ZeroPadding2D: _padding,
        keras.layers.Cropping2D: _cropping,
        keras.layers.Flatten: _flatten,
        keras.layers.GlobalAveragePooling2D: _average_of_all,
    }


@functools.cache
def _merging() -> frozenset[type]:
    names = "Add Average Concatenate Maximum Minimum Multiply Subtract"
    return frozenset(getattr(keras.layers, name) for name in names.split())


@functools.cache
def _pointwise() -> frozenset[type]:
    names = (
        "Activation ActivityRegularization AlphaDropout BatchNormalization Dense Dropout ELU GaussianDropout GaussianNoise "
        "Identity LayerNormalization LeakyReLU Normalization PReLU ReLU Rescaling Softmax SpatialDropout2D"
    )
    return frozenset(getattr(keras.layers, name) for name in names.split())
