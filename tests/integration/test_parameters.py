"""Parameters: each one does something, and no graph is used for another value of one."""

import importlib
import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import visualize
from visualize import attribution
from visualize.attribution.request import Method, explain, prepare
from visualize.engine import compile as graphs
from visualize.report.methods import method, method_names

ROOT = Path(__file__).parents[2]
CHANGED = {  # another value than the default for each keyword-only parameter, by its name or by (method, name)
    "layer": "conv",
    "modifier": "guided",
    "input_name": "other",
    "precision": "bfloat16",
    "output": "second",
    "samples": 3,
    "tolerance": 0.5,
    "noise": 0.4,
    "seed": 9,
    "baseline": 0.5,
    "steps": 3,
    "masks": 30,
    "cells": 3,
    "keep": 0.8,
    "fill": 0.9,
    "patch": 5,
    "stride": 1,
    "path": "full",
    "whole_layer": "conv",
    "step_size": 0.3,
    "parametrization": "fourier",
    "lp_norm": 300.0,
    "total_variation": 3000.0,
    "jitter": 3,
    "rotate": 30.0,
    "scale": (0.5, 0.6),
    "most": 2,
    "alpha": "saliency",
    "spectrum_from": np.random.default_rng(0).random((2, 12, 12, 1)),
    "copies": 2,
    "diversity": 40.0,
    "regularizers": [lambda images: tf.reduce_mean(images) * 100],
    "input_range": (-2.0, 3.0),
    "size": (10, 9),
    "frames": 2,
    "start": np.full((12, 12, 1), 0.9, "float32"),
    "channel": 2,
    "rule": "epsilon",
    "pixels": "flat",
    "epsilon": 0.5,
    "gamma": 3.0,
    ("filters", "layer"): "conv_2",
    ("features", "layer"): "conv_2",
    ("maximize", "steps"): 5,
}
FEW = {"samples": 2, "masks": 20, "steps": 2, ("filters", "layer"): "conv_2"}  # so that a call takes no time
WITH = {("maximize", "diversity"): {"copies": 2}, ("occlusion", "stride"): {"patch": 4}}  # what an option needs beside it
WITH.update({(name, "tolerance"): {"samples": 40} for name in ("smoothgrad", "squaregrad", "vargrad")})
WITH["rise", "tolerance"] = {"masks": 300}
WITH["relevance", "gamma"] = {"rule": "gamma"}
WITH["maximize", "spectrum_from"] = {"parametrization": "maco"}
WITH.update(
    {(cam, "modifier"): {"layer": "conv"} for cam in ("gradcam", "gradcam_plus_plus", "hirescam", "layercam", "xgradcam")}
)
NEITHER = {  # what changes neither result nor graph, and why
    "batch_size": "it bounds memory: the same maps for every value, by another test",
    "callbacks": "they are told of the inputs, and change nothing",
}


def model_of(name, parameter):
    """A model on which the parameter has a meaning."""
    keras.utils.set_random_seed(4)
    picture, other = keras.Input((12, 12, 1), name="picture"), keras.Input((12, 12, 1), name="other")
    if (name, parameter) == ("maximize", "size"):
        picture = keras.Input((None, None, 1), name="picture")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(picture)
    x = keras.layers.Conv2D(5, 3, activation="relu", name="conv_2")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    inputs = picture
    if parameter == "input_name":
        y = keras.layers.Conv2D(5, 3, activation="relu", name="conv_3")(other)
        x = keras.layers.Add(name="sum")([x, keras.layers.GlobalAveragePooling2D(name="pool_2")(y)])
        inputs = [picture, other]
    outputs = keras.layers.Dense(3, activation="softmax", name="first", kernel_initializer="random_normal")(x)
    if parameter == "output":
        outputs = [outputs, keras.layers.Dense(4, activation="softmax", name="second", kernel_initializer="random_normal")(x)]
    return keras.Model(inputs, outputs)


def parameters(function):
    return inspect.signature(function).parameters


def looked_up(table, name, parameter):
    return table.get((name, parameter), table.get(parameter))


