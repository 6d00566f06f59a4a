"""The convolutional network of article 0 ("Python深度学习算法实例分析"), which was five lines of tflearn.

It is the idea of AlexNet in small: convolution, pooling, local response normalization, twice; then two dense
layers with dropout. The normalization lets a strong channel suppress its neighbors. Keras never had it, so
`kerasdemos.layers` does.

tflearn's defaults differ from those of Keras, so they are all written out here. Its "L2" halves the sum of
squares and applies to the convolutions only; its dropout takes the share that is kept; its weights come from
U(+-sqrt(3 / fan_in)) in convolutions and from a truncated normal distribution of standard deviation 0.02 in
dense layers; its trainer clips gradients to a global norm of 5 by default; Adam's epsilon is 1e-8.

Its rate of 0.01 is high for Adam: the network classifies 97 of 100 held-out digits after one epoch and gains
nothing in the nineteen that follow, while its loss rises. The curves show it.

Changed from the original: the article watches the test set while it trains; here the first 5,000 training
pictures are held out and watched instead, and the test set is measured once, after the last epoch. The article
measures every 100 steps, this demo once per epoch. Labels are numbers instead of one-hot rows, which gives the
same cross-entropy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Demo, Expected, Network, Pictures, Split

if TYPE_CHECKING:
    import keras

SCALE = 255.0
HELD_OUT = 12  # one picture in twelve: 5,000 of MNIST's 60,000


def build() -> keras.Model:
    """The compiled network; takes (28, 28, 1) in [0, 1]."""
    import keras
    from keras import initializers, layers

    from kerasdemos.layers import LocalResponseNormalization

    def convolution(filters: int, name: str) -> keras.Layer:
        return layers.Conv2D(
            filters,
            3,
            padding="same",
            activation="relu",
            kernel_initializer=initializers.VarianceScaling(1.0, "fan_in", "uniform"),  # pyright: ignore[reportArgumentType]
            kernel_regularizer=keras.regularizers.L2(0.0005),  # tflearn's 0.001 of half the sum of squares
            name=name,
        )

    def dense(units: int, activation: str, name: str) -> keras.Layer:
        normal = initializers.TruncatedNormal(stddev=0.02)
        return layers.Dense(units, activation=activation, kernel_initializer=normal, name=name)  # pyright: ignore[reportArgumentType]

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1), name="images"),
            convolution(32, "conv2d"),  # (28, 28, 32)
            layers.MaxPooling2D(2, padding="same", name="max_pooling2d"),  # (14, 14, 32)
            LocalResponseNormalization(name="normalization"),
            convolution(64, "conv2d_1"),  # (14, 14, 64)
            layers.MaxPooling2D(2, padding="same", name="max_pooling2d_1"),  # (7, 7, 64)
            LocalResponseNormalization(name="normalization_1"),
            layers.Flatten(name="flatten"),  # (3136,)
            dense(128, "tanh", "dense"),
            layers.Dropout(0.2, name="dropout"),
            dense(256, "tanh", "dense_1"),
            layers.Dropout(0.2, name="dropout_1"),
            dense(10, "softmax", "preds"),
        ],
        name="tflearn_convnet",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8, global_clipnorm=5.0),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def split(pictures: Pictures) -> Split:
    """The first twelfth of the training pictures (5,000 of MNIST) is held out; pixels / 255."""
    held_out = len(pictures.train_images) // HELD_OUT
    images, labels = _inputs(pictures.train_images), pictures.train_labels
    return Split(
        train=(images[held_out:], labels[held_out:]),
        validation=(images[:held_out], labels[:held_out]),
        test=(_inputs(pictures.test_images), pictures.test_labels),
        scale=SCALE,
        mean=0.0,
    )


def _inputs(images: np.ndarray) -> np.ndarray:
    return (images / np.float32(SCALE))[..., None]


DEMO = Demo(
    name="tflearn_convnet",
    article="0",
    idea="AlexNet made small: convolution, pool, local response normalization",
    data="MNIST",
    parameters=455_946,
    expected=(Expected("test accuracy", 0.968, 0.015, "first measured here"),),
    run=Network(build=build, split=split, batch=64, epochs=20),
)
