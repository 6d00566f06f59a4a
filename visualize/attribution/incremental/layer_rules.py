"""Layer rules: what each type of layer computes where its input has changed.

The table `RULES` at the end has one line for each type of layer. A layer that is not in it has no rule, and neither has one of
which something is unusual; the model is computed in full from there on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize.attribution.incremental.receptive_field import Reach, reach_of_kernel
from visualize.attribution.incremental.sum_rules import DenseOfFlatMap, MeanOfMap, SumRule, with_bias_and_activation
from visualize.engine.forward import call_layer

Shape = tuple[int, int, int]  # height, width, channels
Reaches = tuple[Reach, Reach]  # along rows and along columns


@dataclass(frozen=True, eq=False)
class WindowRule:
    """A layer that makes a map of maps: where a window of its inputs has changed, a window of its output has.

    Attributes:
        compute: windows of the inputs, each (copies, height, width, channels), to the window of the output. Padding is in the
            windows already.
        reaches: which inputs each output reads; None for a layer that treats every pixel by itself, whose output changes just
            where its input does.
        padding: the value of what stands outside of the map.
        averages_real_pixels: `compute` takes an average over everything in its windows, the layer one without the padding.
    """

    compute: Callable[[Sequence[tf.Tensor]], tf.Tensor]
    reaches: Reaches | None = None
    padding: float = 0.0
    averages_real_pixels: bool = False


@dataclass(frozen=True, eq=False)
class FlattenRule:
    """A layer that lays a map out as one row, pixel after pixel. Nothing is computed: the layer behind it reads the map."""


LayerRule = WindowRule | FlattenRule | SumRule


def rule_of(layer: keras.Layer, shapes: Sequence[Shape], *, flat: bool) -> LayerRule | str:
    """The rule of a layer for maps of these shapes, or the reason why it has none.

    Args:
        layer: Keras layer.
        shapes: of each map that it reads.
        flat: the layer reads a row that a `FlattenRule` has made of a map of this shape.
    """
    kind = type(layer).__name__
    make_rule = _registered(FLAT_RULES if flat else RULES, layer)
    if unusual := _unusual(layer):
        return unusual
    if flat:
        return make_rule(layer, shapes) if make_rule else f"{kind} of a flat row has no rule"
    if len(shapes) > 1 and make_rule is not _merge and make_rule is not _concatenate:
        return "it takes more than the map, a mask perhaps"
    return make_rule(layer, shapes) if make_rule else f"{kind} has no rule"


def _unusual(layer: keras.Layer) -> str | None:
    """The reason why a layer may do something else than its type says."""
    if "call" in vars(layer):
        return f"its call was replaced by {vars(layer)['call']!r}"
    if getattr(layer, "quantization_mode", None):
        return "it is quantized"
    if getattr(layer, "data_format", "channels_last") not in ("channels_last", None):
        return "its channels come first"
    if not _treats_pixels_alone(getattr(layer, "activation", None)):
        return "its activation is not known to treat every pixel by itself"
    return None


def _treats_pixels_alone(activation: Callable | None) -> bool:
    """Whether an activation treats every pixel by itself; a softmax does, over its channels."""
    return activation is None or activation in [getattr(keras.activations, name) for name in ACTIVATIONS.split()]


def _registered(rules: Mapping[str, RuleMaker], layer: keras.Layer) -> RuleMaker | None:
    """The entry of just this type of layer: a subclass may do anything in its `call`."""
    name = type(layer).__name__
    return rules.get(name) if type(layer) is getattr(keras.layers, name, None) else None


# Every pixel by itself ------------------------------------------------------------------------------------------------------


def _pointwise(layer: keras.Layer, shapes: Sequence[Shape]) -> WindowRule | str:
    """The layer itself, on a window: activation, normalization by fixed numbers, dropout at inference."""
    axis = getattr(layer, "axis", -1)
    if axis not in (-1, 3, [-1], [3], (-1,), (3,), (), None):
        return f"it works along axis {axis}, not along the channels"
    numbers = [getattr(layer, name, 0.0) for name in ("alpha", "mean", "scale", "offset")]  # PReLU, Normalization, Rescaling
    if any(max((1, *np.shape(number)[:-1])) > 1 for number in numbers):
        return "it has numbers of its own for each pixel"
    return WindowRule(functools.partial(call_layer, layer))


def _merge(layer: keras.Layer, shapes: Sequence[Shape]) -> WindowRule | str:
    """The layer itself, on windows of one size: each pixel is made of the same pixel of every input."""
    if len(set(shapes)) > 1:
        return "its inputs differ in shape: one is spread over the other"
    return WindowRule(functools.partial(call_layer, layer))


def _concatenate(layer: keras.layers.Concatenate, shapes: Sequence[Shape]) -> WindowRule | str:
    """The same, along the channels."""
    if layer.axis not in (-1, 3):
        return f"it joins along axis {layer.axis}, not along the channels"
    return _merge(layer, [(height, width, 0) for height, width, _ in shapes])


# Windows --------------------------------------------------------------------------------------------------------------------


def _convolution(layer: keras.layers.Conv2D, shapes: Sequence[Shape]) -> WindowRule:
    """Each output is a sum of products over a window of the input."""

    def compute(windows: Sequence[tf.Tensor]) -> tf.Tensor:
        kernel = tf.convert_to_tensor(layer.kernel)
        sums = tf.nn.conv2d(windows[0], kernel, layer.strides, "VALID", dilations=layer.dilation_rate)
        return with_bias_and_activation(layer, sums)

    return WindowRule(compute, _reaches(layer, shapes, layer.kernel_size, layer.dilation_rate))


def _depthwise(layer: keras.layers.DepthwiseConv2D, shapes: Sequence[Shape]) -> WindowRule:
    """The same, each channel by itself."""

    def compute(windows: Sequence[tf.Tensor]) -> tf.Tensor:
        return with_bias_and_activation(layer, _convolved_by_channel(layer, windows[0], layer.kernel))

    return WindowRule(compute, _reaches(layer, shapes, layer.kernel_size, layer.dilation_rate))


def _separable(layer: keras.layers.SeparableConv2D, shapes: Sequence[Shape]) -> WindowRule:
    """A depthwise convolution, then a convolution of single pixels."""

    def compute(windows: Sequence[tf.Tensor]) -> tf.Tensor:
        by_channel = _convolved_by_channel(layer, windows[0], layer.depthwise_kernel)
        sums = tf.nn.conv2d(by_channel, tf.convert_to_tensor(layer.pointwise_kernel), 1, "VALID")
        return with_bias_and_activation(layer, sums)

    return WindowRule(compute, _reaches(layer, shapes, layer.kernel_size, layer.dilation_rate))


def _max_pooling(layer: keras.layers.MaxPooling2D, shapes: Sequence[Shape]) -> WindowRule:
    """The highest value of a window; outside of the map nothing is higher than in it."""

    def compute(windows: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.nn.max_pool2d(windows[0], layer.pool_size, layer.strides, "VALID")

    lowest = float(tf.as_dtype(layer.compute_dtype).min)
    return WindowRule(compute, _reaches(layer, shapes, layer.pool_size), lowest)


def _average_pooling(layer: keras.layers.AveragePooling2D, shapes: Sequence[Shape]) -> WindowRule:
    """The mean of a window; at the border the mean of those of its pixels that are in the map."""

    def compute(windows: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.nn.avg_pool2d(windows[0], layer.pool_size, layer.strides, "VALID")

    reaches = _reaches(layer, shapes, layer.pool_size)
    return WindowRule(compute, reaches, averages_real_pixels=layer.padding == "same")


def _zero_padding(layer: keras.layers.ZeroPadding2D, shapes: Sequence[Shape]) -> WindowRule:
    """Each output is the input that stands `before` pixels earlier."""
    return _moved(shapes[0], layer.padding)


def _cropping(layer: keras.layers.Cropping2D, shapes: Sequence[Shape]) -> WindowRule:
    """The same, with fewer than no zeros before the first pixel."""
    return _moved(shapes[0], [(-before, -after) for before, after in layer.cropping])


def _moved(shape: Shape, borders: Sequence[Sequence[int]]) -> WindowRule:
    rows, columns = (
        Reach(1, 1, 1, before, length + before + after) for length, (before, after) in zip(shape[:2], borders, strict=True)
    )
    return WindowRule(lambda windows: windows[0], (rows, columns))


def _reaches(layer: Any, shapes: Sequence[Shape], kernel: Sequence[int], dilation: Sequence[int] = (1, 1)) -> Reaches:
    """The reaches of a kernel."""
    axes = zip(shapes[0][:2], kernel, layer.strides, dilation, strict=True)
    rows, columns = (reach_of_kernel(*axis, same=layer.padding == "same") for axis in axes)
    return rows, columns


def _convolved_by_channel(
    layer: keras.layers.DepthwiseConv2D | keras.layers.SeparableConv2D, window: tf.Tensor, kernel: keras.Variable
) -> tf.Tensor:
    strides = (1, *layer.strides, 1)
    return tf.nn.depthwise_conv2d(window, tf.convert_to_tensor(kernel), strides, "VALID", dilations=layer.dilation_rate)


# From a map to a row --------------------------------------------------------------------------------------------------------


def _flatten(layer: keras.layers.Flatten, shapes: Sequence[Shape]) -> FlattenRule:
    return FlattenRule()


def _global_average(layer: keras.layers.GlobalAveragePooling2D, shapes: Sequence[Shape]) -> SumRule:
    return MeanOfMap(layer, *shapes[0])


def _dense_of_flat_map(layer: keras.layers.Dense, shapes: Sequence[Shape]) -> SumRule:
    return DenseOfFlatMap(layer, *shapes[0])


# The table ------------------------------------------------------------------------------------------------------------------

RuleMaker = Callable[[Any, Sequence[Shape]], LayerRule | str]

ACTIVATIONS = (  # of `keras.activations`; they treat every pixel by itself
    "celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear log_sigmoid log_softmax "
    "mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus squareplus tanh tanh_shrink threshold"
)

RULES: dict[str, RuleMaker] = {
    # a window of the output changes where a window of the input does, larger by what the kernel reads
    "Conv2D": _convolution,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "MaxPooling2D": _max_pooling,
    "AveragePooling2D": _average_pooling,
    # the same pixels, in another place
    "ZeroPadding2D": _zero_padding,
    "Cropping2D": _cropping,
    # the same pixels: fixed functions of each of them
    "Activation": _pointwise,
    "ELU": _pointwise,
    "LeakyReLU": _pointwise,
    "PReLU": _pointwise,  # where pixels share its slopes
    "ReLU": _pointwise,
    "Softmax": _pointwise,  # over the channels
    "BatchNormalization": _pointwise,  # by its moving mean and variance, of each channel
    "LayerNormalization": _pointwise,  # over the channels
    "Normalization": _pointwise,  # by one mean and variance of each channel
    "Rescaling": _pointwise,
    "Dense": _pointwise,  # of a map: the same weights for every pixel
    # the same pixels: these layers do nothing at inference
    "ActivityRegularization": _pointwise,
    "AlphaDropout": _pointwise,
    "Dropout": _pointwise,
    "GaussianDropout": _pointwise,
    "GaussianNoise": _pointwise,
    "Identity": _pointwise,
    "SpatialDropout2D": _pointwise,
    # the pixels that have changed in any of the branches
    "Add": _merge,
    "Average": _merge,
    "Maximum": _merge,
    "Minimum": _merge,
    "Multiply": _merge,
    "Subtract": _merge,
    "Concatenate": _concatenate,  # of the channels
    # a whole row of numbers
    "Flatten": _flatten,
    "GlobalAveragePooling2D": _global_average,
}

FLAT_RULES: dict[str, RuleMaker] = {  # of layers that read what `Flatten` has made of a map
    "Dense": _dense_of_flat_map,
}
