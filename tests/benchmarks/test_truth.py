"""Ground truth: planted pictures hold what they say, measures are right, and every method finds what it found before."""

import functools
import json
from dataclasses import replace
from importlib.resources import files

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import spearmanr

import visualize
from benchmarks.truth import additive, measures, mosaics, networks, pages, parts, patterns, textures
from benchmarks.truth.__main__ import main
from benchmarks.truth.cases import CASES
from benchmarks.truth.rows import VARIANTS, Row, random, rows
from benchmarks.truth.table import measure
from benchmarks.truth.training import NotSolvedError, Recipe, trained
from visualize.errors import InputError
from visualize.report.methods import attribution_methods

RECORD = json.loads((files("visualize.report") / "truth.json").read_text(encoding="utf-8"))
SLACK = 0.15  # below what is on record: fewer pictures, and a network that is trained anew
FEW = 16


def test_the_texture_is_the_class_and_nothing_else_is():
    pictures = textures.textures("test", 200, seed=3)
    assert (pictures.masks.sum(axis=(1, 2)) == textures.PATCH**2).all()
    for image, mask, label in zip(pictures.images[..., 0], pictures.masks, pictures.labels, strict=True):
        np.testing.assert_array_equal(image[mask].reshape(textures.PATCH, -1), textures.TEXTURES[label])
    again = textures.textures("test", 200, seed=3)
    np.testing.assert_array_equal(again.images, pictures.images)
    rest = np.where(pictures.masks[..., None], 0, pictures.images).sum(axis=(1, 2, 3))
    means = [rest[pictures.labels == label].mean() for label in range(textures.CLASSES)]
    assert np.ptp(means) < 5 * rest.std() / 50**0.5  # the brightness of the rest does not tell the class


