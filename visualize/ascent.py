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

    def ascend(model, units, shifts, images, mean_squares, best, best_loss, scale, **others):
        others = {name: tf.repeat(other, tf.shape(units)[0], axis=0) for name, other in others.items()}
        notes: dict[str, Any] = {}

        def step(index, images, mean_squares, best, best_loss, scale, _):
            shifted = tf.roll(images, shifts[index], axis=[1, 2])
            seen = probe.look(model, inputs.packed({**others, inputs.explained: shifted}), shifted)
            answers, before_relu = _answers(seen, climb.path)
            notes.update(units=answers.shape[-1], score=seen.score_kind if climb.path is None else "activation")
            score = tf.cast(probe.picked(answers, units), images.dtype)
            waking = None if before_relu is None else probe.picked(before_relu, units)
            uphill = climb.span * _uphill(seen, score, waking, images)
            scale = tf.where(scale > 0, scale, _length(uphill)[:, 0, 0, 0])  # of the first slope that is not zero
            penalty = _penalty(images, climb)
            downhill = probe.slope(penalty, images)
            loss = penalty - tf.math.divide_no_nan(score, scale)
            slope = climb.span * downhill - tf.math.divide_no_nan(uphill, scale[:, None, None, None])
            slope /= _length(slope) + TINY
            better = loss < best_loss
            best = tf.where(better[:, None, None, None], images, best)
            mean_squares = DECAY * mean_squares + (1 - DECAY) * slope**2
            moved = images - climb.step_size * climb.span * slope / tf.sqrt(mean_squares + TINY)
            moved = tf.clip_by_value(moved, climb.low, climb.high)
            return index + 1, moved, mean_squares, best, tf.where(better, loss, best_loss), scale, score

        state = (0, images, mean_squares, best, best_loss, scale, tf.zeros_like(best_loss))
        names = ("images", "mean_squares", "best", "best_loss", "scale", "score")
        after = tf.while_loop(lambda index, *_: index < tf.shape(shifts)[0], step, state)[1:]
        return dict(zip(names, after, strict=True)), notes

    images = tf.TensorSpec([None, *inputs.images.shape[1:]], inputs.images.dtype)
    specs = {name: spec for name, spec in inputs.specs().items() if name != inputs.explained}
    specs.update(images=images, mean_squares=images, best=images)
    number = tf.TensorSpec([None], inputs.images.dtype)
    specs.update(best_loss=number, scale=number, units=tf.TensorSpec([None], tf.int32))
    specs.update(shifts=tf.TensorSpec([None, 2], tf.int32))
    return tracing.trace(model, ("ascent", climb, inputs.explained, str(inputs.structure)), ascend, specs)


def first_state(images: np.ndarray) -> dict[str, Any]:
    """The state before the first step, from the inputs to start from, (batch, height, width, channels)."""
    images = tf.constant(images)
    worst = tf.fill(tf.shape(images)[:1], tf.constant(np.inf, images.dtype))
    zeros = tf.zeros_like(images)
    return {"images": images, "mean_squares": zeros, "best": images, "best_loss": worst, "scale": tf.zeros_like(worst)}


def noise(units: np.ndarray, shape: tuple[int, ...], climb: Climb, seed: int) -> np.ndarray:
    """Gray with noise, (units, *shape). A unit's noise depends on the seed and the unit alone, not on its batch mates."""
    normal = np.stack([np.random.default_rng([seed, int(unit)]).standard_normal(shape) for unit in units])
    return np.clip((climb.low + climb.high) / 2 + 0.05 * climb.span * normal, climb.low, climb.high)


def _answers(seen: probe.Look, path: str | None) -> tuple[Any, Any | None]:
    """What each unit answers, (batch, units), a score or the mean of a map; and the same before its ReLU, if it has one."""
    if path is None:
        if seen.scores is None:
            raise InputError("`layer` must be named: the model does not return one row of scores for each image.")
        return seen.scores, None
    output = probe.before_activation(seen.layer(path))[0]
    if output.shape.rank < 2:
        raise InputError(f"`layer` must have units. Received: {path!r}, whose output is {tuple(output.shape)}.")
    before, relu = probe.before_activation(output, probe.RELUS)
    means = [tf.reduce_mean(tf.cast(one, tf.float32), axis=list(range(1, one.shape.rank - 1))) for one in (output, before)]
    return means[0], means[1] if relu else None


def _uphill(seen: probe.Look, score: Any, before_relu: Any | None, images: Any) -> Any:
    """The slope of each score; of a unit that its ReLU silences everywhere, the slope that would wake it.

    Olah, Mordvintsev & Schubert (2017), Feature Visualization, doi:10.23915/distill.00007, pass gradients on likewise.
    """
    slope = seen.gradient(score, images, "the image")
    if before_relu is None:
        return slope
    return tf.where(_length(slope) > 0, slope, seen.gradient(before_relu, images, "the image"))


def _length(slopes: Any) -> Any:
    """The Euclidean length of each image's slope, (batch, 1, 1, 1)."""
    return tf.sqrt(tf.reduce_sum(slopes**2, axis=[1, 2, 3], keepdims=True))


def _penalty(images: Any, climb: Climb) -> Any:
    """Norm and total variation, weighed, per number of the input; pixels are counted in parts of the input range."""
    parts = images / climb.span
    down = tf.reduce_sum((parts[:, 1:] - parts[:, :-1]) ** 2, axis=[1, 2, 3])
    right = tf.reduce_sum((parts[:, :, 1:] - parts[:, :, :-1]) ** 2, axis=[1, 2, 3])
    norm = (tf.reduce_sum(tf.abs(parts) ** 6, axis=[1, 2, 3]) + TINY) ** (1 / 6)
    return (climb.lp_norm * norm + climb.total_variation * (down + right)) / float(np.prod(images.shape[1:]))
