"""Local response normalization, against its formula."""

import keras
import numpy as np
import pytest

from kerasdemos.layers import LocalResponseNormalization


def normalized(pixels, *, radius=5, bias=1.0, alpha=1e-4, beta=0.75):
    """The formula of the paper, channel by channel."""
    out = np.empty_like(pixels)
    channels = pixels.shape[-1]
    for channel in range(channels):
        near = pixels[..., max(0, channel - radius) : min(channels, channel + radius + 1)]
        out[..., channel] = pixels[..., channel] / (bias + alpha * (near**2).sum(axis=-1)) ** beta
    return out


def test_normalization_gives_the_numbers_of_tflearn():
    ramp = np.arange(1, 33, dtype=np.float32).reshape(1, 1, 1, 32)
    values = np.asarray(LocalResponseNormalization()(ramp)).ravel()
    assert values[[0, 5, 15, 31]] == pytest.approx([0.993229, 5.781935, 13.198418, 23.330961], abs=2e-6)


def test_every_argument_of_the_normalization_counts():
    pixels = np.random.default_rng(0).normal(size=(2, 3, 4, 9)).astype(np.float32)
    layer = LocalResponseNormalization(depth_radius=2, bias=2.0, alpha=0.3, beta=0.6)
    expected = normalized(pixels.astype(np.float64), radius=2, bias=2.0, alpha=0.3, beta=0.6)
    np.testing.assert_allclose(layer(pixels), expected, rtol=1e-5)


def test_a_saved_normalization_comes_back_with_its_arguments(tmp_path):
    layer = LocalResponseNormalization(depth_radius=2, bias=2.0, alpha=0.3, beta=0.6)
    model = keras.Sequential([keras.Input((3, 4, 9)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    assert isinstance(loaded.layers[0], LocalResponseNormalization)
    pixels = np.random.default_rng(0).normal(size=(2, 3, 4, 9)).astype(np.float32)
    np.testing.assert_array_equal(loaded(pixels), model(pixels))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_normalization_keeps_half_precision_and_has_its_gradient(policy):
    import tensorflow as tf

    pixels = tf.constant(np.linspace(-2, 2, 32, dtype=np.float32).reshape(1, 2, 2, 8))
    half = LocalResponseNormalization(alpha=0.1, dtype=policy)
    full = LocalResponseNormalization(alpha=0.1)
    slopes = []
    for layer in (half, full):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            outputs = layer(pixels)
        slopes.append(tape.gradient(outputs, pixels))
    assert half(pixels).dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(slopes[0], slopes[1], atol=0.02)
    assert np.abs(slopes[1]).max() > 0.5
