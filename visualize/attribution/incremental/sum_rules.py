"""Sum rules: layers that sum over a whole map, as a global average or the dense layer behind Flatten.

A sum over all pixels of a map moves by the sum over those that have changed. So what the layer sums is computed once for the
unhidden images, and the difference of the changed pixels is added for each position of the patch.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar

from visualize._utils.lazy import keras, tf


@dataclass(frozen=True, eq=False)
class SumRule(abc.ABC):
    """A layer that makes one row of numbers of a map, linear in its pixels before bias and activation.

    Attributes:
        layer: Keras layer.
        height, width, channels: of the map.
        reads_whole_rows: it needs whole rows of the map; positions are computed side by side only where these rows are the
            same.
    """

    layer: keras.Layer
    height: int
    width: int
    channels: int

    reads_whole_rows: ClassVar[bool]

    @abc.abstractmethod
    def sum(self, maps: tf.Tensor) -> tf.Tensor:
        """What the layer sums over maps, (batch, height, width, channels): (batch, units)."""

    @abc.abstractmethod
    def updated(
        self, unhidden_sum: tf.Tensor, changed: tf.Tensor, unhidden: tf.Tensor, first_row: tf.Tensor | None
    ) -> tf.Tensor:
        """The layer's output where pixels have changed, (positions x batch, ...).

        Args:
            unhidden_sum: what `sum` makes of the unhidden maps, (batch, units).
            changed: the pixels that have changed, (positions, batch, rows, columns, channels).
            unhidden: the same pixels as they were, in that shape or without the first axis.
            first_row: where whole rows are read, the first of these rows in the map.
        """


@dataclass(frozen=True, eq=False)
class MeanOfMap(SumRule):
    """GlobalAveragePooling2D: the mean moves by the sum of the differences, over the number of pixels."""

    layer: keras.layers.GlobalAveragePooling2D

    reads_whole_rows = False

    def sum(self, maps: tf.Tensor) -> tf.Tensor:
        """The mean of each channel, (batch, channels)."""
        return tf.reduce_mean(maps, axis=(1, 2))

    def updated(
        self, unhidden_sum: tf.Tensor, changed: tf.Tensor, unhidden: tf.Tensor, first_row: tf.Tensor | None
    ) -> tf.Tensor:
        """The mean of each channel where pixels have changed, (positions x batch, channels)."""
        moved = tf.reduce_sum(changed - unhidden, axis=(2, 3)) / (self.height * self.width)  # (positions, batch, channels)
        mean = tf.reshape(unhidden_sum + moved, [-1, self.channels])
        return mean[:, None, None] if self.layer.keepdims else mean


@dataclass(frozen=True, eq=False)
class DenseOfFlatMap(SumRule):
    """Dense behind Flatten: each unit's sum moves by difference x weight, over the rows of the map that have changed."""

    layer: keras.layers.Dense

    reads_whole_rows = True

    @property
    def _kernel(self) -> tf.Tensor:
        """The weights by rows of the map, (height, width x channels, units)."""
        return tf.reshape(tf.convert_to_tensor(self.layer.kernel), [self.height, self.width * self.channels, self.layer.units])

    def sum(self, maps: tf.Tensor) -> tf.Tensor:
        """The weighted sum of each unit, without its bias, (batch, units)."""
        rows = tf.reshape(maps, [-1, self.height, self.width * self.channels])
        return tf.einsum("bhc,hcu->bu", rows, self._kernel)

    def updated(
        self, unhidden_sum: tf.Tensor, changed: tf.Tensor, unhidden: tf.Tensor, first_row: tf.Tensor | None
    ) -> tf.Tensor:
        """The activation of each unit where pixels have changed, (positions x batch, units)."""
        rows, units = int(changed.shape[2] or 0), self.layer.units  # windows have a fixed size
        weights = tf.reshape(tf.slice(self._kernel, [first_row, 0, 0], [rows, -1, -1]), [-1, units])
        differences = tf.reshape(changed - unhidden, [-1, rows * self.width * self.channels])
        moved = tf.matmul(differences, weights)  # (positions x batch, units)
        sums = tf.reshape(moved, [-1, tf.shape(unhidden_sum)[0], units]) + unhidden_sum  # (positions, batch, units)
        return with_bias_and_activation(self.layer, tf.reshape(sums, [-1, units]))


def with_bias_and_activation(layer: Any, sums: tf.Tensor) -> tf.Tensor:
    """What a layer makes of its weighted sums."""
    if layer.use_bias:
        sums = tf.nn.bias_add(sums, tf.convert_to_tensor(layer.bias))
    return sums if layer.activation is None else layer.activation(sums)
