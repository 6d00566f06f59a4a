"""Modifiers: which ReLUs they change, and how, against gradients by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import InputError, gradcam, saliency

L = keras.layers
X = np.random.default_rng(2).normal(size=(2, 5)).astype("float32")


def two_layers(activation):
    """Five numbers, an activation of six units, one number: W and V."""
    keras.utils.set_random_seed(8)
    inputs = keras.Input((5,))
    hidden = L.Dense(6, use_bias=False, kernel_initializer="random_normal", name="first")(inputs)
    outputs = L.Dense(1, use_bias=False, kernel_initializer="random_normal", name="second")(activation(hidden))
    model = keras.Model(inputs, outputs)
    model.get_layer("first").kernel.assign(2 * np.random.default_rng(3).normal(size=(5, 6)))
    return model, model.get_layer("first").kernel.numpy(), model.get_layer("second").kernel.numpy()


def expected(x, first, second, derivative, value, modifier):
    """|d score / d x| for one hidden activation, whose derivative and value are given, by the definition of the modifier."""
    hidden = x @ first
    upstream = np.broadcast_to(second[:, 0], hidden.shape)
    passed = {
        None: upstream * derivative(hidden),
        "relu": np.maximum(upstream, 0),
        "guided": np.where(value(hidden) > 0, np.maximum(upstream * derivative(hidden), 0), 0),
    }[modifier]
    return np.abs(passed @ first.T)


RELUS = {
    "plain": (L.ReLU(), lambda h: h > 0, lambda h: np.maximum(h, 0)),
    "maximum 6": (L.ReLU(6.0), lambda h: (h > 0) & (h < 6), lambda h: np.clip(h, 0, 6)),
    "maximum 1": (L.ReLU(1.0), lambda h: (h > 0) & (h < 1), lambda h: np.clip(h, 0, 1)),
    "slope": (
        L.ReLU(negative_slope=0.3),
        lambda h: np.where(h > 0, 1, 0.3),
        lambda h: np.where(h > 0, h, 0.3 * h),
    ),
    "threshold": (L.ReLU(threshold=0.4), lambda h: h > 0.4, lambda h: np.where(h > 0.4, h, 0)),
    "activation": (L.Activation("relu"), lambda h: h > 0, lambda h: np.maximum(h, 0)),
}


@pytest.mark.parametrize("modifier", [None, "guided", "relu"])
@pytest.mark.parametrize("name", RELUS)
def test_a_modifier_changes_every_form_of_relu_layer_as_it_is_defined(name, modifier):
    layer, derivative, value = RELUS[name]
    model, first, second = two_layers(layer)
    explained = saliency(model, X, modifier=modifier)
    np.testing.assert_allclose(explained.values, expected(X, first, second, derivative, value, modifier), rtol=1e-5)


NO_RELUS = {
    "hard_sigmoid": L.Activation("hard_sigmoid"),
    "hard_silu": L.Activation("hard_silu"),
    "gate of MobileNetV3": lambda x: L.Multiply()([x, L.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)]),
    "gate, divided at the end": lambda x: x * keras.ops.relu6(x + 3.0) / 6.0,
    "prelu": L.PReLU(alpha_initializer="ones"),
    "leaky": L.LeakyReLU(),
    "maximum": lambda x: keras.ops.maximum(x, 0.0),
}


@pytest.mark.parametrize("name", NO_RELUS)
def test_compositions_that_hold_relus_are_no_relus(name):
    model, _, _ = two_layers(NO_RELUS[name])
    with pytest.raises(InputError, match=r"no ReLU stands between the image and the score.*hold ReLUs as parts of other"):
        saliency(model, X, modifier="guided")


@pytest.mark.parametrize("modifier", ["guided", "relu"])
@pytest.mark.parametrize("name", NO_RELUS)
def test_beside_a_relu_they_keep_the_chain_rule_and_are_reported(name, modifier):
    def both(x):
        return NO_RELUS[name](L.ReLU(name="relu")(x))

    model, first, _ = two_layers(both)
    explained = saliency(model, X, modifier=modifier)
    hidden = tf.constant(X @ first)
    relu = tf.nn.relu(hidden)
    tail = keras.Model(model.get_layer("relu").output, model.output)
    with tf.GradientTape() as tape:
        tape.watch(relu)
        score = tail(relu)
    upstream = tape.gradient(score, relu).numpy()
    passed = np.maximum(upstream, 0) if modifier == "relu" else np.where(hidden > 0, np.maximum(upstream, 0), 0)
    np.testing.assert_allclose(explained.values, np.abs(passed @ first.T), rtol=1e-4, atol=1e-6)
    (remark,) = explained.settings.remarks
    assert "unchanged: they hold ReLUs as parts of other functions" in remark
    assert "'relu'" not in remark


def test_concatenated_relus_of_both_signs_are_relus():
    model, first, _ = two_layers(lambda x: L.Concatenate()([L.ReLU()(x), L.ReLU()(-x)]))
    second = model.get_layer("second").kernel.numpy()[:, 0]
    hidden = X @ first
    positive, negative = np.maximum(second[:6], 0) * (hidden > 0), np.maximum(second[6:], 0) * (hidden < 0)
    np.testing.assert_allclose(
        saliency(model, X, modifier="guided").values, np.abs((positive - negative) @ first.T), rtol=1e-5
    )


def test_a_modifier_of_relus_within_a_custom_layer_changes_them():
    class Own(keras.layers.Layer):
        def call(self, inputs):
            return tf.nn.relu(inputs)

    model, first, second = two_layers(Own())
    relu = (lambda h: h > 0), (lambda h: np.maximum(h, 0))
    np.testing.assert_allclose(
        saliency(model, X, modifier="relu").values, expected(X, first, second, *relu, "relu"), rtol=1e-5
    )


def test_gates_of_mobilenet_are_left_alone_and_named():
    inputs = keras.Input((16, 16, 3))
    x = L.Conv2D(4, 3, activation="relu", name="stem")(inputs)
    gate = L.ReLU(6.0, name="gate")(L.Conv2D(4, 1)(L.GlobalAveragePooling2D(keepdims=True)(x)) + 3.0) * (1.0 / 6.0)
    x = L.Activation("hard_swish", name="swish")(L.Multiply()([x, gate]))
    model = keras.Model(inputs, L.Dense(2)(L.GlobalAveragePooling2D()(x)))
    images = np.random.default_rng(0).random((1, 16, 16, 3), "float32")
    remark = saliency(model, images, 1, modifier="guided").settings.remarks[0]
    assert "'gate'" in remark
    assert "'swish'" in remark
    with pytest.raises(InputError, match="hold ReLUs as parts of other functions"):
        gradcam(model, images, 1, modifier="guided", layer="stem")
