"""Activation maximization against models whose best input is known."""

import keras
import numpy as np
import pytest

import visualize
from visualize import InputError, describe, maximize

PLAIN = {"lp_norm": 0, "total_variation": 0, "jitter": 0}


def linear_model(shape=(6, 5, 1), units=3):
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(units, use_bias=False)])
    kernel = np.random.default_rng(0).standard_normal((int(np.prod(shape)), units))
    kernel += 0.1 * np.sign(kernel)
    model.layers[-1].set_weights([kernel])
    return model, kernel.reshape(*shape, units)


def test_a_linear_model_is_maximized_by_black_and_white_as_its_weights_say():
    model, kernel = linear_model()
    found = maximize(model, steps=300, step_size=0.02, input_range=(-1, 3), **PLAIN)
    for unit in range(3):
        np.testing.assert_array_equal(found.pictures[unit], np.where(kernel[..., unit] > 0, 3, -1))
        best = (kernel[..., unit] * found.pictures[unit]).sum()
        np.testing.assert_allclose(found.settings["scores"][unit], best, rtol=1e-5)


def test_the_score_is_what_the_model_returns_for_the_picture(build):
    model = build("softmax")
    found = maximize(model, [0, 3], steps=25)
    linear = build("softmax")
    linear.layers[-1].activation = keras.activations.linear
    scores = np.asarray(linear(found.pictures))
    jitterless = maximize(model, [0, 3], steps=25, jitter=0)
    np.testing.assert_allclose(
        jitterless.settings["scores"], np.asarray(linear(jitterless.pictures))[[0, 1], [0, 3]], rtol=1e-4
    )
    np.testing.assert_allclose(found.settings["scores"], scores[[0, 1], [0, 3]], rtol=1e-4)
    assert found.settings["score"] == "logit"
    assert found.captions[1] == f"3: {found.settings['scores'][1]:.4g}"


def test_a_unit_is_maximized_as_if_it_were_alone(build):
    model = build("softmax")
    together = maximize(model, [0, 1, 2], steps=20)
    for unit in range(3):
        np.testing.assert_allclose(maximize(model, unit, steps=20).pictures[0], together.pictures[unit], atol=2e-3)
    pairs = maximize(model, [0, 1, 2], steps=20, batch_size=2)
    np.testing.assert_allclose(pairs.pictures, together.pictures, atol=2e-3)


