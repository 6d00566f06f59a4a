"""Occlusion against a loop that hides one patch of one image at a time."""

import keras
import numpy as np
import pytest

from visualize import InputError, describe, occlusion
from visualize.attribution.occlusion import FullScores, WindowScores, run_unhidden
from visualize.attribution.patches import Patches, Positions
from visualize.attribution.request import prepare


def hidden_scores(score, image, tops, lefts, patch, fill):
    """The obvious way: one copy, one patch, one call."""
    scores = np.zeros((len(tops), len(lefts)))
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            copy = image.copy()
            copy[top : top + patch, left : left + patch] = fill
            scores[row, column] = score(copy[None])[0]
    return scores


def linear_model(shape, seed=0):
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3, name="preds")])
    kernel = np.random.default_rng(seed).standard_normal((int(np.prod(shape)), 3))
    model.layers[-1].set_weights([kernel, np.array([0.3, -0.2, 0.1])])
    return model


@pytest.mark.parametrize("path", ["windows", "full"])
@pytest.mark.parametrize(
    ("patch", "stride"), [(5, 5), (10, 10), *[pytest.param(*each, marks=pytest.mark.slow) for each in ((4, 3), (3, 1))]]
)
def test_every_position_scores_as_one_copy_at_a_time_would(path, patch, stride, build, images_for):
    model = build("not_square")
    images = images_for(model, 2)
    result = occlusion(model, images, 1, patch=patch, stride=stride, fill=0.25, path=path)
    tops, lefts = result.settings["tops"], result.settings["lefts"]
    linear = build("not_square")
    linear.layers[-1].activation = keras.activations.linear
    for image, scores, classes in zip(
        images, result.arrays["position_scores"], result.arrays["position_classes"], strict=True
    ):
        slow = hidden_scores(lambda batch: np.asarray(linear(batch))[:, 1], image, tops, lefts, patch, 0.25)
        np.testing.assert_allclose(scores, slow, rtol=1e-4, atol=1e-5)
        slow = hidden_scores(lambda batch: np.asarray(linear(batch)).argmax(axis=-1), image, tops, lefts, patch, 0.25)
        np.testing.assert_array_equal(classes, slow)


