"""Filters: a layer's kernels as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from visualize._utils.lazy import keras
from visualize.errors import InputError
from visualize.models import layers as models
from visualize.results import Tiles

__all__ = ["filters"]


def filters(model: Any, *, layer: str | None = None, channel: int | None = None) -> Tiles:
    """Show the kernels of a convolution.

    Args:
        model: Keras model.
        layer: path of a convolution; by default the first of the model.
        channel: show only the kernels over this input channel; by default those over every one.

    Returns:
        Tiles, (kernels, height, width, 1), the signed weights themselves: one row a filter and one column an input channel.
        The filters of a first layer over red, green and blue are one picture each, (filters, height, width, 3). A depthwise
        layer has one kernel a channel.

    Raises:
        InputError: `layer` has no kernels, or `channel` is none of its input channels.

    Example:
        visualize filters model.keras --layer conv2d
    """
    having = {path: one for path, one in models.layers(model).items() if models.has_kernels(one)}
    if not having:
        raise InputError("`filters` needs a layer with kernels. This model has no two-dimensional convolution.")
    path = next(iter(having)) if layer is None else models.find_layer(layer, list(models.layers(model)))
    if path not in having:
        raise InputError(f"`layer` must have kernels: one of {models.listed(list(having))}. Received: {path!r}.")
    kernels = _kernels(having[path])  # (height, width, channels, filters)
    height, width, channels, count = kernels.shape
    settings = {"layer": path, "unit": "weight", "channels": channels, "filters": count}
    if channel is not None:
        if not 0 <= channel < channels:
            raise InputError(f"`channel` must be between 0 and {channels - 1}. Received: {channel}.")
        chosen, captions = (
            kernels[:, :, channel].transpose(2, 0, 1)[..., None],
            [f"{one}" for one in range(count)],
        )
        settings["channel"] = channel
    elif channels == 3:
        chosen, captions = kernels.transpose(3, 0, 1, 2), [f"{one}" for one in range(count)]
    else:
        chosen = kernels.transpose(3, 2, 0, 1).reshape(count * channels, height, width, 1)
        both = channels > 1 and count > 1
        captions = [f"{one}/{over}" if both else f"{max(one, over)}" for one in range(count) for over in range(channels)]
        if both:
            settings["columns"] = channels
    return Tiles(chosen, tuple(captions), True, "filters", settings)


def _kernels(layer: Any) -> np.ndarray:
    """A layer's kernels, (height, width, channels that each sees, filters), however the layer keeps them."""
    kernels = np.asarray(models.kernels_of(layer)).astype("float32")
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return kernels.swapaxes(2, 3)
    if isinstance(layer, keras.layers.DepthwiseConv2D | keras.layers.SeparableConv2D):
        return kernels.reshape(*kernels.shape[:2], 1, -1)  # each kernel sees one channel
    return kernels
