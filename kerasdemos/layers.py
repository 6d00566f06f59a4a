"""The layer of the articles that Keras does not have: local response normalization."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="kerasdemos")
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each channel by the activity of its neighbors.

    Krizhevsky, Sutskever & Hinton (2012), "ImageNet classification with deep convolutional neural networks",
    section 3.3: y[c] = x[c] / (bias + alpha * sum of x[k]^2 over |k - c| <= depth_radius) ^ beta. The sum
    runs over the channels that exist, and alpha is not divided by their number. The defaults are tflearn's.

    Args:
        depth_radius: neighbors on each side.
        bias: keeps a neighborhood of zeros from dividing by zero.
        alpha: weight of the neighbors.
        beta: exponent.

    Call it with (batch, height, width, channels); the shape stays the same. Half precision is computed in float32.
    """

    def __init__(self, depth_radius: int = 5, bias: float = 1.0, alpha: float = 1e-4, beta: float = 0.75, **kwargs: Any):
        super().__init__(**kwargs)
        self.depth_radius = depth_radius
        self.bias = bias
        self.alpha = alpha
        self.beta = beta

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """The normalized inputs."""
        normalized = tf.nn.local_response_normalization(
            tf.cast(inputs, tf.float32), self.depth_radius, self.bias, self.alpha, self.beta
        )
        return tf.cast(normalized, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments from which Keras builds this layer again."""
        return {
            **super().get_config(),
            "depth_radius": self.depth_radius,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
        }
