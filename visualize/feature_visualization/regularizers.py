"""Regularizers: what keeps an optimized image natural, and the copies of one unit different.

Regularizers of tf-keras-vis, and users' own, are called in `visualize/tf_keras_vis.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from visualize._utils.lazy import tf
from visualize.engine.forward import ForwardPass
from visualize.engine.layer_facts import layer_facts
from visualize.feature_visualization.objectives import Source
from visualize.models.layers import last_map

EPSILON = 1e-12


def norm_and_variation(parts: tf.Tensor, lp_norm: float, total_variation: float) -> tf.Tensor:
    """The 6-norm and the total variation, weighted, divided by the number of values of an image, (batch,).

    Total variation after Mahendran & Vedaldi (2014), arXiv:1412.0035: the sum of squared differences of neighbors.

    Args:
        parts: (batch, height, width, channels), pixels as parts of the input range.
        lp_norm: weight of the norm.
        total_variation: weight of the total variation.
    """
    down = tf.reduce_sum((parts[:, 1:] - parts[:, :-1]) ** 2, axis=[1, 2, 3])
    right = tf.reduce_sum((parts[:, :, 1:] - parts[:, :, :-1]) ** 2, axis=[1, 2, 3])
    squares = parts**2
    norm = (tf.reduce_sum(squares * squares * squares, axis=[1, 2, 3]) + EPSILON) ** (1 / 6)
    return (lp_norm * norm + total_variation * (down + right)) / float(np.prod(_sizes(parts)))


def similarity_of_copies(
    forward: ForwardPass, sources: Sequence[Source], weights: Sequence[tf.Tensor], copies: int
) -> tuple[tf.Tensor, list[str]]:
    """How similar each image is to the other copies of its unit in the layers that its objective reads, (batch,).

    Args:
        forward: of the images.
        sources: where the objectives read; for scores the last map of the last convolution's size is taken.
        weights: of the values of each source, (batch, count) each. A layer counts for an image where they are not all 0.
        copies: of each unit, one after another.

    Returns:
        The mean of `gram_similarity` over the layers of each image, and the paths of all layers.
    """
    reads: dict[str, tf.Tensor] = {}  # path -> whether the objective of each image reads the layer, (batch,)
    for source, rows in zip(sources, weights, strict=True):
        path = source.layer or last_map(layer_facts(forward))[0]
        reads[path] = tf.logical_or(reads.get(path, False), tf.reduce_any(rows != 0, axis=-1))
    maps = [tf.cast(forward.with_channels_last(path, forward.layer_output(path)), tf.float32) for path in reads]
    similarities = [gram_similarity(layer_maps, copies) for layer_maps in maps]
    marks = [tf.cast(read, tf.float32) for read in reads.values()]
    total = tf.add_n([mark * similarity for mark, similarity in zip(marks, similarities, strict=True)])
    return total / tf.add_n(marks), list(reads)


def gram_similarity(maps: tf.Tensor, copies: int) -> tf.Tensor:
    """How similar each image is to the other copies of its unit: the mean cosine of their Gram matrices, (batch,).

    Olah, Mordvintsev & Schubert (2017), doi:10.23915/distill.00007, section "Diversity". The Gram matrix of a layer shows
    which channels are active together, wherever on the map. The gradient with respect to the other images is left out: each
    image is driven away from the others as they are.

    Args:
        maps: (batch, ..., channels), the copies of a unit one after another.
        copies: how many, at least 2.
    """
    *spatial_shape, channels = _sizes(maps)
    flat = tf.reshape(maps, [-1, copies, int(np.prod(spatial_shape, dtype=int)), channels])  # (units, copies, pixels, c)
    grams = tf.reshape(tf.einsum("ucpi,ucpj->ucij", flat, flat), [-1, copies, channels**2])
    grams = tf.math.l2_normalize(grams, axis=-1)
    cosines = tf.einsum("uax,ubx->uab", grams, tf.stop_gradient(grams))  # (units, copies, copies)
    others = tf.linalg.set_diag(cosines, tf.zeros_like(cosines[..., 0]))
    return tf.reshape(tf.reduce_sum(others, axis=-1) / (copies - 1), [-1])


def _sizes(tensor: tf.Tensor) -> list[int]:
    """The length of each axis but the batch."""
    return cast("list[int]", tensor.shape.as_list()[1:])
