"""Relevance: the formulas of the papers, written out layer by layer in NumPy, and what they conserve."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import visualize

EPSILON = 0.1
RULES = ("composite", "epsilon", "gamma", "zplus")


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
    same_total = same.sum(axis=0) + np.where(bias * sign > 0, bias, 0.0)
    epsilon = EPSILON * np.sqrt((total**2).mean()) * sign
    if rule == "zplus":
        return (same / np.where(same_total == 0, 1, same_total)) @ relevance
    if rule == "epsilon":
        return (z / (total + epsilon)) @ relevance
    return ((z + gamma * same) / (total + gamma * same_total + epsilon)) @ relevance


def box(x, weights, relevance, low, high):
    z = x[:, None] * weights - low * np.maximum(weights, 0) - high * np.minimum(weights, 0)
    return (z / z.sum(axis=0)) @ relevance


def flat(weights, relevance):
    z = (weights != 0).astype("float64")
    return (z / z.sum(axis=0)) @ relevance


def by_hand(model, image, target, rule, pixels, low=0.0, high=1.0):
    """The relevance of a sequential network, from its last layer to the first; a normalization belongs to the one before."""
    steps, x = [], image[None].astype("float32")  # (layers, input of the first)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            steps[-1][0].append(layer)
        else:
            steps.append(([Plain(layer)], x))
        x = np.asarray(layer(x), "float32")
    convolutional = [number for number, (layers, _) in enumerate(steps) if "Conv2D" in type(layers[0].layer).__name__]
    middle = convolutional[len(convolutional) // 2]
    last = np.asarray(steps[-1][0][0](steps[-1][1]), "float64")[0]
    relevance = last * (np.arange(len(last)) == target)
    for number, (layers, x) in reversed(list(enumerate(steps))):
        layer, x = layers[0].layer, np.asarray(x, "float64")[0]
        if isinstance(layer, keras.layers.ReLU):
            continue
        if isinstance(layer, keras.layers.MaxPooling2D):
            relevance = winners(x, relevance)
            continue
        weights, bias = matrix_of(functools.partial(one_after_another, layers), x.shape)
        composite = "epsilon" if number >= middle else "zplus"
        own = "epsilon" if isinstance(layer, keras.layers.Dense) else composite if rule == "composite" else rule
        if number == 0 and pixels != "rule":
            parts = (x.ravel(), weights, relevance.ravel(), low, high)
            relevance = box(*parts) if pixels == "box" else flat(weights, relevance.ravel())
        else:
            relevance = handed_back(x.ravel(), weights, bias, relevance.ravel(), own)
        relevance = relevance.reshape(x.shape)
    return relevance.sum(axis=-1)


def one_after_another(layers, values):
    for layer in layers:
        values = layer(values)
    return values


class Plain:
    """A layer without its activation."""

    def __init__(self, layer):
        self.layer = layer

    def __call__(self, values):
        activation = getattr(self.layer, "activation", None)
        if activation is None:
            return self.layer(values)
        try:
            self.layer.activation = keras.activations.linear
            return self.layer(values)
        finally:
            self.layer.activation = activation


def winners(x, relevance, side=2):
    found = np.zeros(x.shape)
    for row, column, channel in np.ndindex(relevance.shape):
        window = x[row * side : (row + 1) * side, column * side : (column + 1) * side, channel]
        top, left = np.unravel_index(window.argmax(), window.shape)
        found[row * side + top, column * side + left, channel] += relevance[row, column, channel]
    return found


@pytest.mark.parametrize(
    ("rule", "pixels"), [(rule, "rule") for rule in RULES] + [("composite", "box"), ("gamma", "flat"), ("composite", "flat")]
)
def test_maps_are_the_formulas_of_the_paper(rule, pixels):
    model = visualize.describe(network(convolutions()), input_range=(-1, 1))
    images = images_of(model)
    found = visualize.relevance(model, images, 1, rule=rule, pixels=pixels, epsilon=EPSILON)
    for image, values in zip(images, found.values, strict=True):
        expected = by_hand(model, image, 1, rule, pixels, -1.0, 1.0)
        np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(("rule", "pixels"), [("epsilon", "rule"), ("gamma", "box"), ("zplus", "flat")])
def test_without_biases_the_values_add_up_to_the_score(rule, pixels):
    model = branches(bias=False)
    images = images_of(model)
    found = visualize.relevance(model, images, 0, rule=rule, pixels=pixels, epsilon=1e-9)
    np.testing.assert_allclose(found.values.sum(axis=(1, 2)), found.scores, rtol=1e-3)
    np.testing.assert_allclose(found.arrays["reached"], 1, rtol=1e-3)
    assert not any("absorbed" in remark for remark in found.settings.remarks or ())


def branches(*, bias=True):
    """A residual block, branches that are joined, and pooling by mean and maximum."""
    keras.utils.set_random_seed(2)
    inputs = keras.Input((6, 6, 2))
    x = keras.layers.Conv2D(4, 3, padding="same", use_bias=bias, name="conv")(inputs)
    x = keras.layers.LeakyReLU(0.1, name="leaky")(x)
    y = keras.layers.Conv2D(4, 3, padding="same", activation="relu", use_bias=bias, name="branch")(x)
    x = keras.layers.Add(name="sum")([x, y, keras.layers.AveragePooling2D(1, name="average")(y)])
    x = keras.layers.Concatenate(name="joined")(
        [keras.layers.MaxPooling2D(name="max")(x), keras.layers.Conv2D(3, 2, 2, use_bias=bias)(x)]
    )
    x = keras.layers.Dropout(0.5)(keras.layers.ZeroPadding2D(1)(x))
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", use_bias=bias, bias_initializer="normal")(x))


def test_the_epsilon_rule_near_zero_is_input_times_gradient():
    for model in (network(convolutions()), branches()):
        images = images_of(model)
        found = visualize.relevance(model, images, 2, rule="epsilon", pixels="rule", epsilon=1e-9)
        expected = visualize.input_times_gradient(model, images, 2).values
        np.testing.assert_allclose(found.values, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_relevance_that_biases_absorb_is_stated():
    model = network([keras.layers.Flatten(), keras.layers.Dense(3, name="preds")], (2, 2, 1))
    model.layers[-1].set_weights([np.ones((4, 3)), np.full(3, 12.0)])
    found = visualize.relevance(model, np.ones((1, 2, 2, 1)), 0, pixels="rule", epsilon=1e-9)
    np.testing.assert_allclose(found.values, 1)  # of a score of 16, 12 of which are the bias
    np.testing.assert_allclose(found.arrays["reached"], 0.25, rtol=1e-5)
    assert "0.25 of the score reached the pixels" in " ".join(found.settings.remarks or ())


def test_a_map_that_hardly_depends_on_the_class_is_stated():
    model = network([keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(3)], bias=False)
    model.layers[-1].set_weights([np.abs(model.layers[-1].get_weights()[0][:, :1]) * [1, 2, 3], np.zeros(3)])
    found = visualize.relevance(model, images_of(model), 0)
    assert found.settings["class_correlation"] == 1
    assert "hardly tells them apart" in " ".join(found.settings.remarks or ())
    weights = np.zeros((len(model.layers[-1].get_weights()[0]), 3))
    weights[::2, 0] = weights[1::2, 1] = weights[::3, 2] = 1
    model.layers[-1].set_weights([weights, np.zeros(3)])
    assert visualize.relevance(model, images_of(model), 0).settings.remarks is None


def test_a_contrast_of_relevance_is_the_difference_of_two_maps():
    model = branches()
    images = images_of(model)
    first, second = (visualize.relevance(model, images, target).values for target in (0, 2))
    found = visualize.contrast(model, images, 0, 2, method=visualize.relevance)
    np.testing.assert_allclose(found.values, first - second, atol=1e-5)


@keras.saving.register_keras_serializable(package="tests")
class CumulativeSum(keras.layers.Layer):
    def call(self, inputs):
        return tf.cumsum(inputs, axis=1)


def test_an_operation_without_a_rule_is_refused_with_its_layer():
    model = network([keras.layers.Conv2D(2, 3), CumulativeSum(name="sums"), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(visualize.InputError, match="Received: Cumsum of 'sums'"):
        visualize.relevance(model, images_of(model), 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "lrp"}, "`rule` must be 'composite', 'epsilon', 'gamma' or 'zplus'. Received: 'lrp'"),
        ({"pixels": "black"}, "`pixels` must be 'box', 'flat' or 'rule'. Received: 'black'"),
        ({"epsilon": 0}, "`epsilon` must be above 0. Received: 0"),
        ({"gamma": 0.1}, "`gamma` must be left out unless `rule` is 'gamma'. Received: 0.1 for 'composite'"),
        ({"rule": "gamma", "gamma": -1.0}, "`gamma` must be above 0. Received: -1.0"),
    ],
)
def test_parameters_out_of_range_are_refused(options, message):
    model = branches()
    with pytest.raises(visualize.InputError, match=message):
        visualize.relevance(model, images_of(model), 0, **options)


def test_attention_is_the_formulas_of_the_paper():
    """Achtibat et al. (2024), propositions 3.1 and 3.3, for softmax(q k') v of one head, written out in NumPy."""
    inputs = keras.Input((4, 3, 1))
    tokens = keras.layers.Reshape((4, 3))(inputs)
    query, key, value = (keras.layers.Dense(3, use_bias=False, name=name)(tokens) for name in ("query", "key", "value"))
    weights = keras.layers.Softmax()(keras.ops.matmul(query, keras.ops.transpose(key, (0, 2, 1))))
    pooled = keras.layers.GlobalAveragePooling1D()(keras.ops.matmul(weights, value))
    model = keras.Model(inputs, keras.layers.Dense(2, use_bias=False, name="last")(pooled))
    generator = np.random.default_rng(0)
    model.set_weights([generator.standard_normal(weight.shape) for weight in model.weights])
    image = generator.standard_normal((1, 4, 3, 1)).astype("float32")
    found = visualize.relevance(model, image, 1, rule="epsilon", pixels="rule", epsilon=1e-9)
    names = ("query", "key", "value", "last")
    of_query, of_key, of_value, last = (model.get_layer(name).get_weights()[0].astype("float64") for name in names)
    x = image[0, :, :, 0].astype("float64")
    q, k, v = x @ of_query, x @ of_key, x @ of_value
    logits = q @ k.T
    s = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    o = s @ v  # (tokens, channels)
    relevance = o.mean(axis=0) * last[:, 1] * o / o.sum(axis=0)  # of each token's channels
    of_s, to_v = s * ((relevance / (2 * o)) @ v.T), v * (s.T @ (relevance / (2 * o)))
    of_logits = logits * (of_s - s * of_s.sum(axis=1, keepdims=True))
    to_q, to_k = q * ((of_logits / (2 * logits)) @ k), k * ((of_logits / (2 * logits)).T @ q)
    parts = [(to_q, q, of_query), (to_k, k, of_key), (to_v, v, of_value)]
    expected = sum(x * ((part / outputs) @ matrix.T) for part, outputs, matrix in parts)
    np.testing.assert_allclose(found.values[0], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_a_gate_gets_nothing_and_its_signal_all():
    inputs = keras.Input((1, 3, 1))
    x = keras.layers.Flatten()(inputs)
    gated = keras.layers.Multiply()([x, keras.layers.Dense(3, activation="sigmoid")(x)])
    model = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(gated))
    images = np.random.default_rng(0).standard_normal((2, 1, 3, 1)).astype("float32")
    found = visualize.relevance(model, images, 0, rule="epsilon", pixels="rule", epsilon=1e-9)
    signals = keras.Model(inputs, gated)(images).numpy()
    np.testing.assert_allclose(found.values[:, 0], signals * model.get_weights()[-1][:, 0], rtol=1e-3, atol=1e-6)
