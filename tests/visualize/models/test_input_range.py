"""The input range that a model tells by its type, or by what it does first."""

import keras
import numpy as np
import pytest

from visualize import describe
from visualize.models.input_range import range_of

L = keras.layers
BYTES, FRACTIONS, SIGNED = (0, 255), (0, 1), (-1, 1)


def model_of(first, dtype="float32"):
    inputs = keras.Input((32, 32, 3), dtype=dtype)
    return keras.Model(inputs, L.Dense(2)(L.GlobalAveragePooling2D()(L.Conv2D(3, 3)(first(inputs)))))


FIRST = {
    "mobilenet's preprocess_input": (keras.applications.mobilenet_v2.preprocess_input, BYTES),
    "resnet's preprocess_input": (keras.applications.resnet50.preprocess_input, BYTES),
    "densenet's preprocess_input": (keras.applications.densenet.preprocess_input, BYTES),
    "divided": (lambda x: x / 255.0, BYTES),
    "divided and shifted": (lambda x: x / 127.5 - 1.0, BYTES),
    "rescaled": (L.Rescaling(1 / 255), BYTES),
    "normalized bytes": (L.Normalization(mean=[120.0] * 3, variance=[3600.0] * 3), BYTES),
    "normalized fractions": (L.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.05] * 3), FRACTIONS),
    "made bytes of fractions": (lambda x: L.Rescaling(1 / 255)(L.Rescaling(255.0)(x)), FRACTIONS),
    "fractions made signed": (lambda x: 2.0 * x - 1.0, FRACTIONS),
    "signed made bytes": (L.Rescaling(127.5, offset=127.5), SIGNED),
    "augmented first": (lambda x: L.Rescaling(1 / 255)(L.RandomFlip()(L.Resizing(16, 16)(x))), BYTES),
    "inverted": (lambda x: (255.0 - x) / 255.0, BYTES),
    "inverted after": (lambda x: 1.0 - x / 255.0, BYTES),
    "cast first": (lambda x: keras.ops.cast(x, "float32") / 255.0, BYTES),
}


@pytest.mark.parametrize("name", FIRST)
def test_what_a_model_does_first_tells_its_range(name):
    first, expected = FIRST[name]
    found, reason = range_of(model_of(first))
    assert found == expected
    assert reason.startswith("the model first ")


def test_a_nested_model_tells_the_range_too():
    inner = model_of(lambda x: x / 255.0)
    outer = keras.Sequential([keras.Input((32, 32, 3)), L.RandomFlip(), inner])
    assert range_of(outer)[0] == BYTES
    inputs = keras.Input((32, 32, 3))
    assert range_of(keras.Model(inputs, inner(inputs)))[0] == BYTES
    assert range_of(keras.Model(inputs, inner(inputs * 255.0)))[0] == FRACTIONS


@pytest.mark.parametrize(("dtype", "expected"), [("uint8", BYTES), ("int8", (-128, 127)), ("uint16", (0, 65535))])
def test_an_input_of_whole_numbers_has_the_range_of_its_type(dtype, expected):
    model = model_of(lambda x: keras.ops.cast(x, "float32"), dtype)
    assert range_of(model) == (expected, "")
    assert range_of(model_of(lambda x: keras.ops.cast(x, "float32"), "int32")) == (BYTES, "its input is int32")


@pytest.mark.parametrize("first", [lambda x: x, lambda x: x * 3.0 + 100.0, lambda x: -x, lambda x: L.ReLU()(x) / 255.0])
def test_what_tells_nothing_leaves_the_guess_as_it_was(first):
    assert range_of(model_of(first)) == (FRACTIONS, "nothing says otherwise")


def test_a_card_has_the_last_word():
    assert range_of(describe(model_of(lambda x: x / 255.0), input_range=(0, 2))) == ((0, 2), "")


@pytest.mark.parametrize("build", [keras.applications.MobileNetV3Small, keras.applications.EfficientNetV2B0])
@pytest.mark.slow
def test_networks_with_their_preprocessing_inside_take_bytes(build):
    assert range_of(build(weights=None))[0] == BYTES


def test_a_reloaded_model_tells_the_same(tmp_path):
    model = model_of(lambda x: x / 127.5 - 1.0)
    model.save(tmp_path / "model.keras")
    assert range_of(keras.saving.load_model(tmp_path / "model.keras")) == range_of(model)
    assert np.isclose(range_of(model)[0][1], 255)


def test_the_reason_is_a_sentence():
    assert range_of(model_of(lambda x: x / 127.5 - 1.0))[1] == "the model first divides its input by 127.5"
    assert range_of(model_of(lambda x: 1.0 - x / 255.0))[1] == "the model first divides its input by 255"
    assert range_of(model_of(lambda x: (255.0 - x) / 255.0))[1] == "the model first subtracts its input from 255"
