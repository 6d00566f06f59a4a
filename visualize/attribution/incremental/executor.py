"""Executor: compute the windows of a plan, many positions of the patch side by side.

All windows of a layer have one size, so that they are one batch of small pictures; where each stands in its map is a number
in the graph. What a layer reads is cut out of the unhidden maps and the changed windows, see `pixel_lookup`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from visualize._utils.lazy import tf
from visualize.attribution.incremental.pixel_lookup import PositionBatch, cut
from visualize.attribution.incremental.planner import WindowPlan
from visualize.attribution.incremental.walk import ChangedMap, Step, SumStep, WindowStep
from visualize.engine.forward import CallKey

Measure: TypeAlias = "Callable[[tf.Tensor, tf.Tensor, Mapping[CallKey, tf.Tensor]], Mapping[str, tf.Tensor]]"


def measured_at_positions(
    plan: WindowPlan, fills: tf.Tensor, measure: Measure, dtypes: Mapping[str, str]
) -> dict[str, tf.Tensor]:
    """What is measured with the patch at every position, some positions at a time: memory does not grow with their number.

    Args:
        plan: what `plan` returned.
        fills: what hides the pixels, (batch, height, width, channels), or what broadcasts to it.
        measure: `measure(images, k, known_outputs) -> tensors`: what is measured in another forward pass, (k x batch,) each.
            The images are the hidden ones, the whole batch once for each of k positions; the last argument goes to
            `forward_pass`.
        dtypes: name and type of each tensor that is measured.

    Returns:
        (batch, positions) each, by name.
    """
    unhidden = Unhidden.of(plan, fills)
    edges, count = tf.constant(plan.edges), len(plan.edges) - 1

    def body(number: tf.Tensor, *arrays: tf.TensorArray) -> tuple:
        numbers = tf.range(edges[number], edges[number + 1])
        copies = tf.shape(numbers)[0]
        windows = PositionWindows.at(numbers, plan, unhidden)
        measured = measure(windows.hidden_images(), copies, windows.known_outputs())
        rows = (tf.reshape(measured[name], [copies, -1]) for name in dtypes)  # (k, batch)
        return number + 1, *(array.write(number, row) for array, row in zip(arrays, rows, strict=True))

    arrays = [tf.TensorArray(dtype, count, element_shape=[None, None], infer_shape=False) for dtype in dtypes.values()]
    _, *arrays = tf.while_loop(lambda number, *_: number < count, body, (0, *arrays), parallel_iterations=2)
    return {name: tf.transpose(array.concat()) for name, array in zip(dtypes, arrays, strict=True)}


@dataclass(frozen=True, eq=False)
class Unhidden:
    """What is computed of the unhidden images once, not in each turn of the loop.

    Attributes:
        fills: what hides the pixels, in the shape of the images.
        sums: what each `SumStep` sums over its map, by the name of the step.
    """

    fills: tf.Tensor
    sums: Mapping[str, tf.Tensor]

    @classmethod
    def of(cls, plan: WindowPlan, fills: tf.Tensor) -> Unhidden:
        """Compute it."""
        images = plan.image.tensor
        whole_fills = tf.broadcast_to(tf.cast(fills, images.dtype), tf.shape(images))
        sums = {step.name: step.rule.sum(step.inputs[0].tensor) for step in plan.steps if isinstance(step, SumStep)}
        return cls(whole_fills, sums)


@dataclass(frozen=True, eq=False)
class PositionWindows:
    """The windows that a plan computes, for some positions of the patch.

    Attributes:
        plan: the plan.
        unhidden: what is known of the unhidden images.
        positions: of the patch.
        image_window: the changed window of the images themselves, (k x batch, rows, columns, channels).
    """

    plan: WindowPlan
    unhidden: Unhidden
    positions: PositionBatch
    image_window: tf.Tensor

    @classmethod
    def at(cls, numbers: tf.Tensor, plan: WindowPlan, unhidden: Unhidden) -> PositionWindows:
        """The windows of the positions of these numbers, (k,), counted row by row of the grid."""
        columns = len(plan.image.columns.first)
        positions = PositionBatch(numbers // columns, tf.math.floormod(numbers, columns))
        return cls(plan, unhidden, positions, _image_window(plan.image, unhidden.fills, positions))

    def hidden_images(self) -> tf.Tensor:
        """The images with the patch in place, (k x batch, height, width, channels)."""
        return _whole(self.plan.image, self.image_window, self.positions)

    def known_outputs(self) -> dict[CallKey, tf.Tensor]:
        """The outputs of the calls on which the rest of the model depends, (k x batch, ...), for `forward_pass`."""
        windows = {self.plan.image.tensor.name: self.image_window}
        for step in self.plan.steps:
            windows[step.name] = self._window(step, [windows[name] for name in step.input_names])
        return {
            (step.number, step.call.path): _whole(step.output, windows[step.name], self.positions)
            for step in self.plan.frontier
        }

    def _window(self, step: Step, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        """The window of a step's output, or the row that it makes, from the windows of its inputs."""
        if isinstance(step, WindowStep):
            return _computed_window(step, inputs, self.positions)
        if isinstance(step, SumStep):
            return _updated_sum(step, self.unhidden.sums[step.name], inputs[0], self.positions)
        return inputs[0]


