"""Ascent: the steps uphill of activation maximization, as one compiled graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize import probe, tracing
from visualize.errors import InputError
from visualize.inputs import Inputs
from visualize.lazy import tf

DECAY = 0.95  # of RMSprop's running mean of squared slopes
TINY = 1e-12


@dataclass(frozen=True)
class Climb:
    """What a step weighs; with it a graph is told from another.

    Attributes:
        path: layer whose units climb; None for the model's scores.
        step_size, lp_norm, total_variation: as in `maximize`.
        low, high: the input range.
    """

    path: str | None
    step_size: float
    lp_norm: float
    total_variation: float
    low: float
    high: float

    @property
    def span(self) -> float:
        """From black to white."""
        return self.high - self.low


def trace_of(model: Any, inputs: Inputs, climb: Climb) -> tracing.Trace:
    """A graph that takes units through as many steps as it gets shifts.

    Its tensors are those of `first_state`, `units` (batch,) and `shifts` (steps, 2), and the inputs that stay as they are, one
    row each. It returns the state after the steps, and `score` (batch,), what the units answered to the input of the last
    step. Its notes tell `units`, how many there are, and `score`, what their answer is.
    """

    def ascend(model, units, shifts, images, mean_squares, best, best_loss, **others):
        others = {name: tf.repeat(other, tf.shape(units)[0], axis=0) for name, other in others.items()}
        notes: dict[str, Any] = {}

        def step(index, images, mean_squares, best, best_loss, _):
            shifted = tf.roll(images, shifts[index], axis=[1, 2])
            seen = probe.look(model, inputs.packed({**others, inputs.explained: shifted}), shifted)
            answers = _answers(seen, climb.path)
            notes.update(units=answers.shape[-1], score=seen.score_kind if climb.path is None else "activation")
            score = tf.cast(probe.picked(answers, units), images.dtype)
            loss = _penalty(images, climb) - score
            slope = seen.gradient(loss, images, "the image")
            slope /= tf.sqrt(tf.reduce_sum(slope**2, axis=[1, 2, 3], keepdims=True)) + TINY
            better = loss < best_loss
            best = tf.where(better[:, None, None, None], images, best)
            mean_squares = DECAY * mean_squares + (1 - DECAY) * slope**2
            moved = images - climb.step_size * climb.span * slope / tf.sqrt(mean_squares + TINY)
            moved = tf.clip_by_value(moved, climb.low, climb.high)
            return index + 1, moved, mean_squares, best, tf.where(better, loss, best_loss), score

        state = (0, images, mean_squares, best, best_loss, tf.zeros_like(best_loss))
        _, images, mean_squares, best, best_loss, score = tf.while_loop(
            lambda index, *_: index < tf.shape(shifts)[0], step, state
        )
        after = {"images": images, "mean_squares": mean_squares, "best": best, "best_loss": best_loss}
        return {**after, "score": score}, notes

    images = tf.TensorSpec([None, *inputs.images.shape[1:]], inputs.images.dtype)
    specs = {name: spec for name, spec in inputs.specs().items() if name != inputs.explained}
    specs.update(images=images, mean_squares=images, best=images)
    specs.update(best_loss=tf.TensorSpec([None], inputs.images.dtype), units=tf.TensorSpec([None], tf.int32))
    specs.update(shifts=tf.TensorSpec([None, 2], tf.int32))
    return tracing.trace(model, ("ascent", climb, inputs.explained, str(inputs.structure)), ascend, specs)


def first_state(images: np.ndarray) -> dict[str, Any]:
    """The state before the first step, from the inputs to start from, (batch, height, width, channels)."""
    images = tf.constant(images)
    worst = tf.fill(tf.shape(images)[:1], tf.constant(np.inf, images.dtype))
    return {"images": images, "mean_squares": tf.zeros_like(images), "best": images, "best_loss": worst}


def noise(units: np.ndarray, shape: tuple[int, ...], climb: Climb, seed: int) -> np.ndarray:
    """Gray with noise, (units, *shape). A unit's noise depends on the seed and the unit alone, not on its batch mates."""
    normal = np.stack([np.random.default_rng([seed, int(unit)]).standard_normal(shape) for unit in units])
    return np.clip((climb.low + climb.high) / 2 + 0.05 * climb.span * normal, climb.low, climb.high)


def _answers(seen: probe.Look, path: str | None) -> Any:
    """What each unit answers, (batch, units): a score, or the mean of a map; before softmax or sigmoid where there is one."""
    if path is None:
        if seen.scores is None:
            raise InputError("`layer` must be named: the model does not return one row of scores for each image.")
        return seen.scores
    output = probe.before_activation(seen.layer(path))[0]
    if output.shape.rank < 2:
        raise InputError(f"`layer` must have units. Received: {path!r}, whose output is {tuple(output.shape)}.")
    return tf.reduce_mean(tf.cast(output, tf.float32), axis=list(range(1, output.shape.rank - 1)))


def _penalty(images: Any, climb: Climb) -> Any:
    """Norm and total variation, weighed, per number of the input; pixels are counted in parts of the input range."""
    parts = images / climb.span
    down = tf.reduce_sum((parts[:, 1:] - parts[:, :-1]) ** 2, axis=[1, 2, 3])
    right = tf.reduce_sum((parts[:, :, 1:] - parts[:, :, :-1]) ** 2, axis=[1, 2, 3])
    norm = (tf.reduce_sum(tf.abs(parts) ** 6, axis=[1, 2, 3]) + TINY) ** (1 / 6)
    return (climb.lp_norm * norm + climb.total_variation * (down + right)) / float(np.prod(images.shape[1:]))
