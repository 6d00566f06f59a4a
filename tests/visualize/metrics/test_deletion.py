"""Deletion and insertion against loops over the pixels, and on a model whose curve is known by hand."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import visualize
from visualize import InputError, Target, describe, metrics
from visualize.attribution.perturbation import fill_images


@pytest.fixture
def attribution():
    """`attribution(model, images)`: a map of noise with some equal values, of which the target is the model's own choice."""

    def of(model, images, **options):
        result = visualize.saliency(model, images, **options)
        values = np.random.default_rng(11).integers(0, 60, result.values.shape)
        return replace(result, values=values.astype("float32"))

    return of


def additive(weights):
    """A model whose score is a sum over the pixels."""
    height, width = weights.shape
    model = keras.Sequential([keras.Input((height, width, 1)), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)])
    model.layers[-1].set_weights([weights.reshape(-1, 1)])
    return model


def probability(model, copies, target):
    return np.asarray(model(copies.astype("float32")))[:, target]


def by_loops(model, image, values, target, fill, steps, shows):
    """The curve of one image whose pixels all differ in value, step by step."""
    order = np.argsort(-values.ravel())
    hidden = np.broadcast_to(fill, image.shape)
    curve = []
    for step in range(steps + 1):
        copy = (hidden if shows else image).copy()
        for pixel in order[: values.size * step // steps]:
            row, column = divmod(int(pixel), values.shape[1])
            copy[row, column] = (image if shows else hidden)[row, column]
        curve.append(probability(model, copy[None], target)[0])
    return np.array(curve)


def test_the_curve_of_an_additive_model_is_the_sum_of_what_is_left():
    weights = np.arange(1, 17).reshape(4, 4) / 16
    model, images = additive(weights), np.ones((1, 4, 4, 1), "float32")
    record = metrics.deletion(model, visualize.input_times_gradient(model, images, 0), fill=0, steps=16, baselines=())
    np.testing.assert_allclose(record.curves[0], [sum(range(1, 17 - step)) / 16 for step in range(17)], rtol=1e-5)
    np.testing.assert_allclose(record.points, np.linspace(0, 1, 17))
    np.testing.assert_allclose(record.values, [np.trapezoid(record.curves[0], record.points)])
    assert (record.unit, record.larger_is_better) == ("output", False)
    shown = metrics.insertion(model, visualize.input_times_gradient(model, images, 0), fill=0, steps=16, baselines=())
    np.testing.assert_allclose(shown.curves[0], [sum(range(17 - step, 17)) / 16 for step in range(17)], atol=1e-5)


@pytest.mark.parametrize("fill", [0.3, "mean", "blur"])
@pytest.mark.parametrize("metric", ["deletion", "insertion"])
def test_the_curve_is_that_of_a_loop_over_the_pixels(build, images_for, metric, fill):
    model = build("color")
    images = images_for(model, 3)
    result = visualize.saliency(model, images)
    result = replace(result, values=np.random.default_rng(0).permutation(result.values.size).reshape(result.values.shape))
    record = getattr(metrics, metric)(model, result, fill=fill, steps=7, batch_size=4, baselines=())
    fills = np.full_like(images, fill) if isinstance(fill, float) else fill_images(tf.constant(images), fill).numpy()
    for image, values, target, hidden, curve in zip(images, result.values, result.targets, fills, record.curves, strict=True):
        expected = by_loops(model, image, values, target, hidden, 7, metric == "insertion")
        np.testing.assert_allclose(curve, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(record.scores, result.arrays["probability"], rtol=1e-5)


def test_logits_can_be_measured_instead_of_probabilities(build, images_for, attribution):
    model = build("softmax")
    result = attribution(model, images_for(model))
    record = metrics.deletion(model, result, score="logit", steps=4, baselines=())
    np.testing.assert_allclose(record.curves[:, 0], result.scores, rtol=1e-5)
    assert (record.unit, metrics.deletion(model, result, steps=4, baselines=()).unit) == ("logit", "probability")


def test_each_image_has_the_figures_that_it_has_alone(build, images_for, attribution):
    model = build("color")
    images = images_for(model, 4)
    result = attribution(model, images)
    together = metrics.deletion(model, result, steps=5, batch_size=3)
    for index in range(4):
        alone = metrics.deletion(model, result.of(index), steps=5)
        np.testing.assert_allclose(alone.curves[0], together.curves[index], rtol=1e-4)
        for name in metrics.BASELINES:
            np.testing.assert_allclose(alone.baselines[name][0], together.baselines[name][index], rtol=1e-4)


def test_baselines_are_measured_as_maps_of_their_own(build, images_for, attribution):
    model = build("color")
    result = attribution(model, images_for(model))
    record = metrics.insertion(model, result, steps=6, seed=4)
    assert tuple(record.baselines) == metrics.BASELINES
    for name, maps in metrics.baseline_maps(result.images, seed=4).items():
        alone = metrics.insertion(model, replace(result, values=maps), steps=6, seed=4, baselines=())
        np.testing.assert_allclose(record.baselines[name], alone.values, rtol=1e-5)
        np.testing.assert_allclose(record.baseline_curves[name], alone.curves, rtol=1e-4)


def test_equal_pixels_are_hidden_in_random_order(build, images_for, attribution):
    model = build("color")
    result = attribution(model, images_for(model))
    constant = replace(result, values=np.zeros_like(result.values))
    first, again, other = (metrics.deletion(model, constant, steps=5, seed=seed, baselines=()) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.curves, again.curves)
    assert not np.allclose(first.curves, other.curves, rtol=1e-4)


def test_the_baselines_of_another_record_are_taken_over(build, images_for, attribution):
    model = build("color")
    images = images_for(model)
    first = metrics.deletion(model, attribution(model, images), steps=5)
    result = visualize.saliency(model, images)
    again, taken_over = metrics.deletion(model, result, steps=5), metrics.deletion(model, result, steps=5, baselines=first)
    assert taken_over.method == "saliency"
    np.testing.assert_allclose(taken_over.values, again.values, rtol=1e-6)
    for name in metrics.BASELINES:
        np.testing.assert_array_equal(taken_over.baselines[name], first.baselines[name])
        np.testing.assert_array_equal(taken_over.baseline_curves[name], first.baseline_curves[name])
    with pytest.raises(InputError, match="same metric, settings and model"):
        metrics.deletion(model, result, steps=6, baselines=first)
    with pytest.raises(InputError, match="same metric, settings and model"):
        metrics.deletion(build("separable"), visualize.saliency(build("separable"), images), steps=5, baselines=first)
    with pytest.raises(InputError, match="same images and targets"):
        metrics.deletion(model, result.of(0), steps=5, baselines=first)
    with pytest.raises(InputError, match="same images and targets"):
        metrics.deletion(model, visualize.saliency(model, images, (result.targets + 1) % 4), steps=5, baselines=first)


@pytest.mark.slow
def test_every_kind_of_model_is_measured_with_the_score_that_was_explained(any_kind, build, images_for, attribution):
    model = build(any_kind)
    images = images_for(model)
    several = isinstance(images, dict)
    options = {"input_name": "picture"} if several else {}
    target = Target(1, output="kind") if any_kind == "two_outputs" else None
    result = attribution(model, images, target=target, **options)
    record = metrics.deletion(model, result, steps=3, score="logit", images=images if several else None)
    np.testing.assert_allclose(record.scores, result.scores, rtol=1e-2, atol=1e-3)
    assert np.isfinite(record.values).all()


def test_a_region_or_a_function_of_the_scores_must_be_given_again(build, images_for, attribution):
    model = build("segmenting")
    images = images_for(model)
    target = Target(2, region=(0, 0, 6, 6))
    result = attribution(model, images, target=target)
    with pytest.raises(InputError, match=r"`target` must state the region"):
        metrics.deletion(model, result)
    record = metrics.deletion(model, result, target=target, steps=3, score="logit", baselines=())
    np.testing.assert_allclose(record.scores, result.scores, rtol=1e-4)
    assert record.unit == "mean logit"

    def second(scores):
        return scores[:, 1]

    model = build("softmax")
    result = attribution(model, images_for(model), target=second)
    with pytest.raises(InputError, match=r"`target` must be the function"):
        metrics.deletion(model, result)
    with pytest.raises(InputError, match=r"`score` must be left out"):
        metrics.deletion(model, result, target=second, score="probability")
    record = metrics.deletion(model, result, target=second, steps=3, baselines=())
    np.testing.assert_allclose(record.scores, result.scores, rtol=1e-5)
    assert record.unit == "second of the logit"


def test_black_is_the_low_end_of_the_input_range(build, images_for, attribution):
    model = build("color")
    result = attribution(model, images_for(model))
    assert metrics.deletion(model, result, steps=3, fill="black", baselines=()).settings["fill"] == 0
    model = describe(model, input_range=(-2, 2))
    black, low = (metrics.deletion(model, result, steps=3, fill=fill, baselines=()) for fill in ("black", -2))
    np.testing.assert_array_equal(black.curves, low.curves)
    assert black.settings["fill"] == -2


def test_records_are_plain_json(build, images_for):
    model = build("color")
    result = visualize.input_times_gradient(model, images_for(model))
    few = {"samples": np.int64(4), "baselines": (), "seed": np.int64(2)}
    records = [
        metrics.deletion(model, result, steps=np.int64(3), fill=np.float32(0.5), baselines=()),
        metrics.insertion(model, result, steps=3, fill=np.array([0.1, 0.2, 0.3])),
        metrics.road(model, result, shares=np.array([0.5]), noise=np.float32(0.1), baselines=()),
        metrics.sensitivity_n(model, result, sizes=np.array([2, 3]), **few),
        metrics.mu_fidelity(model, result, share=np.float64(0.3), cells=np.int64(4), **few),
        metrics.infidelity(model, result, side=np.int64(2), **few),
        metrics.completeness(model, result),
    ]
    for record in records:
        assert json.loads(json.dumps(record.as_json()))["settings"] == dict(record.settings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 1}, r"`steps` must be a whole number from 2"),
        ({"fill": "gray"}, r"`fill` must be a finite number.*or 'black'"),
        ({"score": "loss"}, r"`score` must be 'probability', 'logit' or None"),
        ({"baselines": ["noise"]}, r"`baselines` must be among 'random pixels'"),
        ({"baselines": "edges"}, r"`baselines` must be a list of names"),
        ({"seed": -1}, r"`seed` must be a whole number from 0"),
        ({"images": np.zeros((3, 12, 12, 3))}, r"`images` must be those that the attribution explains"),
    ],
)
def test_wrong_arguments_are_refused(build, images_for, attribution, options, message):
    model = build("color")
    with pytest.raises(InputError, match=message):
        metrics.deletion(model, attribution(model, images_for(model)), **options)


def test_maps_that_cannot_be_ranked_are_refused(build, images_for, attribution):
    model = build("color")
    result = attribution(model, images_for(model))
    with pytest.raises(InputError, match="not finite"):
        metrics.deletion(model, replace(result, values=result.values * np.nan))
    with pytest.raises(InputError, match=r"Received: shape \(3, 6, 12\)"):
        metrics.deletion(model, replace(result, values=result.values[:, :6]))
    with pytest.raises(InputError, match="must be the result of a method"):
        metrics.deletion(model, result.values)  # pyright: ignore[reportArgumentType]


def test_a_model_of_several_inputs_needs_all_of_them(build, images_for, attribution):
    model = build("two_inputs")
    images = images_for(model)
    result = attribution(model, images, input_name="picture")
    with pytest.raises(InputError, match=r"`images` must be given for a model of several inputs"):
        metrics.deletion(model, result)
    record = metrics.deletion(model, result, images=images, steps=3, baselines=())
    np.testing.assert_allclose(record.scores, result.arrays["probability"], rtol=1e-5)
