"""Layer maps: the output of a layer as spatial positions of the image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import received
from visualize.attribution.request import Batch
from visualize.engine.forward import ForwardPass
from visualize.engine.layer_facts import is_part_of_attention, layer_facts
from visualize.engine.resize import resize
from visualize.engine.shapes import sizes
from visualize.errors import InputError
from visualize.models.layers import cam_layer, choices_among, find_layer, layer_paths, listed

ADVICE_ON_VECTORS = (  # a graph shows that a model reshapes its input; the code of a subclassed model does not
    "If the model's own code makes a picture of this vector, explain it as one: "
    "keras.Sequential([keras.Input((height, width, channels)), keras.layers.Flatten(), model])."
)
LayerPaths = tuple[str | None, ...]  # the layers that a method reads; (None,) leaves the choice to the model's structure


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """The feature maps of a layer on the graph being traced.

    Attributes:
        path: of the layer.
        tensors: its output, as the layer returned it; of a layer that is called once for each frame, that of each.
        values: the same in float32, (batch, height, width, channels).
        channels_first: whether the layer has its channels before its spatial axes.
        joins_frames: whether the layer has one map for all frames of a video, which `values` has as a single frame.
    """

    path: str
    tensors: tuple[tf.Tensor, ...]
    values: tf.Tensor
    channels_first: bool
    joins_frames: bool = False

    def as_output(self, values: tf.Tensor) -> tf.Tensor:
        """Values, (batch, height, width, channels), with the axes in the order of the layer's output."""
        values = tf.squeeze(values, 1) if self.joins_frames else values
        return _with_axis_moved(values, -1, 1) if self.channels_first else values

    def gradients(self, batch: Batch) -> tf.Tensor:
        """The gradient of each image's score with respect to the maps, (batch, height, width, channels) float32."""
        gradients = batch.forward.gradients(batch.score, self.tensors, f"layer {self.path!r}")
        gradients = tf.cast(tf.stack(gradients, axis=1) if len(gradients) > 1 else gradients[0], tf.float32)
        return _as_values(gradients, self.channels_first, self.joins_frames)


def named_layers(model: keras.Model, layer: str | Sequence[str] | None) -> LayerPaths:
    """The paths of the layers that the caller named; (None,) where the choice was left open.

    Raises:
        InputError: there is no such layer, none is named, or one is named twice.
    """
    if layer is None:
        return (None,)
    if not isinstance(layer, str | Sequence) or not layer:
        raise InputError(f"`layer` must be the path of a layer, or a list of paths. Received: {received(layer)}.")
    known = layer_paths(model)
    paths = tuple(find_layer(path, known) for path in ([layer] if isinstance(layer, str) else layer))
    if len(set(paths)) < len(paths):
        raise InputError(f"`layer` must name each layer once. Received: {listed(paths)}.")
    return paths


def cam_of_layers(batch: Batch, paths: LayerPaths, cam: Callable[[LayerMaps], tf.Tensor]) -> tf.Tensor:
    """A class activation map on the image, (batch, height, width): of one layer, or the mean of several.

    The values of several layers differ in scale, so each layer's map is first divided by its largest value, as
    pytorch-grad-cam does. Which layers were read is noted in the batch.

    Args:
        batch: the batch.
        paths: of the layers, as `named_layers` returns them.
        cam: `cam(maps) -> values`, (batch, height, width) of the maps, for one layer.
    """
    cams = {}
    for path in paths:
        maps = maps_of_layer(batch, path)
        values = cam(maps)
        cams[maps.path] = values if batch.at_layer and len(paths) == 1 else on_image(batch, values)
    if len(cams) == 1:
        return next(iter(cams.values()))
    batch.notes.update(layer=list(cams), layer_reason="named", unit="mean of the layers, each by its largest")
    del batch.notes["map"]
    return tf.add_n([_by_largest(values) for values in cams.values()]) / len(cams)


