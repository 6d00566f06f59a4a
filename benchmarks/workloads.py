"""Workloads: the two networks, and how much of each method is measured on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

TARGET = 3


@dataclass(frozen=True)
class Workload:
    """A network with random weights, which cost what trained ones cost, and counts that keep the whole within minutes.

    Attributes:
        name: of the network.
        shape: (height, width, channels) of its images.
        layer: whose maps the CAM methods read.
        score_layer: whose maps Score-CAM reads: one with few channels, as each costs a forward pass of every image.
        largest: batch to try; beyond it images take longer, not less.
        samples: noisy copies, or steps of integrated gradients.
        masks: of RISE.
        steps: of activation maximization.
    """

    name: str
    shape: tuple[int, int, int]
    layer: str
    score_layer: str
    largest: int
    samples: int
    masks: int
    steps: int

    @property
    def patch(self) -> int:
        """Side of the square that occlusion hides; patches do not overlap, so there are 16 of them."""
        return self.shape[0] // 4

    def model(self) -> keras.Model:
        """A fresh functional model that returns logits; the same weights each time."""
        keras.utils.clear_session()  # layers are named by counting
        keras.utils.disable_interactive_logging()  # Score-CAM of tf-keras-vis calls predict(): no bar
        keras.utils.set_random_seed(0)
        if self.name == "mobilenet":
            untrained: dict[str, Any] = {"weights": None, "classifier_activation": None}
            return keras.applications.MobileNetV2(input_shape=self.shape, **untrained)
        from kerasdemos.demos.digits_cnn import build

        inputs = values = keras.Input(self.shape)  # the peers cannot take a Sequential, nor layers that have been called
        for layer in build().layers:
            config = layer.get_config() | ({"activation": "linear"} if layer.name == "preds" else {})
            values = type(layer).from_config(config)(values)
        return keras.Model(inputs, values, name=self.name)

    def images(self, count: int) -> np.ndarray:
        """Noise, (count, height, width, channels), in 0..1."""
        return np.random.default_rng(0).random((count, *self.shape)).astype("float32")


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("digits_cnn", (28, 28, 1), "conv2d_1", "conv2d_1", largest=256, samples=25, masks=128, steps=50),
        Workload("mobilenet", (224, 224, 3), "out_relu", "block_2_add", largest=16, samples=8, masks=32, steps=20),
    )
}
