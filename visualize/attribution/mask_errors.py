"""Standard errors of RISE: what its masks say of how far the map would differ with other masks.

The map is r - mean(score), where r = sum(mask x score) / sum(mask) at each pixel: a ratio. Its error is, to first order,
that of the mean of w x (score - r), where w = mask / keep - 1 is 0 on average (Cochran 1977, "Sampling Techniques", 6.4).
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass

from visualize._utils.lazy import tf
from visualize.attribution.standard_error import add_samples


@dataclass(frozen=True)
class MaskErrors(abc.ABC):
    """Sums over the masks, from which the standard error of each pixel follows. Scores are differences to a fixed one.

    Attributes:
        keep: mean of the masks.
        rows: masks of a block that is independent of the others.
    """

    keep: float
    rows: int

    @abc.abstractmethod
    def start(self, count: tf.Tensor, size: Sequence[int]) -> list[tf.Tensor]:
        """The sums before the first mask, for so many images of this size."""

    @abc.abstractmethod
    def add(self, sums: Sequence[tf.Tensor], numbers: tf.Tensor, masks: tf.Tensor, scores: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """The sums with more masks.

        Args:
            sums: those before.
            numbers: of the masks, (k,).
            masks: (k, height, width).
            scores: of the masked images, (k, batch).
        """

    @abc.abstractmethod
    def error(
        self, sums: Sequence[tf.Tensor], count: int | tf.Tensor, shown: tf.Tensor, ratio: tf.Tensor, values: tf.Tensor
    ) -> tf.Tensor:
        """The standard error of each pixel, (batch, height, width).

        Args:
            sums: over all masks.
            count: how many masks.
            shown: the sum of the masks, (height, width).
            ratio: sum(mask x score) / sum(mask), (batch, height, width).
            values: the map, (batch, height, width).
        """


@dataclass(frozen=True)
class ErrorsOfMasks(MaskErrors):
    """Of independent masks: the spread of w x (score - r), from sums of w^2, w^2 x score and w^2 x score^2."""

    def start(self, count: tf.Tensor, size: Sequence[int]) -> list[tf.Tensor]:
        """As `MaskErrors` says."""
        return [tf.zeros(size), tf.zeros([count, *size]), tf.zeros([count, *size])]

    def add(self, sums: Sequence[tf.Tensor], numbers: tf.Tensor, masks: tf.Tensor, scores: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """As `MaskErrors` says."""
        squares = tf.square(masks / self.keep - 1)
        powers = (tf.square(scores), scores)
        square, product = (tf.tensordot(power, squares, axes=[0, 0]) for power in powers)
        return sums[0] + tf.reduce_sum(squares, axis=0), sums[1] + product, sums[2] + square

    def error(
        self, sums: Sequence[tf.Tensor], count: int | tf.Tensor, shown: tf.Tensor, ratio: tf.Tensor, values: tf.Tensor
    ) -> tf.Tensor:
        """As `MaskErrors` says."""
        ones, scores, squares = sums
        count = tf.cast(count, values.dtype)
        spread = squares - 2 * ratio * scores + tf.square(ratio) * ones - count * tf.square(values)
        return tf.sqrt(tf.maximum(spread, 0) / (count * (count - 1)))


@dataclass(frozen=True)
class ErrorsOfBlocks(MaskErrors):
    """Of masks in balanced blocks, which are not independent, while the blocks are: the spread of the sums of the blocks.

    Over a whole block w adds up to 0, so that its sum of w x (score - r) is that of w x score.
    """

    def start(self, count: tf.Tensor, size: Sequence[int]) -> list[tf.Tensor]:
        """As `MaskErrors` says."""
        return [tf.zeros([count, *size])] * 3  # the sum of the open block; the sum of the whole blocks, and their spread

    def add(self, sums: Sequence[tf.Tensor], numbers: tf.Tensor, masks: tf.Tensor, scores: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """As `MaskErrors` says."""
        current, total, spread = sums
        first, last = numbers[0] // self.rows, numbers[-1] // self.rows
        belongs = tf.one_hot(numbers // self.rows - first, last - first + 1, axis=0)  # (blocks, k)
        of_blocks = tf.einsum("nk,kb,kp->nbp", belongs, scores, tf.reshape(masks / self.keep - 1, [tf.shape(numbers)[0], -1]))
        of_blocks = tf.reshape(of_blocks, tf.concat([[last - first + 1], tf.shape(current)], axis=0))
        of_blocks = tf.concat([of_blocks[:1] + current, of_blocks[1:]], axis=0)
        whole = (numbers[-1] + 1) // self.rows - first  # blocks that end here
        total, spread = add_samples(total, spread, of_blocks[:whole], first)
        current = tf.where(whole > last - first, tf.zeros_like(current), of_blocks[-1])
        return current, total, spread

    def error(
        self, sums: Sequence[tf.Tensor], count: int | tf.Tensor, shown: tf.Tensor, ratio: tf.Tensor, values: tf.Tensor
    ) -> tf.Tensor:
        """As `MaskErrors` says."""
        current, total, spread = sums
        whole, count = (tf.cast(number, values.dtype) for number in (count // self.rows, count))
        rest = count - whole * self.rows
        current -= ratio * (shown / self.keep - count)  # w adds up to 0 over the whole blocks, so this is of the open one
        spread += whole * tf.math.squared_difference(total / whole, self.rows * values)
        spread += tf.math.squared_difference(current, rest * values)
        squares = whole * self.rows**2 + tf.square(rest)  # of the sizes of the blocks; their mean is known from themselves
        return tf.sqrt(spread / (tf.square(count) - squares))