def maps_of_layer(batch: Batch, path: str | None) -> LayerMaps:
    """The feature maps of a layer, by default of the one that ends the block of the last convolution; noted in the batch.

    A part of an attention layer, such as its queries, (batch, tokens, heads, channels), has no map.

    A layer that joins the frames of a video, (batch, height, width, channels), has one map, which holds for every frame.

    Raises:
        InputError: the layer has no map of more than one position, or does not stand between image and score.
    """
    forward = batch.forward
    chosen, reason = (path, "named") if path is not None else _default_layer(forward)
    tensor = forward.layer_output(chosen)
    tensors = forward.frames(chosen) or (tensor,)
    joins_frames = _joins_frames(forward, tensor.shape.rank)
    has_heads = path is not None and is_part_of_attention(forward, chosen)
    if has_heads or (tensor.shape.rank != batch.images.shape.rank and not joins_frames):
        choices = [fact.path for fact in layer_facts(forward) if fact.spatial and fact.within]
        axes = {3: "length", 4: "height, width", 5: "depth, height, width"}[batch.images.shape.rank]
        raise InputError(
            f"`layer` must have maps, (batch, {axes}, channels). "
            f"Received: {chosen!r}, whose output is {tuple(tensor.shape)}"
            f"{', the tokens and heads of attention' if has_heads else ''}.{choices_among(choices)}"
        )
    channels_first = forward.has_channels_first(forward.layer(chosen))
    spatial_shape = tensor.shape[2:] if channels_first else tensor.shape[1:-1]
    if all(length == 1 for length in spatial_shape):
        raise InputError(
            "`layer` must have a map of more than one position. "
            f"Received: {chosen!r}, a {'x'.join(map(str, spatial_shape))} map: it cannot say where."
        )
    if any(forward.hides_scores(each) for each in tensors):
        raise InputError(
            f"`layer` must stand in front of the scores. Received: {chosen!r}, whose activation makes the output of them."
        )
    if not all(forward.is_between(each) for each in tensors):
        raise InputError(
            f"`layer` must stand between the image and the score. Received: {chosen!r}, which does not depend on the input "
            f"{batch.spec.signature.input_name!r}."
        )
    batch.notes.update(layer=chosen, layer_reason=reason, map=[*spatial_shape])
    values = _as_values(tf.cast(tensor, tf.float32), channels_first, joins_frames)
    return LayerMaps(chosen, tensors, values, channels_first, joins_frames)


def spatial_axes(maps: tf.Tensor) -> list[int]:
    """The spatial axes of maps, (batch, height, width, channels)."""
    return list(range(1, maps.shape.rank - 1))


def per_channel(weights: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """One weight for each channel, (n, channels), in a shape that multiplies maps: (n, 1, 1, channels)."""
    return tf.reshape(weights, [-1, *[1] * (maps.shape.rank - 2), maps.shape[-1]])


def weighted_sum(maps: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """relu(sum over channels of weight x map) at each position, (batch, height, width)."""
    rows = tf.reshape(maps, [tf.shape(maps)[0], -1, maps.shape[-1]])  # (batch, positions, channels)
    sums = tf.matmul(rows, tf.reshape(weights, [-1, maps.shape[-1], 1]))  # without a product of the size of the maps
    return tf.nn.relu(tf.reshape(sums, tf.shape(maps)[:-1]))


def on_image(batch: Batch, values: tf.Tensor) -> tf.Tensor:
    """Values at the positions of a layer, (batch, height, width), resized bilinearly to the image."""
    return tf.squeeze(resize(tf.expand_dims(values, -1), sizes(batch.images, 1, -1)), -1)


def _default_layer(forward: ForwardPass) -> tuple[str, str]:
    """The layer that is read where none is named, with the reason.

    Raises:
        InputError: there is none; the message lists layers that join the frames of a video, which can be named.
    """
    facts = layer_facts(forward)
    try:
        return cam_layer(facts)
    except InputError as error:
        if forward.images.shape[2:] == [1] and any(fact.convolution and fact.within for fact in facts):
            raise InputError(f"{error} {ADVICE_ON_VECTORS}") from None
        joining = [fact.path for fact in facts if fact.within and fact.leaf and _joins_frames(forward, len(fact.shape))]
        if not joining:
            raise
        raise InputError(f"{error} Maps of all frames in one, to be read by naming `layer`: {listed(joining)}.") from None


def _joins_frames(forward: ForwardPass, rank: int | None) -> bool:
    """Whether an output of so many axes is (batch, height, width, channels), where the images are videos."""
    return forward.images.shape.rank == 5 and rank == 4


def _as_values(output: tf.Tensor, channels_first: bool, joins_frames: bool) -> tf.Tensor:
    """The output of a layer, or its gradient, as `LayerMaps.values` has it."""
    values = _with_axis_moved(output, 1, -1) if channels_first else output
    return values[:, None] if joins_frames else values


def _by_largest(values: tf.Tensor) -> tf.Tensor:
    """The values of each image in -1..1."""
    largest = tf.reduce_max(tf.abs(values), axis=list(range(1, values.shape.rank)), keepdims=True)
    return tf.math.divide_no_nan(values, largest)


def _with_axis_moved(values: tf.Tensor, source: int, destination: int) -> tf.Tensor:
    order = list(range(values.shape.rank))
    order.insert(destination % len(order), order.pop(source))
    return tf.transpose(values, order)
