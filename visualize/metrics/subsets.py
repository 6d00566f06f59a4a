"""Subsets: the cells or squares of an image that are hidden together, and what a map says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import tf
from visualize._utils.validation import checked_count
from visualize.attribution.perturbation import Fill, fill_images, fill_in_json
from visualize.attribution.request import Request
from visualize.data.framing import PHOTOGRAPH_SIDE
from visualize.engine.shapes import sizes
from visualize.metrics.perturbed_scores import SUBSETS, Change, CopyScores, Perturbation, ScoreName, perturbed_scores

PHOTOGRAPH_CELLS = 16  # along each side of a photograph


@dataclass(frozen=True)
class HiddenCells(Perturbation):
    """Copies of an image in which some cells of a grid are hidden, the same for every image.

    Attributes:
        grid: number of cells along each spatial axis; where it is the size of the image, each pixel is a cell.
        fill: what hides them.
    """

    grid: tuple[int, ...]
    fill: Fill

    def specs(self, size: tuple[int, ...]) -> dict[str, tf.TensorSpec]:
        """Which cells are hidden, (copies, cells)."""
        return {SUBSETS: tf.TensorSpec([None, int(np.prod(self.grid))], tf.bool)}

    def copies(self, images: tf.Tensor, tensors: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, Change]:
        """One copy for each subset."""
        subsets, size, hidden = tensors[SUBSETS], sizes(images, 1, -1), fill_images(images, self.fill)
        cells = tf.constant(cells_of_pixels(self.grid, size).ravel())

        def change(numbers):
            masks = tf.gather(tf.gather(subsets, numbers), cells, axis=1)  # (k, pixels)
            return tf.where(tf.reshape(masks, [-1, 1, *size, 1]), hidden, images)

        return tf.shape(subsets)[0], change


@dataclass(frozen=True)
class HiddenSquares(Perturbation):
    """Copies of an image in which a square is hidden, at the same position in every image.

    Attributes:
        side: of the square, or box.
        fill: what hides it.
    """

    side: int
    fill: Fill

    def specs(self, size: tuple[int, ...]) -> dict[str, tf.TensorSpec]:
        """The first pixel of each square along each axis, (copies, axes)."""
        return {SUBSETS: tf.TensorSpec([None, len(size)], tf.int32)}

    def copies(self, images: tf.Tensor, tensors: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, Change]:
        """One copy for each square."""
        corners, size, hidden = tensors[SUBSETS], sizes(images, 1, -1), fill_images(images, self.fill)

        def change(numbers):
            first, mask = tf.gather(corners, numbers), tf.constant(True)
            for axis, length in enumerate(size):
                along = tf.range(length) - first[:, axis, None]  # (k, length)
                shape = [-1, 1, *(length if other == axis else 1 for other in range(len(size))), 1]
                mask &= tf.reshape((along >= 0) & (along < self.side), shape)
            return tf.where(mask, hidden, images)  # (k, batch, height, width, channels)

        return tf.shape(corners)[0], change


def score_falls(
    request: Request,
    perturbation: HiddenCells | HiddenSquares,
    subsets: np.ndarray,
    score: ScoreName | None,
    batch_size: int | None,
) -> tuple[CopyScores, np.ndarray]:
    """The scores, by default logits, and how far they fall in each copy, (batch, copies).

    Raises:
        InputError: what `perturbed_scores` raises.
    """
    if score is None and request.spec.function is None:
        score = "logit"
    scores = perturbed_scores(request, perturbation, score, batch_size, constants={SUBSETS: subsets})
    return scores, scores.whole[:, None] - scores.copies


def settings_of(perturbation: HiddenCells | HiddenSquares, scores: CopyScores, seed: int, **options: Any) -> Mapping[str, Any]:
    """How a metric was measured, as its record states it."""
    return {**options, "fill": fill_in_json(perturbation.fill), "score": scores.unit, "seed": seed}


def checked_grid(cells: int | None, size: Sequence[int]) -> tuple[int, ...]:
    """The number of cells along each axis of an image.

    Args:
        cells: along each axis; None for 16 of a photograph, and for each pixel of anything smaller.
        size: of the image, (height, width).
    """
    if cells is None:
        cells = PHOTOGRAPH_CELLS if len(size) == 2 and min(size) >= PHOTOGRAPH_SIDE else max(size)
    return tuple(min(checked_count("cells", cells, 1), length) for length in size)


def cells_of_pixels(grid: Sequence[int], size: Sequence[int]) -> np.ndarray:
    """The number of the cell that each pixel lies in, in the shape of the image, int32."""
    along_axes = [(2 * np.arange(length) + 1) * cells // (2 * length) for cells, length in zip(grid, size, strict=True)]
    return np.ravel_multi_index(np.meshgrid(*along_axes, indexing="ij"), tuple(grid)).astype("int32")


def random_subsets(cells: int, hidden: int, count: int, generator: np.random.Generator) -> np.ndarray:
    """Random subsets of exactly so many hidden cells, (count, cells) bool."""
    subsets = np.zeros((count, cells), bool)
    subsets[:, :hidden] = True
    return generator.permuted(subsets, axis=1)


def sums_over_cells(maps: np.ndarray, subsets: np.ndarray, grid: Sequence[int]) -> np.ndarray:
    """The sum of each map over each subset, (batch, subsets) float64."""
    cells = cells_of_pixels(grid, maps.shape[1:]).ravel()
    sums = [np.bincount(cells, values.ravel().astype("float64"), subsets.shape[1]) for values in maps]
    return np.stack(sums) @ subsets.T.astype("float64")


def sums_over_squares(maps: np.ndarray, corners: np.ndarray, side: int) -> np.ndarray:
    """The sum of each map over each square, (batch, squares) float64."""
    axes = tuple(range(1, maps.ndim))
    squares = [tuple(slice(first, first + side) for first in corner) for corner in corners]
    return np.stack([maps[(slice(None), *square)].sum(axis=axes, dtype="float64") for square in squares], axis=1)