def test_the_seed_decides(build):
    model = build("softmax")
    one, same, other = (maximize(model, 1, steps=12, seed=seed).pictures for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


def test_the_best_input_on_the_way_is_kept():
    model, kernel = linear_model()
    start = np.where(kernel[..., 0] > 0, 1.0, 0.0)  # nothing is better than where it starts
    found = maximize(model, 0, steps=7, start=start, **PLAIN)
    np.testing.assert_array_equal(found.pictures[0], start)


def test_total_variation_makes_neighbors_alike_and_the_norm_makes_pixels_small(build):
    model = build("linear")

    def roughness(pictures):
        return (np.diff(pictures, axis=1) ** 2).sum() + (np.diff(pictures, axis=2) ** 2).sum()

    free = maximize(model, 1, steps=60, **PLAIN).pictures
    smooth = maximize(model, 1, steps=60, **{**PLAIN, "total_variation": 100}).pictures
    small = maximize(model, 1, steps=60, **{**PLAIN, "lp_norm": 3000}).pictures
    assert roughness(smooth) < 0.5 * roughness(free)
    assert np.abs(small).max() < 0.7 * np.abs(free).max()


def test_regularizers_do_not_depend_on_the_units_of_the_input_range():
    model, kernel = linear_model()
    wide = keras.Sequential([keras.Input((6, 5, 1)), keras.layers.Flatten(), keras.layers.Dense(3, use_bias=False)])
    wide.layers[-1].set_weights([kernel.reshape(-1, 3) / 255])  # the same function of pixels in 0..255
    narrow = maximize(model, 0, steps=30, total_variation=20, input_range=(0, 1)).pictures
    np.testing.assert_allclose(
        maximize(wide, 0, steps=30, total_variation=20, input_range=(0, 255)).pictures / 255, narrow, atol=1e-3
    )


@pytest.mark.parametrize(
    "option",
    [{"jitter": 3}, {"step_size": 0.2}, {"steps": 25}, {"rotate": 20}, {"scale": (0.8, 1.2)}, {"parametrization": "fourier"}],
)
def test_each_number_changes_the_result(option, build):
    model = build("softmax")
    plain = maximize(model, 1, **{"steps": 12, **PLAIN})
    assert not np.allclose(plain.pictures, maximize(model, 1, **{"steps": 12, **PLAIN, **option}).pictures)


def test_the_unit_of_a_layer_is_a_channel_and_its_activation_the_mean_of_the_map(build):
    model = build("softmax")
    found = maximize(model, [2, 5], layer="conv", steps=15, jitter=0)
    maps = np.asarray(model.get_layer("conv")(found.pictures))
    np.testing.assert_allclose(found.settings["scores"], [maps[0, ..., 2].mean(), maps[1, ..., 5].mean()], rtol=1e-4)
    assert found.settings["score"] == "activation"
    assert len(maximize(model, layer="conv", steps=2).pictures) == 6


MOVING = {"parametrization": "fourier", "rotate": 10, "scale": (0.9, 1.1), "copies": 2, "diversity": 5}


def test_waves_and_transforms_and_copies_are_the_same_whatever_else_is_in_the_batch(build):
    model = build("color")
    together = maximize(model, [0, 2], steps=10, **MOVING)
    alone = maximize(model, 2, steps=10, **MOVING)
    np.testing.assert_allclose(alone.pictures, together.pictures[2:], atol=2e-3)
    few = maximize(model, [0, 2], steps=10, batch_size=1, **MOVING)  # the copies of a unit are still in one batch
    np.testing.assert_allclose(few.pictures, together.pictures, atol=2e-3)
    np.testing.assert_array_equal(maximize(model, 2, steps=10, **MOVING).pictures, alone.pictures)
    assert not np.allclose(maximize(model, 2, steps=10, seed=1, **MOVING).pictures, alone.pictures, atol=0.05)


def test_each_copy_begins_with_noise_of_its_own_and_the_first_is_the_input_without_copies(build):
    model = build("softmax")
    found = maximize(model, [1, 3], steps=5, copies=3)
    np.testing.assert_allclose(found.pictures[[0, 3]], maximize(model, [1, 3], steps=5).pictures, atol=1e-4)
    assert not np.allclose(found.pictures[0], found.pictures[1], atol=0.05)
    assert found.settings["targets"] == [1, 1, 1, 3, 3, 3]
    assert found.display.columns == 3  # a row for each unit
    start = np.full((12, 12, 1), 0.2)
    first, second = maximize(model, 1, steps=1, copies=2, frames=1, start=start, step_size=1e-6).frames[0]
    np.testing.assert_allclose(first, start, atol=1e-4)
    assert 0.02 < np.std(second - start) < 0.08


def test_a_linear_model_is_brought_near_its_best_by_waves():
    model, kernel = linear_model((5, 4, 1))
    waves = {"parametrization": "fourier", "input_range": (-1, 3), "steps": 200, "step_size": 0.1, **PLAIN}
    best = (corners(kernel) * np.moveaxis(kernel, -1, 0)).sum(axis=(1, 2, 3))
    reached = np.array(maximize(model, **waves).settings["scores"]) / best
    assert reached.min() > 0.85  # a pixel that was driven to the wrong end of the sigmoid finds back slowly
    assert reached.max() <= 1 + 1e-6


def corners(kernel):
    """Each unit's best input within -1 to 3."""
    return np.where(np.moveaxis(kernel, -1, 0) > 0, 3, -1)


def test_frames_are_pictures_of_the_way_and_the_last_is_where_it_ends(build):
    model = build("softmax")
    found = maximize(model, [0, 1], steps=20, frames=4)
    assert found.frames.shape == (4, 2, 12, 12, 1)
    np.testing.assert_array_equal(found.frames[1], maximize(model, [0, 1], steps=10, frames=1).frames[0])
    np.testing.assert_array_equal(found.pictures, maximize(model, [0, 1], steps=20).pictures)


def test_input_range_and_class_names_come_from_the_card(build):
    model = describe(build("softmax"), class_names=["a", "b", "c", "d"], input_range=(-2, -1))
    found = maximize(model, "c", steps=3)
    assert found.settings["targets"] == [2]
    assert found.captions[0].startswith("c: ")
    assert found.pictures.max() <= -1
    assert found.settings["input_range"] == [-2, -1]
    assert not found.settings["input_range_assumed"]
    assert maximize(build("softmax"), 0, steps=1).settings["input_range_assumed"]


def test_a_model_of_any_size_is_maximized_at_the_size_asked_for():
    inputs = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(2, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(maps)))
    assert maximize(model, 0, steps=1, size=(9, 14)).pictures.shape == (1, 9, 14, 3)


