"""DeepLIFT: summation to delta, and multipliers by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import visualize


def drawn(model, seed=0):
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        values = generator.standard_normal(weight.shape)
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    return model


def of_layers(*layers, shape=(6, 6, 2)):
    return drawn(keras.Sequential([keras.Input(shape), *layers, keras.layers.Flatten(), keras.layers.Dense(3)]))


def images_of(model, count=3):
    return np.random.default_rng(1).uniform(-1, 1, (count, *model.input_shape[1:])).astype("float32")


def check_sums(model, **options):
    images = images_of(model)
    found = visualize.deeplift(model, images, 1, **options)
    score, reference = (model(each, training=False).numpy()[:, 1] for each in (images, np.zeros_like(images)))
    np.testing.assert_allclose(found.values.sum(axis=(1, 2)), score - reference, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.arrays["change"], score - reference, rtol=1e-4, atol=1e-4)
    assert np.abs(found.values).max() > 0
    return found


ACTIVATIONS = ["relu", "relu6", "leaky_relu", "elu", "selu", "sigmoid", "hard_sigmoid", "tanh", "softplus", "silu", "gelu"]
ACTIVATIONS += ["hard_silu", "mish", "softmax", "exponential"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_values_add_up_to_the_change_of_the_score_through_every_activation(activation):
    check_sums(of_layers(keras.layers.Conv2D(4, 3, activation=activation)))


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.MaxPooling2D(2),
        keras.layers.GlobalMaxPooling2D(),
        keras.layers.AveragePooling2D(2),
        keras.layers.BatchNormalization(),
        keras.layers.LayerNormalization(),
        keras.layers.GroupNormalization(2),
        keras.layers.UnitNormalization(),
        keras.layers.PReLU(),
        keras.layers.UpSampling2D(2, interpolation="bilinear"),
        keras.layers.Conv2DTranspose(2, 3, strides=2),
        keras.layers.SeparableConv2D(3, 2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_values_add_up_to_the_change_of_the_score_through_every_layer(layer):
    layer = type(layer).from_config(layer.get_config())
    check_sums(of_layers(keras.layers.Conv2D(4, 3, activation="tanh"), layer))


def test_values_add_up_through_gates_and_attention():
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(6, 1)(inputs)
    gate = keras.layers.Dense(6, "sigmoid")(keras.layers.GlobalAveragePooling2D()(x))
    x = keras.layers.Multiply()([x, keras.layers.Reshape((1, 1, 6))(gate)])
    x = keras.layers.Reshape((16, 6))(x)
    x = keras.layers.Add()([x, keras.layers.MultiHeadAttention(2, 3)(x, x)])
    x = keras.layers.Maximum()([keras.layers.Dense(5)(x), keras.layers.Dense(5)(x)])
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.LayerNormalization()(x))
    check_sums(drawn(keras.Model(inputs, keras.layers.Dense(3)(x))))


def test_the_rescale_rule_by_hand():
    """1 - relu(1 - a - b), the example of the paper's section 1: gradients are 0 at (1, 1), and each input gives 0.5."""
    inputs = keras.Input((1, 2, 1))
    x = keras.layers.Dense(1, activation="relu", name="hidden")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, name="preds")(x))
    model.get_layer("hidden").set_weights([np.array([[-1.0], [-1.0]]), np.array([1.0])])
    model.get_layer("preds").set_weights([np.array([[-1.0, 2.0]]), np.array([1.0, 0.0])])
    image = np.ones((1, 1, 2, 1), "float32")
    np.testing.assert_allclose(visualize.deeplift(model, image, 0).values, [[[0.5, 0.5]]], atol=1e-6)
    np.testing.assert_allclose(visualize.deeplift(model, image, 1).values, [[[-1.0, -1.0]]], atol=1e-6)
    assert visualize.saliency(model, image, 0).values.max() == 0
    unequal = np.array([3.0, 1.0], "float32").reshape(1, 1, 2, 1)  # the change of 1 is shared in proportion to the inputs
    np.testing.assert_allclose(visualize.deeplift(model, unequal, 0).values, [[[0.75, 0.25]]], atol=1e-6)


def test_a_maximum_gives_its_change_to_the_winners():
    """From max(0, 2) = 2 to max(5, 1) = 5: the winner of the image, which rose, gets all of the change."""
    inputs = keras.Input((1, 2, 1))
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D((1, 2))(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, name="preds")(x))
    model.layers[-1].set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    high, low = np.array([[[[5.0], [1.0]]]], "float32"), np.array([[[0.0], [2.0]]], "float32")
    np.testing.assert_allclose(visualize.deeplift(model, high, 0, baseline=low.tolist()).values, [[[3.0, 0.0]]], atol=1e-6)
    back = visualize.deeplift(model, low[None], 0, baseline=high[0].tolist()).values  # the winner of the reference, which fell
    np.testing.assert_allclose(back, [[[-3.0, 0.0]]], atol=1e-6)


def test_without_activations_deeplift_is_integrated_gradients():
    model = of_layers(keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization())
    images = images_of(model)
    found = visualize.deeplift(model, images, 0, baseline=0.3)
    expected = visualize.integrated_gradients(model, images, 0, baseline=0.3, steps=2)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-4, atol=1e-4)


def test_a_small_change_takes_the_gradient():
    model = of_layers(keras.layers.Conv2D(4, 3, activation="softplus"))
    images = images_of(model)
    found = visualize.deeplift(model, images[:1], 0, baseline=images[0] * np.float32(1 + 1e-6))
    expected = visualize.saliency(model, images[:1], 0).values.max() * 1e-6
    assert np.isfinite(found.values).all()
    assert np.abs(found.values).max() < 2 * expected


def test_an_image_is_its_own_map_whatever_its_batch():
    model = of_layers(keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.MaxPooling2D())
    images = images_of(model)
    together = visualize.deeplift(model, images, 0).values
    alone = np.concatenate([visualize.deeplift(model, image[None], 0).values for image in images])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_an_operation_without_a_rule_is_refused_with_its_layer():
    model = drawn(
        keras.Sequential(
            [
                keras.Input((4, 4, 1)),
                keras.layers.Conv2D(2, 3),
                CumulativeSum(name="sums"),
                keras.layers.Flatten(),
                keras.layers.Dense(2),
            ]
        )
    )
    with pytest.raises(visualize.InputError, match="Received: Cumsum of 'sums'"):
        visualize.deeplift(model, images_of(model), 0)


@keras.saving.register_keras_serializable(package="tests")
class CumulativeSum(keras.layers.Layer):
    def call(self, inputs):
        return tf.cumsum(inputs, axis=1)
