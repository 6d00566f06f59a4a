"""RISE: see the image through random masks, and average the masks by the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from visualize._utils.lazy import tf
from visualize._utils.validation import checked_number
from visualize.attribution.fills import checked_fill, filling
from visualize.attribution.perturbation import over_copies
from visualize.attribution.questions import ask
from visualize.attribution.request import View, explain
from visualize.engine.resize import resized
from visualize.errors import InputError
from visualize.models.inputs import checked_batch_size, checked_count
from visualize.results import Attribution

__all__ = ["rise"]


def rise(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    masks: int = 2000,
    cells: int = 7,
    keep: float = 0.5,
    fill: float | str | Sequence[float] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
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
        keep: share of the cells that show the image, above 0 and below 1.
        fill: what stands where a mask hides the image: a number, "mean" for the mean color of the image, or "blur" for the
            image out of focus; by default black, the low end of the input range that the model's card gives, else 0. In
            Python also a color, one number a channel.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: masked copies at a time; by default as many as suit the size of the images.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.
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
    if not 0 < checked_number("keep", keep) < 1:
        raise InputError(f"`keep` must be above 0 and below 1. Received: {keep}.")
    question = ask(model, images, target, explained, precision)
    hides = checked_fill(fill, question.input_range[0] if question.input_range else 0.0, question.inputs.images.shape[-1])
    rows = checked_batch_size(batch_size, question.inputs)
    size = question.inputs.size
    told = list(hides) if isinstance(hides, tuple) else hides

    def averages(view: View) -> dict[str, Any]:
        hidden = filling(view.images, hides)

        def body(numbers, shown, masked, scores):
            shape = tf.TensorSpec(size, tf.float32)
            drawn = tf.map_fn(lambda number: _mask(number, seed, cells, keep, size), numbers, fn_output_signature=shape)
            seen_through = tf.cast(drawn[:, None, ..., None], view.images.dtype)  # (k, 1, height, width, 1)
            copies = hidden + (view.images[None] - hidden) * seen_through
            score = view.again(tf.reshape(copies, [-1, *view.images.shape[1:]]), tf.shape(numbers)[0])[1]
            score = tf.reshape(tf.cast(score, tf.float32), [tf.shape(numbers)[0], -1])  # (k, batch)
            shown += tf.reduce_sum(drawn, axis=0)
            masked += tf.tensordot(score, drawn, axes=[0, 0])
            return shown, masked, scores + tf.reduce_sum(score, axis=0)

        batch = tf.shape(view.images)[0]
        start = [tf.zeros(size), tf.zeros([batch, *size]), tf.zeros([batch])]
        shown, masked, scores = over_copies(view, masks, rows, body, start)
        return {"values": masked / shown - tf.reshape(scores, [-1] + [1] * len(size)) / masks}

    return explain(
        question,
        averages,
        method="rise",
        key=(masks, cells, keep, hides, seed, rows),
        modifier=None,
        batch_size=batch_size,
        settings={"unit": "score", "signed": True, "masks": masks, "cells": cells, "keep": keep, "fill": told, "seed": seed},
    )


def _mask(number: Any, seed: int, cells: int, keep: float, size: tuple[int, ...]) -> Any:
    """A mask of the image's size, smooth between 0 and 1: a random grid, resized, and shifted."""
    grid = tf.random.stateless_uniform([cells + 1] * len(size), [seed, 2 * number]) < keep
    cell = [-(-length // cells) for length in size]
    large = resized(tf.cast(grid, tf.float32)[None, ..., None], [(cells + 1) * length for length in cell])[0, ..., 0]
    shift = tf.random.stateless_uniform([len(size)], [seed, 2 * number + 1])
    return tf.slice(large, tf.cast(shift * cell, tf.int32), size)
