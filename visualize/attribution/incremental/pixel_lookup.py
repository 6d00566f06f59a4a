"""Pixel lookup: cut a region out of maps of which a window has changed, for many positions of the patch at once.

All pixels stand in one table, (pixels, channels): one row of padding, then every pixel of the unhidden maps of the batch, then
every pixel of the changed windows. A region is an index into the table for each of its pixels, so that a single `tf.gather`
cuts it out, whether a pixel is padding, unchanged or changed. A whole map with its changed window in place is just the largest
region.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from visualize._utils.lazy import tf
from visualize.attribution.incremental.receptive_field import Span, Window
from visualize.attribution.incremental.walk import ChangedMap


@dataclass(frozen=True, eq=False)
class PositionBatch:
    """The positions of the patch that are computed side by side: k places in the grid of all positions.

    Attributes:
        row: (k,) int32, the row of the grid.
        column: (k,) int32, the column of the grid.
    """

    row: tf.Tensor
    column: tf.Tensor

    @property
    def count(self) -> tf.Tensor:
        """k, () int32."""
        return tf.shape(self.row)[0]


def cut(
    changed: ChangedMap,
    window: tf.Tensor | None,
    positions: PositionBatch,
    region: tuple[Window, Window],
    padding: float = 0.0,
) -> tf.Tensor:
    """A region of a map with its changed windows in place, (k x batch, rows, columns, channels).

    Args:
        changed: the map.
        window: its changed windows, (k x batch, ...); None for the map of the unhidden images.
        positions: of the patch.
        region: the pixels to cut out, along rows and along columns.
        padding: the value of what stands outside of the map.
    """
    height, width, channels = changed.shape
    window_pixels = changed.rows.window.size * changed.columns.window.size
    batch = tf.shape(changed.tensor)[0]
    along_rows = AxisLookup.of(changed.rows, region[0], width, changed.columns.window.size)
    along_columns = AxisLookup.of(changed.columns, region[1], 1, 1)
    pixels = PixelLookup.of(along_rows, along_columns, positions)

    # The unhidden maps, image after image: the index of a pixel of the first image, and how far on it is in the next one.
    table = [tf.reshape(changed.tensor, [-1, channels])]
    index = pixels.in_map  # (k, rows, columns)
    image_step: tf.Tensor | int = height * width

    if window is not None:
        # Behind them the changed windows: those of all images at the first position, at the second, ...
        table.append(tf.reshape(window, [-1, channels]))
        position = tf.range(tf.shape(index)[0])[:, None, None]  # (k, 1, 1)
        in_windows = pixels.in_window + batch * (image_step + position * window_pixels)
        index = tf.where(pixels.is_changed, in_windows, index)
        image_step = tf.where(pixels.is_changed, window_pixels, image_step)

    if along_rows.leaves_map or along_columns.leaves_map:
        # In front of them one row of padding, which all images share.
        table.insert(0, tf.fill([1, channels], tf.cast(padding, changed.tensor.dtype)))
        index = tf.where(pixels.is_outside, 0, index + 1)
        image_step = tf.where(pixels.is_outside, 0, image_step)

    if not isinstance(image_step, int):
        image_step = image_step[:, None]  # (k, 1, rows, columns)
    index = index[:, None] + tf.range(batch)[:, None, None] * image_step  # (k, batch, rows, columns)
    values = tf.gather(tf.concat(table, axis=0) if len(table) > 1 else table[0], index)
    return tf.reshape(values, [-1, region[0].size, region[1].size, channels])


@dataclass(frozen=True, eq=False)
class AxisLookup:
    """Where the pixels of a region stand along one axis, at each position of the patch along it: (positions, size) each.

    All four are numbers of which the sum over both axes tells the same of a pixel of the picture.

    Attributes:
        in_map: index in the map, where pixels stand row after row.
        in_window: index in the changed window, likewise.
        beside_window: 1 where the pixel is beside the changed window, else 0.
        outside: 1 where the pixel is outside of the map, else 0.
    """

    in_map: np.ndarray
    in_window: np.ndarray
    beside_window: np.ndarray
    outside: np.ndarray

    @classmethod
    def of(cls, span: Span, region: Window, map_step: int, window_step: int) -> AxisLookup:
        """The lookup of a region of an axis.

        Args:
            span: what changes along the axis.
            region: the pixels that are looked up.
            map_step: from one pixel of the axis to the next, in the map.
            window_step: the same, in the changed window.
        """
        pixels = region.pixels  # (positions, size)
        from_window = pixels - span.window.start[:, None]
        beside_window = (from_window < 0) | (from_window >= span.window.size)
        outside = (pixels < 0) | (pixels >= span.length)
        return cls(pixels * map_step, from_window * window_step, beside_window, outside)

    @property
    def leaves_map(self) -> bool:
        """Whether any pixel is outside of the map."""
        return bool(self.outside.any())

    @property
    def numbers(self) -> np.ndarray:
        """The four numbers of each pixel, (positions, size, 4) int32."""
        return np.stack([self.in_map, self.in_window, self.beside_window, self.outside], axis=-1).astype("int32")


@dataclass(frozen=True, eq=False)
class PixelLookup:
    """Where the pixels of a region stand, at each of k positions of the patch: (k, rows, columns) each.

    Attributes:
        in_map: index in the map of one image.
        in_window: index in its changed window.
        beside_window: 0 in the changed window, else positive.
        outside: 0 in the map, else positive.
    """

    in_map: tf.Tensor
    in_window: tf.Tensor
    beside_window: tf.Tensor
    outside: tf.Tensor

    @classmethod
    def of(cls, rows: AxisLookup, columns: AxisLookup, positions: PositionBatch) -> PixelLookup:
        """The sums over both axes."""
        along_rows = rows.numbers[:, :, None]  # (rows of the grid, rows, 1, 4)
        along_columns = columns.numbers[:, None]  # (columns of the grid, 1, columns, 4)
        sums = tf.gather(along_rows, positions.row) + tf.gather(along_columns, positions.column)  # (k, rows, columns, 4)
        return cls(*tf.unstack(sums, axis=-1))

    @functools.cached_property
    def is_changed(self) -> tf.Tensor:
        """Whether a pixel is in the changed window."""
        return self.beside_window == 0

    @functools.cached_property
    def is_outside(self) -> tf.Tensor:
        """Whether a pixel is outside of the map."""
        return self.outside > 0
