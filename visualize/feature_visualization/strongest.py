"""Strongest: the units of a layer that respond most to pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize.engine.compile import Program, compiled
from visualize.feature_visualization.parametrizations import MagnitudeConstrained
from visualize.feature_visualization.readout import ReadoutSpec
from visualize.feature_visualization.spectrum import natural_spectrum
from visualize.models.inputs import Inputs, checked_batch_size

PICTURES = 32  # that units are measured on


@dataclass(frozen=True)
class UnitActivity(Program):
    """The graph of the values of one source.

    Attributes:
        readout: how the model is called, and the source.
    """

    readout: ReadoutSpec

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        """From `images` to `values`, (batch, units)."""
        images = tensors["images"]
        return {"values": self.readout.bind(tensors, tf.shape(images)[0]).read(model, images).values[0]}, {}


def strongest_units(
    model: keras.Model,
    readout: ReadoutSpec,
    inputs: Inputs,
    pictures: np.ndarray,
    count: int,
    most: int,
    batch_size: int | None,
) -> list[int]:
    """The units of a source with the highest mean value over pictures, the highest first.

    Args:
        model: Keras model.
        readout: of one source.
        inputs: one row for each input of the model.
        pictures: (batch, height, width, channels).
        count: how many units the source has.
        most: how many of them to return, at most.
        batch_size: pictures at a time; by default as many as suit their size.
    """
    specs = {**readout.tensor_specs(inputs), "images": inputs.specs()[inputs.input_name]}
    graph = compiled(model, UnitActivity(readout), specs)
    arrays = {"images": pictures, "weights_0": np.zeros((len(pictures), count), "float32")}
    held = {f"held_{name}": inputs.arrays[name] for name in inputs.others}
    results = graph.run_batches(arrays, batch_size=checked_batch_size(batch_size, inputs), constants=held)
    means = results["values"].astype("float64").mean(axis=0)
    return np.argsort(-means, kind="stable")[:most].tolist()


def measuring_pictures(shape: tuple[int, int, int], input_range: tuple[float, float], seed: int, dtype: Any) -> np.ndarray:
    """Pictures to measure units on: waves as large as in photographs, with phases at random, (32, height, width, channels).

    Channels that are neither gray nor colors get noise of every pixel on its own.
    """
    low, high = input_range
    generator = np.random.default_rng([seed, 3])
    if shape[-1] not in (1, 3):
        return generator.uniform(low, high, (PICTURES, *shape)).astype(dtype)
    magnitudes = natural_spectrum(shape).astype("float32")
    parametrization = MagnitudeConstrained(shape, low, high, magnitudes.tobytes())
    parameters = generator.standard_normal((PICTURES, *magnitudes.shape, 2)).astype("float32")
    return parametrization.images(tf.constant(parameters)).numpy().astype(dtype)
