"""Maps: the output of a layer as places of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from visualize import models
from visualize.errors import InputError
from visualize.explanation import Question, View
from visualize.lazy import tf


@dataclass(frozen=True, eq=False)
class Maps:
    """A layer's output on the graph being traced.

    Attributes:
        path: of the layer.
        tensor: as the layer made it, (batch, rows, columns, channels).
        values: the same in float32.
    """

    path: str
    tensor: Any
    values: Any


def named_layer(model: Any, layer: str | None) -> str | None:
    """The path of the layer that a person named, or None where the choice was left open.

    Raises:
        InputError: there is no such layer.
    """
    known = list(models.layers(model))
    return None if layer is None else models.find_layer(layer, known)


def maps_of(view: View, question: Question, path: str | None) -> Maps:
    """The maps of a layer, by default of that which ends the block of the last convolution; noted in the view.

    Raises:
        InputError: the layer has no map of more than one place, or does not stand between image and score.
    """
    chosen, reason = (path, "named") if path is not None else models.cam_layer(view.seen.facts())
    tensor = view.seen.layer(chosen)
    if tensor.shape.rank != 4:
        choices = [fact.path for fact in view.seen.facts() if fact.spatial and fact.within]
        raise InputError(
            "`layer` must have maps, (batch, height, width, channels). "
            f"Received: {chosen!r}, whose output is {tuple(tensor.shape)}. Choices: {models.listed(choices)}."
        )
    if tuple(tensor.shape[1:3]) == (1, 1):
        raise InputError(
            f"`layer` must have a map of more than one place. Received: {chosen!r}, a 1x1 map: it cannot say where."
        )
    if not view.seen.within(tensor):
        where = f"the input {question.inputs.explained!r}"
        raise InputError(
            f"`layer` must stand between the image and the score. Received: {chosen!r} does not depend on {where}."
        )
    view.notes.update(layer=chosen, layer_reason=reason, map=[*tensor.shape[1:3]])
    return Maps(chosen, tensor, tf.cast(tensor, tf.float32))


def slopes_of(view: View, maps: Maps) -> Any:
    """The gradient of each image's score with respect to its maps, (batch, rows, columns, channels) float32."""
    return tf.cast(view.seen.gradient(view.score, maps.tensor, f"layer {maps.path!r}"), tf.float32)


def on_the_image(view: View, values: Any) -> Any:
    """Values at a layer's places, (batch, rows, columns), resized bilinearly to the image, (batch, height, width)."""
    return tf.image.resize(values[..., None], tf.shape(view.images)[1:3], method="bilinear")[..., 0]
