"""Whether maps change with the weights: against models whose weights were really changed."""

import functools
import threading

import keras
import numpy as np
import pytest

import visualize
from visualize import InputError
from visualize.engine.other_weights import OtherWeights
from visualize.metrics.randomization import randomization, shuffled_weights

METHODS = [
    visualize.saliency,
    visualize.gradcam,
    functools.partial(visualize.integrated_gradients, steps=4),
    functools.partial(visualize.occlusion, patch=4),
    functools.partial(visualize.rise, masks=8),
    visualize.scorecam,
]


def target_of(kind):
    return visualize.Target(0, output="kind") if kind == "two_outputs" else 0


def options_of(kind):
    return {"input_name": "picture"} if kind == "siamese" else {}


def other_values(model):
    """Other weights for every layer, by position."""
    generator = np.random.default_rng(11)
    return [np.abs(value + 0.3 * generator.standard_normal(value.shape)).astype(value.dtype) for value in model.get_weights()]


@pytest.mark.parametrize(
    "built", ["softmax", "nested", "compiled_call", "shared_layer", "mixed_bfloat16", "two_outputs", "siamese"]
)
def test_maps_with_other_weights_are_those_of_a_model_that_has_them(built, build, images_for):
    model, changed = build(built), build(built)
    images, values = images_for(model), other_values(model)
    before = model.get_weights()
    changed.set_weights(values)
    weights = OtherWeights(model)
    weights.assign({id(weight): value for weight, value in zip(model.weights, values, strict=True)})
    target, options = target_of(built), options_of(built)
    own = visualize.input_times_gradient(model, images, target, **options).values
    with weights.in_use():
        there = visualize.input_times_gradient(model, images, target, **options).values
    expected = visualize.input_times_gradient(changed, images, target, **options).values
    np.testing.assert_allclose(there, expected, rtol=1e-4, atol=1e-5)
    assert not np.allclose(there, own)
    np.testing.assert_array_equal(visualize.input_times_gradient(model, images, target, **options).values, own)
    for value, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(value, now)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: getattr(method, "func", method).__name__)
def test_every_method_reads_the_other_weights_of_a_reloaded_model(method, reloaded, build, images_for):
    model, changed = reloaded("nested"), build("nested")
    images, values = images_for(model), other_values(model)
    changed.set_weights(values)
    weights = OtherWeights(model)
    weights.assign({id(weight): value for weight, value in zip(model.weights, values, strict=True)})
    with weights.in_use():
        there = method(model, images, 1).values
    np.testing.assert_allclose(there, method(changed, images, 1).values, rtol=1e-4, atol=1e-5)


def test_new_values_need_no_new_graph(build, images_for):
    model = build("softmax")
    images, weights = images_for(model), OtherWeights(model)
    with weights.in_use():
        visualize.saliency(model, images, 0)
    graphs = list(weights.graphs.values())
    weights.assign({id(model.weights[0]): np.zeros(model.weights[0].shape)})
    with weights.in_use():
        again = visualize.saliency(model, images, 0)
    assert list(weights.graphs.values()) == graphs
    assert not again.values.any()  # without the first kernel nothing of the image remains


def test_another_thread_meets_the_model_as_it_is(build, images_for):
    model = build("softmax")
    images = images_for(model)
    expected = model.predict(images, verbose=0)
    seen, own = [], visualize.saliency(model, images, 0).values

    def method(model, images, target=None):
        def other_thread():
            seen.append((model.predict(images, verbose=0), visualize.saliency(model, images, 0).values))

        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join()
        return visualize.saliency(model, images, target)

    result = randomization(model, images, 0, method=method, steps=2)
    assert len(seen) == 3
    for prediction, values in seen:
        np.testing.assert_array_equal(prediction, expected)
        np.testing.assert_array_equal(values, own)
    assert (result.magnitude_correlations[-1] < 0.999).all()


