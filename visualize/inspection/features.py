"""Features: what a layer makes of a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from visualize._utils.lazy import tf
from visualize.engine import compile as tracing
from visualize.engine import forward as probe
from visualize.errors import InputError
from visualize.models import layers as models
from visualize.models.inputs import checked_batch_size, inputs_of
from visualize.results import Tiles

__all__ = ["features"]


def features(
    model: Any,
    images: Any,
    *,
    layer: str | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
) -> list[Tiles]:
    """Show the activations of a layer for each image.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        layer: path of the layer; by default the first convolution.
        explained: name of the input that holds the pictures, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.

    Returns:
        For each image Tiles, (channels, rows, columns, 1), the layer's output itself. The units of a layer without maps are
        one tile, (1, 1, units, 1); those along a sequence too, (1, units, length, 1); of a volume each slice of each
        channel is a tile.

    Raises:
        InputError: `layer` is no layer of the model, the model never calls it, or its output is no tensor of maps or units.

    Example:
        visualize features model.keras --data mnist:test --index 7 --layer conv2d
    """
    inputs = inputs_of(model, images, explained)
    known = models.layers(model)
    if layer is None:
        layer = next((path for path, one in known.items() if type(one).__name__ in models.CONVOLUTIONS), None)
        if layer is None:
            raise InputError(f"`layer` must be named: the model has no convolution. Choices: {models.listed(list(known))}.")
    path = models.find_layer(layer, list(known))

    def once(model, **tensors):
        seen = probe.look(model, inputs.packed(tensors), tensors[inputs.explained])
        output = seen.layer(path)
        if output.shape.rank not in (2, 3, 4, 5):
            raise InputError(f"`layer` must have maps or units. Received: {path!r}, whose output is {tuple(output.shape)}.")
        return {"output": tf.cast(seen.with_channels_last(path, output), tf.float32)}, {}

    trace = tracing.trace(model, ("features", path, inputs.explained, str(inputs.structure)), once, inputs.specs())
    output = trace.batches(inputs.arrays, batch_size=checked_batch_size(batch_size, inputs))["output"]
    card = models.card(model)
    settings = {"layer": path, "unit": "activation", "input_range": card.input_range}
    return [_tiles(one, image, settings) for one, image in zip(output, inputs.images, strict=True)]


def _tiles(output: np.ndarray, image: np.ndarray, settings: dict[str, Any]) -> Tiles:
    if output.ndim == 4:
        slices, channels = output.shape[0], output.shape[-1]
        maps = output.transpose(3, 0, 1, 2).reshape(-1, *output.shape[1:3], 1)
        captions = tuple(f"{channel}/{number}" for channel in range(channels) for number in range(slices))
        settings = {**settings, "columns": slices}
    elif output.ndim == 3:
        maps = output.transpose(2, 0, 1)[..., None]  # (channels, rows, columns, 1)
        captions = tuple(str(channel) for channel in range(len(maps)))
    else:
        maps = (output[None] if output.ndim == 1 else output.T)[None, ..., None]  # (1, 1 or units, units or length, 1)
        captions = (f"{output.shape[-1]} units" + (", a row each" if output.ndim == 2 else ""),)
    return Tiles(maps, captions, bool((output < 0).any()), "features", settings, source=image if image.ndim == 3 else None)
