"""Smoothed gradients against a Python loop over the same noisy copies."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import InputError, saliency, smoothgrad, squaregrad, vargrad


def slopes(model, image, target, samples, noise, seed):
    """The gradient at each noisy copy of one image, one at a time: (samples, height, width, channels)."""
    found = []
    for number in range(samples):
        normal = np.asarray(tf.random.stateless_normal([1, *image.shape], [seed, number]))
        copy = tf.constant(image[None] + noise * (image.max() - image.min()) * normal)
        with tf.GradientTape() as tape:
            tape.watch(copy)
            score = model(copy)[:, target]
        found.append(np.asarray(tape.gradient(score, copy))[0])
    return np.stack(found)


def test_each_is_its_statistic_of_the_slopes_at_noisy_copies(build, images_for):
    model = build("linear")
    images = images_for(model, 2)
    options = {"samples": 5, "noise": 0.3, "seed": 4}
    found = {method: method(model, images, 1, **options).values for method in (smoothgrad, squaregrad, vargrad)}
    for index, image in enumerate(images):
        one = slopes(model, image, 1, **options)
        np.testing.assert_allclose(found[smoothgrad][index], np.abs(one.mean(axis=0)).max(axis=-1), rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(found[squaregrad][index], (one**2).mean(axis=0).max(axis=-1), rtol=1e-3, atol=1e-7)
        np.testing.assert_allclose(found[vargrad][index], one.var(axis=0).max(axis=-1), rtol=1e-2, atol=1e-6)


def test_on_a_linear_model_noise_changes_nothing():
    model = keras.Sequential([keras.Input((3, 4, 2)), keras.layers.Flatten(), keras.layers.Dense(2)])
    images = np.random.default_rng(0).random((2, 3, 4, 2))
    size = saliency(model, images, 1).values
    np.testing.assert_allclose(smoothgrad(model, images, 1, samples=7).values, size, rtol=1e-5)
    np.testing.assert_allclose(squaregrad(model, images, 1, samples=7).values, size**2, rtol=1e-5)
    np.testing.assert_array_equal(vargrad(model, images, 1, samples=7).values, 0)


@pytest.mark.slow
@pytest.mark.parametrize("method", [smoothgrad, squaregrad, vargrad])
def test_a_map_depends_on_seed_samples_and_noise_but_not_on_batches(method, build, images_for):
    model = build("softmax")
    images = images_for(model, 3)
    whole = method(model, images, 1, samples=6)
    np.testing.assert_array_equal(method(model, images, 1, samples=6).values, whole.values)
    for option in ({"seed": 1}, {"noise": 0.5}, {"samples": 7}):
        assert not np.allclose(method(model, images, 1, **{"samples": 6, **option}).values, whole.values, rtol=1e-3)
    for size in (1, 4, 7):
        found = method(model, images, 1, samples=6, batch_size=size)
        np.testing.assert_allclose(found.values, whole.values, rtol=2e-3, atol=1e-6)
    np.testing.assert_allclose(method(model, images[2:], 1, samples=6).values[0], whole.values[2], rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("method", [smoothgrad, squaregrad, vargrad])
def test_bad_numbers_are_refused(method, build, images_for):
    model = build("softmax")
    images = images_for(model)
    with pytest.raises(InputError, match=r"`samples` must be a whole number from 1\. Received: 0\."):
        method(model, images, samples=0)
    with pytest.raises(InputError, match=r"`noise` must be above 0\. Received: 0\."):
        method(model, images, noise=0)
