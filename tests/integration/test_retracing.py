"""Retracing: a method traces a model at its first call, and runs the graph of it ever after."""

import keras
import numpy as np
import pytest

from visualize.report.methods import method, method_names, takes

FEW = {"samples": 2, "steps": 2, "masks": 20, "patch": 6}  # so that a test takes no time
TRACED = sorted(set(method_names()) - {"filters"})  # which reads weights alone


class Counting(keras.layers.Layer):
    """A layer that notes how often its Python runs: while a model is traced, or outside of a graph."""

    runs = 0

    def call(self, inputs):
        Counting.runs += 1
        return inputs


@pytest.fixture
def model():
    inputs = keras.Input((12, 12, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(Counting()(inputs))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, activation="relu")(x))
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


@pytest.mark.parametrize("name", TRACED)
def test_a_second_call_runs_no_python_of_the_model(name, model):
    function = method(name)
    options = {option: value for option, value in FEW.items() if takes(function, option)}
    generator = np.random.default_rng(0)

    def runs_of(count, target):
        arguments = [generator.random((count, 12, 12, 1))] if takes(function, "images") else []
        before = Counting.runs
        function(model, *arguments, *([target] if takes(function, "target") else []), **options)
        return Counting.runs - before

    assert runs_of(2, 0) > 0
    assert runs_of(2, 1) == 0  # other images, another class
    assert runs_of(3, [2, 1, 0]) == 0  # another number of them, a class for each
