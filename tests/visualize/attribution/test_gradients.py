"""Gradients against those derived by hand and by finite differences."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import InputError, describe, input_times_gradient, integrated_gradients, saliency
from visualize.attribution.perturbation import fill_images
from visualize.engine import compile as compile_module


def linear_model(weights):
    """A model whose score of class c is the sum of pixels x weights[..., c]."""
    model = keras.Sequential([keras.Input(weights.shape[:-1]), keras.layers.Flatten(), keras.layers.Dense(weights.shape[-1])])
    model.layers[-1].set_weights([weights.reshape(-1, weights.shape[-1]), np.zeros(weights.shape[-1])])
    return model


def check_model(relu):
    """The 2-2-1 network of the guided backpropagation check, on pictures of 1 x 2 pixels."""
    hidden = keras.layers.Dense(2, use_bias=False, activation="relu" if relu == "activation" else None)
    layers = [keras.Input((1, 2, 1)), keras.layers.Flatten(), hidden]
    layers += [keras.layers.ReLU()] if relu == "layer" else []
    model = keras.Sequential([*layers, keras.layers.Dense(1, use_bias=False)])
    model.layers[1].set_weights([np.array([[-1.0, 1.0], [-1.0, 1.0]])])
    model.layers[-1].set_weights([np.array([[-1.0], [1.0]])])
    return model


def test_saliency_of_a_linear_model_is_the_size_of_its_weights():
    weights = np.random.default_rng(0).standard_normal((4, 6, 3, 5)).astype("float32")
    images = np.random.default_rng(1).random((2, 4, 6, 3))
    found = saliency(linear_model(weights), images, 3)
    np.testing.assert_allclose(found.values[0], np.abs(weights[..., 3]).max(axis=-1), rtol=1e-6)
    np.testing.assert_array_equal(found.values[0], found.values[1])
    np.testing.assert_allclose(found.scores, np.einsum("nhwc,hwc->n", images, weights[..., 3]), rtol=1e-5)


@pytest.mark.parametrize("relu", ["activation", "layer"])
@pytest.mark.parametrize(
    ("modifier", "expected"),
    [(None, [1, 1, 1, 1, 1, 1]), ("guided", [1, 1, 1, 0, 0, 0]), ("relu", [1, 1, 1, 1, 1, 1])],
)
def test_modifiers_pass_the_check_vector(relu, modifier, expected):
    points = np.array([[1, 0], [0, 1], [1, 1], [-1, 0], [0, -1], [-1, -1]], "float32")
    found = saliency(check_model(relu), points.reshape(-1, 1, 2, 1), 0, modifier=modifier)
    np.testing.assert_array_equal(found.values[:, 0], np.repeat(np.array(expected)[:, None], 2, axis=1))


def test_relu_passes_positive_gradients_alone_and_guided_only_through_active_units():
    # score = 2 relu(x) - 3 relu(y) + 5 relu(-x), at x = 1, y = 1: the slopes are 2, -3 and, through an inactive unit, 0.
    model = keras.Sequential(
        [
            keras.Input((1, 2, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(3, use_bias=False, activation="relu"),
            keras.layers.Dense(1, use_bias=False),
        ]
    )
    model.layers[1].set_weights([np.array([[1.0, 0, -1], [0, 1, 0]])])
    model.layers[2].set_weights([np.array([[2.0], [-3.0], [5.0]])])
    image = np.ones((1, 1, 2, 1))
    values = {
        modifier: saliency(model, image, modifier=modifier).values[0, 0].tolist() for modifier in (None, "guided", "relu")
    }
    assert values == {None: [2, 3], "guided": [2, 0], "relu": [3, 0]}  # relu: 2 - 5, its sign is dropped


def test_relu6_is_modified_too_and_blocks_where_it_is_saturated():
    model = keras.Sequential(
        [keras.Input((1, 3, 1)), keras.layers.ReLU(6.0), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)]
    )
    model.layers[-1].set_weights([np.array([[1.0], [-1.0], [1.0]])])
    image = np.array([3.0, 3.0, 9.0]).reshape(1, 1, 3, 1)
    values = {
        modifier: saliency(model, image, modifier=modifier).values[0, 0].tolist() for modifier in (None, "guided", "relu")
    }
    assert values == {None: [1, 1, 0], "guided": [1, 0, 0], "relu": [1, 0, 1]}


def test_saliency_is_the_limit_of_finite_differences():
    keras.utils.set_random_seed(0)
    dtype = "float64"
    model = keras.Sequential(
        [
            keras.Input((5, 4, 2), dtype=dtype),
            keras.layers.Conv2D(3, 3, activation="tanh", dtype=dtype),
            keras.layers.Flatten(dtype=dtype),
            keras.layers.Dense(3, activation="softmax", dtype=dtype),
        ]
    )
    image, step = np.random.default_rng(0).random((1, 5, 4, 2)), 1e-6
    kernel, bias = model.layers[-1].get_weights()

    def score(pixels):
        return (np.asarray(model.layers[1](model.layers[0](pixels))) @ kernel + bias)[:, 1]

    shifted = np.repeat(image, 40, axis=0) + step * np.eye(40).reshape(40, 5, 4, 2)
    slopes = ((score(shifted) - score(image)) / step).reshape(5, 4, 2)
    np.testing.assert_allclose(saliency(model, image, 1).values[0], np.abs(slopes).max(axis=-1), atol=1e-5)


def test_an_image_does_not_depend_on_its_batch_mates_nor_on_the_batch_size(build, images_for):
    model = build("softmax")
    images = images_for(model, 7)
    whole = saliency(model, images, [0, 1, 2, 3, 0, 1, 2]).values
    alone = [
        saliency(model, images[index : index + 1], target).values[0] for index, target in enumerate([0, 1, 2, 3, 0, 1, 2])
    ]
    np.testing.assert_allclose(whole, alone, rtol=1e-4, atol=1e-7)
    for size in (1, 2, 3, 100):
        np.testing.assert_allclose(
            saliency(model, images, [0, 1, 2, 3, 0, 1, 2], batch_size=size).values, whole, rtol=1e-4, atol=1e-7
        )


def test_the_models_own_choice_is_its_highest_score(build, images_for):
    model = build("softmax")
    images = images_for(model, 6)
    found = saliency(model, images)
    np.testing.assert_array_equal(found.targets, np.asarray(model(images)).argmax(axis=-1))
    np.testing.assert_array_equal(found.values, saliency(model, images, found.targets).values)
    np.testing.assert_allclose(found.arrays["probability"], np.asarray(model(images)).max(axis=-1), rtol=1e-5)


def test_a_class_can_be_named(build, images_for):
    model = describe(build("softmax"), class_names=["cat", "dog", "cow", "hen"])
    images = images_for(model)
    np.testing.assert_array_equal(saliency(model, images, "cow").values, saliency(model, images, 2).values)


def test_a_function_of_the_scores_is_explained(build, images_for):
    model = build("linear")
    images = images_for(model)

    def difference(scores):
        return scores[:, 0] - scores[:, 2]

    found = saliency(model, images, difference)
    scores = np.asarray(model(images))
    np.testing.assert_allclose(found.scores, scores[:, 0] - scores[:, 2], rtol=1e-4, atol=1e-6)
    assert found.settings["score"] == "difference of the output"
    assert (found.targets == -1).all()
    same = saliency(model, images, lambda scores: scores[:, 1])
    np.testing.assert_allclose(same.values, saliency(model, images, 1).values, rtol=1e-6)


def test_a_function_must_give_one_score_an_image(build, images_for):
    model = build("linear")
    with pytest.raises(InputError, match=r"must return one score for each image, \(batch,\)\. Received: shape \(None, 4\)"):
        saliency(model, images_for(model), lambda scores: scores)


def test_two_functions_made_by_one_line_are_told_apart(build, images_for):
    model = build("linear")
    images = images_for(model)
    for index in range(3):
        found = saliency(model, images, lambda scores, index=index: scores[:, index])
        np.testing.assert_allclose(found.values, saliency(model, images, index).values, rtol=1e-6)


def test_scores_of_tf_keras_vis_are_accepted(build, images_for):
    from tf_keras_vis.utils.scores import BinaryScore, CategoricalScore

    model = build("softmax")
    images = images_for(model)
    for score, same in ((CategoricalScore(2), 2), (CategoricalScore([0, 3, 1]), [0, 3, 1])):
        np.testing.assert_array_equal(saliency(model, images, score).values, saliency(model, images, same).values)
    model = build("one_sigmoid")
    for value in (False, True):
        found = saliency(model, images, BinaryScore(value))
        np.testing.assert_allclose(found.scores, saliency(model, images, int(value)).scores, rtol=1e-6)


def test_the_two_classes_of_one_sigmoid_have_opposite_scores(build, images_for):
    model = build("one_sigmoid")
    images = images_for(model)
    no, yes = (saliency(model, images, target) for target in (0, 1))
    np.testing.assert_allclose(no.scores, -yes.scores, rtol=1e-6)
    np.testing.assert_allclose(yes.arrays["probability"], np.asarray(model(images))[:, 0], rtol=1e-4)
    np.testing.assert_allclose(no.arrays["probability"] + yes.arrays["probability"], 1, rtol=1e-6)
    with pytest.raises(InputError, match=r"`target` must be between 0 and 1\. Received: 2\."):
        saliency(model, images, 2)


def test_pictures_without_a_channel_axis_are_explained():
    model = keras.Sequential([keras.Input((4, 5)), keras.layers.Flatten(), keras.layers.Dense(2)])
    kernel = model.layers[-1].get_weights()[0]
    found = saliency(model, np.ones((1, 4, 5)), 1)
    np.testing.assert_allclose(found.values[0], np.abs(kernel[:, 1]).reshape(4, 5), rtol=1e-6)
    assert found.images.shape == (1, 4, 5, 1)


def test_the_named_input_of_two_is_explained(build, images_for):
    model = build("two_inputs")
    images = images_for(model)
    named = saliency(model, images, 1, input_name="picture")
    np.testing.assert_array_equal(named.values, saliency(model, list(images.values()), 1).values)
    assert named.settings["input_name"] == "picture"
    with pytest.raises(
        InputError, match=r"`input_name` must be an input of the model: 'picture', 'numbers'\. Received: 'sound'"
    ):
        saliency(model, images, 1, input_name="sound")


@pytest.mark.parametrize("option", ["modifier", "batch_size", "target"])
def test_bad_options_are_refused(option, build, images_for):
    model = build("softmax")
    bad, message = {
        "modifier": ("deconv", r"`modifier` must be None, 'guided' or 'relu'\. Received: 'deconv'\."),
        "batch_size": (0, r"`batch_size` must be a whole number from 1\. Received: 0\."),
        "target": (12, r"`target` must be between 0 and 3\. Received: 12\."),
    }[option]
    with pytest.raises(InputError, match=message):
        saliency(model, images_for(model), **{option: bad})


def test_a_modifier_without_a_relu_is_refused():
    model = linear_model(np.ones((2, 2, 1, 2), "float32"))
    with pytest.raises(InputError, match="no ReLU stands between the image and the score, so it would change nothing"):
        saliency(model, np.ones((1, 2, 2, 1)), modifier="guided")


def test_a_score_without_a_gradient_is_refused():
    inputs = keras.Input((2, 2, 1))
    rounded = keras.layers.Flatten()(keras.ops.cast(inputs, "int32"))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.ops.cast(rounded, "float32")))
    with pytest.raises(InputError, match="no gradient with respect to the image"):
        saliency(model, np.ones((1, 2, 2, 1)))


def test_input_times_gradient_of_a_linear_model_adds_up_to_the_score():
    weights = np.random.default_rng(0).standard_normal((4, 6, 3, 5)).astype("float32")
    images = np.random.default_rng(1).standard_normal((2, 4, 6, 3)).astype("float32")
    found = input_times_gradient(linear_model(weights), images, 2)
    np.testing.assert_allclose(found.values, (images * weights[..., 2]).sum(axis=-1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.values.sum(axis=(1, 2)), found.scores, rtol=1e-4, atol=1e-4)


def test_integrated_gradients_are_exact_where_the_score_is_a_square():
    # score = sum of x^2: from the baseline b the integral is x^2 - b^2 at each pixel, and midpoints are exact for lines.
    inputs = keras.Input((3, 4, 1))
    model = keras.Model(inputs, keras.ops.sum(inputs * inputs, axis=(1, 2)))
    images = np.random.default_rng(0).random((2, 3, 4, 1)).astype("float32")
    for baseline in (0.0, 0.5):
        found = integrated_gradients(model, images, 0, baseline=baseline, steps=3)
        np.testing.assert_allclose(found.values, (images**2 - baseline**2)[..., 0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.arrays["gap"], 0, atol=1e-5)
    image = np.random.default_rng(1).random((3, 4, 1))
    found = integrated_gradients(model, images, 0, baseline=image, steps=2)
    np.testing.assert_allclose(found.values, (images**2 - image**2)[..., 0], rtol=1e-4, atol=1e-5)
    assert found.settings["baseline"] == "an image"


def test_the_mean_a_blur_and_a_color_as_baseline_are_the_images_that_they_stand_for():
    inputs = keras.Input((6, 5, 2))
    model = keras.Model(inputs, keras.ops.sum(inputs**3, axis=(1, 2)))
    images = np.random.default_rng(0).random((2, 6, 5, 2)).astype("float32")
    blurred = fill_images(tf.constant(images), "blur").numpy()
    baselines = {
        "mean": images.mean(axis=(1, 2), keepdims=True),
        "blur": blurred,
        (0.2, 0.7): np.array([0.2, 0.7]),
    }
    for baseline, stands_for in baselines.items():
        by_word = integrated_gradients(model, images, 1, baseline=baseline, steps=60)
        for row, image in enumerate(np.broadcast_to(stands_for, images.shape)):
            by_image = integrated_gradients(model, images[row : row + 1], 1, baseline=image, steps=60)
            np.testing.assert_allclose(by_word.values[row], by_image.values[0], rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(by_word.arrays["gap"][row], by_image.arrays["gap"][0], atol=1e-4)
        np.testing.assert_allclose(by_word.values, (images**3 - stands_for**3)[..., 1], rtol=1e-2, atol=1e-3)
        assert by_word.settings["baseline"] == (list(baseline) if isinstance(baseline, tuple) else baseline)


def test_integrated_gradients_add_up_to_the_fall_of_the_score_within_one_percent(build, images_for):
    model = build("softmax")
    images = images_for(model, 4)
    found = integrated_gradients(model, images, 1)
    nothing = saliency(model, np.zeros_like(images), 1).scores
    falls = found.scores - nothing
    one_percent = 0.01 * np.abs(found.values).sum(axis=(1, 2))  # of all that is attributed
    assert (np.abs(found.values.sum(axis=(1, 2)) - falls) < one_percent).all()
    np.testing.assert_allclose(found.values.sum(axis=(1, 2)) - falls, found.arrays["gap"], atol=1e-5)
    coarse = integrated_gradients(model, images, 1, steps=2)
    assert np.abs(coarse.arrays["gap"]).max() > np.abs(found.arrays["gap"]).max()


def test_the_default_baseline_is_black_by_the_card():
    weights = np.ones((2, 2, 1, 2), "float32")
    model, images = linear_model(weights), np.full((1, 2, 2, 1), 3.0)
    assert integrated_gradients(model, images, 0).settings["baseline"] == 0
    found = integrated_gradients(describe(model, input_range=(-1, 5)), images, 0)
    np.testing.assert_allclose(found.values, 4, rtol=1e-6)  # from -1 to 3, weight 1


def test_the_way_is_the_same_in_batches_of_any_size(build, images_for):
    model = build("softmax")
    images = images_for(model, 3)
    whole = integrated_gradients(model, images, [0, 1, 2], steps=7)
    for size in (1, 2, 5, 64):
        found = integrated_gradients(model, images, [0, 1, 2], steps=7, batch_size=size)
        np.testing.assert_allclose(found.values, whole.values, rtol=1e-3, atol=1e-6)


def test_the_other_input_of_two_is_not_integrated_over(build, images_for):
    model = build("two_inputs")
    images = images_for(model)
    found = integrated_gradients(model, images, 1)
    dark = {**images, "picture": np.zeros_like(images["picture"])}
    fall = found.scores - saliency(model, dark, 1).scores
    assert (np.abs(found.values.sum(axis=(1, 2)) - fall) < 0.01 * np.abs(found.values).sum(axis=(1, 2))).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, r"`steps` must be a whole number from 1\. Received: 0\."),
        (
            {"baseline": np.zeros(5)},
            r"or an image of shape \(12, 12, 1\)\. Received: shape \(5,\)\.",
        ),
        ({"baseline": float("nan")}, "`baseline` must be a finite number, 'mean' or 'blur', or an image of shape"),
    ],
)
def test_bad_ways_are_refused(options, message, build, images_for):
    model = build("softmax")
    with pytest.raises(InputError, match=message):
        integrated_gradients(model, images_for(model), **options)


def steep(weight):
    """A model whose score rises steeply somewhere on the way from black: few steps miss it."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 4, 1))
    total = keras.layers.Dense(1, kernel_initializer="ones")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Rescaling(1.0)(keras.ops.tanh(weight * (total - 5.01))))


