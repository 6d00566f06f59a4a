"""Objectives: their values are what the model computes, and they add as functions do."""

import importlib

import keras
import numpy as np
import pytest

import visualize
from visualize import InputError, describe, maximize
from visualize.engine import compile as tracing
from visualize.feature_visualization import objectives
from visualize.feature_visualization.objectives import Source, direction, layer, of_scores, score, unit
from visualize.feature_visualization.request import noise_key

PLAIN = {"lp_norm": 0, "total_variation": 0, "jitter": 0}


def linear_model(shape=(4, 3, 1), units=3):
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(units, use_bias=False)])
    kernel = np.random.default_rng(0).standard_normal((int(np.prod(shape)), units))
    model.layers[-1].set_weights([kernel])
    return model, kernel.reshape(*shape, units)


def doubled(scores):
    return 2 * scores[:, 1]


VECTOR = (1.0, -2.0, 0.0, 0.5, 0.0, 3.0)
VALUES = {  # objective -> what it comes to, by the scores and the map of the first convolution, (10, 10, 6)
    score(3): lambda scores, maps: scores[3],
    unit("conv", 2): lambda scores, maps: maps[..., 2].mean(),
    unit("conv", 2, position=(3, 7)): lambda scores, maps: maps[3, 7, 2],
    layer("conv"): lambda scores, maps: (maps**2).mean(),
    direction("conv", VECTOR): lambda scores, maps: (maps @ VECTOR).mean(),
    direction("conv", VECTOR, position=[0, 9]): lambda scores, maps: maps[0, 9] @ VECTOR,
    of_scores(doubled): lambda scores, maps: 2 * scores[1],
    score(1) - 0.5 * score(2): lambda scores, maps: scores[1] - 0.5 * scores[2],
    -unit("conv", 1) + 3 * layer("conv"): lambda scores, maps: 3 * (maps**2).mean() - maps[..., 1].mean(),
}


@pytest.fixture(scope="module")
def optimized(build):
    """Every objective at once, on the softmax model, with its scores and maps read off the model by hand."""
    model = build("softmax")
    found = maximize(model, list(VALUES), steps=5)
    maps = np.asarray(model.get_layer("conv")(found.pictures))
    model.layers[-1].activation = keras.activations.linear
    return found, np.asarray(model(found.pictures)), maps


def test_the_score_is_the_value_of_the_objective_by_hand(optimized):
    found, scores, maps = optimized
    by_hand = [value(*arrays) for value, *arrays in zip(VALUES.values(), scores, maps, strict=True)]
    np.testing.assert_allclose(found.settings["scores"], by_hand, rtol=1e-4, atol=1e-6)
    assert found.settings["score"] == "objective"


@pytest.mark.slow
def test_each_objective_of_a_list_is_maximized_as_if_it_were_alone(optimized, build):
    found, *_ = optimized
    for position, objective in enumerate(VALUES):
        if position in (0, 3, 8):
            alone = maximize(build("softmax"), objective, steps=5)
            np.testing.assert_allclose(alone.pictures[0], found.pictures[position], atol=1e-3)


@pytest.mark.parametrize(
    ("objective", "factors"),
    [(score(0) + score(1), (1, 1, 0)), (score(0) - 0.5 * score(2), (1, 0, -0.5)), (-(2 * score(1)), (0, -2, 0))],
)
def test_the_gradient_of_a_sum_is_the_sum_of_the_gradients(objective, factors):
    model, kernel = linear_model()
    found = maximize(model, objective, steps=200, input_range=(-1, 3), **PLAIN)
    np.testing.assert_array_equal(found.pictures[0], np.where(kernel @ factors > 0, 3, -1))


@pytest.mark.slow
def test_a_direction_that_is_one_for_one_unit_is_that_unit(build):
    one_hot = maximize(build("softmax"), direction("conv", [0, 0, 1, 0, 0, 0]), steps=5)
    for same in (maximize(build("softmax"), 2, layer="conv", steps=5), maximize(build("softmax"), unit("conv", 2), steps=5)):
        np.testing.assert_array_equal(same.pictures, one_hot.pictures)


def test_a_class_is_its_score_and_a_function_of_the_scores_is_maximized_like_it():
    model, _ = linear_model()
    start = np.full((4, 3, 1), 0.5)
    plain = maximize(model, 1, steps=5, start=start)
    for same in (score(1), score("1"), doubled, of_scores(doubled)):
        np.testing.assert_allclose(maximize(model, same, steps=5, start=start).pictures, plain.pictures, atol=1e-5)
    np.testing.assert_array_equal(maximize(model, score(1), steps=3).pictures, maximize(model, 1, steps=3).pictures)


def test_a_whole_layer_is_one_objective(build):
    by_name, by_objective = (
        maximize(build("softmax"), steps=3, whole_layer="conv"), maximize(build("softmax"), layer("conv"), steps=3)
    )  # fmt: skip
    np.testing.assert_array_equal(by_name.pictures, by_objective.pictures)
    assert by_name.captions == (f"all of conv: {by_name.settings['scores'][0]:.4g}",)


