"""Occlusion: hide a patch, watch the score fall."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import tf
from visualize._utils.validation import checked_word
from visualize.attribution import incremental as windows
from visualize.attribution.fills import checked_fill, filling
from visualize.attribution.questions import ask
from visualize.attribution.request import notes_of, score_of
from visualize.engine import compile as tracing
from visualize.errors import InputError
from visualize.models.inputs import checked_batch_size
from visualize.results import Attribution

__all__ = ["occlusion"]

SOME = (8, 32)  # images at a time for which windows are planned, beside one and a whole batch: so few graphs serve any number
STARTS = {1: ("starts",), 2: ("tops", "lefts"), 3: ("fronts", "tops", "lefts")}  # of the patches along each axis
FALLS = {"score": "float32", "predicted": "int32"}  # what is found at each position
LONG = 10.0  # seconds of which little goes into preparing a graph that runs for the first time


def occlusion(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    patch: int | None = None,
    stride: int | None = None,
    fill: float | str | Sequence[float] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
    path: Literal["auto", "windows", "full"] = "auto",
) -> Attribution:
    """Explain a class score by how far it falls while a square of the image is hidden.

    Zeiler & Fergus (2013), arXiv:1311.2901, section 4.2.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice on the whole image.
        patch: side of the square in pixels (of the cube in a volume); by default a seventh of the image's shortest side.
        stride: pixels from one position to the next, at most `patch`; by default half of it.
        fill: what hides the pixels: a number, "mean" for the mean color of the image, or "blur" for the image out of focus; by
            default gray, the middle of the input range that the model's card gives, and "mean" where there is no card. In
            Python also a color, one number a channel.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: hidden copies at a time; by default as many as suit the size of the images.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.
        path: "full" computes the whole model for each hidden copy; "windows" recomputes only what the patch can change,
            which gives the same to float round-off; "auto" takes what is estimated to be faster. `settings` tell.

    Returns:
        Attribution whose values are, at each pixel, score - score while hidden, averaged over the positions that hide the
        pixel, signed, in units of the score. Every pixel is hidden at least once: the last patch of a row or column is cut at
        the border. For a linear model, and `stride` equal to `patch`, the falls of all positions add up to score(image) -
        score(all hidden). `arrays` holds "position_scores" and, where there are several classes, "position_classes", (batch,
        rows, columns): the score of the target, and the class that the model chose, with the patch at `settings["tops"]` x
        `settings["lefts"]`.

    Raises:
        InputError: `patch` or `stride` out of range, or `target` is not a class of the model.

    Example:
        visualize occlusion model.keras cat.png --patch 32 --stride 8
    """
    question = ask(model, images, target, explained, precision)
    inputs, function = question.inputs, question.function
    count, shortest = len(inputs.images), min(inputs.size)
    patch = _side("patch", patch, max(1, shortest // 7), shortest, "the image's shortest side")
    stride = _side("stride", stride, max(1, patch // 2), patch, "`patch`, or pixels would never be hidden")
    gray = sum(question.input_range) / 2 if question.input_range else "mean"
    hides = checked_fill(fill, gray, inputs.images.shape[-1])
    starts = [_starts(length, patch, stride) for length in inputs.size]
    size = checked_batch_size(batch_size, inputs)
    checked_word("path", path, windows.PATHS)

    at_a_time = next(number for number in (1, *SOME, size) if number >= min(count, size))

    def base(model, classes, **tensors):
        seen = question.look(model, tensors)
        found = score_of(seen, classes, function)[1]
        fills = filling(tensors[inputs.explained], hides)
        plan = windows.plan(seen, starts, patch, batch=at_a_time, path=path)
        notes = {**notes_of(seen, function), "plan": plan.facts, "kept": plan.kept}
        found["fills"] = fills
        if not plan.steps:
            return found, notes

        def scores(images, copies, known):
            others = {name: tf.tile(one, [copies] + [1] * (one.shape.rank - 1)) for name, one in tensors.items()}
            again = question.look(model, {**others, inputs.explained: images}, known=known)
            if again.score_kind != seen.score_kind:
                raise RuntimeError(
                    f"A hidden copy's {again.score_kind} must not be compared with the image's {seen.score_kind}."
                )
            return score_of(again, tf.tile(found["target"], [copies]), function)[1]

        falls = windows.over_places(plan, fills, scores, FALLS)
        return {**found, **{f"position {name}": one for name, one in falls.items()}}, notes

    def hidden(model, which, corners, side, fills, classes, **tensors):
        batch = {name: tf.gather(tensor, which) for name, tensor in tensors.items()}
        inside = tf.constant(True)
        for axis, length in enumerate(inputs.size):
            pixels, corner = tf.range(length), corners[:, axis, None]
            along = (pixels >= corner) & (pixels < corner + side)  # (positions, length)
            inside &= tf.reshape(along, [-1, *(length if one == axis else 1 for one in range(len(inputs.size))), 1])
        batch[inputs.explained] = tf.where(inside, tf.gather(fills, which), batch[inputs.explained])
        found = score_of(question.look(model, batch), tf.gather(classes, which), function)[1]
        return {f"position {name}": found[name] for name in FALLS if name in found}, {}

    per_image = {**question.specs, "classes": tf.TensorSpec([None], tf.int32)}
    places = (patch, *map(tuple, starts)) if path != "full" else ()
    whole = tracing.trace(model, ("whole", hides, path, places, at_a_time, *question.key), base, per_image)
    arrays = {**question.arrays, "classes": question.classes(whole.notes)}
    at_once = max(1, min(size, windows.KEPT // max(1, whole.notes["kept"])))
    began = time.monotonic()
    found = whole.batches(arrays, batch_size=at_once)
    seconds = time.monotonic() - began
    which, *corners = (axis.ravel() for axis in np.meshgrid(np.arange(count), *starts, indexing="ij"))
    rows = {"which": which.astype("int32"), "corners": np.stack(corners, axis=1).astype("int32")}

    def in_full(rows):
        specs = {"which": tf.TensorSpec([None], tf.int32), "corners": tf.TensorSpec([None, len(starts)], tf.int32)}
        specs["side"] = tf.TensorSpec([], tf.int32)
        wide = [None] * len(starts)
        specs["fills"] = tf.TensorSpec(
            [None, *wide, 1 if isinstance(hides, float) else inputs.images.shape[-1]], inputs.images.dtype
        )
        masked = tracing.trace(model, ("occlusion", isinstance(hides, float), *question.key), hidden, {**per_image, **specs})
        constants = {**arrays, "classes": found["target"], "fills": found["fills"], "side": np.int32(patch)}
        return masked.batches(rows, batch_size=size, **constants)

    if whole.notes["plan"]["path"] == "full":
        found |= in_full(rows)
    else:

        def measured():
            ours = seconds if seconds > LONG else _seconds(lambda: whole.batches(arrays, batch_size=at_once))
            some = {name: array[:size] for name, array in rows.items()}
            in_full(some)
            return ours, _seconds(lambda: in_full(some)) * len(which) / len(some["which"])

        tracing.report_saving(measured)
    grid = (count, *map(len, starts))
    scores = found["position score"].reshape(grid)
    arrays = {"position_scores": scores}
    if "position predicted" in found and whole.notes["classes"] > 1:
        arrays["position_classes"] = found["position predicted"].reshape(grid)
    settings = {
        "patch": patch,
        "stride": stride,
        "fill": list(hides) if isinstance(hides, tuple) else hides,
        "unit": "fall of the score",
        "signed": True,
    }
    settings |= {**whole.notes["plan"], "classes": whole.notes["classes"], "score": whole.notes["score"]}
    settings.update({name: axis.tolist() for name, axis in zip(STARTS[len(starts)], starts, strict=True)})
    whole_scores = found["score"].reshape([-1] + [1] * len(starts))
    values = _spread(whole_scores - scores, starts, patch, inputs.size)
    return question.attribution(values, found, "occlusion", settings, **arrays)


def _seconds(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _starts(length: int, patch: int, stride: int) -> np.ndarray:
    """Where patches begin so that the last one reaches the border: 0, stride, ..."""
    steps = -(-max(0, length - patch) // stride)
    return np.arange(steps + 1) * stride


def _spread(falls: np.ndarray, starts: Sequence[np.ndarray], patch: int, size: Sequence[int]) -> np.ndarray:
    """At each pixel the mean of the falls of the positions that hide it, (batch, *size)."""
    total = falls.astype("float64")
    for axis, (corners, length) in enumerate(zip(starts, size, strict=True), 1):
        pixels = np.arange(length)
        covers = (pixels >= corners[:, None]) & (pixels < corners[:, None] + patch)  # (positions, length)
        mean = covers / covers.sum(axis=0)
        total = np.moveaxis(np.tensordot(total, mean, axes=[axis, 0]), -1, axis)
    return total.astype("float32")


def _side(name: str, value: int | None, default: int, most: int, limit: str) -> int:
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= most:
        raise InputError(f"`{name}` must be between 1 and {most} ({limit}). Received: {value}.")
    return int(value)
