"""Maps: the output of a layer as places of the image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from visualize._utils.lazy import tf
from visualize._utils.validation import received
from visualize.attribution.questions import Question
from visualize.attribution.request import View
from visualize.engine.resize import resized
from visualize.errors import InputError
from visualize.models import layers as models


@dataclass(frozen=True, eq=False)
class Maps:
    """A layer's output on the graph being traced.

    Attributes:
        path: of the layer.
        tensor: as the layer made it.
        values: the same in float32, (batch, rows, columns, channels).
        channels_first: whether the layer has its channels before its places.
    """

    path: str
    tensor: Any
    values: Any
    channels_first: bool

    def as_made(self, values: Any) -> Any:
        """Values for (batch, rows, columns, channels) as the layer has its axes."""
        return _moved(values, -1, 1) if self.channels_first else values


def named_layers(model: Any, layer: str | Sequence[str] | None) -> tuple[str | None, ...]:
    """The paths of the layers that a person named; None alone where the choice was left open.

    Raises:
        InputError: there is no such layer, none is named, or one is named twice.
    """
    if layer is None:
        return (None,)
    if not isinstance(layer, str | Sequence) or not layer:
        raise InputError(f"`layer` must be the path of a layer, or a list of paths. Received: {received(layer)}.")
    known = list(models.layers(model))
    found = tuple(models.find_layer(one, known) for one in ([layer] if isinstance(layer, str) else layer))
    if len(set(found)) < len(found):
        raise InputError(f"`layer` must name each layer once. Received: {models.listed(found)}.")
    return found


def averaged(view: View, question: Question, paths: Sequence[str | None], cam: Callable[[Maps], Any]) -> Any:
    """A class activation map on the image, (batch, height, width): of one layer, or the mean of several.

    The values of several layers have several sizes, so each layer's map is divided by its largest value first, as
    pytorch-grad-cam does; what was done is noted in the view.

    Args:
        view: the batch.
        question: what was asked.
        paths: of the layers, as `named_layers` gives them.
        cam: `cam(maps) -> values`, (batch, rows, columns), of one layer.
    """
    found = []
    for path in paths:
        maps = maps_of(view, question, path)
        found.append((maps.path, on_the_image(view, cam(maps))))
    if len(found) == 1:
        return found[0][1]
    view.notes.update(layer=[path for path, _ in found], layer_reason="named", unit="mean of the layers, each by its largest")
    del view.notes["map"]
    return tf.add_n([_by_its_largest(values) for _, values in found]) / len(found)


def maps_of(view: View, question: Question, path: str | None) -> Maps:
    """The maps of a layer, by default of that which ends the block of the last convolution; noted in the view.

    Raises:
        InputError: the layer has no map of more than one place, or does not stand between image and score.
    """
    chosen, reason = (path, "named") if path is not None else models.cam_layer(view.seen.facts())
    tensor = view.seen.layer(chosen)
    if tensor.shape.rank != view.images.shape.rank:
        choices = [fact.path for fact in view.seen.facts() if fact.spatial and fact.within]
        wanted = {3: "length", 4: "height, width", 5: "depth, height, width"}[view.images.shape.rank]
        raise InputError(
            f"`layer` must have maps, (batch, {wanted}, channels). "
            f"Received: {chosen!r}, whose output is {tuple(tensor.shape)}. Choices: {models.listed(choices)}."
        )
    first = view.seen.has_channels_first(models.layers(question.model)[chosen])
    places = tensor.shape[2:] if first else tensor.shape[1:-1]
    if all(length == 1 for length in places):
        raise InputError(
            "`layer` must have a map of more than one place. "
            f"Received: {chosen!r}, a {'x'.join(map(str, places))} map: it cannot say where."
        )
    if view.seen.hides_scores(tensor):
        raise InputError(
            f"`layer` must stand in front of the scores. Received: {chosen!r}, whose activation makes the output of them."
        )
    if not view.seen.within(tensor):
        where = f"the input {question.inputs.explained!r}"
        raise InputError(
            f"`layer` must stand between the image and the score. Received: {chosen!r} does not depend on {where}."
        )
    view.notes.update(layer=chosen, layer_reason=reason, map=[*places])
    values = tf.cast(tensor, tf.float32)
    return Maps(chosen, tensor, _moved(values, 1, -1) if first else values, first)


def slopes_of(view: View, maps: Maps) -> Any:
    """The gradient of each image's score with respect to its maps, (batch, rows, columns, channels) float32."""
    slopes = tf.cast(view.seen.gradient(view.score, maps.tensor, f"layer {maps.path!r}"), tf.float32)
    return _moved(slopes, 1, -1) if maps.channels_first else slopes


def places_of(maps: Any) -> list[int]:
    """The axes of the places of maps, (batch, rows, columns, channels)."""
    return list(range(1, maps.shape.rank - 1))


def of_channels(weights: Any, maps: Any) -> Any:
    """A weight for each channel, (n, channels), as it multiplies maps: (n, 1, 1, channels)."""
    return tf.reshape(weights, [-1, *[1] * (maps.shape.rank - 2), maps.shape[-1]])


def gradient_weights(slopes: Any) -> Any:
    """Grad-CAM's weight of each channel, the mean of its gradient, (batch, 1, 1, channels)."""
    return tf.reduce_mean(slopes, axis=places_of(slopes), keepdims=True)


def strengths(maps: Any, weights: Any) -> Any:
    """relu(sum over channels of weight x map) at each place, (batch, rows, columns)."""
    rows = tf.reshape(maps, [tf.shape(maps)[0], -1, maps.shape[-1]])  # (batch, places, channels)
    sums = tf.matmul(rows, tf.reshape(weights, [-1, maps.shape[-1], 1]))  # no product of the maps' size in between
    return tf.nn.relu(tf.reshape(sums, tf.shape(maps)[:-1]))


def on_the_image(view: View, values: Any) -> Any:
    """Values at a layer's places, (batch, rows, columns), resized bilinearly to the image, (batch, height, width)."""
    return resized(values[..., None], view.images.shape[1:-1])[..., 0]


def _by_its_largest(values: Any) -> Any:
    """Each image's values in -1..1."""
    largest = tf.reduce_max(tf.abs(values), axis=list(range(1, values.shape.rank)), keepdims=True)
    return tf.math.divide_no_nan(values, largest)


def _moved(values: Any, source: int, destination: int) -> Any:
    order = list(range(values.shape.rank))
    order.insert(destination % len(order), order.pop(source))
    return tf.transpose(values, order)