def content(results):
    """All that a result shows: its arrays, captions and how it wants to be drawn."""
    several = results if isinstance(results, list) else [results]
    found = []
    for result in several:
        arrays = {key: value for key, value in vars(result).items() if isinstance(value, np.ndarray)}
        found.append((arrays, getattr(result, "captions", ()), result.display))
    return found


def equal(one, other):
    return len(one) == len(other) and all(
        a[1:] == b[1:] and a[0].keys() == b[0].keys() and all(np.array_equal(a[0][key], b[0][key]) for key in a[0])
        for a, b in zip(one, other, strict=True)
    )


EVERY = [
    (name, parameter)
    for name in sorted(set(method_names()) - {"summary"})
    for parameter, what in parameters(method(name)).items()
    if what.kind is what.KEYWORD_ONLY
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "parameter"), EVERY)
def test_each_parameter_changes_the_result_or_the_graph_or_says_why_not(name, parameter):
    if looked_up(NEITHER, name, parameter):
        return
    value = looked_up(CHANGED, name, parameter)
    assert value is not None, f"give {parameter} of {name} another value here, or say why it changes nothing"
    function, model = method(name), model_of(name, parameter)
    taken = parameters(function)
    few = {key: looked_up(FEW, name, key) for key in taken if looked_up(FEW, name, key) is not None}
    few.update(WITH.get((name, parameter), {}))
    plain = {key: value for key, value in few.items() if key != parameter or parameter in ("samples", "masks", "steps")}
    if parameter == "input_name":
        plain["input_name"] = "picture"
    if parameter == "output":
        plain["output"] = "first"
    if (name, parameter) == ("filters", "layer"):
        plain = {}
    images = np.random.default_rng(1).random((2, 12, 12, 1), "float32")
    arguments = [{"picture": images, "other": images}] if parameter == "input_name" else [images]
    arguments = arguments if "images" in taken else []
    if "target" in taken and parameter not in ("whole_layer", "most"):
        arguments.append(visualize.Target(1, output="first") if parameter == "output" and "images" in taken else 1)
    first = content(function(model, *arguments, **plain))
    kept = len(graphs._graphs.get(model, ()))
    second = content(function(model, *arguments, **{**plain, parameter: value}))
    assert not equal(first, second) or len(graphs._graphs.get(model, ())) > kept


@pytest.fixture
def contributed(tmp_path, monkeypatch):
    """The module of CONTRIBUTING's recipe, in a file beside the methods."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(r"^## A method in one file\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]
    (code,) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    (tmp_path / "powered_saliency.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(attribution, "__path__", [*attribution.__path__, str(tmp_path)])
    method_names.cache_clear()
    yield importlib.import_module("visualize.attribution.powered_saliency")
    sys.modules.pop("visualize.attribution.powered_saliency")
    method_names.cache_clear()


def test_the_recipe_of_a_method_gives_right_maps_for_every_value_of_a_parameter(contributed, build, images_for):
    model = build("softmax")
    images = images_for(model)
    plain = visualize.saliency(model, images, 1).values
    for power in (1.0, 2.0, 0.5, 2.0, 1.0):
        powered = contributed.powered_saliency(model, images, 1, power=power)
        np.testing.assert_allclose(powered.values, plain**power, rtol=1e-5)
        assert powered.settings["power"] == power


def test_the_recipe_of_a_method_is_a_command_too(contributed):
    assert method_names()["powered_saliency"] == "visualize.attribution.powered_saliency"
    assert list(parameters(method("powered_saliency"))) == ["model", "images", "target", "power", "batch_size"]


def test_equations_that_close_over_a_variable_are_refused(build, images_for):
    model = build("softmax")
    power = 2.0

    @dataclass(frozen=True, kw_only=True)
    class Closing(Method):
        name = "closing"
        unit = "score"

        def maps(self, batch):
            return {"values": tf.reduce_max(batch.images, axis=-1) ** power}

    with pytest.raises(TypeError, match=r"Closing\.maps must read nothing but its fields.* closes over power"):
        explain(prepare(model, images_for(model), 1), Closing())
