"""RISE: see the image through random masks, and average the masks by the score."""

from __future__ import annotations

from typing import Any

import numpy as np

from visualize.errors import InputError
from visualize.explanation import View, ask, explain
from visualize.inputs import checked_batch_size, checked_count
from visualize.lazy import tf
from visualize.results import Attribution
from visualize.sampling import over_copies

__all__ = ["rise"]


def rise(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    masks: int = 2000,
    cells: int = 7,
    keep: float = 0.5,
    fill: float | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Attribution:
    """Explain a class score by the mean score of the images that show a pixel, less the mean of all.

    Petsiuk, Das & Saenko (2018), arXiv:1806.07421, equation 6 and section 3.2. The paper's map, the sum of mask x score over
    masks x keep, is this one plus the mean score, which says nothing of the pixels; here the mean is taken away, so that the
    map is zero where a pixel does not matter.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice on the whole image.
        masks: how many; they are made in the graph, and memory does not grow with their number.
        cells: of a mask along each side, before it is resized to the image and shifted by part of a cell.
        keep: share of the cells that show the image.
        fill: value of what a mask hides; by default black, the low end of the input range that the model's card gives, else 0.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: masked copies at a time; by default as many as suit the size of the images.
        seed: of the masks, which are the same for every image.

    Returns:
        Attribution whose values are mean(score x mask) / mean(mask) - mean(score) at each pixel, signed, in units of the
        score.

    Raises:
        InputError: `target` is not a class of the model, or a number is out of its range.

    Example:
        visualize rise model.keras cat.png --masks 4000
    """
    checked_count("masks", masks, 2)
    checked_count("cells", cells, 1)
    checked_count("seed", seed, 0)
    if not 0 < keep < 1:
        raise InputError(f"`keep` must be between 0 and 1. Received: {keep}.")
    question = ask(model, images, target, explained)
    hidden = fill if fill is not None else question.input_range[0] if question.input_range else 0.0
    if not np.isfinite(hidden):
        raise InputError(f"`fill` must be a finite number. Received: {fill}.")
    rows = checked_batch_size(batch_size, question.inputs)
    height, width = question.inputs.images.shape[1:3]

    def averages(view: View) -> dict[str, Any]:
        flat = view.images if view.images.shape.rank == 4 else view.images[..., None]

        def body(numbers, shown, masked, scores):
            shape = tf.TensorSpec([height, width], tf.float32)
            drawn = tf.map_fn(
                lambda number: _mask(number, seed, cells, keep, height, width), numbers, fn_output_signature=shape
            )
            seen_through = tf.cast(drawn[:, None, ..., None], flat.dtype)  # (k, 1, height, width, 1)
            copies = hidden + (flat[None] - hidden) * seen_through
            score = view.again(tf.reshape(copies, [-1, *view.images.shape[1:]]), tf.shape(numbers)[0])[1]
            score = tf.reshape(tf.cast(score, tf.float32), [tf.shape(numbers)[0], -1])  # (k, batch)
            shown += tf.reduce_sum(drawn, axis=0)
            masked += tf.einsum("kb,khw->bhw", score, drawn)
            return shown, masked, scores + tf.reduce_sum(score, axis=0)

        batch = tf.shape(flat)[0]
        start = [tf.zeros([height, width]), tf.zeros([batch, height, width]), tf.zeros([batch])]
        shown, masked, scores = over_copies(view, masks, rows, body, start)
        return {"values": masked / shown - scores[:, None, None] / masks}

    return explain(
        question,
        averages,
        method="rise",
        key=(masks, cells, keep, hidden, seed, rows),
        modifier=None,
        batch_size=batch_size,
        settings={"unit": "score", "masks": masks, "cells": cells, "keep": keep, "fill": hidden, "seed": seed},
    )


def _mask(number: Any, seed: int, cells: int, keep: float, height: int, width: int) -> Any:
    """A mask of the image's size, (height, width), smooth between 0 and 1: a random grid, resized, and shifted."""
    grid = tf.random.stateless_uniform([cells + 1, cells + 1], [seed, 2 * number]) < keep
    tall, wide = -(-height // cells), -(-width // cells)  # of a cell
    large = tf.image.resize(tf.cast(grid, tf.float32)[..., None], [(cells + 1) * tall, (cells + 1) * wide])[..., 0]
    shift = tf.random.stateless_uniform([2], [seed, 2 * number + 1])
    top, left = tf.cast(shift[0] * tall, tf.int32), tf.cast(shift[1] * wide, tf.int32)
    return tf.slice(large, [top, left], [height, width])
