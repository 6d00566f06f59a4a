"""Three convolutions of tanh units: the network that article 2 trains on a folder of pictures.

Article 2 ("怎样用python构建一个卷积神经网络模型"), parts 2 and 4. LeCun's networks of the nineties looked like
this: few filters (4, 8, 16), tanh, pooling, one dense layer. 35,754 parameters are enough for 97 of 100 digits.

The pictures are divided by the largest pixel, and the mean of the training pictures is subtracted, so that most
inputs are a little below zero and ink is well above it.

Changed from the original: the article read 42,000 pictures from files, and these are the first 42,000 of
MNIST's training part; the last fifth of them is held out, as in the article. Its `SGD(decay=1e-6)` would be
ignored today, so the decay is a schedule. MNIST's own test part, which the article did not have, is measured
too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Demo, Expected, Network, Pictures, Split

if TYPE_CHECKING:
    import keras

USED = 0.7  # of the training part: 42,000 of MNIST's 60,000
HELD_OUT = 0.2  # of those


def build() -> keras.Model:
    """The compiled network; takes (28, 28, 1), pixels / 255 minus the mean of the training pictures."""
    import keras
    from keras import initializers, layers

    def convolution(filters: int, size: int, name: str) -> keras.Layer:
        return layers.Conv2D(filters, size, activation="tanh", kernel_initializer="glorot_uniform", name=name)

    def dense(units: int, activation: str, name: str) -> keras.Layer:
        normal = initializers.RandomNormal(stddev=0.05)
        return layers.Dense(units, activation=activation, kernel_initializer=normal, name=name)  # pyright: ignore[reportArgumentType]

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1), name="images"),
            convolution(4, 5, "conv2d"),  # (24, 24, 4)
            convolution(8, 3, "conv2d_1"),  # (22, 22, 8)
            layers.MaxPooling2D(2, name="max_pooling2d"),  # (11, 11, 8)
            convolution(16, 3, "conv2d_2"),  # (9, 9, 16)
            layers.MaxPooling2D(2, name="max_pooling2d_1"),  # (4, 4, 16)
            layers.Flatten(name="flatten"),  # (256,)
            dense(128, "tanh", "dense"),
            dense(10, "softmax", "preds"),
        ],
        name="wepe_cnn",
    )
    rate = keras.optimizers.schedules.InverseTimeDecay(0.05, decay_steps=1, decay_rate=1e-6)
    model.compile(
        optimizer=keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),  # pyright: ignore[reportArgumentType]
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def split(pictures: Pictures) -> Split:
    """The first 70 % of the training pictures (42,000 of MNIST), their last fifth held out."""
    used = round(USED * len(pictures.train_images))
    kept = used - round(HELD_OUT * used)
    scale = float(pictures.train_images[:used].max())
    if not scale:
        scale = 1.0  # only black pictures
    mean = float(pictures.train_images[:kept].mean(dtype=np.float64) / scale)

    def inputs(images: np.ndarray) -> np.ndarray:
        return (images / np.float32(scale) - np.float32(mean))[..., None]

    images, labels = inputs(pictures.train_images[:used]), pictures.train_labels[:used]
    return Split(
        train=(images[:kept], labels[:kept]),
        validation=(images[kept:], labels[kept:]),
        test=(inputs(pictures.test_images), pictures.test_labels),
        scale=scale,
        mean=mean,
    )


DEMO = Demo(
    name="wepe_cnn",
    article="2, parts 2 and 4",
    idea="three small convolutions of tanh units",
    data="MNIST, 42,000",
    parameters=35_754,
    expected=(
        Expected("validation accuracy", 0.97, 0.02, "original source"),
        Expected("train accuracy", 0.98, 0.02, "original source"),
    ),
    run=Network(build=build, split=split, batch=100, epochs=10),
)
