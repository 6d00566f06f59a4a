"""Models of every kind, small, with weights that are not trained but fixed."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pytest
import tensorflow as tf

CLASSES = 4


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    """A model whose layers are known by its attributes alone."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = keras.layers.Conv2D(6, 3, activation="relu", name="first")
        self.second = keras.layers.Conv2D(8, 3, activation="relu", name="second")
        self.pool = keras.layers.GlobalAveragePooling2D(name="pool")
        self.head = keras.layers.Dense(CLASSES, activation="softmax", name="preds")

    def call(self, inputs, training=False):
        return self.head(self.pool(self.second(self.first(inputs))))


@keras.saving.register_keras_serializable(package="tests")
class Compiled(Subclassed):
    """A model whose own call is a tf.function."""

    @tf.function
    def call(self, inputs):
        return super().call(inputs)


def _body(channels=1):
    return [
        keras.layers.Conv2D(6, 3, activation="relu", name="conv"),
        keras.layers.Conv2D(8, 3, name="conv_2"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.ReLU(name="relu"),
        keras.layers.MaxPooling2D(name="pool"),
        keras.layers.Dropout(0.25, name="dropout"),
        keras.layers.Flatten(name="flatten"),
    ]


def _sequential(head, shape=(12, 12, 1)):
    model = keras.Sequential(name="added")
    model.add(keras.Input(shape, name="picture"))
    for layer in [*_body(), *head]:
        model.add(layer)
    return model


def _dense(activation, units=CLASSES):
    return [keras.layers.Dense(units, activation=activation, name="preds")]


def _nested():
    base = keras.Sequential([keras.Input((12, 12, 3)), *_body()[:4]], name="base")
    inputs = keras.Input((12, 12, 3), name="picture")
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(base(inputs))
    return keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax", name="preds")(pooled), name="nested")


def _two_inputs():
    picture, numbers = keras.Input((12, 12, 1), name="picture"), keras.Input((3,), name="numbers")
    features = picture
    for layer in _body():
        features = layer(features)
    joined = keras.layers.Concatenate(name="joined")([features, numbers])
    return keras.Model([picture, numbers], keras.layers.Dense(CLASSES, activation="softmax", name="preds")(joined))


def _shared():
    convolution = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="conv")
    inputs = keras.Input((12, 12, 6), name="picture")
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(convolution(convolution(inputs)))
    return keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax", name="preds")(pooled))


def _separable():
    inputs = keras.Input((12, 12, 3), name="picture")
    x = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(inputs)
    x = keras.layers.ReLU(6.0, name="relu")(x)
    x = keras.layers.SeparableConv2D(8, 3, activation="relu", name="separable")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax", name="preds")(x))


def _of_axes(axes, data_format="channels_last"):
    """One or three axes of places, or channels before them."""
    named = {
        1: ("Conv1D", "GlobalAveragePooling1D"),
        2: ("Conv2D", "GlobalAveragePooling2D"),
        3: ("Conv3D", "GlobalAveragePooling3D"),
    }
    convolution, pooling = (getattr(keras.layers, name) for name in named[axes])
    places = (12, 10, 8)[:axes]
    first = data_format == "channels_first"
    x = inputs = keras.Input((2, *places) if first else (*places, 2), name="picture")
    x = convolution(4, 3, activation="relu", data_format=data_format, name="conv")(x)
    x = keras.layers.ReLU(name="relu")(convolution(5, 2, data_format=data_format, name="conv_2")(x))
    x = pooling(data_format=data_format, name="pool")(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax", name="preds")(x))


def _two_outputs():
    inputs = keras.Input((12, 12, 1), name="picture")
    x = inputs
    for layer in _body():
        x = layer(x)
    outputs = {"kind": _dense("softmax")[0](x), "size": keras.layers.Dense(1, name="size_of")(x)}
    return keras.Model(inputs, outputs, name="two_outputs")


def _segmenting():
    inputs = keras.Input((12, 12, 1), name="picture")
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="conv")(inputs)
    x = keras.layers.MaxPooling2D(name="pool")(x)
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="conv_2")(x)
    x = keras.layers.UpSampling2D(name="up")(x)
    return keras.Model(inputs, keras.layers.Conv2D(CLASSES, 1, activation="softmax", name="preds")(x), name="segmenting")