def _image_window(image: ChangedMap, fills: tf.Tensor, positions: PositionBatch) -> tf.Tensor:
    """The window of the images themselves: the fill under the patch, the image where the patch is cut at the border."""
    # Which pixels of the window the patch hides, rows and columns apart: (positions, size) each.
    rows, columns = (
        (span.window.pixels >= span.first[:, None]) & (span.window.pixels < span.stop[:, None]) for span in image.axes
    )
    hidden_rows = tf.gather(rows, positions.row)[:, None, :, None, None]  # (k, 1, rows, 1, 1)
    hidden_columns = tf.gather(columns, positions.column)[:, None, None, :, None]  # (k, 1, 1, columns, 1)
    fill = ChangedMap(fills, image.shape, *image.axes)
    filled, unhidden = (_by_position(cut(each, None, positions, image.window), positions, image) for each in (fill, image))
    return _by_copy(tf.where(hidden_rows & hidden_columns, filled, unhidden))


def _computed_window(step: WindowStep, inputs: Sequence[tf.Tensor], positions: PositionBatch) -> tf.Tensor:
    """The window of a layer's output, (k x batch, rows, columns, channels)."""
    windows = []
    for changed, window, tensor in zip(step.inputs, inputs, step.call.inputs, strict=True):
        if not step.reads_just(changed):
            window = cut(changed, window, positions, step.region_read, step.rule.padding)
        windows.append(tf.cast(window, tensor.dtype))
    output = step.rule.compute(windows)
    if not step.rule.averages_real_pixels:
        return output
    return _by_copy(_by_position(output, positions, step.inputs[0]) * _real_pixel_factor(step, positions, output.dtype))


def _real_pixel_factor(step: WindowStep, positions: PositionBatch, dtype: tf.DType) -> tf.Tensor:
    """The factor from an average over all that is read to one over the real pixels, (k, 1, rows, columns, 1)."""
    rows, columns = (
        tf.gather(tf.constant(reach.kernel / reach.real_inputs(window, span.length), dtype), position)
        for reach, window, span, position in zip(
            step.rule.reaches or (),
            step.output.window,
            step.inputs[0].axes,
            (positions.row, positions.column),
            strict=True,
        )
    )
    return rows[:, None, :, None, None] * columns[:, None, None, :, None]


def _updated_sum(step: SumStep, unhidden_sum: tf.Tensor, window: tf.Tensor, positions: PositionBatch) -> tf.Tensor:
    """The row that a step makes of a map, (k x batch, ...)."""
    (changed,) = step.inputs
    if not step.rule.reads_whole_rows:
        unhidden = _by_position(cut(changed, None, positions, changed.window), positions, changed)
        return step.rule.updated(unhidden_sum, _by_position(window, positions, changed), unhidden, None)
    rows = changed.rows.window
    whole_rows = cut(changed, window, positions, (rows, changed.columns.whole_axis))
    first_row = tf.gather(rows.start.astype("int32"), positions.row[0])  # the same one at all these positions
    unhidden = changed.tensor[:, first_row : first_row + rows.size]  # (batch, rows, width, channels)
    return step.rule.updated(unhidden_sum, _by_position(whole_rows, positions, changed), unhidden, first_row)


def _whole(changed: ChangedMap | None, window: tf.Tensor, positions: PositionBatch) -> tf.Tensor:
    """A map with its changed windows in place; the row of a `SumStep`, which is no map, as it is."""
    if changed is None:
        return window
    maps = cut(changed, window, positions, (changed.rows.whole_axis, changed.columns.whole_axis))
    return tf.reshape(maps, [-1, prod(changed.shape)]) if changed.flat else maps


def _by_position(copies: tf.Tensor, positions: PositionBatch, changed: ChangedMap) -> tf.Tensor:
    """(k x batch, rows, columns, channels) as (k, batch, rows, columns, channels)."""
    return tf.reshape(copies, [positions.count, tf.shape(changed.tensor)[0], *copies.shape[1:]])


def _by_copy(tensor: tf.Tensor) -> tf.Tensor:
    """(k, batch, rows, columns, channels) as (k x batch, rows, columns, channels)."""
    return tf.reshape(tensor, [-1, *tensor.shape[2:]])