def test_each_image_takes_the_steps_it_needs_whatever_its_batch_mates():
    model = steep(10.0)
    images = np.stack([np.full((4, 4, 1), 1.0), np.full((4, 4, 1), 0.2)]).astype("float32")  # only the first passes the step
    together = integrated_gradients(model, images, 0)
    assert together.arrays["steps"][0] > 50
    assert together.arrays["steps"][1] == 50
    assert np.abs(together.arrays["gap"][0]) <= 0.05 * np.abs(together.arrays["change"][0])
    for row in (0, 1):
        alone = integrated_gradients(model, images[row : row + 1], 0)
        np.testing.assert_allclose(alone.values[0], together.values[row], rtol=1e-5, atol=1e-6)
        assert alone.arrays["steps"][0] == together.arrays["steps"][row]
    assert together.settings.remarks is None
    assert together.settings["steps"] == together.arrays["steps"].max()


def test_a_gap_that_stays_is_said():
    images = np.full((1, 4, 4, 1), 1.0, "float32")
    (remark,) = integrated_gradients(steep(1e5), images, 0).settings.remarks
    assert re.search(r"^image 0: the values add up to \d+% more or less than .* 800 steps, the most that are taken\.$", remark)
    (remark,) = integrated_gradients(steep(10.0), images, 0, steps=5).settings.remarks
    assert remark.endswith("after 5 steps: take more.")


