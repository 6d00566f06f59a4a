"""Executor: compute the windows of a plan, many places of the patch side by side.

All windows of a layer have one size, so that they are one batch of small pictures; where each stands is a number in the graph.
What a layer reads is looked up in one table: a row of padding, then every pixel of the unhidden maps, then every pixel of the
changed windows. A whole map with the changed windows pasted in is looked up in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from visualize._utils.lazy import tf
from visualize.attribution.incremental.layer_rules import End, Flat
from visualize.attribution.incremental.planner import Plan
from visualize.attribution.incremental.receptive_field import Span
from visualize.attribution.incremental.walk import Changed, Step

OUTSIDE = 100  # marks a pixel outside of the map


@dataclass(frozen=True, eq=False)
class Places:
    """The places of the patch that are computed side by side.

    Attributes:
        row: (k,), in which row of places each stands.
        column: (k,), in which column.
    """

    row: Any
    column: Any


def scores_at_positions(
    plan: Plan, fills: Any, scores: Callable[..., Mapping[str, Any]], kinds: Mapping[str, Any]
) -> dict[str, Any]:
    """What is found at all places of the patch, some places at a time: memory does not grow with their number.

    Args:
        plan: what `plan` returned.
        fills: what is seen where the patch is, (batch, height, width, channels), or what broadcasts to it.
        scores: `scores(images, k, known) -> found`: what another look at the model finds, (k x batch,) each. The images are
            the hidden ones, the whole batch once for each of k places; `known` goes to `forward_pass`.
        kinds: type of each thing that may be found, by name.

    Returns:
        What was found, (batch, places) each.
    """
    whole = tf.broadcast_to(tf.cast(fills, plan.image.tensor.dtype), tf.shape(plan.image.tensor))
    ends = (step for step in plan.steps if isinstance(step.rule, End))
    unhidden = {step.name: step.rule.unhidden(step.inputs[0].tensor) for step in ends}  # once, not in each turn of the loop
    edges, count = tf.constant(plan.edges), len(plan.edges) - 1
    names: list[str] = []

    def body(number, *rows):
        numbers = tf.range(edges[number], edges[number + 1])
        copies = tf.shape(numbers)[0]
        places = _places(plan.image, numbers)
        first = _first_window(plan.image, places, whole)
        found = scores(_whole(plan.image, first, places), copies, _known_calls(plan, first, places, unhidden))
        names[:] = [name for name in kinds if name in found]
        shape = [copies, -1]
        named = zip(kinds, rows, strict=True)
        rows = [row.write(number, tf.reshape(found[name], shape)) if name in found else row for name, row in named]
        return number + 1, *rows

    rows = [tf.TensorArray(kind, count, element_shape=[None, None], infer_shape=False) for kind in kinds.values()]
    _, *rows = tf.while_loop(lambda number, *_: number < count, body, (0, *rows), parallel_iterations=2)
    return {name: tf.transpose(row.concat()) for name, row in zip(kinds, rows, strict=True) if name in names}


def _known_calls(plan: Plan, first: Any, places: Places, unhidden: Mapping[str, Any]) -> dict[tuple[int, str], Any]:
    """What the calls make on which the rest of the model depends, (k x batch, ...), for `known` of `forward_pass`."""
    windows = {plan.image.tensor.name: first}
    for step in plan.steps:
        read = [windows[name] for name in step.names]
        windows[step.name] = _computed(step, read, places, unhidden.get(step.name))
    return {(step.number, step.call.path): _whole(step.output, windows[step.name], places) for step in plan.handed}


def _places(image: Changed, numbers: Any) -> Places:
    columns = len(image.columns.first)
    return Places(numbers // columns, numbers % columns)


def _first_window(image: Changed, places: Places, fills: Any) -> Any:
    """The window of the images themselves: the fill where the patch is, the image where the patch is cut at the border."""
    region = [(span.start, span.size) for span in image.axes]
    rows, columns = (
        (pixels >= span.first[:, None]) & (pixels < span.stop[:, None])
        for span, pixels in ((span, span.start[:, None] + np.arange(span.size)) for span in image.axes)
    )
    inside = tf.gather(rows, places.row)[:, None, :, None, None] & tf.gather(columns, places.column)[:, None, None, :, None]
    fill = Changed(fills, image.shape, *image.axes)
    fill, seen = (_by_place(_cut(one, None, places, region), places, image) for one in (fill, image))
    return _by_copy(tf.where(inside, fill, seen))


def _computed(step: Step, windows: list[Any], places: Places, unhidden: Any | None) -> Any:
    """The window of a step's output, or the row that it ends in."""
    if isinstance(step.rule, Flat):
        return windows[0]
    if isinstance(step.rule, End):
        return _ended(step, unhidden, windows[0], places)
    read = []
    for one, window, tensor in zip(step.inputs, windows, step.call.inputs, strict=True):
        if not step.fits(one):
            window = _cut(one, window, places, step.regions(), step.rule.padding)
        read.append(tf.cast(window, tensor.dtype))
    made = step.rule.compute(read)
    if not step.rule.counts_pixels:
        return made
    return _by_copy(_by_place(made, places, step.inputs[0]) * _over_pixels(step, places, made.dtype))