def test_the_other_input_of_two_is_held(build, images_for):
    model = build("two_inputs")
    start = {name: array[:1] for name, array in images_for(model).items()}
    found = maximize(model, 1, steps=5, start=start, jitter=0)
    linear = build("two_inputs")
    linear.get_layer("preds").activation = keras.activations.linear
    np.testing.assert_allclose(
        found.settings["scores"], np.asarray(linear([found.pictures, start["numbers"]]))[:, 1], rtol=1e-4
    )
    assert found.settings["held"] == {"numbers": "as given"}
    alone = maximize(model, 1, steps=5, jitter=0)
    assert alone.settings["held"] == {"numbers": "zeros"}
    zeros = np.zeros((1, 3), "float32")
    np.testing.assert_allclose(
        alone.settings["scores"], np.asarray(linear([alone.pictures, zeros]))[:, 1], rtol=1e-4, atol=1e-6
    )


def test_the_weights_mean_the_same_for_a_score_of_any_size(build):
    small, large = build("linear"), build("linear")
    kernel, bias = large.layers[-1].get_weights()
    large.layers[-1].set_weights([1000 * kernel, 1000 * bias])
    one, other = (maximize(model, 1, steps=20, total_variation=50) for model in (small, large))
    np.testing.assert_allclose(one.pictures, other.pictures, atol=1e-3)
    np.testing.assert_allclose(1000 * np.array(one.settings["scores"]), other.settings["scores"], rtol=1e-2)


def test_a_unit_that_is_dead_at_the_start_becomes_active():
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2, activation="relu", name="units")]
    )
    kernel = np.ones((16, 2))
    kernel[:, 1] = 0
    model.layers[-1].set_weights([kernel, np.array([-12.0, -1.0])])  # gray, 16 x 0.5, is not enough; white, 16, is
    found = maximize(model, layer="units", steps=200, **PLAIN)
    np.testing.assert_allclose(found.settings["scores"], [4, 0], atol=1e-5)
    assert found.settings["still"] == [1]  # nothing reaches it


def test_a_dead_unit_is_not_regularized_until_it_is_active():
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1, activation="relu", name="units")]
    )
    model.layers[-1].set_weights([np.ones((16, 1)), np.array([-12.0])])
    found = maximize(model, layer="units", steps=100, lp_norm=1000, total_variation=0, jitter=0)  # which drives it to black
    assert found.settings["scores"][0] > 0
    assert found.settings["still"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, r"`steps` must be at least 1\. Received: 0\."),
        ({"step_size": 0.0}, r"`step_size` must be above 0\. Received: 0\.0\."),
        ({"jitter": -1}, r"`jitter` must not be negative\. Received: -1\."),
        ({"lp_norm": -1}, r"`lp_norm` must not be negative"),
        ({"total_variation": -1}, r"`total_variation` must not be negative"),
        ({"frames": 300}, r"`frames` must be between 0 and `steps`, 200\. Received: 300\."),
        ({"input_range": (1, 0)}, r"`input_range` must be \[low, high\], low < high\. Received: \(1, 0\)\."),
        ({"target": 4}, r"`target` must be between 0 and 3\. Received: 4\."),
        ({"target": [0, 9], "layer": "conv"}, r"`target` must be between 0 and 5\. Received: 9\."),
        ({"start": np.zeros((2, 12, 12, 1))}, r"`start` must be one picture"),
        ({"rotate": -1}, r"`rotate` must not be negative\. Received: -1\."),
        ({"diversity": -1.0}, r"`diversity` must not be negative\. Received: -1\.0\."),
        ({"diversity": 1.0}, r"`copies` must be at least 2\. Received: 1\."),
        ({"copies": 0}, r"`copies` must be a whole number from 1\. Received: 0\."),
        ({"scale": (1.1, 0.9)}, r"`scale` must be two factors above 0, the lower first\. Received: \(1\.1, 0\.9\)\."),
        ({"scale": (0, 1)}, r"`scale` must be two factors above 0"),
        (
            {"parametrization": "wavelet"},
            r"`parametrization` must be 'auto', 'pixel', 'fourier' or 'maco'\. Received: 'wavelet'\.",
        ),
        ({"noise": -0.1}, r"`noise` must not be negative\. Received: -0\.1\."),
        ({"alpha": "gray"}, r"`alpha` must be 'none' or 'saliency'\. Received: 'gray'\."),
        ({"spectrum_from": "a.png"}, r"`spectrum_from` is for `parametrization` 'maco' alone\. Received: 'pixel'\."),
        ({"most": 0}, r"`most` must be a whole number from 1\. Received: 0\."),
        ({"most": 2, "target": 1}, r"`most` chooses the units to maximize, and `target` does so, too\. Received: both\."),
        ({"most": 2, "whole_layer": "conv"}, r"`most` chooses the units to maximize, and `whole_layer` does so, too"),
        ({"regularizers": [3]}, r"`regularizers` must be functions of images, .* Received: 3\."),
        ({"regularizers": [lambda images: images]}, r"one number for each image\. Received: shape \(1, 12, 12, 1\)\."),
        ({"callbacks": [print]}, r"`callbacks` must be callbacks of tf-keras-vis\. Received: <built-in function print>\."),
    ],
)
def test_what_cannot_be_done_is_refused(options, message, build):
    with pytest.raises(InputError, match=message):
        maximize(build("softmax"), **options)