def test_another_number_of_steps_needs_no_other_graph(build, images_for):
    model = build("softmax")
    images = images_for(model)
    integrated_gradients(model, images, 1, steps=3)
    graphs = len(compile_module._graphs[model])
    integrated_gradients(model, images, 1, steps=9)
    assert len(compile_module._graphs[model]) == graphs


@pytest.mark.parametrize("first", [(), ("reshape",)], ids=["read as a vector", "reshaped to a picture"])
def test_the_baseline_of_a_flat_vector_may_be_one(first):
    """Oracle: of a linear model the map is (x - baseline) * weight."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Reshape((2, 3, 1)), keras.layers.Flatten()] if first else []
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(2, name="head")])
    vectors, baseline = np.random.default_rng(0).random((3, 6)), np.random.default_rng(1).random(6)
    expected = (vectors - baseline) * model.get_layer("head").get_weights()[0][:, 1]
    result = integrated_gradients(model, vectors, 1, baseline=baseline)
    np.testing.assert_allclose(result.values.reshape(3, 6), expected, rtol=1e-4, atol=1e-6)
    as_shown = baseline.reshape(result.images.shape[1:])
    np.testing.assert_array_equal(integrated_gradients(model, vectors, 1, baseline=as_shown).values, result.values)
    with pytest.raises(InputError, match=r"an image of shape \(6,\) or \(.*, 1\)\. Received: shape \(5,\)\."):
        integrated_gradients(model, vectors, 1, baseline=np.zeros(5))


def test_the_baseline_of_a_gray_picture_without_channels_may_have_none():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    pictures, baseline = np.random.default_rng(0).random((3, 2, 3)), np.random.default_rng(1).random((2, 3))
    expected = ((pictures - baseline).reshape(3, 6) * model.layers[-1].get_weights()[0][:, 1]).reshape(3, 2, 3)
    result = integrated_gradients(model, pictures, 1, baseline=baseline)
    np.testing.assert_allclose(result.values, expected, rtol=1e-4, atol=1e-6)
