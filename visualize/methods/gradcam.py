"""Grad-CAM: which places of a layer's maps speak for a class."""

from __future__ import annotations

from typing import Any, Literal

from visualize import models
from visualize.errors import InputError
from visualize.explanation import View, ask, explain
from visualize.lazy import tf
from visualize.results import Attribution

__all__ = ["gradcam"]


def gradcam(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    layer: str | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
) -> Attribution:
    """Explain a class score by a layer's maps, each weighted by the mean of its gradient.

    Selvaraju et al. (2017), arXiv:1610.02391, equations 1 and 2.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all, one per image, or None for the model's own choice.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size.
        modifier: None, "guided" or "relu": how a ReLU above the layer passes gradients back.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.

    Returns:
        Attribution whose values are relu(sum over channels of weight x map), never negative, resized bilinearly to the image.
        Where global average pooling and one Dense layer follow the maps, they are CAM (Zhou et al. 2016, arXiv:1512.04150)
        divided by the number of places.

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one place, or does not lead to the score;
            `target` is not a class of the model; `modifier` finds no ReLU between layer and score.

    Example:
        visualize gradcam model.keras cat.png --target 281 --layer base/out_relu
    """
    question = ask(model, images, target, explained)
    known = list(models.layers(model))
    path = None if layer is None else models.find_layer(layer, known)

    def cam(view: View) -> dict[str, Any]:
        seen = view.seen
        chosen, reason = (path, "named") if path is not None else models.cam_layer(seen.facts())
        maps = seen.layer(chosen)
        _check_map(chosen, maps)
        if not seen.within(maps):
            where = f"the input {question.inputs.explained!r}"
            raise InputError(
                f"`layer` must stand between the image and the score. Received: {chosen!r} does not depend on {where}."
            )
        slopes = seen.gradient(view.score, maps, f"layer {chosen!r}")
        maps, slopes = tf.cast(maps, tf.float32), tf.cast(slopes, tf.float32)
        weights = tf.reduce_mean(slopes, axis=(1, 2), keepdims=True)  # (batch, 1, 1, channels)
        evidence = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1, keepdims=True))  # (batch, rows, columns, 1)
        size = tf.shape(seen.images)[1:3]
        view.notes.update(layer=chosen, layer_reason=reason, map=[*maps.shape[1:3]])
        return {"values": tf.image.resize(evidence, size, method="bilinear")[..., 0]}

    return explain(
        question,
        cam,
        method="gradcam",
        key=(path,),
        modifier=modifier,
        batch_size=batch_size,
        settings={"unit": "score"},
    )


def _check_map(path: str, maps: Any) -> None:
    if maps.shape.rank != 4:
        raise InputError(
            "`layer` must have maps, (batch, height, width, channels). "
            f"Received: {path!r}, whose output is {tuple(maps.shape)}."
        )
    if tuple(maps.shape[1:3]) == (1, 1):
        raise InputError(
            f"`layer` must have a map of more than one place. Received: {path!r}, a 1x1 map: it cannot say where."
        )
