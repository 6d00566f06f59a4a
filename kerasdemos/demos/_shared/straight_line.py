"""A straight line y = slope x + bias, as a Keras model that computes in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def line(slope: float, bias: float) -> keras.Model:
    """A `Dense(1)` with this slope and bias: the smallest network there is, one weight and one bias."""
    import keras

    # The input must be float64 too, or Keras casts it to float32, where .6 loses half its digits.
    model = keras.Sequential(
        [
            keras.Input((1,), dtype="float64", name="x"),
            keras.layers.Dense(1, kernel_initializer="zeros", dtype="float64", name="line"),
        ],
        name="line",
    )
    model.set_weights([np.array([[slope]]), np.array([bias])])
    return model


def mean_squared_error(model: keras.Model, x: np.ndarray, y: np.ndarray) -> tf.Tensor:
    """The mean of (y - model(x))^2 as a float64 scalar tensor, for points x and y of shape (n,)."""
    import keras

    return keras.losses.MeanSquaredError(dtype="float64")(y[:, None], model(x[:, None]))  # pyright: ignore[reportReturnType]


def best_line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The slope and bias of least squares, solved directly.

    No line has a smaller mean squared error. Its residuals sum to zero, and so do residuals times x.
    """
    import tensorflow as tf

    columns = np.stack([x, np.ones_like(x)], axis=1)  # (n, 2)
    slope, bias = tf.linalg.lstsq(columns, y[:, None], fast=False).numpy()[:, 0]
    return float(slope), float(bias)