def test_a_cell_of_the_split_network_depends_on_its_own_digit_alone():
    keras.utils.set_random_seed(0)
    digits = mosaics.digit_network()
    pictures = mosaics.mosaics("test", 8, seed=3)
    cells = mosaics.targets_of_cells(pictures)
    assert sorted(cells // 10) == sorted([0, 1, 2, 3] * 2)
    split, grid = mosaics.split_network(digits), mosaics.grid_network(digits)
    maps = np.abs(visualize.input_times_gradient(split, pictures.images, cells.tolist()).values)
    mass = measures.mass(maps, pictures.masks)
    assert mass.min() > 0.8  # the rest is the border that its convolutions reach
    assert mass.mean() > 0.95
    maps = np.abs(visualize.input_times_gradient(grid, pictures.images, pictures.labels.tolist()).values)
    assert measures.mass(maps, pictures.masks).mean() < 0.5


def test_a_cell_of_the_split_network_has_the_scores_of_its_digit():
    keras.utils.set_random_seed(0)
    digits = mosaics.digit_network()
    pictures = mosaics.mosaics("test", 8, seed=3)
    scores = keras.Model(digits.input, digits.get_layer("scores").output)
    single = pictures.images[pictures.masks].reshape(8, mosaics.CELL, mosaics.CELL, 1)
    alone = np.take_along_axis(scores(single).numpy(), pictures.labels[:, None], axis=1)
    cells = mosaics.targets_of_cells(pictures)[:, None]
    within = np.take_along_axis(mosaics.split_network(digits)(pictures.images).numpy(), cells, axis=1)
    np.testing.assert_allclose(
        within, alone, atol=0.1 * np.abs(alone).max()
    )  # biases reach in at the border, where padding was


def test_what_a_square_contributes_is_what_the_score_loses_when_it_is_black():
    model = additive.additive_network()
    images = mosaics.mosaics("test", 3, seed=3, margin=0).images
    targets = np.array([0, 1, 3])
    truth = additive.contributions(model, images, targets)
    scores = keras.Model(model.input, model.get_layer("scores").output)

    def score(pictures):
        return np.take_along_axis(scores(pictures).numpy(), targets[:, None], axis=1)[:, 0]

    without = images.copy()
    without[:, 14:21, 7:14] = 0  # row 2, column 1
    np.testing.assert_allclose(truth[:, 2, 1], score(images) - score(without), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(truth.sum(axis=(1, 2)), score(images) - score(np.zeros_like(images)), rtol=1e-3, atol=1e-4)


def test_occlusion_by_black_squares_is_the_truth_of_the_additive_network():
    model = additive.additive_network()
    images = mosaics.mosaics("test", 4, seed=3, margin=0).images
    targets = np.arange(4)
    truth = additive.contributions(model, images, targets)
    maps = visualize.occlusion(model, images, targets.tolist(), patch=7, stride=7, fill=0).values
    np.testing.assert_allclose(additive.sums_of_cells(maps) / 49, truth, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("bar", range(len(parts.BARS)))
def test_a_bar_is_taken_away_and_nothing_else(bar):
    drawn = parts.drawings("test", 40, seed=3)
    changed = (drawn.without(bar) != drawn.planted.images)[..., 0]
    others = drawn.bars[:, [other for other in range(7) if other != bar]]
    drawn_others = (others & drawn.there[:, [other for other in range(7) if other != bar], None, None]).any(axis=1)
    assert not (changed & drawn_others).any()
    assert not (changed & ~drawn.bars[:, bar]).any()
    np.testing.assert_array_equal(changed.any(axis=(1, 2)), drawn.there[:, bar])


def test_the_multiplicative_shapes_are_quiet_and_no_brighter():
    pictures = patterns.multiplicative("test", 300, seed=3)
    inside, outside = pictures.images[..., 0][pictures.masks], pictures.images[..., 0][~pictures.masks]
    assert inside.std() < 0.2 * outside.std()
    assert abs(inside.mean() - outside.mean()) < 0.01


def test_neither_shape_alone_tells_the_class_of_xor():
    pictures = patterns.xor("test", 600, seed=3)
    sums = (pictures.images[..., 0] * pictures.masks).sum(axis=(1, 2)) / pictures.masks.sum(axis=(1, 2))
    assert np.abs(sums[pictures.labels == 1]).max() < np.abs(sums[pictures.labels == 0]).min()  # both together do
    assert abs(sums[pictures.labels == 0].mean()) < 0.1  # their brightness does not


def test_the_measures_of_a_map_that_was_counted_by_hand():
    values = np.array([[[4.0, 3.0], [-8.0, 1.0]]])
    mask = np.array([[[True, False], [True, False]]])
    assert measures.mass(values, mask) == pytest.approx(4 / 8)
    assert measures.rank(values, mask) == pytest.approx(1 / 2)  # 4 is inside, 3 is not
    assert measures.point(values, mask) == 1
    assert measures.point(-values, mask) == 1
    assert measures.mass(-np.abs(values), mask) == 0


def test_equal_pixels_have_what_a_random_order_would_give_them():
    generator = np.random.default_rng(0)
    values, mask = generator.integers(3, size=(1, 6, 6)).astype(float), generator.random((1, 6, 6)) < 0.3
    broken = [measures.rank(values + 1e-6 * generator.random(values.shape), mask) for _ in range(3000)]
    assert measures.rank(values, mask) == pytest.approx(np.mean(broken), abs=0.01)
    assert measures.rank(np.zeros_like(values), mask) == pytest.approx(mask.mean())


def test_the_rank_correlation_is_that_of_scipy():
    generator = np.random.default_rng(0)
    first, second = generator.integers(4, size=(2, 20)).astype(float)
    assert measures.rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert measures.rank_correlation(first, np.ones(20)) == 0


def test_the_rows_are_chance_and_every_method():
    names = [row.name for row in rows()]
    assert names[0] == "random"
    assert set(attribution_methods()) | set(VARIANTS) < set(names)
    assert set(names) == set(RECORD["rows"]), "run `python -m benchmarks.truth --write` to measure what is new"


def test_the_networks_on_record_solve_their_tasks():
    assert [*RECORD["cases"]] == [case.name for case in CASES]
    accuracies = [facts["accuracy"] for facts in RECORD["cases"].values()]
    assert accuracies.count(None) == 1
    assert min(accuracy for accuracy in accuracies if accuracy is not None) >= 0.97


@pytest.mark.slow
def test_a_network_that_does_not_solve_its_task_is_refused(tmp_path):
    build = functools.partial(networks.cnn, patterns.SIDE, patterns.CLASSES)
    recipe = Recipe("untrained", build, patterns.linear, pictures=64, epochs=1)
    with pytest.raises(NotSolvedError, match=r"untrained must reach an accuracy of 0\.97\. Received: 0\.\d+"):
        trained(recipe, tmp_path)
    assert recipe.file(tmp_path).exists()
    fitted = recipe.file(tmp_path).stat().st_mtime_ns
    with pytest.raises(NotSolvedError):
        trained(recipe, tmp_path)
    assert recipe.file(tmp_path).stat().st_mtime_ns == fitted  # it was not trained again
    others = [replace(recipe, epochs=2), replace(recipe, build=functools.partial(build, hidden=8)), replace(recipe, rate=1.0)]
    assert recipe.file(tmp_path) not in [other.file(tmp_path) for other in others]


def test_a_method_that_is_measured_anew_leaves_the_others_on_record_as_they_are():
    def record(count, **rows):
        return {"pictures": count, "cases": {"a": {"accuracy": count}}, "rows": rows}

    old = record(32, random={"a": 1}, gradcam={"a": 2, "b": 3}, gone={"a": 4})
    new = record(32, random={"a": 5}, fresh={"a": 6})
    rows_now = ["random", "fresh", "gradcam", "unmeasured"]
    assert pages.merged(old, new, rows_now)["rows"] == {"random": {"a": 5}, "fresh": {"a": 6}, "gradcam": {"a": 2, "b": 3}}
    with pytest.raises(ValueError, match=r"The record is of 32 pictures\. Received: 8\."):
        pages.merged(old, record(8), rows_now)


def test_the_record_is_written_of_all_cases_and_of_one_number_of_pictures():
    result = CliRunner().invoke(main, ["--write", "--case", "additive"])
    assert result.exit_code == 2
    assert "--write takes all cases" in result.output
    result = CliRunner().invoke(main, ["--write", "--method", "gradcam", "--images", "8"])
    assert result.exit_code == 2
    assert "must be of --images 32, as the record is. Received: 8." in result.output
    result = CliRunner().invoke(main, ["--method", "gradcamm"])
    assert result.exit_code == 2
    assert "gradcamm. Choices: random, edges" in result.output


def test_a_method_that_refuses_a_network_has_a_dash_and_its_reason(tmp_path):
    def refuse(model, images, targets):
        raise InputError("`layer` must be a layer of the model.")

    (case,) = (case for case in CASES if case.name == "additive")
    truth = measure([case], [Row("random", random), Row("picky", refuse)], 4, tmp_path)
    assert truth.text("picky", case) == "-"
    assert truth.record()["rows"]["picky"] == {"additive": {"refusal": "`layer` must be a layer of the model."}}
    assert abs(truth.record()["rows"]["random"]["additive"]["mean"]["agreement"]) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["textures_cnn", "additive"])
def test_every_method_finds_what_it_found_before(name, tmp_path):
    (case,) = (case for case in CASES if case.name == name)

    truth = measure([case], rows(), FEW, tmp_path)
    lost = {}
    for row, cells in truth.cells.items():
        before = RECORD["rows"][row][name]["mean"][case.measure]
        now = cells[name].means[case.measure]
        if now < before - SLACK:
            lost[row] = (before, now)
    assert lost == {}