def _siamese():
    """One tower, called on two pictures."""
    tower = keras.Sequential([keras.Input((12, 12, 1)), *_body()], name="tower")
    left, right = keras.Input((12, 12, 1), name="picture"), keras.Input((12, 12, 1), name="other")
    joined = keras.layers.Concatenate(name="joined")([tower(left), tower(right)])
    return keras.Model([left, right], keras.layers.Dense(CLASSES, activation="softmax", name="preds")(joined))


def _called(model, shape=(12, 12, 1)):
    model(np.zeros((1, *shape), "float32"))
    return model


def _with_policy(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return _sequential(_dense("softmax"))
    finally:
        keras.config.set_dtype_policy(before)


BUILDERS = {
    "softmax": lambda: _sequential(_dense("softmax")),
    "sigmoid": lambda: _sequential(_dense("sigmoid")),
    "one_sigmoid": lambda: _sequential(_dense("sigmoid", 1)),
    "linear": lambda: _sequential(_dense(None)),
    "softmax_layer": lambda: _sequential([*_dense(None), keras.layers.Softmax(name="softmax")]),
    "nested": _nested,
    "subclassed": lambda: _called(Subclassed(name="subclassed")),
    "compiled_call": lambda: _called(Compiled(name="compiled")),
    "two_inputs": _two_inputs,
    "shared_layer": _shared,
    "separable": _separable,
    "mixed_float16": lambda: _with_policy("mixed_float16"),
    "mixed_bfloat16": lambda: _with_policy("mixed_bfloat16"),
    "color": lambda: _sequential(_dense("softmax"), (12, 12, 3)),
    "not_square": lambda: _sequential(_dense("softmax"), (10, 16, 1)),
}
KINDS = tuple(BUILDERS)
BUILDERS |= {  # what the slow tests go through, too
    "regression": lambda: _sequential([keras.layers.Dense(1, name="preds")]),
    "channels_first": lambda: _of_axes(2, "channels_first"),
    "sequence": lambda: _of_axes(1),
    "volume": lambda: _of_axes(3),
    "segmenting": _segmenting,
    "two_outputs": _two_outputs,
    "siamese": _siamese,
}


def build(kind: str) -> keras.Model:
    """A model of a kind; the same weights each time."""
    keras.utils.set_random_seed(7)
    model = BUILDERS[kind]()
    generator = np.random.default_rng(3)
    for weight in model.weights:  # zero biases and trivial statistics would hide mistakes
        value = np.asarray(weight, "float32")
        noise = 0.1 * generator.standard_normal(value.shape)
        weight.assign(value + (np.abs(noise) if "variance" in weight.name else noise))
    return model


def images_for(model: keras.Model, count: int = 3) -> np.ndarray | dict[str, np.ndarray]:
    """Random input of the model's shape, in 0..1."""
    generator = np.random.default_rng(5)
    if getattr(model, "inputs", None) is None or not model.inputs:
        return generator.random((count, 12, 12, 1)).astype("float32")
    arrays = {tensor.name: generator.random((count, *tensor.shape[1:])).astype("float32") for tensor in model.inputs}
    return arrays if len(arrays) > 1 else next(iter(arrays.values()))


@pytest.fixture(name="build", scope="session")
def build_fixture():
    """`build(kind)` for test files."""
    return build


@pytest.fixture(name="images_for", scope="session")
def images_for_fixture():
    """`images_for(model)` for test files."""
    return images_for


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """`saved(kind)`: the path of a saved model of a kind, written once."""
    folder = tmp_path_factory.mktemp("models")

    def path_of(kind):
        path = folder / f"{kind}.keras"
        if not path.exists():
            build(kind).save(path)
        return path

    return path_of


@pytest.fixture(scope="session")
def reloaded(saved):
    """`reloaded(kind)`: a model of a kind as `open_model` opens it, once a session."""
    from visualize import open_model

    opened = {}

    def model_of(kind):
        if kind not in opened:
            opened[kind] = open_model(saved(kind))
        return opened[kind]

    return model_of


def pytest_generate_tests(metafunc):
    """A test that asks for `kind` runs once for each kind of model that the articles know; for `any_kind`, for every one."""
    for name, kinds in (("kind", KINDS), ("any_kind", tuple(BUILDERS))):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, kinds)
