"""Gradient descent, all steps in one compiled graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


@dataclass(frozen=True)
class Descent:
    """The path of a descent: row 0 is the start, the last row is the end."""

    paths: tuple[np.ndarray, ...]  # each (steps + 1, *shape of the variable)
    losses: np.ndarray  # (steps + 1,)


def descend(loss: Callable[[], tf.Tensor], variables: Sequence[keras.Variable], *, rate: float, steps: int) -> Descent:
    """Minimize `loss` by gradient descent on `variables`, and return the whole path.

    One step is v <- v - rate * d loss / d v: the gradient comes from `tf.GradientTape`, the step is Keras' SGD. The loop is a
    part of the graph, where the step of a small network takes microseconds; called from Python it would take a millisecond.

    Args:
        loss: takes nothing, reads the variables, returns a scalar tensor.
        variables: Keras variables of type float64. They are changed, as `model.fit` changes a model's.
        rate: the learning rate.
        steps: how often to step.

    Returns:
        Descent with the variables and the loss before the first step, and after each.
    """
    import keras
    import tensorflow as tf

    # Keras keeps a plain learning rate in float32, where .01 is .00999999978, but takes the result of a function as it is.
    optimizer = keras.optimizers.SGD(lambda: tf.constant(rate, tf.float64))  # pyright: ignore[reportArgumentType]
    optimizer.build(variables)

    def step(index: tf.Tensor, losses: tf.TensorArray, *paths: tf.TensorArray) -> tuple[tf.Tensor | tf.TensorArray, ...]:
        with tf.GradientTape() as tape:
            value = loss()
        written = [path.write(index, v.value) for path, v in zip(paths, variables, strict=True)]
        losses = losses.write(index, value)
        optimizer.apply(tape.gradient(value, [v.value for v in variables]), variables)
        return index + 1, losses, *written

    @tf.function(autograph=False)
    def run() -> tuple[list[tf.Tensor], tf.Tensor]:
        paths = [tf.TensorArray(tf.float64, steps + 1, element_shape=v.shape) for v in variables]
        losses = tf.TensorArray(tf.float64, steps + 1, element_shape=())
        _, losses, *paths = tf.while_loop(lambda index, *_: index < steps, step, (0, losses, *paths))
        paths = [path.write(steps, v.value) for path, v in zip(paths, variables, strict=True)]
        losses = losses.write(steps, loss())
        return [path.stack() for path in paths], losses.stack()

    paths, losses = run()
    return Descent(tuple(path.numpy() for path in paths), losses.numpy())
