"""Exclusive or: four points that no straight line divides, with the 3-4-1 network of two articles."""

from __future__ import annotations

from typing import Any

import numpy as np

INPUTS = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], np.float64)  # the third column is the bias
TARGETS = np.array([[0], [1], [1], [0]], np.float64)
NAMES = ("0 xor 0", "0 xor 1", "1 xor 0", "1 xor 1")


def network(low: float, high: float, *, seed: int) -> Any:
    """Three inputs, four hidden sigmoids, one sigmoid, no biases; every weight drawn from U[low, high).

    Its 16 weights depend on `seed` alone. It computes in float64, as the articles' NumPy does.
    """
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((3,), dtype="float64", name="x"),
            layers.Dense(4, activation="sigmoid", use_bias=False, dtype="float64", name="hidden"),
            layers.Dense(1, activation="sigmoid", use_bias=False, dtype="float64", name="output"),
        ],
        name="xor",
    )
    random = np.random.default_rng(seed)
    model.set_weights([random.uniform(low, high, weights.shape) for weights in model.weights])
    return model


def mean_squared_error(model: Any) -> Any:
    """The mean over the four points of (target - output)^2, as a float64 scalar tensor."""
    import keras

    return keras.losses.MeanSquaredError(dtype="float64")(TARGETS, model(INPUTS))


def outputs(model: Any) -> np.ndarray:
    """What the network answers to the four points, (4,)."""
    return model(INPUTS).numpy()[:, 0]
