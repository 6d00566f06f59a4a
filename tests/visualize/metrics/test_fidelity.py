"""Sensitivity-n, µFidelity, infidelity and completeness on models that are known by hand, and against loops."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from scipy import stats

import visualize
from visualize import InputError, metrics
from visualize.metrics.fidelity import pearson, spearman
from visualize.metrics.subsets import cells_of_pixels, random_subsets, sums_over_cells, sums_over_squares

SIZE = (8, 10)


@pytest.fixture(scope="module")
def additive():
    """A model whose score is a sum over the pixels, of weights of both signs."""
    model = keras.Sequential([keras.Input((*SIZE, 1)), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)])
    model.layers[-1].set_weights([np.random.default_rng(0).standard_normal((80, 1))])
    return model


@pytest.fixture(scope="module")
def contributions(additive):
    """What each pixel adds to the score of each of seven images."""
    return visualize.input_times_gradient(additive, np.random.default_rng(1).random((7, *SIZE, 1)).astype("float32"), 0)


def test_the_contributions_of_an_additive_model_are_perfectly_faithful(additive, contributions):
    sensitivity = metrics.sensitivity_n(additive, contributions, fill=0, samples=12)
    np.testing.assert_allclose(sensitivity.curves, 1, atol=1e-5)
    np.testing.assert_array_equal(sensitivity.points, [1, 2, 3, 6, 11, 20, 35, 64])
    np.testing.assert_allclose(metrics.mu_fidelity(additive, contributions, fill=0, cells=4, samples=20).values, 1, atol=1e-5)
    np.testing.assert_allclose(metrics.infidelity(additive, contributions, fill=0, samples=20).values, 0, atol=1e-5)
    np.testing.assert_allclose(metrics.completeness(additive, contributions).values, 0, atol=1e-5)
    assert sensitivity.beats_random


def test_the_opposite_of_the_contributions_is_perfectly_wrong(additive, contributions):
    opposite = replace(contributions, values=-contributions.values)
    options = {"fill": 0, "samples": 12, "baselines": ()}
    np.testing.assert_allclose(metrics.sensitivity_n(additive, opposite, sizes=[5], **options).values, -1, atol=1e-5)
    np.testing.assert_allclose(metrics.mu_fidelity(additive, opposite, cells=4, **options).values, -1, atol=1e-5)
    np.testing.assert_allclose(metrics.infidelity(additive, opposite, **options).values, 1)
    np.testing.assert_allclose(metrics.completeness(additive, opposite).values, 2, rtol=1e-5)


def test_neither_the_scale_nor_the_unit_of_a_map_matters_to_infidelity(build, images_for):
    model = build("color")
    result = visualize.saliency(model, images_for(model))
    first = metrics.infidelity(model, result, samples=15, baselines=())
    scaled = metrics.infidelity(model, replace(result, values=100 * result.values), samples=15, baselines=())
    np.testing.assert_allclose(scaled.values, first.values, rtol=1e-5)
    assert (first.values > 0).all()
    assert (first.values <= 1).all()


def falls_by_hand(model, image, masks, target, fill):
    """How far the score of an image falls where a mask, (height, width) bool, hides it: one after the other."""
    copies = [np.where(mask[..., None], np.float32(fill), image) for mask in masks]
    scores = np.asarray(model(np.stack([image, *copies])))[:, target]
    return scores[0] - scores[1:]


@pytest.mark.parametrize("correlation", ["pearson", "spearman"])
def test_mu_fidelity_is_the_correlation_of_a_loop_over_the_subsets(build, images_for, correlation):
    model = build("linear")
    images = images_for(model)
    result = visualize.saliency(model, images)
    record = metrics.mu_fidelity(
        model, result, cells=5, share=0.3, samples=9, seed=3, fill=0.4, correlation=correlation, batch_size=5, baselines=()
    )
    masks = random_subsets(25, 8, 9, np.random.default_rng(3))[:, cells_of_pixels((5, 5), (12, 12))]
    measure = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[correlation]
    for image, values, target, value in zip(images, result.values, result.targets, record.values, strict=True):
        falls = falls_by_hand(model, image, masks, target, 0.4)
        assert abs(value - measure(falls, [values[mask].sum() for mask in masks])[0]) < 1e-3


def test_sensitivity_n_is_the_correlation_for_each_size(build, images_for):
    model = build("linear")
    images = images_for(model)
    result = visualize.saliency(model, images)
    record = metrics.sensitivity_n(model, result, sizes=[20, 3], cells=6, samples=7, seed=2, fill=0, batch_size=4)
    np.testing.assert_array_equal(record.points, [3, 20])
    generator = np.random.default_rng(2)
    subsets = [random_subsets(36, size, 7, generator) for size in (3, 20)]
    for index, (image, target) in enumerate(zip(images, result.targets, strict=True)):
        for column, masks in enumerate(subset[:, cells_of_pixels((6, 6), (12, 12))] for subset in subsets):
            falls = falls_by_hand(model, image, masks, target, 0)
            for maps, curves in (
                (result.values, record.curves),
                (metrics.baseline_maps(images, seed=2)["edges"], record.baseline_curves["edges"]),
            ):
                expected = stats.pearsonr(falls, [maps[index][mask].sum() for mask in masks])[0]
                assert abs(curves[index, column] - expected) < 1e-3
    np.testing.assert_allclose(record.values, record.curves.mean(axis=1))


def test_infidelity_is_the_error_at_the_best_scale(build, images_for):
    model = build("linear")
    images = images_for(model)
    result = visualize.input_times_gradient(model, images)
    record = metrics.infidelity(model, result, side=5, samples=11, seed=4, fill=0, batch_size=4, baselines=())
    generator = np.random.default_rng(4)
    corners = np.stack([generator.integers(8, size=11) for _ in range(2)], axis=1)
    masks = np.zeros((11, 12, 12), bool)
    for mask, (row, column) in zip(masks, corners, strict=True):
        mask[row : row + 5, column : column + 5] = True
    for image, values, target, value in zip(images, result.values, result.targets, record.values, strict=True):
        falls = falls_by_hand(model, image, masks, target, 0)
        sums = np.array([values[mask].sum() for mask in masks])
        best = min(((scale * sums - falls) ** 2).mean() for scale in np.linspace(0, 20, 2001))
        assert abs(value - best / (falls**2).mean()) < 2e-3


def test_the_gap_is_what_integrated_gradients_report(build, images_for):
    model = build("color")
    images = images_for(model)
    result = visualize.integrated_gradients(model, images, steps=3, baseline=0.2)
    expected = np.abs(result.arrays["gap"]) / np.abs(result.arrays["change"])
    record = metrics.completeness(model, result)
    np.testing.assert_allclose(record.values, expected, rtol=1e-2, atol=1e-4)
    assert record.settings["baseline"] == 0.2
    assert record.beats_random is None
    other = metrics.completeness(model, result, baseline=0.9)
    assert not np.allclose(other.values, expected, rtol=0.1)
    image = visualize.integrated_gradients(model, images, steps=3, baseline=np.zeros((12, 12, 3)))
    with pytest.raises(InputError, match="`baseline` must be given"):
        metrics.completeness(model, image)
    with pytest.raises(InputError, match="Received: saliency, in score per unit of pixel"):
        metrics.completeness(model, visualize.saliency(model, images))


def test_correlations_are_those_of_scipy_and_0_where_there_is_none():
    first, second = np.random.default_rng(0).integers(0, 5, (2, 4, 30)).astype(float)
    for row, (ours, ranked) in enumerate(zip(pearson(first, second), spearman(first, second), strict=True)):
        assert abs(ours - stats.pearsonr(first[row], second[row])[0]) < 1e-12
        assert abs(ranked - stats.spearmanr(first[row], second[row])[0]) < 1e-12
    assert pearson(np.full((1, 5), 0.1), np.arange(5.0)[None]) == 0
    assert spearman(np.arange(5.0)[None], np.full((1, 5), 0.1)) == 0


def test_subsets_have_exactly_as_many_cells_as_were_asked_for():
    subsets = random_subsets(50, 7, 400, np.random.default_rng(0))
    np.testing.assert_array_equal(subsets.sum(axis=1), 7)
    assert np.abs(subsets.mean(axis=0) - 7 / 50).max() < 0.08


def test_sums_are_those_of_the_masks():
    maps = np.random.default_rng(0).standard_normal((2, 7, 9))
    subsets = random_subsets(12, 5, 6, np.random.default_rng(1))
    masks = subsets[:, cells_of_pixels((3, 4), (7, 9))]
    expected = [[values[mask].sum() for mask in masks] for values in maps]
    np.testing.assert_allclose(sums_over_cells(maps, subsets, (3, 4)), expected)
    corners = np.array([[0, 0], [3, 5], [2, 1]])
    expected = [[values[row : row + 4, column : column + 4].sum() for row, column in corners] for values in maps]
    np.testing.assert_allclose(sums_over_squares(maps, corners, 4), expected)


def test_cells_are_even_and_symmetric():
    assert cells_of_pixels((3,), (7,)).tolist() == [0, 0, 1, 1, 1, 2, 2]
    np.testing.assert_array_equal(cells_of_pixels((4, 6), (4, 6)), np.arange(24).reshape(4, 6))


@pytest.mark.parametrize(
    ("metric", "options", "message"),
    [
        ("sensitivity_n", {"sizes": [80]}, r"`sizes` must be below 80"),
        ("sensitivity_n", {"sizes": []}, r"`sizes` must be a list"),
        ("sensitivity_n", {"cells": 1}, r"`sizes` must be below 1"),
        ("sensitivity_n", {"samples": 2}, r"`samples` must be a whole number from 3"),
        ("mu_fidelity", {"share": 1}, r"`share` must be above 0 and below 1"),
        ("mu_fidelity", {"share": 0.001}, r"`share` must be above 0 and below 1, and hide some of 72 cells"),
        ("mu_fidelity", {"cells": 0}, r"`cells` must be a whole number from 1"),
        ("mu_fidelity", {"correlation": "kendall"}, r"`correlation` must be 'pearson' or 'spearman'"),
        ("infidelity", {"side": 9}, r"`side` must be at most 8"),
        ("completeness", {"baseline": "gray"}, r"`baseline` must be a finite number.*or 'black'"),
    ],
)
def test_wrong_arguments_are_refused(additive, contributions, metric, options, message):
    with pytest.raises(InputError, match=message):
        getattr(metrics, metric)(additive, contributions, **options)


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["sensitivity_n", "mu_fidelity", "infidelity"])
def test_sequences_and_volumes_are_measured_too(build, images_for, metric):
    for kind in ("sequence", "volume", "channels_first"):
        model = build(kind)
        record = getattr(metrics, metric)(model, visualize.input_times_gradient(model, images_for(model)), samples=6)
        assert np.isfinite(record.values).all()
        assert record.values.std() > 0