def test_another_objective_of_the_same_sources_needs_no_new_trace():
    model, _ = linear_model()
    first = maximize(model, [score(0) - score(1)], steps=2, **PLAIN)
    traces = len(tracing._graphs[model])
    second = maximize(model, [score(2) - score(0), score(1)], steps=2, **PLAIN)
    assert len(tracing._graphs[model]) == traces
    assert not np.allclose(first.pictures[0], second.pictures[0])


def test_objectives_are_data():
    assert score(1) + unit("a", 2) == score(1) + unit("a", 2)
    assert hash(direction("a", [1, 2])) == hash(direction("a", np.array([1.0, 2.0])))
    assert sum([score(0), score(1)]) == score(0) + score(1)
    assert 2 * score(1) == score(1) * 2 != score(1)


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        (score(0), "cat"),
        (score("dog") - 0.5 * score(5), "dog - 0.5 * score 5"),
        (-score(1), "-dog"),
        (unit("base/conv", 7), "base/conv 7"),
        (unit("conv", 7, position=(1, 2)) + layer("conv"), "conv 7 at 1, 2 + all of conv"),
        (3 * direction("conv", [1, 0]), "3 * a direction in conv"),
        (of_scores(doubled), "doubled"),
    ],
)
def test_an_objective_says_what_it_is(objective, text):
    assert objective.text(("cat", "dog")) == text


def test_captions_say_what_is_maximized():
    model = describe(linear_model()[0], class_names=["cat", "dog", "bird"])
    found = maximize(model, ["dog", score("cat") - score("dog"), score(2)], steps=1)
    assert [caption.split(":")[0] for caption in found.captions] == ["dog", "cat - dog", "bird"]
    assert found.settings["targets"] == [1, "cat - dog", 2]


def test_noise_depends_on_the_objective_and_not_on_its_position_in_the_list():
    sources = (Source("scores"), Source("units", "a"))
    rows = [np.zeros(3, "float32"), np.eye(4, dtype="float32")[2]]
    assert noise_key(sources, rows) == 2
    assert noise_key(sources[1:], rows[1:]) == 2
    both = [np.ones(3, "float32"), rows[1]]
    assert noise_key(sources, both) == noise_key(sources[::-1], both[::-1]) != 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (lambda: {"target": score(9)}, r"`target` must be between 0 and 3\. Received: 9\."),
        (lambda: {"target": score(1.5)}, r"`target` must be the number or name of a class, .* Received: 1\.5\."),
        (lambda: {"target": [None]}, r"`target` must be the number or name of a class, .* Received: None\."),
        (lambda: {"target": unit("conv", 6)}, r"`target` must be between 0 and 5\. Received: 6\."),
        (lambda: {"target": unit("covn", 1)}, "covn"),
        (
            lambda: {"target": unit("conv", 1, position=(3, 10))},
            r"`position` must be on the map of 'conv', 10 x 10\. Received: \(3, 10\)\.",
        ),
        (
            lambda: {"target": unit("preds", 1, position=(0,))},
            r"`position` must be on the map of 'preds', a row of units\. Received: \(0,\)\.",
        ),
        (
            lambda: {"target": direction("conv", [1, 2])},
            r"`vector` must have a number for each of the 6 units of 'conv'\. Received: 2\.",
        ),
        (lambda: {"target": direction("conv", [0, 0])}, r"`vector` must be a row of finite numbers, not all 0\."),
        (lambda: {"target": direction("conv", [[1, 2]])}, r"`vector` must be a row of finite numbers, not all 0\."),
        (lambda: {"target": score(1) - score(1)}, r"An objective must not cancel out\."),
        (lambda: {"target": 0 * score(1)}, r"multiplied by a finite number other than 0\. Received: 0\."),
        (lambda: {"target": lambda scores: scores}, r"must return one score for each image, \(batch,\)\. Received: shape"),
        (lambda: {"target": lambda scores: None}, r"must return one score for each image, \(batch,\)\. Received: NoneType"),
        (lambda: {"target": []}, r"`target` must name at least one class or unit\. Received: none\."),
        (lambda: {"target": score(1), "layer": "conv"}, r"objectives need none\. Received: 'conv'\."),
        (lambda: {"target": 1, "whole_layer": "conv"}, r"`whole_layer` takes the place of `target` and `layer`\."),
    ],
)
def test_what_is_no_objective_is_refused(asked, message, reloaded):
    with pytest.raises(InputError, match=message):
        maximize(reloaded("softmax"), **asked())


@pytest.mark.parametrize("wrong", [lambda: score(1) + 1, lambda: score(1) * score(2), lambda: score(1) - 2])
def test_objectives_add_to_objectives_only(wrong):
    with pytest.raises(TypeError):
        wrong()


@pytest.mark.parametrize("made_by", [lambda **more: unit("conv", 1, **more), lambda **more: direction("conv", [1, 0], **more)])
def test_the_old_name_of_position_warns(made_by):
    with pytest.warns(FutureWarning, match=r"`place` is called `position` now\."):
        objective = made_by(place=(1, 2))
    assert objective == made_by(position=(1, 2))


def test_objectives_are_imported_by_their_public_name():
    public = importlib.import_module("visualize.objectives")
    assert visualize.objectives is public
    assert all(getattr(public, name) is getattr(objectives, name) for name in public.__all__)
