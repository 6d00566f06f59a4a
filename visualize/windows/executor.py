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

from visualize.lazy import tf
from visualize.windows.planner import Plan
from visualize.windows.rules import End, Flat
from visualize.windows.walk import Changed, Step


@dataclass(frozen=True, eq=False)
class Places:
    """The places of the patch that are computed side by side.

    Attributes:
        row: (k,), in which row of places each stands.
        column: (k,), in which column.
    """

    row: Any
    column: Any


def over_places(plan: Plan, fills: Any, scores: Callable[..., Mapping[str, Any]], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """What is found at all places of the patch, some places at a time: memory does not grow with their number.

    Args:
        plan: what `plan` returned.
        fills: what is seen where the patch is, (batch, height, width, channels), or what broadcasts to it.
        scores: `scores(images, k, known) -> found`: what another look at the model finds, (k x batch,) each. The images are
            the hidden ones, the whole batch once for each of k places; `known` goes to `probe.look`, and spares it the images.
        kinds: type of each thing that may be found, by name.

    Returns:
        What was found, (batch, places) each.
    """
    whole = tf.broadcast_to(tf.cast(fills, plan.image.tensor.dtype), tf.shape(plan.image.tensor))
    edges, count = tf.constant(plan.edges), len(plan.edges) - 1
    plan.unhidden  # noqa: B018 -- computed here, it is not computed again in the loop
    names: list[str] = []

    def body(number, *rows):
        numbers = tf.range(edges[number], edges[number + 1])
        found = scores(hidden_images(plan, numbers, whole), tf.shape(numbers)[0], known_calls(plan, numbers, whole))
        names[:] = [name for name in kinds if name in found]
        shape = [tf.shape(numbers)[0], -1]
        named = zip(kinds, rows, strict=True)
        rows = [row.write(number, tf.reshape(found[name], shape)) if name in found else row for name, row in named]
        return number + 1, *rows

    rows = [tf.TensorArray(kind, count, element_shape=[None, None], infer_shape=False) for kind in kinds.values()]
    _, *rows = tf.while_loop(lambda number, *_: number < count, body, (0, *rows), parallel_iterations=2)
    return {name: tf.transpose(row.concat()) for name, row in zip(kinds, rows, strict=True) if name in names}


def known_calls(plan: Plan, numbers: Any, fills: Any) -> dict[tuple[int, str], Any]:
    """What the calls make on which the rest of the model depends, for `known` of `probe.look`.

    Args:
        plan: what `plan` returned.
        numbers: (k,) places, counted row by row: those between two edges of the plan.
        fills: what is seen where the patch is, (batch, height, width, channels).

    Returns:
        For each call (k x batch, ...): the whole batch of images for the first place, for the second, ...
    """
    places = _places(plan, numbers)
    windows = {plan.image.tensor.name: _first_window(plan.image, places, fills)}
    for step in plan.steps:
        windows[step.name] = _computed(plan, step, [windows[name] for name in step.names], places)
    return {(step.number, step.call.path): _whole(step.output, windows[step.name], places) for step in plan.handed}


def hidden_images(plan: Plan, numbers: Any, fills: Any) -> Any:
    """Every image with the patch at each place, (k x batch, height, width, channels), by the arguments of `known_calls`."""
    places = _places(plan, numbers)
    return _whole(plan.image, _first_window(plan.image, places, fills), places)


def _places(plan: Plan, numbers: Any) -> Places:
    columns = len(plan.image.columns.first)
    return Places(numbers // columns, numbers % columns)


def _first_window(image: Changed, places: Places, fills: Any) -> Any:
    """The window of the images themselves: the fill where the patch is, the image where the patch is cut at the border."""
    region = [(image.rows.start, image.rows.size), (image.columns.start, image.columns.size)]
    inside = []
    for span, place in ((image.rows, places.row), (image.columns, places.column)):
        pixels = _pixels(span.start, span.size, place)
        inside.append((pixels >= _at(span.first, place)[:, None]) & (pixels < _at(span.stop, place)[:, None]))
    inside = _both(*inside)[..., None]  # (k, 1, rows, columns, 1)
    fill = Changed(tf.cast(fills, image.tensor.dtype), image.shape, image.rows, image.columns)
    fill, seen = (_by_place(_cut(one, None, places, region), places, image) for one in (fill, image))
    return _by_copy(tf.where(inside, fill, seen))


def _computed(plan: Plan, step: Step, windows: list[Any], places: Places) -> Any:
    """The window of a step's output."""
    if isinstance(step.rule, Flat):
        return windows[0]
    if isinstance(step.rule, End):
        return _ended(step, plan.unhidden[step.name], windows[0], places)
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
    first = _at(one.rows.start, places.row)[0]
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
    batch = tf.shape(one.tensor)[0]
    y, x = _pixels(*region[0], places.row), _pixels(*region[1], places.column)  # (k, rows), (k, columns)
    images = tf.range(batch)[:, None, None]
    index = images * (height * width) + (y[:, None, :, None] * width + x[:, None, None, :])  # (k, batch, rows, columns)
    table = [tf.reshape(one.tensor, [-1, channels])]
    if window is not None:
        tall, wide = one.rows.size, one.columns.size
        v, u = y - _at(one.rows.start, places.row)[:, None], x - _at(one.columns.start, places.column)[:, None]
        copies = tf.range(tf.shape(y)[0])[:, None, None, None] * batch + images
        changed = (copies * tall + v[:, None, :, None]) * wide + u[:, None, None, :] + batch * (height * width)
        index = tf.where(_both((v >= 0) & (v < tall), (u >= 0) & (u < wide)), changed, index)
        table.append(tf.reshape(window, [-1, channels]))
    if any(start.min() < 0 or start.max() + size > span.length for span, (start, size) in zip(one.axes, region, strict=True)):
        index = tf.where(_both((y >= 0) & (y < height), (x >= 0) & (x < width)), index + 1, 0)
        table.insert(0, tf.fill([1, channels], tf.cast(padding, one.tensor.dtype)))
    found = tf.gather(tf.concat(table, axis=0) if len(table) > 1 else table[0], index)
    return tf.reshape(found, [-1, region[0][1], region[1][1], channels])


def _by_place(copies: Any, places: Places, one: Changed) -> Any:
    """(k x batch, rows, columns, channels) as (k, batch, rows, columns, channels)."""
    return tf.reshape(copies, [tf.shape(places.row)[0], tf.shape(one.tensor)[0], *copies.shape[1:]])


def _by_copy(places: Any) -> Any:
    """(k, batch, rows, columns, channels) as (k x batch, rows, columns, channels)."""
    return tf.reshape(places, [-1, *places.shape[2:]])


def _whole_axis(span: Any) -> tuple[np.ndarray, int]:
    return np.zeros_like(span.first), span.length


def _pixels(start: np.ndarray, size: int, place: Any) -> Any:
    return _at(start, place)[:, None] + tf.range(size)


def _at(numbers: np.ndarray, place: Any) -> Any:
    return tf.gather(tf.constant(numbers, tf.int32), place)


def _both(rows: Any, columns: Any) -> Any:
    return rows[:, None, :, None] & columns[:, None, None, :]  # (k, 1, rows, columns)
