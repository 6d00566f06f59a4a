"""The network that article 2 visualizes: two convolutions, a pooling layer, two dense layers, two dropouts.

Article 2 ("怎样用python构建一个卷积神经网络模型"), part 5, trains it in five epochs to 99 % of the test digits
and then shows what it learned: its filters, the inputs that maximize a class score, the pixels that a decision
depends on. The last layer is named `preds`, because the article's calls find it by that name.

Changed from the original: nothing in the computation. Keras' initial weights (Glorot uniform, biases zero) and
Adam at 0.001 were the defaults then and are the defaults now; labels are numbers instead of one-hot rows, which
gives the same cross-entropy. The test set that the article watches during training is watched here too, but it
chooses nothing: the last epoch counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Demo, Expected, Network, Pictures, Split

if TYPE_CHECKING:
    import keras

SCALE = 255.0


def build() -> keras.Model:
    """The compiled network; takes (28, 28, 1) in [0, 1]."""
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1), name="images"),
            layers.Conv2D(32, 3, activation="relu", name="conv2d"),  # (26, 26, 32)
            layers.Conv2D(64, 3, activation="relu", name="conv2d_1"),  # (24, 24, 64)
            layers.MaxPooling2D(2, name="max_pooling2d"),  # (12, 12, 64)
            layers.Dropout(0.25, name="dropout"),
            layers.Flatten(name="flatten"),  # (9216,)
            layers.Dense(128, activation="relu", name="dense"),
            layers.Dropout(0.5, name="dropout_1"),
            layers.Dense(10, activation="softmax", name="preds"),
        ],
        name="digits_cnn",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.001),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def split(pictures: Pictures) -> Split:
    """All of the training pictures, pixels / 255; the test pictures are watched and measured."""
    train = (_inputs(pictures.train_images), pictures.train_labels)
    test = (_inputs(pictures.test_images), pictures.test_labels)
    return Split(train=train, validation=test, test=test, scale=SCALE, mean=0.0)


def _inputs(images: np.ndarray) -> np.ndarray:
    return (images / np.float32(SCALE))[..., None]


DEMO = Demo(
    name="digits_cnn",
    article="2, part 5",
    idea="the CNN whose insight article 2 draws",
    data="MNIST",
    parameters=1_199_882,
    expected=(
        Expected("test accuracy", 0.990, 0.004, "original source"),
        Expected("train accuracy", 0.991, 0.005, "original source"),
    ),
    run=Network(build=build, split=split, batch=128, epochs=5),
)
