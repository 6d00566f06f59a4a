"""Exclusive or: four points that no straight line divides, with the 3-4-1 network of two articles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

INPUTS = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], np.float64)  # the third column is the bias
TARGETS = np.array([[0], [1], [1], [0]], np.float64)
NAMES = ("0 xor 0", "0 xor 1", "1 xor 0", "1 xor 1")


def network(low: float, high: float, *, seed: int) -> keras.Model:
    """Three inputs, four hidden sigmoids, one sigmoid, no biases; every weight drawn from U[low, high).

    Its 16 weights depend on `seed` alone. It computes in float64, as the articles' NumPy does.
    """
    import keras

    layers = keras.layers
    options = {"use_bias": False, "kernel_initializer": "zeros", "dtype": "float64"}
    model = keras.Sequential(
        [
            keras.Input((3,), dtype="float64", name="x"),
            layers.Dense(4, activation="sigmoid", name="hidden", **options),
            layers.Dense(1, activation="sigmoid", name="output", **options),
        ],
        name="xor",
    )
    random = np.random.default_rng(seed)
    model.set_weights([random.uniform(low, high, weights.shape) for weights in model.weights])
    return model


def mean_squared_error(model: keras.Model) -> tf.Tensor:
    """The mean over the four points of (target - output)^2, as a float64 scalar tensor."""
    import keras

    return keras.losses.MeanSquaredError(dtype="float64")(TARGETS, model(INPUTS))  # pyright: ignore[reportReturnType]


def outputs(hidden: np.ndarray, output: np.ndarray) -> np.ndarray:
    """The outputs of n networks at the four points, (n, 4), from their weights, (n, 3, 4) and (n, 4, 1)."""
    return _sigmoid(_sigmoid(INPUTS @ hidden) @ output)[:, :, 0]


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))
