"""Features: what a layer makes of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count, renamed_keywords
from visualize.engine.compile import Program, compiled
from visualize.engine.forward import forward_pass
from visualize.engine.layer_facts import scoring_operations
from visualize.errors import InputError
from visualize.models.inputs import InputSignature, checked_batch_size, inputs_of
from visualize.models.layers import card_of, choices_among, find_layer, is_convolution, layer_paths, layers_by_path
from visualize.results import Tiles
from visualize.settings import Display, TilesSettings

__all__ = ["features"]


@renamed_keywords(explained="input_name")
def features(
    model: keras.Model,
    images: Any,
    *,
    layer: str | None = None,
    most: int | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
) -> list[Tiles]:
    """Show the activations of a layer for each image: the maps of its channels, or its units as bars.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        layer: path of the layer; by default the first convolution.
        most: how many channels or units the figure shows, those with the largest mean |activation| for this image; by
            default all of up to 64, else the strongest 64 (20 units). The arrays keep all.
        input_name: name of the input that holds the pictures, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.

    Returns:
        For each image Tiles, (channels, rows, columns, 1), the layer's output itself. The units of a layer without maps are
        one tile, (1, 1, units, 1), and have the names of the classes where they are the scores of the model; units along a
        sequence are one tile too, (1, units, length, 1). For a volume each slice of each channel is a tile.

    Raises:
        InputError: `layer` is no layer of the model, the model never calls it, its output is no tensor of maps or units, or
            `most` is no whole number from 1.

    Example:
        visualize features model.keras cat.png --layer block4c_add --most 32
    """
    if most is not None:
        checked_count("most", most, 1)
    inputs = inputs_of(model, images, input_name)
    layers = layers_by_path(model)
    if layer is None:
        layer = next((path for path, each in layers.items() if is_convolution(each)), None)
        if layer is None:
            raise InputError(f"`layer` must be named: the model has no convolution.{choices_among(list(layers))}")
    path = find_layer(layer, layer_paths(model))
    graph = compiled(model, _LayerOutput(path, inputs.signature), inputs.specs())
    size = 1 if graph.notes["one_by_one"] else checked_batch_size(batch_size, inputs)
    outputs = graph.run_batches(inputs.arrays, batch_size=size)["output"]
    card = card_of(model)
    names = _class_names(outputs.shape[-1], card.class_names) if graph.notes["scores"] else None
    settings = TilesSettings(
        unit="activation",
        layer=path,
        input_range=card.input_range,
        class_names=names,
        remarks=graph.notes["remarks"] or None,
    )
    return [_tiles(output, image, settings, most) for output, image in zip(outputs, inputs.images, strict=True)]


@dataclass(frozen=True)
class _LayerOutput(Program):
    """The graph of a layer's output, in float32 and with its channels last."""

    path: str
    signature: InputSignature

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        forward = forward_pass(model, self.signature.pack(tensors), tensors[self.signature.input_name])
        output = forward.layer_output(self.path)
        if output.shape.rank not in (2, 3, 4, 5):
            raise InputError(
                f"`layer` must have maps or units. Received: {self.path!r}, whose output is {tuple(output.shape)}."
            )
        scores = output.op in scoring_operations(forward) and output.shape[-1] != 1
        training = forward.training_layers_before(output)
        output = tf.cast(forward.with_channels_last(self.path, output), tf.float32)
        return {"output": output}, {"one_by_one": any(training), "scores": scores, "remarks": training.remarks()}


def _class_names(classes: int, names: Sequence[str]) -> list[str]:
    """A name for each class of the scores; "class 3" where nothing names them."""
    known = names if len(names) == classes else [""] * classes
    return [name if name and not name.isdecimal() else f"class {index}" for index, name in enumerate(known)]


def _tiles(output: np.ndarray, image: np.ndarray, settings: TilesSettings, most: int | None) -> Tiles:
    """The output of a layer for one image, (units,), (length, units), (height, width, channels) or of a volume, as tiles."""
    columns, axes = None, ()
    if output.ndim == 4:
        columns, channels = output.shape[0], output.shape[-1]  # one column per slice
        maps = output.transpose(3, 0, 1, 2).reshape(-1, *output.shape[1:3], 1)
        captions = tuple(f"{channel}/{number}" for channel in range(channels) for number in range(columns))
    elif output.ndim == 3:
        maps = output.transpose(2, 0, 1)[..., None]  # (channels, height, width, 1)
        captions = tuple(settings.class_names or map(str, range(len(maps))))
    else:
        axes = ("", "unit") if output.ndim == 1 else ("unit", "position")
        maps = (output[None] if output.ndim == 1 else output.T)[None, ..., None]  # (1, 1 or units, units or length, 1)
        captions = (f"{output.shape[-1]} units" + (", one row each" if output.ndim == 2 else ""),)
    source = image if image.ndim == 3 else None
    signed = bool((output < 0).any())
    return Tiles(maps, captions, signed, "features", settings, source=source, display=Display(columns, axes, most))
