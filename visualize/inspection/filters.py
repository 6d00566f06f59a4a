"""Filters: a layer's kernels as pictures."""

from __future__ import annotations

import numpy as np

from visualize._utils.lazy import keras
from visualize._utils.validation import checked_count
from visualize.errors import InputError
from visualize.models.layers import find_layer, has_kernels, kernels_of, layers_by_path, listed
from visualize.results import Tiles
from visualize.settings import Display, TilesSettings

__all__ = ["filters"]


def filters(model: keras.Model, *, layer: str | None = None, channel: int | None = None, most: int | None = None) -> Tiles:
    """Show the kernels of a convolution.

    Args:
        model: Keras model.
        layer: path of a convolution; by default the first of the model.
        channel: show only the kernels over this input channel; by default those over every channel.
        most: how many filters the figure shows, and at most how many of their input channels, those with the largest weights
            (L2 norm); by default all of up to 64, else the strongest 64 (128 of a 1x1 convolution). The arrays keep all.

    Returns:
        Tiles, (kernels, height, width, 1), the signed weights themselves: one row per filter and one column per input channel.
        The filters of a first layer over red, green and blue are one picture each, (filters, height, width, 3). A depthwise
        layer has one kernel per channel. The kernels of a 1x1 convolution are one matrix, (1, channels, filters, 1).

    Raises:
        InputError: `layer` has no kernels, `channel` is not one of its input channels, or `most` is no whole number from 1.

    Example:
        visualize filters model.keras --layer conv2d
    """
    convolutions = {path: each for path, each in layers_by_path(model).items() if has_kernels(each)}
    if not convolutions:
        raise InputError("`filters` needs a layer with kernels. This model has no two-dimensional convolution.")
    path = next(iter(convolutions)) if layer is None else find_layer(layer, list(layers_by_path(model)))
    if path not in convolutions:
        raise InputError(f"`layer` must have kernels: one of {listed(list(convolutions))}. Received: {path!r}.")
    kernels = _kernels(convolutions[path])  # (height, width, channels, filters)
    height, width, channels, count = kernels.shape
    if channel is not None and not 0 <= channel < channels:
        raise InputError(f"`channel` must be between 0 and {channels - 1}. Received: {channel}.")
    if most is not None:
        checked_count("most", most, 1)
    columns, axes = None, ()
    if height == width == 1 and channels > 1:
        rows = slice(None) if channel is None else slice(channel, channel + 1)
        tiles = kernels[:, :, rows].reshape(1, -1, count, 1)
        axes, captions = ("channel", "filter"), [f"{tiles.shape[1]} x {count}, one column per filter"]
    elif channel is not None:
        tiles, captions = kernels[:, :, channel].transpose(2, 0, 1)[..., None], [f"{number}" for number in range(count)]
    elif channels == 3:
        tiles, captions = kernels.transpose(3, 0, 1, 2), [f"{number}" for number in range(count)]
    else:
        tiles = kernels.transpose(3, 2, 0, 1).reshape(count * channels, height, width, 1)
        pairs = [(number, over) for number in range(count) for over in range(channels)]
        as_grid = channels > 1 and count > 1
        captions = [f"{number}/{over}" if as_grid else f"{max(number, over)}" for number, over in pairs]
        columns = channels if as_grid else None
    settings = TilesSettings(unit="weight", layer=path, filters=count, channels=channels, channel=channel)
    return Tiles(tiles, tuple(captions), True, "filters", settings, display=Display(columns, axes, most))


def _kernels(layer: keras.Layer) -> np.ndarray:
    """A layer's kernels, (height, width, channels that each sees, filters), however the layer keeps them."""
    kernels = np.asarray(kernels_of(layer)).astype("float32")
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return kernels.swapaxes(2, 3)
    if isinstance(layer, keras.layers.DepthwiseConv2D | keras.layers.SeparableConv2D):
        return kernels.reshape(*kernels.shape[:2], 1, -1)  # each kernel sees one channel
    return kernels