def test_either_strategy_scores_any_positions_of_any_images(build, images_for):
    model = build("not_square")
    request = prepare(model, images_for(model, 2), 1)
    patches = Patches.over(request.inputs.size, 4, 3)
    every = patches.positions(2)
    order = np.random.default_rng(0).permutation(len(every.image))[:17]
    some = Positions(every.image[order], every.corner[order])
    options = {"fill": 0.25, "batch_size": 8}
    windows = WindowScores(patches, run_unhidden(request, patches, path="windows", **options))
    full = FullScores(request, patches, 8, run_unhidden(request, patches, path="full", **options))
    for name, scores in full.scores_at(some).items():
        np.testing.assert_allclose(windows.scores_at(some)[name], scores, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(windows.scores_at(some)[name], windows.scores_at(every)[name][order])


def test_a_model_of_one_number_chooses_no_class(build, images_for):
    model = build("regression")
    result = occlusion(model, images_for(model, 1), patch=6, stride=6)
    assert "position_scores" in result.arrays
    assert "position_classes" not in result.arrays


def test_values_are_the_mean_fall_over_the_positions_that_hide_a_pixel(build, images_for):
    model = build("softmax")
    images = images_for(model, 2)
    result = occlusion(model, images, 2, patch=5, stride=2)
    falls = result.scores[:, None, None] - result.arrays["position_scores"]
    for image in range(2):
        for y, x in ((0, 0), (3, 7), (11, 11), (11, 0)):
            covering = [
                falls[image, row, column]
                for row, top in enumerate(result.settings["tops"])
                for column, left in enumerate(result.settings["lefts"])
                if top <= y < top + 5 and left <= x < left + 5
            ]
            assert covering, "every pixel must be hidden at least once"
            np.testing.assert_allclose(result.values[image, y, x], np.mean(covering), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("path", ["windows", "full"])
def test_a_patch_may_have_one_side_for_each_axis(path, build, images_for):
    model, linear = build("not_square"), build("not_square")
    linear.layers[-1].activation = keras.activations.linear
    images = images_for(model, 1)
    result = occlusion(model, images, 1, patch=(3, 5), stride=(2, 4), fill=0.25, path=path)
    assert (result.settings["patch"], result.settings["stride"]) == ([3, 5], [2, 4])
    for row, top in enumerate(result.settings["tops"]):
        for column, left in enumerate(result.settings["lefts"]):
            copy = images.copy()
            copy[0, top : top + 3, left : left + 5] = 0.25
            score = result.arrays["position_scores"][0, row, column]
            np.testing.assert_allclose(score, np.asarray(linear(copy))[0, 1], rtol=1e-4, atol=1e-5)


def test_a_video_is_hidden_frame_by_frame():
    model = linear_model((4, 6, 6, 1))
    images = np.random.default_rng(1).random((2, 4, 6, 6, 1)).astype("float32")
    result = occlusion(model, images, 0, patch=(1, 6, 6), stride=(1, 6, 6), fill=0.0)
    kernel = np.asarray(model.layers[-1].kernel)[:, 0].reshape(4, 6, 6, 1)
    falls = (images * kernel).sum(axis=(2, 3, 4))  # of a linear model: what the frame itself adds to the score
    np.testing.assert_allclose(result.values, np.broadcast_to(falls[:, :, None, None], (2, 4, 6, 6)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("height", "width", "patch"), [(28, 28, 5), (10, 16, 3), (7, 9, 7), (12, 12, 4)])
def test_falls_add_up_for_a_linear_model(height, width, patch):
    model = linear_model((height, width, 2))
    images = np.random.default_rng(1).random((2, height, width, 2)).astype("float32")
    result = occlusion(model, images, 0, patch=patch, stride=patch, fill=0.5)
    nothing = np.asarray(model(np.full_like(images, 0.5)))[:, 0]
    falls = (result.scores[:, None, None] - result.arrays["position_scores"]).sum(axis=(1, 2))
    np.testing.assert_allclose(falls, result.scores - nothing, rtol=1e-4, atol=1e-4)


def test_where_the_patch_does_not_divide_the_side_the_last_one_is_cut():
    result = occlusion(linear_model((28, 28, 1)), np.ones((1, 28, 28, 1)), 0, patch=5, stride=5)
    assert result.settings["tops"] == [0, 5, 10, 15, 20, 25]
    assert (result.values[0, -1] != 0).all()
    assert (result.values[0, :, -1] != 0).all()


def test_by_default_a_blur_hides_the_pixels_whatever_the_card_says():
    model = linear_model((8, 8, 1))
    images = np.random.default_rng(0).random((2, 8, 8, 1)).astype("float32")
    result = occlusion(describe(model, input_range=(-1, 3)), images, 0)
    assert result.settings["fill"] == "blur"
    np.testing.assert_array_equal(result.values, occlusion(model, images, 0, fill="blur").values)
    even = np.stack([np.full((8, 8, 1), 0.2), np.full((8, 8, 1), 0.9)]).astype("float32")
    np.testing.assert_allclose(occlusion(model, even, 0).values, 0, atol=1e-5)  # out of focus it is the same


def test_the_default_patch_of_a_photograph_is_larger_and_its_positions_are_closer():
    def chosen(size, **options):
        settings = occlusion(linear_model((*size, 1)), np.ones((1, *size, 1), "float32"), 0, **options).settings
        return settings["patch"], settings["stride"]

    assert chosen((64, 70)) == (18, 4)
    assert chosen((63, 70)) == (9, 4)
    assert chosen((64, 70), patch=9) == (9, 4)
    assert chosen((64, 70), stride=9) == (18, 9)


def test_the_default_patch_is_a_seventh_of_the_shorter_side_and_the_stride_half_of_it():
    settings = occlusion(linear_model((28, 42, 1)), np.ones((1, 28, 42, 1)), 0).settings
    assert (settings["patch"], settings["stride"]) == (4, 2)


def test_the_batch_size_changes_nothing(build, images_for):
    model = build("softmax")
    images = images_for(model, 3)
    whole = occlusion(model, images, [0, 1, 2], patch=4, stride=3)
    for size in (1, 5, 7, 1000):
        result = occlusion(model, images, [0, 1, 2], patch=4, stride=3, batch_size=size)
        np.testing.assert_allclose(result.values, whole.values, rtol=1e-3, atol=1e-6)
    alone = occlusion(model, images[1:2], 1, patch=4, stride=3)
    np.testing.assert_allclose(alone.values[0], whole.values[1], rtol=1e-3, atol=1e-6)


def test_the_other_input_of_two_stays_as_it_is(build, images_for):
    model = build("two_inputs")
    images = images_for(model, 2)
    result = occlusion(model, images, 1, patch=6, stride=6, fill=0.0)
    linear = build("two_inputs")
    linear.get_layer("preds").activation = keras.activations.linear
    for index in range(2):
        numbers = images["numbers"][index : index + 1]
        slow = hidden_scores(
            lambda batch, numbers=numbers: np.asarray(linear([batch, numbers]))[:, 1],
            images["picture"][index],
            [0, 6],
            [0, 6],
            6,
            0.0,
        )
        np.testing.assert_allclose(result.arrays["position_scores"][index], slow, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("path", ["windows", "full"])
@pytest.mark.parametrize("name", ["image", "corner", "side", "fills"])
def test_an_input_may_have_any_name(name, path):
    picture = keras.Input((8, 8, 1), name=name)
    model = keras.Model(picture, keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(picture))))
    images = np.random.default_rng(0).random((2, 8, 8, 1)).astype("float32")
    result = occlusion(model, images, 1, patch=8, stride=8, fill=0.0, path=path)
    falls = np.asarray(model(images) - model(np.zeros_like(images)))[:, 1]
    np.testing.assert_allclose(result.values[:, 3, 3], falls, rtol=1e-4, atol=1e-5)


def test_a_function_of_the_scores_falls_too(build, images_for):
    model = build("linear")
    images = images_for(model, 2)
    first, second = (occlusion(model, images, target) for target in (0, 1))
    both = occlusion(model, images, lambda scores: scores[:, 0] - scores[:, 1])
    np.testing.assert_allclose(both.values, first.values - second.values, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 13}, r"`patch` must be between 1 and 12 \(the image's shortest side\)\. Received: 13\."),
        ({"patch": 0}, r"`patch` must be between 1 and 12"),
        ({"patch": (4, 4, 4)}, r"`patch` must be one number, or one for each of the 2 axes\. Received: \(4, 4, 4\)\."),
        ({"patch": (4, 13)}, r"`patch` must be between 1 and 12 \(the length of that axis of the image\)\. Received: 13\."),
        ({"patch": (4, 2), "stride": (4, 3)}, r"`stride` must be between 1 and 2 \(`patch`"),
        (
            {"patch": 4, "stride": 5},
            r"`stride` must be between 1 and 4 \(`patch`, or pixels would never be hidden\)\. Received: 5\.",
        ),
        ({"fill": float("nan")}, r"`fill` must be a finite number, 'mean' or 'blur'\. Received: nan\."),
    ],
)
def test_numbers_out_of_range_are_refused(options, message, build, images_for):
    model = build("softmax")
    with pytest.raises(InputError, match=message):
        occlusion(model, images_for(model), 0, **options)
