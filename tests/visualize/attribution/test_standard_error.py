"""Standard errors: against formulas over all samples, and against the spread of repeated runs."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import InputError, load, rise, save, smoothgrad, squaregrad, vargrad
from visualize.attribution.rise import RISE, balanced_rows
from visualize.attribution.standard_error import add_samples
from visualize.plotting import export

KEEPS = (0.5, 0.4)  # balanced blocks of masks, and independent masks


def curved(size=8, channels=1, seed=3):
    """A model whose gradient is nowhere the same."""
    keras.utils.set_random_seed(seed)
    hidden = keras.layers.Dense(12, activation="tanh", kernel_initializer=keras.initializers.RandomNormal(stddev=0.15))
    layers, output = [keras.layers.Flatten(), hidden], keras.layers.Dense(3)
    return keras.Sequential([keras.Input((size, size, channels)), *layers, output])


def pictures(count=2, size=8, channels=1):
    return np.random.default_rng(7).random((count, size, size, channels), "float32") * 3


def gradients_of(model, image, target, samples, noise, seed):
    """The gradient at each noisy copy of one image: (samples, height, width, channels), float64."""
    shape = [1, *image.shape]
    normal = np.concatenate([tf.random.stateless_normal(shape, [seed, number]).numpy() for number in range(samples)])
    copies = tf.constant(image[None] + noise * (image.max() - image.min()) * normal)
    with tf.GradientTape() as tape:
        tape.watch(copies)
        scores = model(copies)[:, target]
    return tape.gradient(scores, copies).numpy().astype("float64")


def error_of_mean(samples):
    return samples.std(axis=0, ddof=1) / np.sqrt(len(samples))


def of_highest(values, errors):
    return np.take_along_axis(errors, values.argmax(axis=-1)[..., None], axis=-1)[..., 0]


@pytest.mark.parametrize("batch_size", [None, 5])
def test_errors_of_gradients_are_those_of_their_statistics_in_the_highest_channel(batch_size):
    model, images = curved(channels=2), pictures(channels=2)
    options = {"samples": 12, "noise": 0.3, "seed": 4}
    found = {each: each(model, images, 1, batch_size=batch_size, **options) for each in (smoothgrad, squaregrad, vargrad)}
    for index, image in enumerate(images):
        samples = gradients_of(model, image, 1, **options)
        centered = (samples - samples.mean(axis=0)) ** 2
        expected = {
            smoothgrad: of_highest(np.abs(samples.mean(axis=0)), error_of_mean(samples)),
            squaregrad: of_highest((samples**2).mean(axis=0), error_of_mean(samples**2)),
            vargrad: of_highest(centered.mean(axis=0), error_of_mean(centered)),
        }
        for method, errors in expected.items():
            np.testing.assert_allclose(found[method].arrays["error"][index], errors, rtol=2e-3, err_msg=method.__name__)


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("batch_size", [1, 7, 200])  # steps within a block, across blocks, and over several of them
def test_errors_of_rise_are_those_of_a_ratio_over_independent_blocks(keep, batch_size):
    model, images, count, cells = curved(), pictures(), 42, 3
    found = rise(model, images, 2, masks=count, cells=cells, keep=keep, seed=5, batch_size=batch_size)
    method, rows = RISE(masks=count, cells=cells, keep=keep, fill=0.0, seed=5), balanced_rows(9) if keep == 0.5 else 1
    masks = np.stack([method.mask(tf.constant(number), [8, 8]).numpy() for number in range(count)]).astype("float64")
    blocks = np.arange(count) // rows  # the last one has fewer masks
    sizes = np.bincount(blocks)
    for image, values, error in zip(images, found.values, found.arrays["error"], strict=True):
        scores = np.asarray(model((image * masks[..., None]).astype("float32")), "float64")[:, 2]
        ratio = np.einsum("k,khw->hw", scores, masks) / masks.sum(axis=0)
        parts = (masks / keep - 1) * (scores[:, None, None] - ratio)
        sums = np.stack([parts[blocks == block].sum(axis=0) for block in range(len(sizes))])
        spread = ((sums - sizes[:, None, None] * values) ** 2).sum(axis=0)
        np.testing.assert_allclose(error, np.sqrt(spread / (count**2 - (sizes**2).sum())), rtol=5e-3)


def test_sums_in_parts_are_those_of_all_however_large_the_mean():
    samples = 10_000 + np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
    total, spread, before = tf.zeros(5), tf.zeros(5), 0
    for count in (1, 0, 3, 20, 16):
        total, spread = add_samples(total, spread, tf.constant(samples[before : before + count]), tf.constant(before))
        before += count
    np.testing.assert_allclose(total, samples.astype("float64").sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(spread, 40 * samples.astype("float64").var(axis=0), rtol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "options"),
    [
        (smoothgrad, {}),
        (vargrad, {"samples": 50}),
        (rise, {"masks": 200, "cells": 3}),  # the last block is half of one
        (rise, {"masks": 160, "cells": 3, "keep": 0.4}),
        (rise, {"masks": 600, "cells": 3, "tolerance": 0.2}),
    ],
)
def test_errors_are_the_spread_of_repeated_runs(method, options):
    model, images = curved(), pictures(3)
    runs = [method(model, images, 0, seed=100 + seed, **options) for seed in range(20)]
    values, errors = (np.stack(each) for each in zip(*((run.values, run.arrays["error"]) for run in runs), strict=True))
    ratios = values.std(axis=0, ddof=1) / errors.mean(axis=0)
    assert 0.8 < ratios.mean() < 1.25


@pytest.mark.slow
def test_errors_of_balanced_masks_know_that_the_score_is_a_sum():
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)])
    image = np.ones((1, 28, 28, 1), "float32")
    runs = [rise(model, image, 0, masks=512, seed=seed) for seed in range(20)]
    spread = np.std([run.values for run in runs], axis=0, ddof=1).mean()
    error = np.mean([run.arrays["error"] for run in runs])
    as_if_independent = rise(model, image, 0, masks=512, keep=0.5001).arrays["error"].mean()
    assert 0.8 < spread / error < 1.25
    assert as_if_independent > 2 * spread


@pytest.mark.parametrize(
    ("method", "name", "step", "tolerance"), [(smoothgrad, "samples", 25, 0.06), (rise, "masks", 64, 0.1)]
)
def test_each_image_takes_as_many_samples_as_it_needs_and_no_more(method, name, step, tolerance):
    model, images = curved(), pictures(3)
    images[1] = images[1] * 0.02  # nearly linear
    options = {"fill": 1.5} if method is rise else {}
    found = method(model, images, 0, **{name: 2000}, tolerance=tolerance, **options)
    counts = found.arrays[name]
    assert counts.dtype == "int32"
    assert len(set(counts.tolist())) > 1
    assert (counts < 2000).all()
    assert found.settings.remarks is None
    for index, count in enumerate(counts.tolist()):
        fixed = method(model, images[index : index + 1], 0, **{name: count}, **options)
        np.testing.assert_allclose(found.values[index], fixed.values[0], rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(found.arrays["error"][index], fixed.arrays["error"][0], rtol=1e-2)
        assert fixed.arrays["error"].max() <= tolerance * np.abs(fixed.values).max()
        if count > 4 * step:
            fewer = method(model, images[index : index + 1], 0, **{name: count - step}, **options)
            assert fewer.arrays["error"].max() > tolerance * np.abs(fewer.values).max()


@pytest.mark.parametrize(("method", "name"), [(vargrad, "samples"), (rise, "masks")])
def test_where_it_stops_depends_neither_on_other_images_nor_on_batches(method, name):
    model, images = curved(), pictures(3)
    whole = method(model, images, 0, **{name: 600}, tolerance=0.2)
    alone = method(model, images[1:2], 0, **{name: 600}, tolerance=0.2)
    small = method(model, images, 0, **{name: 600}, tolerance=0.2, batch_size=5)
    np.testing.assert_array_equal(alone.values[0], whole.values[1])
    np.testing.assert_array_equal(small.arrays[name], whole.arrays[name])
    np.testing.assert_allclose(small.values, whole.values, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("method", "name", "most"), [(squaregrad, "samples", 30), (rise, "masks", 300)])
def test_the_ceiling_is_said_for_the_images_that_reach_it(method, name, most):
    model, images = curved(), pictures(2)
    found = method(model, images, 0, **{name: most}, tolerance=1e-3)
    assert found.arrays[name].tolist() == [most, most]
    share = found.arrays["error"].max(axis=(1, 2)) / np.abs(found.values).max(axis=(1, 2))
    assert found.settings.remarks == [
        f"image {row}: the largest standard error is {100 * share[row]:.3g} % of the map's largest value, above the "
        f"tolerance of 0.1 %, after {most} {name}, the most allowed."
        for row in (0, 1)
    ]
    assert found.settings[name] == most


def test_a_model_of_a_fixed_batch_size_stops_by_itself_too():
    model = curved()
    fixed = keras.Sequential([keras.Input(batch_shape=(3, 8, 8, 1)), *model.layers])
    images = pictures(2)
    free, padded = (smoothgrad(each, images, 0, samples=300, tolerance=0.1) for each in (model, fixed))
    np.testing.assert_array_equal(padded.arrays["samples"], free.arrays["samples"])
    np.testing.assert_allclose(padded.values, free.values, rtol=1e-3, atol=1e-6)


def test_a_map_that_is_zero_is_enough_at_once():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    found = vargrad(model, pictures(), 0, samples=100, tolerance=0.1)
    np.testing.assert_array_equal(found.values, 0)
    np.testing.assert_array_equal(found.arrays["error"], 0)
    assert found.arrays["samples"].tolist() == [25, 25]
    assert found.settings.remarks is None


def test_there_is_no_error_of_one_sample_or_of_less_than_two_blocks():
    model, images = curved(), pictures()
    assert "error" not in smoothgrad(model, images, 0, samples=1).arrays
    assert "error" in smoothgrad(model, images, 0, samples=2).arrays
    assert "error" not in rise(model, images, 0, masks=31, cells=3).arrays
    assert "error" in rise(model, images, 0, masks=32, cells=3).arrays


def test_errors_of_volumes_and_of_sequences_have_the_shape_of_the_map():
    for shape, layer in (((9, 2), keras.layers.Conv1D(4, 3)), ((4, 5, 6, 1), keras.layers.Conv3D(4, 3))):
        model = keras.Sequential([keras.Input(shape), layer, keras.layers.Flatten(), keras.layers.Dense(2, activation="tanh")])
        images = np.random.default_rng(0).random((2, *shape), "float32")
        for found in (smoothgrad(model, images, 0, samples=3), rise(model, images, 0, masks=64, cells=2)):
            assert found.arrays["error"].shape == found.values.shape == (2, *shape[:-1])
            assert np.isfinite(found.arrays["error"]).all()


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        (smoothgrad, {"tolerance": 0}, r"`tolerance` must be above 0\. Received: 0\."),
        (rise, {"tolerance": "a"}, r"`tolerance` must be a finite number\. Received: 'a'\."),
        (vargrad, {"tolerance": 0.1, "samples": 25}, r"`samples` must be above 25 with `tolerance`, .* Received: 25\."),
        (rise, {"tolerance": 0.1, "masks": 256}, r"`masks` must be above 256 with `tolerance`, .* Received: 256\."),
    ],
)
def test_a_tolerance_that_would_change_nothing_is_refused(method, options, message):
    with pytest.raises(InputError, match=message):
        method(curved(), pictures(), 0, **options)


def test_errors_are_in_the_file_and_the_largest_in_the_record(tmp_path):
    model = curved()
    found = smoothgrad(model, pictures(2), 0, samples=100, tolerance=0.3)
    (loaded,) = load(save(tmp_path / "map.npz", found))
    np.testing.assert_array_equal(loaded.arrays["error"], found.arrays["error"])
    np.testing.assert_array_equal(loaded.arrays["samples"], found.arrays["samples"])
    record = json.loads(export.write([found], tmp_path, "map", model, {}, 1.0)[-1].read_text())
    images = record["results"][0]["images"]
    assert [image["largest_error"] for image in images] == found.arrays["error"].max(axis=(1, 2)).tolist()
    assert [image["samples"] for image in images] == found.arrays["samples"].tolist()
