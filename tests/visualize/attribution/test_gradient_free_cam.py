"""CAM without gradients against one look for each channel."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import InputError, ablationcam, scorecam


def resized(maps, size):
    return np.asarray(tf.image.resize(maps[..., None], size))[..., 0]


@pytest.fixture
def parts(build, images_for):
    """A model, images, the maps of its layer relu, and what follows it."""
    model = build("linear")
    images = images_for(model, 2)
    maps = images
    for layer in model.layers[:4]:
        maps = layer(maps)

    def rest(maps):
        for layer in model.layers[4:]:
            maps = layer(maps)
        return np.asarray(maps)

    return model, images, np.asarray(maps), rest


def test_scorecam_weighs_each_map_by_the_score_of_the_image_seen_through_it(parts):
    model, images, maps, _ = parts
    for index, image in enumerate(images):
        scores = []
        for channel in range(maps.shape[-1]):
            mask = resized(maps[index, ..., channel][None].astype("float32"), (12, 12))[0]  # first resized, then to 0..1
            mask = (mask - mask.min()) / (mask.max() - mask.min()) if mask.max() > mask.min() else np.zeros_like(mask)
            scores.append(np.asarray(model((image * mask[..., None])[None]))[0, 1])
        weights = np.exp(scores - np.max(scores)) / np.exp(scores - np.max(scores)).sum()
        expected = resized(np.maximum((maps[index] * weights).sum(axis=-1), 0)[None].astype("float32"), (12, 12))[0]
        np.testing.assert_allclose(scorecam(model, images, 1, layer="relu").values[index], expected, rtol=1e-3, atol=1e-6)


def test_ablationcam_weighs_each_map_by_the_fall_of_the_score_without_it(parts):
    model, images, maps, rest = parts
    for index in range(2):
        score = rest(maps[index : index + 1])[0, 1]
        falls = []
        for channel in range(maps.shape[-1]):
            without = maps[index : index + 1].copy()
            without[..., channel] = 0
            falls.append((score - rest(without)[0, 1]) / abs(score))
        expected = resized(np.maximum((maps[index] * falls).sum(axis=-1), 0)[None].astype("float32"), (12, 12))[0]
        np.testing.assert_allclose(ablationcam(model, images, 1, layer="relu").values[index], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("method", [scorecam, ablationcam])
def test_batches_change_nothing(method, build, images_for):
    model = build("softmax")
    images = images_for(model, 3)
    whole = method(model, images, [0, 1, 2]).values
    for size in (1, 3, 7):
        np.testing.assert_allclose(method(model, images, [0, 1, 2], batch_size=size).values, whole, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(method(model, images[1:2], 1).values[0], whole[1], rtol=1e-3, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", [scorecam, ablationcam])
def test_nested_models_and_two_inputs_are_weighed_too(method, reloaded, images_for):
    for kind, layer in (("nested", "base/relu"), ("two_inputs", "relu"), ("mixed_float16", "relu"), ("subclassed", "second")):
        model = reloaded(kind)
        found = method(model, images_for(model), 1)
        assert found.settings["layer"] == layer
        assert np.isfinite(found.values).all()
        assert found.values.max() > 0 or method(model, images_for(model), 0).values.max() > 0


def test_a_layer_without_maps_is_refused():
    flat = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(2, name="preds")])
    with pytest.raises(InputError, match="no convolution of this model"):
        ablationcam(flat, np.ones((1, 3, 3, 1)))
