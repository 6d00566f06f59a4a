"""EfficientNet-Lite: inverted residual blocks of depthwise convolutions, as deployed on phones.

M. Tan, Q. Le: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019), arXiv:1905.11946. The block
is that of MobileNetV2 (M. Sandler et al., 2018, arXiv:1801.04381): widen the features sixfold (1x1), filter each channel by
itself (3x3 or 5x5), project them back to few channels (1x1, without an activation), and add what came in where the shapes are
equal. The Lite networks (Google, 2020) leave out what phones cannot compute fast: they have no squeeze-and-excitation, and
ReLU6 in place of swish.

Layers are named as in `keras.applications.EfficientNetB0`: `block2a_expand_conv`, `block2a_dwconv`, `block2a_project_conv`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras

EPSILON, MOMENTUM = 1e-3, 0.99  # of every BatchNormalization
DROPOUT = 0.2
CLASSES = 1000


@dataclass(frozen=True)
class Stage:
    """Blocks of one size, one after the other; the first of them has the stride and changes the number of channels."""

    repeats: int
    kernel: int
    strides: int
    expansion: int  # how many times wider the features are inside a block
    filters: int


STAGES = (
    Stage(repeats=1, kernel=3, strides=1, expansion=1, filters=16),  # at 224 x 224 pixels: (112, 112, 16)
    Stage(repeats=2, kernel=3, strides=2, expansion=6, filters=24),  # (56, 56, 24)
    Stage(repeats=2, kernel=5, strides=2, expansion=6, filters=40),  # (28, 28, 40)
    Stage(repeats=3, kernel=3, strides=2, expansion=6, filters=80),  # (14, 14, 80)
    Stage(repeats=3, kernel=5, strides=1, expansion=6, filters=112),  # (14, 14, 112)
    Stage(repeats=4, kernel=5, strides=2, expansion=6, filters=192),  # (7, 7, 192)
    Stage(repeats=1, kernel=3, strides=1, expansion=6, filters=320),  # (7, 7, 320)
)


def build(name: str, *, side: int, depth: float) -> keras.Model:
    """An EfficientNet-Lite of width 1 with random weights: (batch, side, side, 3) to the probabilities of 1,000 classes.

    Args:
        name: of the model.
        side: height and width of its pictures, in pixels. Values of pixels are (pixel - 127) / 128.
        depth: how many times as many blocks as Lite0 the middle stages have, rounded up; 1.1 gives Lite1.

    Returns:
        Model of plain Keras layers, not compiled.
    """
    inputs: Any = keras.Input((side, side, 3), name="images")
    x = _convolution(inputs, 32, 3, 2, name="stem_conv")
    x = _activation(_normalization(x, name="stem_bn"), name="stem_activation")
    for number, stage in enumerate(STAGES, start=1):
        outermost = stage in (STAGES[0], STAGES[-1])  # which Lite networks do not deepen
        repeats = stage.repeats if outermost else math.ceil(stage.repeats * depth)
        for repeat in range(repeats):
            x = _block(x, stage, strides=1 if repeat else stage.strides, name=f"block{number}{'abcdefgh'[repeat]}_")
    x = _convolution(x, 1280, 1, 1, name="top_conv")
    x = _activation(_normalization(x, name="top_bn"), name="top_activation")
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)  # (batch, 1280)
    x = keras.layers.Dropout(DROPOUT, name="top_dropout")(x)
    outputs = keras.layers.Dense(CLASSES, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _block(x: keras.KerasTensor, stage: Stage, *, strides: int, name: str) -> keras.KerasTensor:
    """An inverted residual block: narrow at its ends, wide inside."""
    start, channels = x, int(x.shape[-1])
    if stage.expansion > 1:
        x = _convolution(x, channels * stage.expansion, 1, 1, name=f"{name}expand_conv")
        x = _activation(_normalization(x, name=f"{name}expand_bn"), name=f"{name}expand_activation")
    x = keras.layers.DepthwiseConv2D(stage.kernel, strides, padding="same", use_bias=False, name=f"{name}dwconv")(x)
    x = _activation(_normalization(x, name=f"{name}bn"), name=f"{name}activation")
    x = _convolution(x, stage.filters, 1, 1, name=f"{name}project_conv")
    x = _normalization(x, name=f"{name}project_bn")
    if strides == 1 and channels == stage.filters:
        x = keras.layers.Add(name=f"{name}add")([start, x])
    return x


def _convolution(x: keras.KerasTensor, filters: int, kernel: int, strides: int, *, name: str) -> keras.KerasTensor:
    return keras.layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False, name=name)(x)


def _normalization(x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    return keras.layers.BatchNormalization(epsilon=EPSILON, momentum=MOMENTUM, name=name)(x)


def _activation(x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    return keras.layers.ReLU(6.0, name=name)(x)


TORCH_NAMES = {"stem_conv": "_conv_stem", "stem_bn": "_bn0", "top_conv": "_conv_head", "top_bn": "_bn1", "predictions": "_fc"}
TORCH_NAMES_IN_BLOCKS = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "dwconv": "_depthwise_conv",
    "bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}


def set_weights(model: keras.Model, tensors: Mapping[str, np.ndarray]) -> None:
    """Fill the weights of `build`'s model with those of the same network in torch (lukemelas' names of layers).

    Torch has the channels of a kernel first, (out, in, height, width), and Keras has them last.

    Args:
        model: from `build`; changed in place.
        tensors: each tensor by its name in torch. A count of batches, `num_batches_tracked`, is not needed.

    Raises:
        ValueError: they are of another network.
    """
    left = {name for name in tensors if not name.endswith(".num_batches_tracked")}
    for layer, torch_name in _torch_names(model).items():
        names, axes = _torch_weights(layer)
        left -= {f"{torch_name}.{name}" for name in names}
        values = [tensors[f"{torch_name}.{name}"] for name in names]
        layer.set_weights([np.transpose(value, axes if value.ndim > 1 else None) for value in values])
    if left:
        raise ValueError(f"`tensors` must be those of {model.name}. Received: also {sorted(left)}.")


def _torch_names(model: keras.Model) -> dict[keras.layers.Layer, str]:
    """The name in torch of each layer with weights; blocks are numbered there from the first to the last."""
    names, blocks = {}, {}
    for layer in model.layers:
        block, _, part = layer.name.partition("_")
        if layer.name in TORCH_NAMES:
            names[layer] = TORCH_NAMES[layer.name]
        elif part in TORCH_NAMES_IN_BLOCKS:
            names[layer] = f"_blocks.{blocks.setdefault(block, len(blocks))}.{TORCH_NAMES_IN_BLOCKS[part]}"
    return names


def _torch_weights(layer: keras.layers.Layer) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names in torch of a layer's weights, in the order of Keras, and torch's axis behind each axis in Keras."""
    match layer:
        case keras.layers.BatchNormalization():
            return ("weight", "bias", "running_mean", "running_var"), (0,)
        case keras.layers.Dense():
            return ("weight", "bias"), (1, 0)
        case keras.layers.DepthwiseConv2D():
            return ("weight",), (2, 3, 0, 1)
    return ("weight",), (2, 3, 1, 0)
