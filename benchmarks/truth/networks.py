"""Networks: a convolutional one, a residual one with BatchNormalization, and a small vision transformer.

All are of Keras' own layers, so that `visualize METHOD build/truth/NAME.keras` opens the trained ones too.
"""

from __future__ import annotations

import keras
from keras import layers

FILTERS = (16, 32, 32)  # of the convolutions; further ones have the last number
POOLINGS = 2
RESIDUAL_FILTERS = (16, 16, 32)  # of the blocks
TOKEN = 7  # side of the square that becomes a token
WIDTH = 48  # of a token
HEADS = 4
BLOCKS = 2


def cnn(side: int, classes: int, *, convolutions: int = 3, hidden: int = 0) -> keras.Model:
    """Convolutions with two poolings; the mean over the last maps, and one or two dense layers."""
    images = keras.Input((side, side, 1), name="images")
    x = layers.GlobalAveragePooling2D(name="mean")(convolved(images, convolutions))
    if hidden:
        x = layers.Dense(hidden, activation="relu", name="hidden")(x)
    return _classifier(images, x, classes, "cnn")


def convolved(images: keras.KerasTensor, count: int) -> keras.KerasTensor:
    """The last maps of the `cnn`: (batch, side / 4, side / 4, filters)."""
    x = images
    for number in range(1, count + 1):
        filters = FILTERS[min(number, len(FILTERS)) - 1]
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv_{number}")(x)
        if number <= POOLINGS:
            x = layers.MaxPooling2D(name=f"pool_{number}")(x)
    return x


def residual(side: int, classes: int) -> keras.Model:
    """Three residual blocks with BatchNormalization; the second and the third halve the maps."""
    images = keras.Input((side, side, 1), name="images")
    x = _normalized(layers.Conv2D(RESIDUAL_FILTERS[0], 3, padding="same", use_bias=False, name="stem")(images), "stem")
    x = layers.ReLU(name="stem_relu")(x)
    for number, (filters, strides) in enumerate(zip(RESIDUAL_FILTERS, (1, 2, 2), strict=True), start=1):
        name = f"block_{number}"
        y = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False, name=f"{name}_conv_1")(x)
        y = layers.ReLU(name=f"{name}_relu")(_normalized(y, f"{name}_1"))
        y = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv_2")(y)
        y = _normalized(y, f"{name}_2")
        if strides > 1:
            x = layers.Conv2D(filters, 1, strides, use_bias=False, name=f"{name}_shortcut")(x)
        x = layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, y]))
    return _classifier(images, layers.GlobalAveragePooling2D(name="mean")(x), classes, "residual")


def vit(side: int, classes: int) -> keras.Model:
    """A vision transformer (Dosovitskiy et al. 2020, arXiv:2010.11929): tokens of 7x7 pixels, a class token, two blocks."""
    images = keras.Input((side, side, 1), name="images")
    count = (side // TOKEN) ** 2
    x = layers.Conv2D(WIDTH, TOKEN, TOKEN, name="patches")(images)
    x = layers.Reshape((count, WIDTH), name="tokens")(x)
    x = layers.ZeroPadding1D((1, 0), name="class_token")(x)  # a token of zeros, which `positions` gives its value
    x = layers.EinsumDense(
        "btd,de->bte", (count + 1, WIDTH), bias_axes="te", bias_initializer="random_normal", name="positions"
    )(x)
    for number in range(1, BLOCKS + 1):
        name = f"block_{number}"
        y = layers.LayerNormalization(name=f"{name}_norm_1")(x)
        y = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, name=f"{name}_attention")(y, y)
        x = layers.Add(name=f"{name}_add_1")([x, y])
        y = layers.LayerNormalization(name=f"{name}_norm_2")(x)
        y = layers.Dense(2 * WIDTH, activation="gelu", name=f"{name}_dense_1")(y)
        y = layers.Dense(WIDTH, name=f"{name}_dense_2")(y)
        x = layers.Add(name=f"{name}_add_2")([x, y])
    x = layers.LayerNormalization(name="norm")(x)
    return _classifier(images, x[:, 0], classes, "vit")


def _normalized(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)


def _classifier(images: keras.KerasTensor, features: keras.KerasTensor, classes: int, name: str) -> keras.Model:
    scores = layers.Dense(classes, name="scores")(features)
    return keras.Model(images, layers.Softmax(name="classes")(scores), name=name)