def _over_pixels(step: Step, places: Places, dtype: Any) -> Any:
    """The factor from an average over all that is read to one over the real pixels, (k, 1, rows, columns, 1)."""
    before, after = step.inputs[0], step.output
    spans = ((before.rows, after.rows, places.row), (before.columns, after.columns, places.column))
    rows, columns = (
        tf.gather(tf.constant(reach.kernel / reach.real(written, read.length), dtype), place)
        for reach, (read, written, place) in zip(step.rule.reaches, spans, strict=True)
    )
    return rows[:, None, :, None, None] * columns[:, None, None, :, None]


def _ended(step: Step, unhidden: Any, window: Any, places: Places) -> Any:
    """The row that a step makes of a map."""
    (one,) = step.inputs
    rows, columns = (one.rows.start, one.rows.size), (one.columns.start, one.columns.size)
    if not step.rule.across:
        before = _by_place(_cut(one, None, places, [rows, columns]), places, one)
        return step.rule.compute(unhidden, _by_place(window, places, one), before, None)
    now = _cut(one, window, places, [rows, _whole_axis(one.columns)])
    first = tf.gather(one.rows.start.astype("int32"), places.row[0])
    before = one.tensor[:, first : first + one.rows.size]
    return step.rule.compute(unhidden, _by_place(now, places, one), before, first)


def _whole(one: Changed | None, window: Any, places: Places) -> Any:
    """A map with the changed windows in place; a row as it is."""
    if one is None:
        return window
    found = _cut(one, window, places, [_whole_axis(one.rows), _whole_axis(one.columns)])
    return tf.reshape(found, [-1, prod(one.shape)]) if one.flat else found


def _cut(one: Changed, window: Any | None, places: Places, region: list[tuple[np.ndarray, int]], padding: float = 0.0) -> Any:
    """A region of a map with its changed windows in place, (k x batch, rows, columns, channels).

    Args:
        one: the map.
        window: what has changed of it, (k x batch, ...); None for the map of the unhidden images.
        places: of the patch.
        region: of rows and of columns, where it begins at each place of the patch, and its size.
        padding: what stands outside of the map.
    """
    height, width, channels = one.shape
    tall, wide = (span.size for span in one.axes)
    batch = tf.shape(one.tensor)[0]
    rows = _axis(one.rows, region[0], width, wide)[:, :, None]  # (rows of places, rows, 1, 3)
    columns = _axis(one.columns, region[1], 1, 1)[:, None]  # (columns of places, 1, columns, 3)
    looked_up = tf.gather(rows, places.row) + tf.gather(columns, places.column)
    index, inner, where = tf.unstack(looked_up, axis=-1)  # (k, rows, columns) each
    apart = height * width  # from the pixel of one image to that of the next
    table = [tf.reshape(one.tensor, [-1, channels])]
    if window is not None:
        place = tf.range(tf.shape(index)[0])[:, None, None]
        changed = inner + batch * (apart + place * (tall * wide))
        index, apart = tf.where(where == 0, changed, index), tf.where(where == 0, tall * wide, apart)
        table.append(tf.reshape(window, [-1, channels]))
    if (rows[..., 2] >= OUTSIDE).any() or (columns[..., 2] >= OUTSIDE).any():
        index, apart = tf.where(where >= OUTSIDE, 0, index + 1), tf.where(where >= OUTSIDE, 0, apart)
        table.insert(0, tf.fill([1, channels], tf.cast(padding, one.tensor.dtype)))
    apart = apart[:, None] if tf.is_tensor(apart) else apart
    index = index[:, None] + tf.range(batch)[:, None, None] * apart  # (k, batch, rows, columns)
    found = tf.gather(tf.concat(table, axis=0) if len(table) > 1 else table[0], index)
    return tf.reshape(found, [-1, region[0][1], region[1][1], channels])


def _axis(span: Span, region: tuple[np.ndarray, int], step: int, inner_step: int) -> np.ndarray:
    """Where the pixels of a region are, along one axis, for each place of the patch: (places, size, 3).

    Of each pixel: how far into the map it is; how far into the window; and a number that is 0 within the window, and at least
    `OUTSIDE` outside of the map. The sum over rows and columns tells the same of a pixel of the picture.
    """
    pixels = region[0][:, None] + np.arange(region[1])
    inside = pixels - span.start[:, None]
    where = np.where((inside >= 0) & (inside < span.size), 0, 1)
    where = np.where((pixels >= 0) & (pixels < span.length), where, OUTSIDE)
    return np.stack([pixels * step, inside * inner_step, where], axis=-1).astype("int32")


def _by_place(copies: Any, places: Places, one: Changed) -> Any:
    """(k x batch, rows, columns, channels) as (k, batch, rows, columns, channels)."""
    return tf.reshape(copies, [tf.shape(places.row)[0], tf.shape(one.tensor)[0], *copies.shape[1:]])


def _by_copy(places: Any) -> Any:
    """(k, batch, rows, columns, channels) as (k x batch, rows, columns, channels)."""
    return tf.reshape(places, [-1, *places.shape[2:]])


def _whole_axis(span: Any) -> tuple[np.ndarray, int]:
    return np.zeros_like(span.first), span.length
