"""Penalties: what an image pays for, beside what its unit answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from visualize._utils.lazy import tf
from visualize.errors import InputError

TINY = 1e-12


def norm_and_variation(parts: Any, lp_norm: float, total_variation: float) -> Any:
    """The 6-norm and the total variation, weighed, per number of the image, (batch,); pixels in parts of the input range."""
    down = tf.reduce_sum((parts[:, 1:] - parts[:, :-1]) ** 2, axis=[1, 2, 3])
    right = tf.reduce_sum((parts[:, :, 1:] - parts[:, :, :-1]) ** 2, axis=[1, 2, 3])
    squares = parts**2
    norm = (tf.reduce_sum(squares * squares * squares, axis=[1, 2, 3]) + TINY) ** (1 / 6)
    return (lp_norm * norm + total_variation * (down + right)) / float(np.prod(parts.shape[1:]))


def similarity(maps: Any, copies: int) -> Any:
    """How alike each image is to the other copies of its unit: the mean cosine of their Gram matrices, (batch,).

    Olah, Mordvintsev & Schubert (2017), doi:10.23915/distill.00007, section "Diversity". The Gram matrix of a layer tells
    which channels answer together, wherever on the map. The slope of an image's part by the other images is left out: each
    draws away from the others as they are.

    Args:
        maps: (batch, ..., channels), the copies of a unit one after another.
        copies: how many, at least 2.
    """
    channels = maps.shape[-1]
    flat = tf.reshape(maps, [-1, copies, int(np.prod(maps.shape[1:-1], dtype=int)), channels])
    grams = tf.reshape(tf.einsum("ucpi,ucpj->ucij", flat, flat), [-1, copies, channels**2])
    grams = tf.math.l2_normalize(grams, axis=-1)
    cosines = tf.einsum("uax,ubx->uab", grams, tf.stop_gradient(grams))
    others = tf.linalg.set_diag(cosines, tf.zeros_like(cosines[..., 0]))
    return tf.reshape(tf.reduce_sum(others, axis=-1) / (copies - 1), [-1])


def regularization(regularizer: Callable, images: Any) -> Any:
    """What a regularizer of tf-keras-vis returns for each image alone, (batch,).

    Raises:
        InputError: it does not return one number for an image.
    """
    legacy = sys.modules.get("tf_keras_vis.utils.regularizers")  # whoever holds such a one has imported it
    as_list = legacy is not None and isinstance(regularizer, legacy.LegacyRegularizer)

    def of_one(image):
        found = tf.convert_to_tensor(regularizer([image[None]] if as_list else image[None]))
        if found.shape.num_elements() != 1:
            raise InputError(f"`regularizers` must return one number for each image. Received: shape {tuple(found.shape)}.")
        return tf.cast(tf.reshape(found, []), images.dtype)

    return tf.map_fn(of_one, images, fn_output_signature=tf.TensorSpec([], images.dtype))


def checked_regularizers(regularizers: Any) -> tuple[Callable, ...]:
    """The regularizers, one or several.

    Raises:
        InputError: one of them cannot be called.
    """
    several = tuple(regularizers) if isinstance(regularizers, Sequence) else (regularizers,)
    for one in several:
        if not callable(one):
            raise InputError(f"`regularizers` must be functions of images, as those of tf-keras-vis are. Received: {one!r}.")
    return several
