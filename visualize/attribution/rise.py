"""RISE: run the image through random masks, and average the masks by the score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count, checked_number, renamed_keywords
from visualize.attribution.perturbation import Fill, checked_fill, fill_images, fill_in_json, loop_over_copies
from visualize.attribution.request import Batch, Method, explain, prepare
from visualize.engine.resize import resize
from visualize.engine.shapes import sizes
from visualize.errors import InputError
from visualize.results import Attribution

__all__ = ["rise"]


@renamed_keywords(explained="input_name")
def rise(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    masks: int = 2000,
    cells: int = 7,
    keep: float = 0.5,
    fill: float | str | Sequence[float] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
    seed: int = 0,
) -> Attribution:
    """Explain a class score by the mean score of the masked images that show a pixel, minus the mean of all.

    Petsiuk, Das & Saenko (2018), arXiv:1806.07421, equation 6 and section 3.2. A mask is the paper's: a grid of cells x
    cells, resized to one cell more than the image along each side, and shifted by part of a cell. The paper divides the sum
    of mask x score by masks x keep; here it is divided by how often the masks really show a pixel, and the mean score is
    subtracted, so that the map is zero where a pixel does not matter. In expectation, and up to that constant, it is the
    paper's map.

    With `keep` at one half the masks are no independent draws: blocks of them are rows of a Hadamard matrix whose columns are
    drawn and flipped at random. Each mask alone is what the paper draws, so the expectation is the same; within a block each
    two cells are shown together as often as not, so what one cell adds to the score is no noise in the map of another. The
    closer the score is to a sum over the cells, the fewer masks are needed: on a digit 256 such masks vary less than 2,000
    independent ones, on a photograph under black the gain is small.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction for the whole
            image.
        masks: how many; they are made inside the graph, and memory does not grow with their number.
        cells: of a mask along each side, before it is resized and shifted.
        keep: share of the cells that show the image, above 0 and below 1.
        fill: what replaces the image where a mask hides it: a number, "mean" for the mean color of the image, or "blur" for
            the image out of focus; by default black, the low end of the input range that the model's card states, else 0. In
            Python also a color, one number per channel.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: masked copies at a time; by default as many as suit the size of the images.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.
        seed: of the masks, which are the same for every image.

    Returns:
        Attribution whose values are mean(score x mask) / mean(mask) - mean(score) at each pixel, signed, in units of the
        score.

    Raises:
        InputError: `target` is not a class of the model, or a number is out of its range.

    Cost:
        2000 forward passes.

    Needs:
        Scores alone.

    Misleads:
        Coarse and random: how much another seed changes is how much not to believe. What hides the pixels may itself look like
        a class.

    Example:
        visualize rise model.keras cat.png --masks 4000
    """
    checked_count("masks", masks, 2)
    checked_count("cells", cells, 1)
    checked_count("seed", seed, 0)
    if not 0 < checked_number("keep", keep) < 1:
        raise InputError(f"`keep` must be above 0 and below 1. Received: {keep}.")
    request = prepare(model, images, target, input_name, precision)
    black = request.input_range[0] if request.input_range else 0.0
    fill = checked_fill(fill, black, request.inputs.images.shape[-1])
    method = RISE(masks=masks, cells=cells, keep=keep, fill=fill, seed=seed)
    method.check_coverage(request.inputs.size)
    return explain(request, method, batch_size)


@dataclass(frozen=True, kw_only=True)
class RISE(Method):
    """Equation 6 of the paper, minus the mean score."""

    name = "rise"
    unit = "score"
    signed = True
    coarse = True

    masks: int
    cells: int
    keep: float
    fill: Fill
    seed: int

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        images, size = batch.images, sizes(batch.images, 1, -1)
        hidden = fill_images(images, self.fill)

        def body(numbers, shown, masked, scores):
            masks = tf.map_fn(lambda n: self.mask(n, size), numbers, fn_output_signature=tf.TensorSpec(size, tf.float32))
            visible = tf.cast(masks[:, None, ..., None], images.dtype)  # (k, 1, height, width, 1)
            copies = hidden + (images[None] - hidden) * visible
            _, score = batch.rerun(tf.reshape(copies, [-1, *images.shape[1:]]), tf.shape(numbers)[0])
            score = tf.reshape(tf.cast(score, tf.float32), [tf.shape(numbers)[0], -1])  # (k, batch)
            shown += tf.reduce_sum(masks, axis=0)
            masked += tf.tensordot(score, masks, axes=[0, 0])
            return shown, masked, scores + tf.reduce_sum(score, axis=0)

        count = tf.shape(images)[0]
        start = [tf.zeros(size), tf.zeros([count, *size]), tf.zeros([count])]
        shown, masked, scores = loop_over_copies(batch, self.masks, body, start)
        return {"values": masked / shown - tf.reshape(scores, [-1] + [1] * len(size)) / self.masks}

    def mask(self, number: tf.Tensor, size: list[int]) -> tf.Tensor:
        """A mask of the image's size, smooth between 0 and 1: a random grid, resized and shifted."""
        shape = [self.cells] * len(size)
        if self.keep == 0.5:
            block, grid = balanced_grid(number, shape, self.seed)
        else:
            block, grid = number, tf.random.stateless_uniform(shape, tf.stack([self.seed, 2 * number])) < self.keep
        cell = [-(-length // self.cells) for length in size]
        grid = tf.expand_dims(tf.expand_dims(tf.cast(grid, tf.float32), 0), -1)  # as a batch of one picture of one channel
        resized = tf.squeeze(resize(grid, [(self.cells + 1) * length for length in cell]), [0, -1])
        shift = tf.random.stateless_uniform([len(size)], tf.stack([self.seed, 2 * block + 1]))
        return tf.slice(resized, tf.cast(shift * cell, tf.int32), size)

    def check_coverage(self, size: Sequence[int]) -> None:
        """Refuse masks that show some pixel never: nothing could be said of it.

        Raises:
            InputError: they do.
        """
        if self.cells ** len(size) * (1 - self.keep) ** self.masks < 1e-12:  # no cell is hidden so often: the usual case
            return
        shown = np.zeros(size, bool)
        for number in range(self.masks):
            shown |= self.mask(tf.constant(number), list(size)).numpy() > 0
            if shown.all():
                return
        raise InputError(
            f"`masks` must show every pixel at least once. Received: {self.masks} masks that keep {self.keep:g} of "
            f"{self.cells} x {self.cells} cells, and never show {(~shown).sum():,} of {shown.size:,} pixels. "
            "Take more masks, or a larger `keep`."
        )

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "fill": fill_in_json(self.fill)}


def balanced_grid(number: tf.Tensor, shape: Sequence[int], seed: int) -> tuple[tf.Tensor, tf.Tensor]:
    """A grid of cells that are shown or hidden, one of a block in which each two cells are balanced.

    A block has as many grids as there are rows in a Hadamard matrix (Sylvester's, whose entry at row i and column j is the
    parity of the bits that i and j share) with more columns than there are cells. Each cell has one of the columns but the
    first, which is constant, and is inverted or not. Each grid alone is a draw of independent fair coins; over a block each
    cell is shown in half of the grids, and each two cells are alike in half of them.

    Args:
        number: of the grid, int32.
        shape: cells along each axis.
        seed: of the columns and the inversions of every block.

    Returns:
        The number of the block, and the grid, bool.
    """
    cells = math.prod(shape)
    rows = 2 ** cells.bit_length()  # a power of two above the number of cells
    block, row = number // rows, number % rows
    columns = tf.argsort(tf.random.stateless_uniform([rows - 1], tf.stack([seed, 2 * block])))[:cells] + 1
    shared = tf.bitwise.bitwise_and(columns, row)
    for shift in (16, 8, 4, 2, 1):  # the parity of all bits comes to the last one
        shared = tf.bitwise.bitwise_xor(shared, tf.bitwise.right_shift(shared, shift))
    inverted = tf.random.stateless_uniform([cells], tf.stack([seed, 2 * block + 1]), 0, 2, tf.int32)
    return block, tf.reshape((shared + inverted) % 2 == 1, shape)
