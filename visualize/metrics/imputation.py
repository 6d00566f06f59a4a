"""Imputation: how the score falls while the highest pixels of a map are replaced by what their neighbors suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count, checked_number, checked_word, is_number, received
from visualize.engine.shapes import sizes
from visualize.errors import InputError
from visualize.metrics.baselines import BASELINES, ranks_of
from visualize.metrics.explained import request_of
from visualize.metrics.perturbed_scores import RANKS, Change, Perturbation, ScoreName, perturbed_scores
from visualize.metrics.record import Faithfulness, MapsToMeasure
from visualize.results import Attribution

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
COARSEST = 4  # pixels of the shortest side, below which a picture is not halved
TOLERANCE = 3e-5  # of a pixel's equation, as a share of the largest value
MOST_STEPS = 200  # of conjugate gradients on each scale


def road(
    model: keras.Model,
    attribution: Attribution,
    *,
    first: Literal["most", "least"] = "most",
    shares: Sequence[float] = SHARES,
    noise: float = 0.01,
    score: ScoreName | None = None,
    baselines: Sequence[str] | Faithfulness = BASELINES,
    images: Any = None,
    target: Any = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Faithfulness:
    """How fast the probability of the class falls while the highest pixels of a map are imputed; low is faithful.

    ROAD, remove and debias, of Rong et al. (2022), arXiv:2202.00449, section 4: each removed pixel is the weighted mean of its
    neighbors, 1/6 of each beside it and 1/12 of each diagonal one, where neighbors may be removed themselves, and some noise.
    The shape of what was removed then says less of the class than gray pixels do, and no network needs to be trained again.

    The linear system of each copy is solved inside the graph by conjugate gradients from coarse to fine, to about 0.3 % of the
    image's range; on a photograph that takes longer than a network of moderate size.

    Args:
        model: that was explained, of pictures.
        attribution: its maps.
        first: which pixels are removed first: the "most" important, which is to cost much of the probability, or the "least"
            important, which is to cost little (then high is faithful).
        shares: of the pixels that are removed, each above 0 and below 1.
        noise: its standard deviation, as a share of the range of the image's own pixels.
        score: whose curve: the "probability" or the "logit"; by default the probability, or the user's own function.
        baselines: names of maps to measure beside it, see `metrics.BASELINES`; or the record of another method on the same
            images, whose baselines are then not computed again.
        images: what the model was called on; only needed where it has several inputs.
        target: what was explained; only needed for a function of the scores or a region of the output.
        batch_size: copies at a time; by default as many as suit the size of the images.
        seed: of the noise, the random baselines, the ties and the intervals.

    Returns:
        Faithfulness whose values are the mean over the shares.

    Raises:
        InputError: an argument is out of range, the images are no pictures, or `images` or `target` are needed.

    Example:
        metrics.road(model, visualize.gradcam(model, images))
    """
    request = request_of(model, attribution, images, target)
    size, seed = request.inputs.size, checked_count("seed", seed, 0)
    if len(size) != 2:
        raise InputError(f"`attribution` must explain pictures, (height, width). Received: images of shape {size}.")
    checked_word("first", first, ("most", "least"))
    if checked_number("noise", noise) < 0:
        raise InputError(f"`noise` must be at least 0. Received: {noise}.")
    pixels = int(np.prod(size))
    counts = _checked_counts(shares, pixels)
    maps = MapsToMeasure.of(request, attribution.values, attribution.targets, baselines, seed)
    sign = 1 if first == "most" else -1
    ranks = np.stack([ranks_of(sign * values, request.inputs.images, seed) for values in maps.maps.values()], axis=1)
    scores = perturbed_scores(request, ImputedPixels(counts, float(noise), seed), score, batch_size, arrays={RANKS: ranks})
    curves = dict(zip(maps.maps, scores.copies.reshape(len(ranks), len(maps.maps), len(counts)).swapaxes(0, 1), strict=True))
    return maps.record(
        "road",
        attribution.method,
        {name: curve.mean(axis=1) for name, curve in curves.items()},
        larger_is_better=first == "least",
        unit=scores.unit,
        settings={
            "first": first,
            "shares": [float(share) for share in shares],
            "noise": float(noise),
            "score": scores.unit,
            "seed": seed,
        },
        scores=scores.whole,
        points=np.array(counts) / pixels,
        curves=curves,
    )


@dataclass(frozen=True)
class ImputedPixels(Perturbation):
    """Copies in which the highest pixels of each of several maps are imputed, more and more of them.

    Attributes:
        counts: how many pixels are imputed, one number for each copy of a map.
        noise: its standard deviation, as a share of the range of the image's own pixels.
        seed: of the noise, which is the same for every image.
    """

    counts: tuple[int, ...]
    noise: float
    seed: int

    def specs(self, size: tuple[int, ...]) -> dict[str, tf.TensorSpec]:
        """The rank of each pixel of each map, (batch, maps, height, width)."""
        return {RANKS: tf.TensorSpec([None, None, *size], tf.int32)}

    def copies(self, images: tf.Tensor, tensors: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, Change]:
        """All copies of the first map, those of the second, ..."""
        ranks = tf.transpose(tensors[RANKS], [1, 0, 2, 3])  # (maps, batch, height, width)
        shape, counts = sizes(images, 1), tf.constant(self.counts, tf.int32)
        axes = list(range(1, 4))
        spread = tf.reduce_max(images, axes, keepdims=True) - tf.reduce_min(images, axes, keepdims=True)

        def change(numbers):
            most = tf.gather(counts, numbers % len(self.counts))[:, None, None, None]
            removed = tf.gather(ranks, numbers // len(self.counts)) < most  # (k, batch, height, width)
            flat = tf.reshape(removed, [-1, *shape[:2], 1])
            copies = tf.reshape(images[None], [1, -1, *shape]) + tf.zeros([tf.size(numbers), 1, 1, 1, 1], images.dtype)
            imputed = tf.reshape(impute(tf.reshape(copies, [-1, *shape]), flat), tf.shape(copies))
            noise = tf.map_fn(
                lambda number: tf.random.stateless_normal(shape, tf.stack([self.seed, number])),
                numbers,
                fn_output_signature=tf.TensorSpec(shape, tf.float32),
            )
            noisy = imputed + self.noise * spread * tf.cast(noise[:, None], images.dtype)
            return tf.where(removed[..., None], noisy, images)

        return tf.shape(ranks)[0] * len(self.counts), change


def impute(images: tf.Tensor, removed: tf.Tensor) -> tf.Tensor:
    """The images with each removed pixel at the weighted mean of its neighbors.

    The equations of all removed pixels are one symmetric, positive linear system. It is solved first for the image of half the
    size, and from there by conjugate gradients until no equation misses by more than TOLERANCE.

    Args:
        images: (batch, height, width, channels).
        removed: (batch, height, width, 1) bool; at least one pixel of each image is not.
    """
    known = tf.cast(tf.logical_not(removed), images.dtype)
    height, width = sizes(images, 1, 3)
    if min(height, width) > COARSEST:
        share = tf.nn.avg_pool2d(known, 2, 2, "SAME")
        coarse = tf.math.divide_no_nan(tf.nn.avg_pool2d(images * known, 2, 2, "SAME"), share)
        start = tf.image.resize(impute(coarse, share == 0), [height, width])
    else:
        start = tf.math.divide_no_nan(
            tf.reduce_sum(images * known, [1, 2], keepdims=True), tf.reduce_sum(known, [1, 2], keepdims=True)
        )
    start = tf.where(removed, start, images)
    tolerance = TOLERANCE * tf.reduce_max(tf.abs(images * known), [1, 2, 3], keepdims=True)
    return _conjugate_gradients(start, 1 - known, tolerance)


def _conjugate_gradients(start: tf.Tensor, free: tf.Tensor, tolerance: tf.Tensor) -> tf.Tensor:
    """Solve the equations of the pixels that are free, from a start that has the others as they are.

    Args:
        start: (batch, height, width, channels).
        free: (batch, height, width, 1), 1 where a pixel is unknown, else 0.
        tolerance: how far an equation of each image may miss, (batch, 1, 1, 1). An image that is solved stays as it is, so
            that it does not depend on the others.
    """
    total = _weighted_sum(tf.ones_like(free[:1]))  # less at the border

    def equations(values):
        return free * (total * values - _weighted_sum(values))

    def dot(first, second):
        return tf.reduce_sum(first * second, axis=[1, 2, 3], keepdims=True)

    def misses(residual):
        return tf.reduce_max(tf.abs(residual), axis=[1, 2, 3], keepdims=True) > tolerance

    def step(number, values, residual, direction, square):
        image = equations(direction)
        length = tf.math.divide_no_nan(square, dot(direction, image)) * tf.cast(misses(residual), values.dtype)
        values += length * direction
        residual -= length * image
        new_square = dot(residual, residual)
        direction = residual + tf.math.divide_no_nan(new_square, square) * direction
        return number + 1, values, residual, direction, new_square

    def unsolved(number, values, residual, direction, square):
        return (number < MOST_STEPS) & tf.reduce_any(misses(residual))

    residual = -equations(start)
    state = (0, start, residual, residual, dot(residual, residual))
    return tf.while_loop(unsolved, step, state)[1]


def _weighted_sum(values: tf.Tensor) -> tf.Tensor:
    """The sum of each pixel's neighbors: 1/6 of those beside it, 1/12 of the diagonal ones, nothing from outside.

    With it goes a third of the pixel itself, which is in the total of the weights too, so that it cancels out of an equation.
    """
    padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 12  # [1 2 1; 2 4 2; 1 2 1] / 12


def _checked_counts(shares: Sequence[float], pixels: int) -> tuple[int, ...]:
    """How many pixels each share removes."""
    if isinstance(shares, str) or not isinstance(shares, Sequence | np.ndarray) or not len(shares):
        raise InputError(f"`shares` must be a list of shares of the pixels. Received: {received(shares)}.")
    for share in shares:
        if not is_number(share) or not 0 < share < 1:
            raise InputError(f"`shares` must be above 0 and below 1. Received: {received(share)}.")
    return tuple(min(max(1, round(share * pixels)), pixels - 1) for share in shares)