def shifted_and_scaled(scale, offset):
    """A network of pixels in -1..1 that gets them from another range."""
    keras.utils.set_random_seed(3)
    pixels = keras.Input((64, 64, 3))
    maps = keras.layers.Conv2D(4, 5, strides=3, activation="relu")(keras.layers.Rescaling(scale, offset)(pixels))
    means = keras.layers.GlobalAveragePooling2D()(maps)
    return keras.Model(pixels, keras.layers.Dense(3, kernel_initializer=keras.initializers.RandomUniform(0.1, 1))(means))


@pytest.mark.parametrize("parametrization", ["auto", "maco", "pixel"])
def test_models_that_differ_in_their_input_range_alone_get_the_same_picture(parametrization):
    quick = {"parametrization": parametrization, "steps": 8, "lp_norm": 0, "total_variation": 0, "seed": 5}
    small = maximize(shifted_and_scaled(1.0, 0.0), 1, input_range=(-1, 1), **quick)
    large = maximize(shifted_and_scaled(1 / 127.5, -1.0), 1, input_range=(0, 255), **quick)
    np.testing.assert_allclose(large.pictures / 127.5 - 1, small.pictures, atol=0.02)
    np.testing.assert_allclose(large.saliency, small.saliency, atol=0.02)
    assert small.pictures.std() > 0.05


def any_size(channels):
    inputs = keras.Input((None, None, channels))
    maps = keras.layers.Conv2D(2, 3)(inputs)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(maps)))


@pytest.mark.parametrize(
    ("channels", "size", "parametrization"),
    [(3, (64, 70), "fourier"), (3, (63, 200), "pixel"), (1, (64, 64), "pixel"), (4, (80, 80), "pixel")],
)
def test_large_pictures_in_color_are_made_of_waves_and_moved(channels, size, parametrization):
    options = maximize(any_size(channels), 0, steps=1, size=size).settings
    assert options["parametrization"] == parametrization
    moved = (options["jitter"], options["rotate"], options["scale"])
    assert moved == ((8, 10.0, [1.0, 3.0]) if parametrization == "fourier" else (1, 0.0, [1.0, 1.0]))


def test_saliency_is_where_the_gradient_was():
    model = keras.Sequential([keras.Input((6, 5, 1)), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)])
    weights = np.zeros((6, 5, 1))
    weights[1, 2], weights[4, 0] = 4, -2
    model.layers[-1].set_weights([weights.reshape(-1, 1)])
    for steps in (1, 7):
        np.testing.assert_allclose(
            maximize(model, 0, steps=steps, **PLAIN).saliency[0], np.abs(weights[..., 0]) / 4, atol=1e-6
        )
    with_two = maximize(model, [0, 0], steps=2, batch_size=1, **PLAIN)
    assert with_two.saliency.shape == (2, 6, 5)


def test_the_strongest_units_are_those_that_respond_most(build):
    model = build("softmax")
    picture = np.random.default_rng(0).uniform(0, 1, (1, 12, 12, 1)).astype("float32")
    means = np.asarray(model.get_layer("conv")(picture)).mean(axis=(0, 1, 2))
    strongest = maximize(model, layer="conv", most=2, steps=1, start=picture)
    assert strongest.settings["targets"] == np.argsort(-means)[:2].tolist()
    everything = maximize(model, layer="conv", most=99, steps=1)
    assert sorted(everything.settings["targets"]) == list(range(6))
    np.testing.assert_array_equal(
        maximize(model, layer="conv", most=3, steps=1, batch_size=5).settings["targets"], everything.settings["targets"][:3]
    )


