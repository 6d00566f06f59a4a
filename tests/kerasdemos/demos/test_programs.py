"""What holds for every demo that computes: facts, numbers, panels, history, model, chance."""

import random
import subprocess
import sys
from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdemos import registry
from kerasdemos.demo import Program
from visualize.errors import InputError

# Every program, with so few steps that it costs little, yet chance would show.
FEW = {
    "csv_regression": 5,
    "forward_pass": 0,
    "gradient_descent": 5,
    "least_squares": 0,
    "line_fit": 2,
    "noisy_line": 3,
    "perceptron": 7,
    "random_classes": 2,
    "sine_descent": 5,
    "two_layer_net": 20,
    "wheat_and_bread": 5,
    "xor_backprop": 150,
}
WITH_CHANCE = (
    "csv_regression",
    "line_fit",
    "noisy_line",
    "perceptron",
    "random_classes",
    "two_layer_net",
    "xor_backprop",
)
ITERATED = tuple(name for name, steps in FEW.items() if steps)
MODELS = tuple(name for name in FEW if name not in ("gradient_descent", "sine_descent"))
TRAINED = ("line_fit", "random_classes", "xor_backprop")  # networks that Keras trains: seconds, where the others take a moment


@cache
def as_published(name):
    program = registry.load(name).run
    return program.compute(steps=program.steps, seed=0, data=None)


@cache
def few(name, *, seed=0, steps=None):
    return registry.load(name).run.compute(steps=FEW[name] if steps is None else steps, seed=seed, data=None)


def each(names):
    return [pytest.param(name, marks=pytest.mark.slow) if name in TRAINED else name for name in names]


def everything(outcome):
    """All numbers and words of an outcome, comparable."""
    weights = [] if outcome.model is None else outcome.model.get_weights()
    history = {name: column.tolist() for name, column in outcome.history.items()}
    return outcome.lines, dict(outcome.measures), history, [each.tolist() for each in weights]


def test_the_list_here_is_the_list_of_programs():
    programs = [demo.name for demo in registry.load_all() if isinstance(demo.run, Program)]
    assert sorted(programs) == sorted(FEW)


def test_reading_the_programs_imports_neither_keras_nor_tensorflow():
    code = (
        "import sys; from kerasdemos import registry; "
        f"[registry.load(name) for name in {list(FEW)!r}]; "
        "print([name for name in ('keras', 'tensorflow', 'matplotlib') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("name", FEW)
def test_the_facts_are_complete(name):
    demo = registry.load(name)
    assert demo.name == name
    assert demo.article
    assert demo.idea
    assert demo.data
    assert demo.parameters > 0
    assert demo.expected
    assert all(each.source for each in demo.expected)
    assert f"rticle {demo.article[0]}" in sys.modules[f"kerasdemos.demos.{name}"].__doc__


@pytest.mark.parametrize("name", each(FEW))
def test_every_expected_number_comes_out(name):
    measures = as_published(name).measures
    for expected in registry.load(name).expected:
        assert measures[expected.measure] == pytest.approx(expected.value, rel=0, abs=expected.tolerance), expected.measure


@pytest.mark.parametrize("name", each(FEW))
def test_every_panel_is_drawn_from_finite_numbers(name):
    panels = as_published(name).panels
    assert panels
    for panel in panels:
        assert panel.title
        assert panel.x_label
        assert panel.y_label
        for curve in panel.curves:
            assert curve.style in ("line", "points", "path")
            assert np.shape(curve.x) == np.shape(curve.y) != ()
            assert np.all(np.isfinite(curve.x))
            assert np.all(np.isfinite(curve.y))
            assert not panel.log_y or np.all(np.asarray(curve.y) > 0)


@pytest.mark.parametrize("name", each(FEW))
def test_its_labels_are_so_few_that_each_has_a_color(name):
    assert len({curve.label for panel in as_published(name).panels for curve in panel.curves}) <= 10


def test_forward_pass_draws_its_network_with_values_and_weights():
    network = as_published("forward_pass").panels[0]
    texts = [text for _, _, text in network.notes]
    assert texts[:5] == ["input\n2", "input\n3", "hidden\n5", "hidden\n1", "output\n9"]
    assert texts[5:] == ["times 1", "times -1", "times 1", "times 1", "times 2", "times -1"]
    assert len(network.curves) == 6


@pytest.mark.parametrize("name", each(FEW))
def test_it_says_something(name):
    assert all(as_published(name).lines)


def test_line_fit_says_what_the_article_does_not():
    lines = as_published("line_fit").lines
    assert lines[1].startswith("after 1000 epochs they are ")
    assert lines[2] == "so at 200 epochs it has not converged"
    assert "printed 0.692" in lines[3]


def test_random_classes_says_that_it_memorizes():
    assert as_published("random_classes").lines[-1] == (
        "chance is 0.1: it has learned nothing about the classes, it has memorized the rows"
    )


@pytest.mark.parametrize("name", each(ITERATED))
def test_the_columns_of_the_history_are_equally_long_and_their_last_row_is_the_last_step(name):
    history = as_published(name).history
    assert len({len(column) for column in history.values()}) == 1
    first = next(iter(history))
    assert first in ("step", "epoch")
    assert history[first][-1] == registry.load(name).run.steps
    assert 1 < len(history[first]) <= 1501
    assert all(np.all(np.isfinite(column)) for column in history.values())


@pytest.mark.parametrize("name", each(MODELS))
def test_the_model_has_the_stated_parameters_and_answers_the_same_after_reloading(name, tmp_path):
    model = as_published(name).model
    assert model.count_params() == registry.load(name).parameters
    inputs = np.random.default_rng(0).uniform(0, 1, (5, model.inputs[0].shape[1])).astype(model.inputs[0].dtype)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(inputs), model(inputs))


@pytest.mark.slow
@pytest.mark.parametrize("name", each(FEW))
def test_the_same_seed_gives_the_same_numbers_and_global_chance_has_no_part_in_it(name):
    expected = few(name)
    keras.utils.set_random_seed(7)
    drawn = random.random(), np.random.random(), tf.random.uniform(()).numpy()  # noqa: NPY002
    keras.utils.set_random_seed(7)
    assert everything(few.__wrapped__(name)) == everything(expected)
    assert (random.random(), np.random.random(), tf.random.uniform(()).numpy()) == drawn  # noqa: NPY002


@pytest.mark.slow
@pytest.mark.parametrize("name", each(WITH_CHANCE))
def test_another_seed_gives_other_numbers_up_to_the_largest_of_the_command_line(name):
    assert everything(few(name, seed=2**31 - 1)) != everything(few(name))


@pytest.mark.parametrize("name", each(ITERATED))
def test_the_number_of_steps_counts(name):
    assert everything(few(name, steps=FEW[name] + 1))[2] != everything(few(name))[2]


@pytest.mark.parametrize("name", ["least_squares", "forward_pass"])
def test_steps_are_refused_where_nothing_is_iterated(name):
    with pytest.raises(InputError) as refused:
        few(name, steps=3)
    assert str(refused.value) == f"`epochs` means nothing to {name}: it computes in one go. Received: 3."
