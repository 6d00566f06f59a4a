"""A multilayer perceptron without convolutions: 784 - 256 - 64 - 10, rectified linear units.

Article 4 ("【深度學習Pytorch入門】") fits it to digits as a regression: the target is the one-hot row of the
digit, the loss the mean squared error. That works, because the largest output names the digit whose one-hot row
is nearest; three epochs with a small rate reach 88 of 100.

Changed from the original, which was PyTorch: nothing in the computation. PyTorch's initial weights and biases
are U(+-1/sqrt(fan_in)), so they are set here; its mean squared error is over pictures and classes, as Keras'
is. The article's formula shows a rectifier on the output as well; its code has none, and neither has this (with
one, the network reaches 74 of 100). A layer of the network flattens the pictures to rows of 784, so that it
takes pictures as the other networks do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Demo, Expected, Network, Pictures, Split

if TYPE_CHECKING:
    import keras

MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels, from the article


def build() -> keras.Model:
    """The compiled network; takes (28, 28, 1), (pixel / 255 - 0.1307) / 0.3081."""
    import keras
    from keras import initializers, layers

    def dense(inputs: int, units: int, activation: str | None, name: str) -> keras.Layer:
        bound = inputs**-0.5
        return layers.Dense(
            units,
            activation=activation,
            kernel_initializer=initializers.RandomUniform(-bound, bound),  # pyright: ignore[reportArgumentType]
            bias_initializer=initializers.RandomUniform(-bound, bound),  # pyright: ignore[reportArgumentType]
            name=name,
        )

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1), name="images"),
            layers.Flatten(name="flatten"),  # (784,)
            dense(784, 256, "relu", "dense"),
            dense(256, 64, "relu", "dense_1"),
            dense(64, 10, None, "dense_2"),
        ],
        name="relu_mlp",
    )
    model.compile(
        optimizer=keras.optimizers.SGD(0.01, momentum=0.9),
        loss="mean_squared_error",
        metrics=["accuracy"],
    )
    return model


def split(pictures: Pictures) -> Split:
    """All of the training pictures, labels as one-hot rows; the test pictures are watched and measured."""
    train = (_inputs(pictures.train_images), _one_hot(pictures.train_labels))
    test = (_inputs(pictures.test_images), _one_hot(pictures.test_labels))
    return Split(train=train, validation=test, test=test, scale=255 * DEVIATION, mean=MEAN / DEVIATION)


def _inputs(images: np.ndarray) -> np.ndarray:
    pixels = images / np.float32(255)
    return ((pixels - np.float32(MEAN)) / np.float32(DEVIATION))[..., None]


def _one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(10, dtype=np.float32)[labels]


DEMO = Demo(
    name="relu_mlp",
    article="4",
    idea="digits by regression: a perceptron of three layers and the mean squared error",
    data="MNIST",
    parameters=218_058,
    expected=(Expected("test accuracy", 0.882, 0.012, "computed"),),
    run=Network(build=build, split=split, batch=512, epochs=3),
)