def test_layers_are_shuffled_in_the_reverse_of_their_execution(build, images_for):
    model = build("nested")
    result = randomization(model, images_for(model), 0, steps=None)
    assert result.layers == ("preds", "base/norm", "base/conv_2", "base/conv")
    assert result.shuffled.tolist() == [1, 2, 3, 4]
    assert randomization(model, images_for(model), 0, steps=1).shuffled.tolist() == [4]
    assert randomization(model, images_for(model), 0, steps=2).shuffled.tolist() == [1, 4]


def test_each_step_is_the_model_with_so_many_shuffled_layers(build, images_for):
    model, changed = build("softmax"), build("softmax")
    images = images_for(model)
    result = randomization(model, images, 1, method=visualize.input_times_gradient, steps=None, seed=5)
    original = visualize.input_times_gradient(model, images, 1).values
    statistics = pytest.importorskip("scipy.stats")
    for number, path in enumerate(result.layers):
        layer = changed.get_layer(path)
        for weight in layer.weights:
            weight.assign(shuffled_weights(layer.weights, (5, number))[id(weight)])
        values = visualize.input_times_gradient(changed, images, 1).values
        expected = [
            statistics.spearmanr(first.ravel(), second.ravel()).statistic
            for first, second in zip(values, original, strict=True)
        ]
        np.testing.assert_allclose(result.correlations[number], expected, atol=1e-3)
        assert not np.allclose(values, original)


def test_a_map_of_the_image_alone_does_not_change(build, images_for):
    model = build("color")

    def edges(model, images, target=None):
        own = visualize.saliency(model, images, target)
        return visualize.Attribution(images.mean(axis=-1), own.images, own.targets, own.scores, "edges", own.settings)

    result = randomization(model, images_for(model), method=edges)
    np.testing.assert_array_equal(result.correlations, 1)
    np.testing.assert_array_equal(result.magnitude_correlations, 1)
    np.testing.assert_array_equal(result.complexity_rise, 0)


def test_a_map_of_features_alone_does_not_notice_a_random_head(build, images_for):
    model = build("separable")
    result = randomization(model, images_for(model), method=visualize.eigencam, steps=None)
    assert result.layers[0] == "preds"
    np.testing.assert_allclose(result.correlations[0], 1, atol=1e-6)
    assert (result.correlations[-1] < 0.99).all()


def test_vectors_of_one_layer_are_shuffled_alike():
    layer = keras.layers.BatchNormalization()
    layer.build((None, 4, 4, 9))
    for weight in layer.weights:
        weight.assign(np.arange(9.0) + 1)
    first, *others = shuffled_weights(layer.weights, (0, 0)).values()
    assert sorted(first) == list(range(1, 10))
    assert list(first) != list(range(1, 10))
    for values in others:
        np.testing.assert_array_equal(values, first)


def test_the_complexity_is_the_entropy_of_the_histogram(build, images_for):
    model = build("softmax")
    images = images_for(model)
    halves, quarters = np.zeros((3, 12, 12)), np.zeros((3, 12, 12))
    halves[:, 6:] = 1  # two values, half of the pixels each: log 2
    quarters[:] = np.repeat(np.arange(4), 3)  # four values: log 4
    maps = iter([halves, quarters])

    def method(model, images, target=None):
        own = visualize.saliency(model, images, target)
        return visualize.Attribution(next(maps), own.images, own.targets, own.scores, "drawn", own.settings)

    rise = randomization(model, images, method=method, steps=1).complexity_rise
    np.testing.assert_allclose(rise, np.log(4) / np.log(2) - 1)


def test_a_model_without_weights_is_refused():
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.GlobalAveragePooling2D()])
    with pytest.raises(InputError, match="must have weights"):
        randomization(model, np.ones((1, 4, 4, 3)))


@pytest.mark.parametrize(("option", "value"), [("steps", 0), ("seed", -1)])
def test_an_option_out_of_range_is_refused(build, images_for, option, value):
    model = build("softmax")
    with pytest.raises(InputError, match=f"`{option}` must be"):
        randomization(model, images_for(model), **{option: value})
