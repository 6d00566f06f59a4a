"""RISE: run the image through random masks, and average the masks by the score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count, checked_number, renamed_keywords
from visualize.attribution.mask_errors import ErrorsOfBlocks, ErrorsOfMasks, MaskErrors
from visualize.attribution.perturbation import Fill, checked_fill, fill_images, fill_in_json, loop_over_copies
from visualize.attribution.request import Batch, Method, explain, prepare
from visualize.attribution.standard_error import checked_tolerance, is_within, loop_until_enough, with_counts
from visualize.engine.resize import resize
from visualize.engine.shapes import sizes
from visualize.errors import InputError
from visualize.results import Attribution

__all__ = ["rise"]

FEWEST_AT_A_TIME = 64  # masks between two looks at the error
FEWEST_LOOKS = 4  # before it is believed


@renamed_keywords(explained="input_name")
def rise(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    masks: int = 2000,
    tolerance: float | None = None,
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
        masks: how many, with `tolerance` at most; they are made inside the graph, and memory does not grow with their number.
        tolerance: stop as soon as the largest standard error of an image's map is at most this share of its largest value:
            0.05. The masks are counted by the block, at least 4 blocks and 256 masks.
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
        score. `arrays["error"]` has the standard error of each pixel: how far the value would differ with other masks. It
        is that of independent blocks of masks, so that there is none of fewer than two blocks (128 masks of 7 x 7 cells).
        With `tolerance`, `arrays["masks"]` has the masks that each image took, and `settings.remarks` says which images
        reached the most without being within it.

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
        visualize rise model.keras cat.png --masks 4000 --tolerance 0.1 --error
    """
    checked_count("masks", masks, 2)
    checked_count("cells", cells, 1)
    checked_count("seed", seed, 0)
    if not 0 < checked_number("keep", keep) < 1:
        raise InputError(f"`keep` must be above 0 and below 1. Received: {keep}.")
    request = prepare(model, images, target, input_name, precision)
    black = request.input_range[0] if request.input_range else 0.0
    fill = checked_fill(fill, black, request.inputs.images.shape[-1])
    fewest = FEWEST_LOOKS * masks_at_a_time(cells ** len(request.inputs.size), keep)
    tolerance = checked_tolerance(tolerance, masks, fewest, "masks")
    method = RISE(masks=masks, tolerance=tolerance, cells=cells, keep=keep, fill=fill, seed=seed)
    method.check_coverage(request.inputs.size)
    return with_counts(explain(request, method, batch_size), "masks", masks, tolerance)


@dataclass(frozen=True, kw_only=True)
class RISE(Method):
    """Equation 6 of the paper, minus the mean score."""

    name = "rise"
    unit = "score"
    signed = True
    coarse = True

    masks: int
    tolerance: float | None = None
    cells: int
    keep: float
    fill: Fill
    seed: int

    @property
    def stops_by_itself(self) -> bool:
        return self.tolerance is not None

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        images, size = batch.images, sizes(batch.images, 1, -1)
        hidden, errors = fill_images(images, self.fill), self.errors(len(size))

        def body(numbers, shown, masked, scores, *sums):
            masks = tf.map_fn(lambda n: self.mask(n, size), numbers, fn_output_signature=tf.TensorSpec(size, tf.float32))
            visible = tf.cast(masks[:, None, ..., None], images.dtype)  # (k, 1, height, width, 1)
            copies = hidden + (images[None] - hidden) * visible
            _, score = batch.rerun(tf.reshape(copies, [-1, *images.shape[1:]]), tf.shape(numbers)[0])
            score = tf.reshape(tf.cast(score, tf.float32), [tf.shape(numbers)[0], -1])  # (k, batch)
            shown += tf.reduce_sum(masks, axis=0)
            masked += tf.tensordot(score, masks, axes=[0, 0])
            sums = errors.add(sums, numbers, masks, score - whole_score)
            return shown, masked, scores + tf.reduce_sum(score, axis=0), *sums

        whole_score, count = tf.cast(batch.score, tf.float32), tf.shape(images)[0]
        start = [tf.zeros(size), tf.zeros([count, *size]), tf.zeros([count]), *errors.start(count, size)]
        tolerance = self.tolerance
        if tolerance is None:
            return self.map_and_error(whole_score, self.masks, *loop_over_copies(batch, self.masks, body, start))
        at_a_time = masks_at_a_time(self.cells ** len(size), self.keep)

        def is_enough(masks, *sums):
            return (masks >= FEWEST_LOOKS * at_a_time) & is_within(self.map_and_error(whole_score, masks, *sums), tolerance)

        taken, sums = loop_until_enough(batch, self.masks, body, start, at_a_time=at_a_time, is_enough=is_enough)
        return {**self.map_and_error(whole_score, taken, *sums), "masks": tf.fill([count], taken)}

    def map_and_error(
        self,
        whole_score: tf.Tensor,
        masks: int | tf.Tensor,
        shown: tf.Tensor,
        masked: tf.Tensor,
        scores: tf.Tensor,
        *sums: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """The map of each image after so many masks, and its standard error where there are two blocks of them.

        Args:
            whole_score: of each image as it is, (batch,).
            masks: how many.
            shown: sum of the masks, (height, width).
            masked: sum of mask x score, (batch, height, width).
            scores: sum of the scores, (batch,).
            sums: those of the errors.
        """
        axes = shown.shape.rank
        mean = scores / (masks if isinstance(masks, int) else tf.cast(masks, tf.float32))
        values = masked / shown - tf.reshape(mean, [-1] + [1] * axes)
        errors = self.errors(axes)
        if self.masks < 2 * errors.rows:
            return {"values": values}
        ratio = masked / shown - tf.reshape(whole_score, [-1] + [1] * axes)
        return {"values": values, "error": errors.error(sums, masks, shown, ratio, values)}

    def errors(self, axes: int) -> MaskErrors:
        """How the errors of such masks are estimated."""
        rows = independent_rows(self.cells**axes, self.keep)
        return ErrorsOfMasks(self.keep, rows) if rows == 1 else ErrorsOfBlocks(self.keep, rows)

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
    rows = balanced_rows(cells)
    block, row = number // rows, tf.math.floormod(number, rows)
    columns = tf.argsort(tf.random.stateless_uniform([rows - 1], tf.stack([seed, 2 * block])))[:cells] + 1
    shared = tf.bitwise.bitwise_and(columns, row)
    for shift in (16, 8, 4, 2, 1):  # the parity of all bits comes to the last one
        shared = tf.bitwise.bitwise_xor(shared, tf.bitwise.right_shift(shared, shift))
    inverted = tf.random.stateless_uniform([cells], tf.stack([seed, 2 * block + 1]), 0, 2, tf.int32)
    return block, tf.reshape((shared + inverted) % 2 == 1, shape)


def balanced_rows(cells: int) -> int:
    """How many grids of so many cells are balanced as one block: the power of two above their number."""
    return 2 ** cells.bit_length()


def independent_rows(cells: int, keep: float) -> int:
    """How many masks of so many cells are one draw, independent of the others: those of a balanced block, or one."""
    return balanced_rows(cells) if keep == 0.5 else 1


def masks_at_a_time(cells: int, keep: float) -> int:
    """How many masks of so many cells lie between two looks at the error: whole blocks."""
    rows = independent_rows(cells, keep)
    return rows * -(-FEWEST_AT_A_TIME // rows)