def test_units_beyond_a_hundred_are_maximized_where_they_are_asked_for():
    model, _ = linear_model(units=130)
    tiles = maximize(model, most=110, steps=1)
    assert len(set(tiles.settings["targets"])) == len(tiles.pictures) == 110


def test_the_waves_of_a_constrained_picture_are_those_of_the_given_ones(build):
    model, pictures = build("softmax"), np.random.default_rng(0).uniform(0.4, 0.6, (3, 12, 12, 1))
    tiles = maximize(model, 1, parametrization="maco", spectrum_from=pictures, steps=6, input_range=(0, 1))
    found, given = (np.abs(np.fft.rfft2(each[..., 0] - 0.5)) for each in (tiles.pictures, pictures))
    given = given.mean(axis=0)
    np.testing.assert_allclose(found[0].ravel()[1:], given.ravel()[1:], atol=1e-4)  # all but the mean
    assert tiles.settings["spectrum_from"] == "an array of 3 pictures"
    assert maximize(model, 1, parametrization="maco", steps=1).settings["spectrum_from"] == "three photographs"


def test_noise_changes_the_way_but_not_the_score_that_is_stated(build):
    model = build("linear")
    plain, noisy = (maximize(model, 1, steps=20, noise=noise, **PLAIN) for noise in (0, 0.2))
    assert not np.allclose(plain.pictures, noisy.pictures)
    np.testing.assert_allclose(noisy.settings["scores"][0], np.asarray(model(noisy.pictures))[0, 1], rtol=1e-4)


@pytest.mark.slow
def test_a_small_network_with_batch_normalization_that_knows_digits_is_shown_them():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(16, 3, strides=2),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Conv2D(32, 3, strides=2),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    digits = visualize.from_data(model, "mnist:train", range(6000))
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    model.fit(digits.images, digits.labels, epochs=3, batch_size=64, verbose=0)
    tiles = maximize(model, input_range=(0, 1))
    probabilities = np.asarray(model(tiles.pictures))
    assert probabilities[range(10), range(10)].min() > 0.95
    assert tiles.pictures.std(axis=(1, 2, 3)).min() > 0.15  # a digit has .3, gray has 0
    assert tiles.settings.remarks is None


def test_many_units_must_be_named():
    model, _ = linear_model(units=101)
    with pytest.raises(InputError, match=r"or `most` say how many of the strongest: there are 101\. Received: None\."):
        maximize(model)


def a_model_that_likes_gray():
    """Its score is minus the distance from gray: no picture is better than the flat one."""
    pixels = keras.Input((6, 6, 1), name="pixels")
    distance = keras.ops.sum((pixels - 0.5) ** 2, axis=(1, 2))
    return keras.Model(pixels, -distance)


@pytest.mark.parametrize("parametrization", ["pixel", "fourier"])
def test_a_picture_never_scores_below_a_flat_one(parametrization):
    tiles = maximize(a_model_that_likes_gray(), 0, steps=3, step_size=0.5, parametrization=parametrization)
    assert tiles.settings.scores[0] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(tiles.pictures, 0.5, atol=1e-4)
    assert "ended below where they began" in tiles.settings.remarks[0]


def test_the_best_picture_is_that_of_the_score_whatever_its_penalty():
    pixels = keras.Input((6, 6, 1), name="pixels")
    model = keras.Model(pixels, keras.ops.sum(pixels, axis=(1, 2)))
    start = np.full((1, 6, 6, 1), 0.9)
    tiles = maximize(model, 0, steps=20, lp_norm=1e3, total_variation=0, start=start, input_range=(0, 1))
    assert tiles.settings.scores[0] >= 0.9 * 36 - 1e-3  # the penalty pulls pixels to 0, and the score with them
    assert "ended below where they began for 0" in tiles.settings.remarks[0]


def test_nothing_is_remarked_where_the_score_rose():
    pixels = keras.Input((6, 6, 1), name="pixels")
    model = keras.Model(pixels, keras.ops.sum(pixels, axis=(1, 2)))
    assert maximize(model, 0, steps=5, input_range=(0, 1)).settings.remarks is None
