"""RISE against a Python loop over the same masks, and on models whose answer is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import InputError, describe, rise
from visualize.attribution.rise import RISE, balanced_grid


def test_values_are_the_mean_score_of_what_shows_a_pixel_less_the_mean_of_all(build, images_for):
    model = build("linear")
    images = images_for(model, 2)
    options = {"masks": 12, "cells": 4, "keep": 0.4, "fill": 0.3, "seed": 5}
    masks = np.stack(
        [np.asarray(RISE(masks=12, cells=4, keep=0.4, fill=0.0, seed=5).mask(number, [12, 12])) for number in range(12)]
    )
    found = rise(model, images, 2, **options)
    for image, values in zip(images, found.values, strict=True):
        copies = 0.3 + (image - 0.3) * masks[..., None]
        scores = np.asarray(model(copies.astype("float32")))[:, 2]
        expected = np.einsum("k,khw->hw", scores, masks) / masks.sum(axis=0) - scores.mean()
        np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-5)


def test_over_a_block_each_cell_is_shown_half_of_the_time_and_each_two_are_alike_half_of_the_time():
    for shape in ([7, 7], [3], [2, 3, 2]):
        rows = {49: 64, 3: 4, 12: 16}[int(np.prod(shape))]
        for start in (0, 5 * rows):
            drawn = [balanced_grid(tf.constant(start + row), shape, 3) for row in range(rows)]
            assert {int(block) for block, _ in drawn} == {start // rows}
            signs = np.stack([2.0 * grid.numpy().ravel() - 1 for _, grid in drawn])
            np.testing.assert_array_equal(signs.T @ signs, rows * np.eye(signs.shape[1]))
            np.testing.assert_array_equal(signs.sum(axis=0), 0)
    assert not np.array_equal(balanced_grid(tf.constant(1), [7, 7], 0)[1], balanced_grid(tf.constant(1), [7, 7], 1)[1])


def test_each_balanced_grid_alone_is_a_draw_of_fair_coins():
    draw = tf.function(
        lambda seeds: tf.map_fn(lambda seed: balanced_grid(5, [3, 2], seed)[1], seeds, fn_output_signature=tf.bool)
    )
    signs = 2.0 * draw(tf.range(4000)).numpy().reshape(4000, 6) - 1
    error = 1 / np.sqrt(4000)
    assert np.abs(signs.mean(axis=0)).max() < 4 * error
    pairs = signs.T @ signs / 4000 - np.eye(6)
    assert np.abs(pairs).max() < 4 * error
    assert np.abs(np.prod(signs[:, :3], axis=1).mean()) < 4 * error


@pytest.mark.slow
def test_balanced_masks_vary_less_than_independent_ones_where_the_score_is_a_sum():
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)])
    image = np.ones((1, 28, 28, 1), "float32")
    spread = {
        keep: np.std([rise(model, image, 0, masks=128, keep=keep, seed=seed).values for seed in range(6)], axis=0).mean()
        for keep in (0.5, 0.5001)  # the second draws independent masks
    }
    assert spread[0.5] < 0.5 * spread[0.5001]


def test_only_the_pixel_that_matters_stands_out():
    model = keras.Sequential([keras.Input((8, 16, 1)), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)])
    kernel = np.zeros((8, 16))
    kernel[6, 3] = 1
    model.layers[-1].set_weights([kernel.reshape(-1, 1)])
    values = rise(model, np.ones((1, 8, 16, 1)), 0, masks=3000, cells=8).values[0]
    assert np.unravel_index(values.argmax(), values.shape) == (6, 3)
    assert np.abs(values[:3, 8:]).max() < 0.1 * values.max()


def test_masks_are_smooth_cover_the_range_and_show_about_the_share_that_is_kept():
    masks = np.stack(
        [np.asarray(RISE(masks=300, cells=7, keep=0.3, fill=0.0, seed=0).mask(number, [28, 35])) for number in range(300)]
    )
    assert masks.shape == (300, 28, 35)
    assert masks.min() >= 0
    assert masks.max() <= 1
    assert abs(masks.mean() - 0.3) < 0.01
    assert np.abs(np.diff(masks, axis=1)).max() < 0.5
    assert np.abs(masks.mean(axis=0) - 0.3).max() < 0.12  # no place is favored


@pytest.mark.slow
def test_a_map_depends_on_each_number_and_not_on_batches(build, images_for):
    model = build("softmax")
    images = images_for(model, 3)
    whole = rise(model, images, [0, 1, 2], masks=20).values
    np.testing.assert_array_equal(rise(model, images, [0, 1, 2], masks=20).values, whole)
    for option in ({"seed": 1}, {"masks": 21}, {"cells": 5}, {"keep": 0.7}, {"fill": 0.9}):
        assert not np.allclose(rise(model, images, [0, 1, 2], **{"masks": 20, **option}).values, whole, rtol=1e-3)
    for size in (1, 4, 100):
        found = rise(model, images, [0, 1, 2], masks=20, batch_size=size).values
        np.testing.assert_allclose(found, whole, rtol=5e-3, atol=1e-6)
    np.testing.assert_allclose(rise(model, images[1:2], 1, masks=20).values[0], whole[1], rtol=5e-3, atol=1e-6)


def test_what_is_hidden_is_black_by_the_card(build, images_for):
    model = build("softmax")
    images = images_for(model)
    assert rise(model, images, 0, masks=4).settings["fill"] == 0
    found = rise(describe(model, input_range=(-2, 2)), images, 0, masks=4)
    assert found.settings["fill"] == -2
    np.testing.assert_array_equal(found.values, rise(model, images, 0, masks=4, fill=-2.0).values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"masks": 1}, r"`masks` must be a whole number from 2\. Received: 1\."),
        ({"cells": 0}, r"`cells` must be a whole number from 1\. Received: 0\."),
        ({"keep": 1.0}, r"`keep` must be above 0 and below 1\. Received: 1\.0\."),
        ({"keep": 0}, r"`keep` must be above 0 and below 1\. Received: 0\."),
        ({"keep": "a"}, r"`keep` must be a finite number\. Received: 'a'\."),
        ({"fill": float("inf")}, r"`fill` must be a finite number, 'mean' or 'blur'\. Received: inf\."),
    ],
)
def test_bad_numbers_are_refused(options, message, build, images_for):
    model = build("softmax")
    with pytest.raises(InputError, match=message):
        rise(model, images_for(model), **options)


@pytest.mark.parametrize(("masks", "keep"), [(4, 0.1), (20, 0.05), (2, 0.3)])
def test_masks_that_never_show_some_pixel_are_refused(masks, keep):
    model = keras.Sequential([keras.Input((64, 64, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    images = np.ones((1, 64, 64, 1), "float32")
    with pytest.raises(InputError, match=r"`masks` must show every pixel at least once\. .* never show [\d,]+ of 4,096"):
        rise(model, images, masks=masks, keep=keep)


def test_few_masks_that_show_every_pixel_give_a_finite_map():
    model = keras.Sequential([keras.Input((64, 64, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    assert np.isfinite(rise(model, np.ones((1, 64, 64, 1), "float32"), masks=30, keep=0.5).values).all()
