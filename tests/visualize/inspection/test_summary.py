"""The summary against models drawn by hand."""

import keras
import numpy as np
import pytest

from visualize import InputError, layer_facts, summary


def residual():
    inputs = keras.Input((8, 8, 3), name="picture")
    first = keras.layers.Conv2D(4, 3, padding="same", name="first")(inputs)
    second = keras.layers.Conv2D(4, 3, padding="same", name="second")(first)
    added = keras.layers.Add(name="added")([first, keras.ops.relu(second)])
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="pool")(added), name="residual")


def test_edges_are_what_flows_through_operations_that_are_no_layers_too():
    assert set(summary(residual()).edges) == {
        ("picture", "first"),
        ("first", "second"),
        ("first", "added"),
        ("second", "added"),
        ("added", "pool"),
    }


def test_rows_tell_shapes_and_parameters_in_the_order_of_the_calls():
    rows = summary(residual()).rows
    assert [row["path"] for row in rows] == ["picture", "first", "second", "added", "pool"]
    assert [row["shape"][1:] for row in rows] == [[8, 8, 3], [8, 8, 4], [8, 8, 4], [8, 8, 4], [4]]
    assert [row["parameters"] for row in rows] == [0, 3 * 9 * 4 + 4, 4 * 9 * 4 + 4, 0, 0]


def test_a_dropout_that_hands_its_input_on_is_an_edge_of_its_own(build):
    edges = summary(build("softmax")).edges
    assert ("pool", "dropout") in edges
    assert ("dropout", "flatten") in edges
    assert ("pool", "flatten") not in edges


def test_a_nested_model_is_one_box_and_its_layers_stand_below_it(build):
    found = summary(build("nested"))
    assert found.edges == (("picture", "base"), ("base", "pool"), ("pool", "preds"))
    assert {row["path"] for row in found.rows if row["depth"] == 1} == {"base/conv", "base/conv_2", "base/norm", "base/relu"}


def test_both_inputs_are_named(build):
    edges = set(summary(build("two_inputs")).edges)
    assert {("picture", "conv"), ("numbers", "joined"), ("flatten", "joined")} <= edges


def test_a_subclassed_model_has_edges_too(build):
    assert summary(build("subclassed")).edges == (
        ("images", "first"),
        ("first", "second"),
        ("second", "pool"),
        ("pool", "preds"),
    )


def test_totals_are_kerases(build):
    model = build("softmax")
    settings = summary(model).settings
    assert settings["parameters"] == model.count_params()
    assert settings["trainable"] == sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert settings["trainable"] < settings["parameters"]  # batch normalization's statistics


def test_a_model_that_does_not_tell_its_input_is_refused():
    class Silent(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs[0])

    model = Silent()
    model.built = True
    with pytest.raises(InputError, match="does not tell the shape of its input"):
        summary(model)


def test_cam_layers_are_known_where_the_picture_is_not_the_first_input():
    facts, photo = keras.Input((3,), name="facts"), keras.Input((8, 8, 1), name="photo")
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3, name="conv")(photo))
    model = keras.Model([facts, photo], keras.layers.Dense(2)(keras.layers.Concatenate()([facts, pooled])))
    assert [fact.path for fact in layer_facts(model) if fact.spatial and fact.within] == ["conv"]
