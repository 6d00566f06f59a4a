"""Occlusion: hide a patch, watch the score fall."""

from __future__ import annotations

from typing import Any

import numpy as np

from visualize import probe, tracing
from visualize.errors import InputError
from visualize.explanation import ask, notes_of, score_of
from visualize.inputs import checked_batch_size
from visualize.lazy import tf
from visualize.results import Attribution

__all__ = ["occlusion"]


def occlusion(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    patch: int | None = None,
    stride: int | None = None,
    fill: float | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
) -> Attribution:
    """Explain a class score by how far it falls while a square of the image is hidden.

    Zeiler & Fergus (2013), arXiv:1311.2901, section 4.2.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice on the whole image.
        patch: side of the square in pixels; by default a seventh of the shorter side of the image.
        stride: pixels from one position to the next, at most `patch`; by default half of it.
        fill: value of the hidden pixels; by default gray, the middle of the input range that the model's card gives, and the
            mean of the image where there is no card.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: hidden copies at a time; by default as many as suit the size of the images.

    Returns:
        Attribution whose values are, at each pixel, score - score while hidden, averaged over the positions that hide the
        pixel. Every pixel is hidden at least once: the last patch of a row or column is cut at the border. For a linear
        model, and `stride` equal to `patch`, the falls of all positions add up to score(image) - score(all hidden).
        `arrays` holds "position_scores" and "position_classes", (batch, rows, columns): the score of the target, and the
        class that the model chose, with the patch at `settings["tops"]` x `settings["lefts"]`.

    Raises:
        InputError: `patch` or `stride` out of range, or `target` is not a class of the model.

    Example:
        visualize occlusion model.keras cat.png --patch 32 --stride 8
    """
    question = ask(model, images, target, explained)
    inputs, function = question.inputs, question.function
    count, height, width = inputs.images.shape[:3]
    patch = _side("patch", patch, max(1, min(height, width) // 7), min(height, width), "the image's shorter side")
    stride = _side("stride", stride, max(1, patch // 2), patch, "`patch`, or pixels would never be hidden")
    if fill is not None and not np.isfinite(fill):
        raise InputError(f"`fill` must be a finite number. Received: {fill}.")
    tops, lefts = _starts(height, patch, stride), _starts(width, patch, stride)
    fills, filled_with = _fills(inputs.images, fill, question.input_range)

    def base(model, classes, **tensors):
        seen = probe.look(model, inputs.packed(tensors), tensors[inputs.explained])
        return score_of(seen, classes, function)[1], notes_of(seen, function)

    def hidden(model, which, top, left, side, fills, classes, **tensors):
        batch = {name: tf.gather(tensor, which) for name, tensor in tensors.items()}
        rows, columns = tf.range(height), tf.range(width)
        inside_rows = (rows >= top[:, None]) & (rows < top[:, None] + side)  # (positions, height)
        inside_columns = (columns >= left[:, None]) & (columns < left[:, None] + side)
        inside = inside_rows[:, :, None] & inside_columns[:, None, :]  # (positions, height, width)
        shape = [-1] + [1] * (len(inputs.images.shape) - 1)
        gray = tf.reshape(tf.gather(fills, which), shape)
        inside = inside if len(inputs.images.shape) == 3 else inside[..., None]
        batch[inputs.explained] = tf.where(inside, gray, batch[inputs.explained])
        seen = probe.look(model, inputs.packed(batch), batch[inputs.explained])
        found = score_of(seen, tf.gather(classes, which), function)[1]
        return {name: found[name] for name in ("score", "predicted") if name in found}, {}

    per_image = {**inputs.specs(), "classes": tf.TensorSpec([None], tf.int32)}
    whole = tracing.trace(model, ("whole", *question.key), base, per_image)
    place = tf.TensorSpec([None], tf.int32)
    specs = {"which": place, "top": place, "left": place, "side": tf.TensorSpec([], tf.int32)}
    specs["fills"] = tf.TensorSpec([None], inputs.images.dtype)
    masked = tracing.trace(model, ("occlusion", *question.key, height, width), hidden, {**per_image, **specs})

    size = checked_batch_size(batch_size, inputs)
    found = whole.batches({**inputs.arrays, "classes": question.classes(whole.notes)}, batch_size=size)
    which, top, left = (axis.ravel().astype("int32") for axis in np.meshgrid(np.arange(count), tops, lefts, indexing="ij"))
    falls = masked.batches(
        {"which": which, "top": top, "left": left},
        batch_size=size,
        side=np.int32(patch),
        fills=fills,
        classes=found["target"],
        **inputs.arrays,
    )
    grid = (count, len(tops), len(lefts))
    scores = falls["score"].reshape(grid)
    arrays = {"position_scores": scores}
    if "predicted" in falls:
        arrays["position_classes"] = falls["predicted"].reshape(grid)
    settings = {
        "patch": patch,
        "stride": stride,
        "fill": filled_with,
        "tops": tops.tolist(),
        "lefts": lefts.tolist(),
    }
    values = _spread(found["score"][:, None, None] - scores, tops, lefts, patch, height, width)
    return question.attribution(values, found, "occlusion", {**settings, "unit": "fall of the score", **whole.notes}, **arrays)


def _starts(length: int, patch: int, stride: int) -> np.ndarray:
    """Where patches begin so that the last one reaches the border: 0, stride, ..."""
    steps = -(-max(0, length - patch) // stride)
    return np.arange(steps + 1) * stride


def _spread(falls: np.ndarray, tops: np.ndarray, lefts: np.ndarray, patch: int, height: int, width: int) -> np.ndarray:
    """At each pixel the mean of the falls of the positions that hide it."""
    rows = _covers(tops, patch, height)  # (rows, height)
    columns = _covers(lefts, patch, width)  # (columns, width)
    total = np.einsum("nrc,ry,cx->nyx", falls.astype("float64"), rows, columns, optimize=True)
    return (total / np.outer(rows.sum(axis=0), columns.sum(axis=0))).astype("float32")


def _covers(starts: np.ndarray, patch: int, length: int) -> np.ndarray:
    pixels = np.arange(length)
    return ((pixels >= starts[:, None]) & (pixels < starts[:, None] + patch)).astype("float64")


def _fills(images: np.ndarray, fill: float | None, input_range: tuple[float, float] | None) -> tuple[np.ndarray, Any]:
    """The hidden pixels' value for each image, and what to say of it."""
    if fill is None and input_range is None:
        return images.mean(axis=tuple(range(1, images.ndim))).astype(images.dtype), "the mean of the image"
    value = float(sum(input_range) / 2 if fill is None else fill)
    return np.full(len(images), value, images.dtype), value


def _side(name: str, value: int | None, default: int, most: int, limit: str) -> int:
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= most:
        raise InputError(f"`{name}` must be between 1 and {most} ({limit}). Received: {value}.")
    return int(value)
