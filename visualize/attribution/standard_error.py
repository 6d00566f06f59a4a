"""Standard errors: how far a map would differ with other samples, by the spread of the samples that it was made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from visualize._utils.lazy import tf
from visualize._utils.validation import checked_number
from visualize.attribution.perturbation import loop_over_copies
from visualize.attribution.request import Batch
from visualize.errors import InputError
from visualize.results import Attribution


def checked_tolerance(tolerance: float | None, most: int, fewest: int, name: str) -> float | None:
    """The tolerance as a float; None for a fixed number of samples.

    Args:
        tolerance: what was passed.
        most: the most samples that may be taken.
        fewest: the samples after which the error is looked at for the first time.
        name: of the parameter that says the most.

    Raises:
        InputError: it is not above 0, or would change nothing.
    """
    if tolerance is None:
        return None
    if not checked_number("tolerance", tolerance) > 0:
        raise InputError(f"`tolerance` must be above 0. Received: {tolerance}.")
    if most <= fewest:
        raise InputError(
            f"`{name}` must be above {fewest} with `tolerance`, which stops after {fewest} at the earliest. Received: {most}."
        )
    return float(tolerance)


def add_samples(total: tf.Tensor, spread: tf.Tensor, samples: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The sum of all samples so far, and the sum of their squared distances to their mean.

    Chan, Golub & LeVeque (1979), "Updating formulae and a pairwise algorithm for computing sample variances", equation 2.1:
    Welford's method for several samples at a time. What the samples share is subtracted before anything is squared, so that a
    large mean does not drown a small spread.

    Args:
        total: sum of the samples before.
        spread: their sum of squared distances to their mean.
        samples: the new ones, (k, ...); k may be 0.
        before: how many there were before.
    """
    new, old = (tf.cast(count, samples.dtype) for count in (tf.shape(samples)[0], before))
    added = tf.reduce_sum(samples, axis=0)
    mean, mean_before = added / tf.maximum(new, 1), total / tf.maximum(old, 1)
    within = tf.reduce_sum(tf.math.squared_difference(samples, mean), axis=0)
    between = tf.math.squared_difference(mean, mean_before) * (old * new / tf.maximum(old + new, 1))
    return total + added, spread + within + between


def standard_error(spread: tf.Tensor, count: tf.Tensor | int) -> tf.Tensor:
    """The standard error of the mean of `count` independent samples with that sum of squared distances to their mean."""
    count = tf.cast(count, spread.dtype)
    return tf.sqrt(spread / (count * (count - 1)))


def loop_until_enough(
    batch: Batch,
    most: int,
    body: Callable[..., tuple[tf.Tensor, ...]],
    state: Sequence[tf.Tensor],
    *,
    at_a_time: int,
    is_enough: Callable[..., tf.Tensor],
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Go through the numbers of changed copies until they are enough, as `loop_over_copies` does.

    Args:
        batch: the batch.
        most: the most copies of each image.
        body: `body(numbers, *state) -> state`.
        state: tensors to begin with.
        at_a_time: copies between two looks, so that where it stops does not depend on how many are computed side by side.
        is_enough: `is_enough(count, *state) -> bool`, of each image, (batch,).

    Returns:
        How many copies of each image were taken, and the state after them.
    """

    def more(count, *state):
        return tf.logical_and(count < most, tf.logical_not(tf.reduce_all(is_enough(count, *state))))

    def step(count, *state):
        stop = tf.minimum(count + at_a_time, most)
        return stop, *loop_over_copies(batch, stop - count, body, state, first=count)

    count, *state = tf.while_loop(more, step, (0, *state))
    return count, state


def is_within(maps: Mapping[str, tf.Tensor], tolerance: float) -> tf.Tensor:
    """Whether the largest "error" of each map is at most this share of the largest magnitude of its "values", (batch,)."""
    values, error = maps["values"], maps["error"]
    axes = list(range(1, values.shape.rank))
    return tf.reduce_max(error, axes) <= tolerance * tf.reduce_max(tf.abs(values), axes)


def relative_errors(attribution: Attribution) -> np.ndarray:
    """The largest error of each map as a share of its largest magnitude, (batch,); 0 for a map that is exactly 0."""
    axes = tuple(range(1, attribution.values.ndim))
    scale, error = np.abs(attribution.values).max(axis=axes), attribution.arrays["error"].max(axis=axes)
    return np.divide(error, scale, out=np.where(error > 0, np.inf, 0).astype("float32"), where=scale > 0)


def with_counts(attribution: Attribution, name: str, most: int, tolerance: float | None) -> Attribution:
    """State how many samples each image took, and for which images they were not enough.

    Args:
        attribution: of a method that stops by itself.
        name: of the array that has the counts, and of the parameter that says the most: "samples".
        most: the most that could be taken.
        tolerance: at which it stops; None for a fixed number, where there is nothing to state.
    """
    if tolerance is None:
        return attribution
    counts, errors = attribution.arrays[name].astype("int32"), relative_errors(attribution)
    remarks = [
        *(attribution.settings.remarks or ()),
        *(
            f"image {row}: the largest standard error is {100 * errors[row]:.3g} % of the map's largest value, above the "
            f"tolerance of {100 * tolerance:.3g} %, after {most:,} {name}, the most allowed."
            for row in np.flatnonzero(~(errors <= tolerance))
        ),
    ]
    settings = attribution.settings.with_values(remarks=remarks or None)
    return replace(attribution, settings=settings, arrays={**attribution.arrays, name: counts})
