"""Relevance: the formulas of the papers, written out layer by layer in NumPy, and what they conserve."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import visualize

EPSILON = 1e-6
RULES = ("epsilon", "gamma", "zplus")


def network(layers, shape=(6, 5, 2), *, seed=0, bias=True):
    """A sequential network whose weights are drawn at random, normalizations with factors below zero included."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(shape), *layers])
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        drawn = generator.standard_normal(weight.shape)
        if "variance" in weight.path:
            drawn = 0.5 + np.abs(drawn)
        elif not bias and any(word in weight.path for word in ("bias", "beta", "mean")):
            drawn = np.zeros(weight.shape)
        weight.assign(drawn)
    return model


def convolutions():
    return [
        keras.layers.Conv2D(4, 3, padding="same", name="conv"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.ReLU(name="relu"),
        keras.layers.MaxPooling2D(2, name="pool"),
        keras.layers.DepthwiseConv2D(2, activation="relu", name="depthwise"),
        keras.layers.Conv2D(5, 1, name="bottleneck"),
        keras.layers.Conv2D(3, 1, activation="relu", name="conv_2"),
        keras.layers.GlobalAveragePooling2D(name="mean"),
        keras.layers.Dense(6, activation="relu", name="dense"),
        keras.layers.Dense(3, activation="softmax", name="preds"),
    ]


def images_of(model, seed=1, count=2):
    return np.random.default_rng(seed).uniform(-1, 1, (count, *model.input_shape[1:])).astype("float32")


# The formulas, in NumPy ------------------------------------------------------------------------------------------------------


def matrix_of(layer, shape):
    """A linear layer as a matrix (inputs, outputs) and a bias (outputs,), by what it makes of each input that is one."""
    units = np.eye(int(np.prod(shape)), dtype="float32").reshape(-1, *shape)
    bias = np.asarray(layer(np.zeros((1, *shape), "float32")), "float64").reshape(-1)
    return np.asarray(layer(units), "float64").reshape(len(units), -1) - bias, bias


def handed_back(x, weights, bias, relevance, rule, gamma=0.25):
    """What the inputs are handed of the relevance of one layer, for one image: x (inputs,), relevance (outputs,)."""
    z = x[:, None] * weights  # (inputs, outputs)
    total = z.sum(axis=0) + bias
    sign = np.where(total >= 0, 1.0, -1.0)
    same = np.where(z * sign > 0, z, 0.0)  # of the sign of the sum
    same_bias = np.where(bias * sign > 0, bias, 0.0)
    if rule == "epsilon":
        return (z / (total + EPSILON * sign)) @ relevance
    if rule == "zplus":
        return (same / (same.sum(axis=0) + same_bias + EPSILON * sign)) @ relevance
    return ((z + gamma * same) / (total + gamma * (same.sum(axis=0) + same_bias) + EPSILON * sign)) @ relevance


def box(x, weights, relevance, low, high):
    z = x[:, None] * weights - low * np.maximum(weights, 0) - high * np.minimum(weights, 0)
    return (z / (z.sum(axis=0) + EPSILON)) @ relevance


def flat(weights, relevance, connected):
    z = connected.astype("float64")
    return (z / (z.sum(axis=0) + EPSILON)) @ relevance


def by_hand(model, image, target, rule, pixels, low=0.0, high=1.0):
    """The relevance of a sequential network, layer by layer from the last to the first; a normalization is folded first."""
    layers, kept = [], []
    x = image[None].astype("float32")
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout | keras.layers.Flatten):
            x = np.asarray(layer(x))
            continue
        linear = layer
        if getattr(layer, "activation", None) is not None:
            linear = without_activation(layer)
        if isinstance(layer, keras.layers.BatchNormalization):
            layers[-1] = (lambda previous, norm: lambda values: norm(previous(values)))(layers[-1], layer)
        else:
            layers.append(linear)
            kept.append(x)
        x = np.asarray(layer(x), "float32")
    last = np.asarray(layers[-1](kept[-1]), "float64")[0]
    relevance = np.zeros_like(last)
    relevance[target] = last[target]
    for number in reversed(range(len(layers))):
        layer, x = layers[number], np.asarray(kept[number], "float64")[0]
        if isinstance(layer, keras.layers.ReLU):
            continue
        if isinstance(layer, keras.layers.MaxPooling2D):
            relevance = winners(x, relevance.reshape(layer(x[None]).shape[1:]))
            continue
        weights, bias = matrix_of(layer, x.shape)
        dense = isinstance(layer, Plain) and isinstance(layer.layer, keras.layers.Dense)
        if number == 0 and pixels == "box":
            relevance = box(x.ravel(), weights, relevance.ravel(), low, high)
        elif number == 0 and pixels == "flat":
            relevance = flat(weights, relevance.ravel(), weights != 0)
        else:
            relevance = handed_back(x.ravel(), weights, bias, relevance.ravel(), "epsilon" if dense else rule)
        relevance = relevance.reshape(x.shape)
    return relevance.sum(axis=-1)


class Plain:
    """A layer without its activation."""

    def __init__(self, layer):
        self.layer = layer

    def __call__(self, values):
        activation = self.layer.activation
        try:
            self.layer.activation = keras.activations.linear
            return self.layer(values)
        finally:
            self.layer.activation = activation


def without_activation(layer):
    return Plain(layer)


def winners(x, relevance, side=2):
    found = np.zeros(x.shape)
    for row, column, channel in np.ndindex(relevance.shape):
        window = x[row * side : (row + 1) * side, column * side : (column + 1) * side, channel]
        top, left = np.unravel_index(window.argmax(), window.shape)
        found[row * side + top, column * side + left, channel] += relevance[row, column, channel]
    return found


@pytest.mark.parametrize("pixels", ["rule", "box", "flat"])
@pytest.mark.parametrize("rule", RULES)
def test_maps_are_the_formulas_of_the_paper(rule, pixels):
    for seed in (0, 1):
        model = network(convolutions(), seed=seed)
        images = images_of(model, seed)
        visualize.describe(model, input_range=(-1, 1))
        found = visualize.relevance(model, images, 1, rule=rule, pixels=pixels, epsilon=EPSILON)
        for image, values in zip(images, found.values, strict=True):
            expected = by_hand(model, image, 1, rule, pixels, -1.0, 1.0)
            np.testing.assert_allclose(values, expected, rtol=2e-3, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize("pixels", ["rule", "box", "flat"])
@pytest.mark.parametrize("rule", RULES)
def test_without_biases_the_values_add_up_to_the_score(rule, pixels):
    model = network(convolutions(), seed=3, bias=False)
    images = images_of(model)
    found = visualize.relevance(model, images, 0, rule=rule, pixels=pixels, epsilon=1e-9)
    np.testing.assert_allclose(found.values.sum(axis=(1, 2)), found.scores, rtol=1e-3)
    np.testing.assert_allclose(found.arrays["reached"], 1, rtol=1e-3)
    assert not any("absorbed" in remark for remark in found.settings.remarks or ())
