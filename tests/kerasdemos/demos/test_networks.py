"""The five networks: exactly the layers, starting weights, optimizers and data that their articles have."""

import dataclasses

import keras
import numpy as np
import pytest

from kerasdemos import registry
from kerasdemos.demo import Network, Pictures
from kerasdemos.demos import sigmoid_cnn

NETWORKS = ("digits_cnn", "relu_mlp", "sigmoid_cnn", "tflearn_convnet", "wepe_cnn")


@pytest.fixture(scope="module")
def pictures():
    """120 and 20 random pictures, labelled 0 to 9."""
    rng = np.random.default_rng(5)
    return Pictures(
        "random",
        rng.integers(0, 255, (120, 28, 28), dtype=np.uint8),
        (np.arange(120) % 10).astype(np.uint8),
        rng.integers(0, 255, (20, 28, 28), dtype=np.uint8),
        (np.arange(20) % 10).astype(np.uint8),
        tuple("0123456789"),
    )


def outline(model):
    """One line a layer: what it is, what comes out, how many parameters it has."""
    return [f"{type(layer).__name__} {layer.output.shape[1:]} {layer.count_params()}" for layer in model.layers]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("digits_cnn", 1_199_882),
        ("relu_mlp", 218_058),
        ("sigmoid_cnn", 93_708),
        ("tflearn_convnet", 455_946),
        ("wepe_cnn", 35_754),
    ],
)
def test_a_network_has_the_parameters_of_its_article(name, parameters):
    demo = registry.load(name)
    assert demo.run.build().count_params() == demo.parameters == parameters


@pytest.mark.parametrize("name", NETWORKS)
def test_names_of_layers_do_not_depend_on_what_was_built_before(name):
    build = registry.load(name).run.build
    first, second = build(), build()
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert [tensor.name for tensor in first.inputs] == [tensor.name for tensor in second.inputs] == ["images"]


@pytest.mark.parametrize(
    ("name", "batch", "epochs", "loss"),
    [
        ("digits_cnn", 128, 5, "sparse_categorical_crossentropy"),
        ("relu_mlp", 512, 3, "mean_squared_error"),
        ("tflearn_convnet", 64, 20, "sparse_categorical_crossentropy"),
        ("wepe_cnn", 100, 10, "sparse_categorical_crossentropy"),
    ],
)
def test_a_network_is_trained_as_its_article_has_it(name, batch, epochs, loss):
    network = registry.load(name).run
    assert (network.batch, network.epochs, network.build().loss) == (batch, epochs, loss)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_saved_network_answers_as_before(name, pictures, tmp_path):
    network: Network = registry.load(name).run
    model, images = network.build(), network.split(pictures).test[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0), strict=True)


@pytest.mark.parametrize("name", NETWORKS)
def test_black_and_white_pixels_become_the_ends_of_the_input_range(name, pictures):
    split = registry.load(name).run.split(pictures)
    low, high = split.input_range
    pixels = pictures.test_images[..., None].astype(np.float64)
    expected = low + pixels / 255 * (high - low)
    np.testing.assert_allclose(split.test[0], expected, atol=1e-5)
    assert split.test[0].dtype == np.float32
    assert split.test[0].shape == (20, 28, 28, 1)


def test_digits_cnn_layer_by_layer():
    model = registry.load("digits_cnn").run.build()
    assert outline(model) == [
        "Conv2D (26, 26, 32) 320",
        "Conv2D (24, 24, 64) 18496",
        "MaxPooling2D (12, 12, 64) 0",
        "Dropout (12, 12, 64) 0",
        "Flatten (9216,) 0",
        "Dense (128,) 1179776",
        "Dropout (128,) 0",
        "Dense (10,) 1290",
    ]
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [0.25, 0.5]
    assert [model.layers[index].activation.__name__ for index in (0, 1, 5, 7)] == ["relu"] * 3 + ["softmax"]
    assert model.layers[-1].name == "preds"
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)


def test_tflearn_convnet_layer_by_layer():
    model = registry.load("tflearn_convnet").run.build()
    assert outline(model) == [
        "Conv2D (28, 28, 32) 320",
        "MaxPooling2D (14, 14, 32) 0",
        "LocalResponseNormalization (14, 14, 32) 0",
        "Conv2D (14, 14, 64) 18496",
        "MaxPooling2D (7, 7, 64) 0",
        "LocalResponseNormalization (7, 7, 64) 0",
        "Flatten (3136,) 0",
        "Dense (128,) 401536",
        "Dropout (128,) 0",
        "Dense (256,) 33024",
        "Dropout (256,) 0",
        "Dense (10,) 2570",
    ]
    assert [model.layers[index].activation.__name__ for index in (0, 3, 7, 9, 11)] == [
        "relu",
        "relu",
        "tanh",
        "tanh",
        "softmax",
    ]
    assert [model.layers[index].rate for index in (8, 10)] == [0.2, 0.2]
    settings = model.optimizer.get_config()
    assert (settings["beta_1"], settings["beta_2"], settings["epsilon"]) == (0.9, 0.999, 1e-8)
    assert settings["global_clipnorm"] == 5.0
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_tflearn_convnet_is_penalised_by_a_thousandth_of_half_the_squared_kernels_of_its_convolutions():
    model = registry.load("tflearn_convnet").run.build()
    kernels = [model.layers[index].kernel.numpy() for index in (0, 3)]
    expected = sum(0.001 * (kernel.astype(np.float64) ** 2).sum() / 2 for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


def test_tflearn_convnet_starts_as_tflearn_does():
    model = registry.load("tflearn_convnet").run.build()
    for index, fan_in in ((0, 9), (3, 9 * 32)):
        _assert_uniform(model.layers[index].kernel, (3 / fan_in) ** 0.5)
    for index in (7, 9, 11):
        kernel = model.layers[index].kernel.numpy()
        assert np.abs(kernel).max() <= 0.04  # cut at two deviations
        assert kernel.std() == pytest.approx(0.02 * 0.8796, rel=0.05)  # what the cut leaves of a normal
        assert not model.layers[index].bias.numpy().any()


def test_wepe_cnn_layer_by_layer():
    model = registry.load("wepe_cnn").run.build()
    assert outline(model) == [
        "Conv2D (24, 24, 4) 104",
        "Conv2D (22, 22, 8) 296",
        "MaxPooling2D (11, 11, 8) 0",
        "Conv2D (9, 9, 16) 1168",
        "MaxPooling2D (4, 4, 16) 0",
        "Flatten (256,) 0",
        "Dense (128,) 32896",
        "Dense (10,) 1290",
    ]
    activations = [model.layers[index].activation.__name__ for index in (0, 1, 3, 6, 7)]
    assert activations == ["tanh"] * 4 + ["softmax"]
    settings = model.optimizer.get_config()
    assert (settings["momentum"], settings["nesterov"]) == (0.9, True)
    for index in (6, 7):
        assert model.layers[index].kernel.numpy().std() == pytest.approx(0.05, rel=0.1)
    for index, fans in ((0, 25 + 100), (1, 36 + 72), (3, 72 + 144)):  # glorot: in + out
        _assert_uniform(model.layers[index].kernel, (6 / fans) ** 0.5)


def test_wepe_cnn_slows_down_by_a_millionth_an_update():
    optimizer = registry.load("wepe_cnn").run.build().optimizer
    rates = []
    for update in (0, 1000, 3360):
        optimizer.iterations.assign(update)
        rates.append(float(optimizer.learning_rate))
    assert rates == pytest.approx([0.05, 0.05 / 1.001, 0.05 / 1.00336], rel=1e-6)


def test_relu_mlp_layer_by_layer():
    model = registry.load("relu_mlp").run.build()
    assert outline(model) == [
        "Flatten (784,) 0",
        "Dense (256,) 200960",
        "Dense (64,) 16448",
        "Dense (10,) 650",
    ]
    assert [layer.activation.__name__ for layer in model.layers[1:]] == ["relu", "relu", "linear"]
    for layer, fan_in in zip(model.layers[1:], (784, 256, 64), strict=True):
        _assert_uniform(layer.kernel, fan_in**-0.5)
        _assert_uniform(layer.bias, fan_in**-0.5)
    settings = model.optimizer.get_config()
    assert (settings["momentum"], settings["nesterov"]) == (0.9, False)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_relu_mlp_measures_the_squared_distance_to_one_hot_rows(pictures):
    network = registry.load("relu_mlp").run
    model, (images, rows) = network.build(), network.split(pictures).train
    np.testing.assert_array_equal(rows.argmax(axis=1), pictures.train_labels)
    np.testing.assert_array_equal(rows.sum(axis=1), 1)
    loss, accuracy = model.evaluate(images, rows, verbose=0)
    answers = model.predict(images, verbose=0)
    assert loss == pytest.approx(((answers - rows) ** 2).mean(), rel=1e-4)
    assert accuracy == pytest.approx((answers.argmax(axis=1) == pictures.train_labels).mean())


def test_sigmoid_cnn_layer_by_layer():
    model = registry.load("sigmoid_cnn").run.build()
    assert outline(model) == [
        "Conv2D (24, 24, 5) 130",
        "MaxPooling2D (12, 12, 5) 0",
        "Flatten (720,) 0",
        "Dense (128,) 92288",
        "Dense (10,) 1290",
    ]
    assert [model.layers[index].activation.__name__ for index in (0, 3, 4)] == [
        "sigmoid",
        "sigmoid",
        "softmax",
    ]
    assert type(model.optimizer) is keras.optimizers.SGD
    assert model.optimizer.get_config()["momentum"] == 0
    assert float(model.optimizer.learning_rate) == 0.5


def test_sigmoid_cnn_starts_as_the_article_does_and_takes_the_number_of_filters():
    model = sigmoid_cnn.build(filters=10)
    assert model.layers[0].output.shape == (None, 24, 24, 10)
    assert model.layers[1].output.shape == (None, 12, 12, 10)
    _assert_uniform(model.layers[0].kernel, (10 * 25) ** -0.5)
    assert np.abs(model.layers[0].bias).max() <= 0.5
    many = sigmoid_cnn.build(filters=400).layers[0].bias.numpy()
    assert np.abs(many).max() == pytest.approx(0.5, abs=0.02)


def test_wepe_cnn_is_scaled_by_its_largest_pixel_and_centered_by_its_training_pictures(pictures):
    split = registry.load("wepe_cnn").run.split(pictures)
    assert split.scale == 254  # the random pictures have no 255
    assert len(split.train[0]) == 67  # 70 % of 120 are 84; a fifth of those, 17, is held out
    assert len(split.validation[0]) == 17
    assert split.train[0].mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(split.validation[1], pictures.train_labels[67:84])


@pytest.mark.parametrize(("name", "held_out"), [("tflearn_convnet", 10), ("sigmoid_cnn", 20)])
def test_the_pictures_that_are_held_out_are_the_first_and_are_not_trained_on(name, held_out, pictures):
    split = registry.load(name).run.split(pictures)
    np.testing.assert_array_equal(split.validation[1], pictures.train_labels[:held_out])
    np.testing.assert_array_equal(split.train[1], pictures.train_labels[held_out:])
    np.testing.assert_allclose(split.train[0][0, ..., 0], pictures.train_images[held_out] / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "train", "validation"),
    [
        ("digits_cnn", 60000, 10000),
        ("relu_mlp", 60000, 10000),
        ("sigmoid_cnn", 50000, 10000),
        ("tflearn_convnet", 55000, 5000),
        ("wepe_cnn", 33600, 8400),
    ],
)
def test_mnist_is_split_as_the_article_does(name, train, validation):
    labels = {"train": np.zeros(60000, np.uint8), "test": np.zeros(10000, np.uint8)}
    pixel = np.ones((1, 1, 1), np.uint8)
    mnist = Pictures(
        "as many",
        pixel.repeat(60000, axis=0),
        labels["train"],
        pixel.repeat(10000, axis=0),
        labels["test"],
        tuple("0123456789"),
    )
    split = registry.load(name).run.split(mnist)
    assert (len(split.train[0]), len(split.validation[0]), len(split.test[0])) == (train, validation, 10000)


@pytest.mark.parametrize("name", NETWORKS)
def test_splitting_changes_nothing_that_it_was_given(name, pictures):
    before = {field.name: np.copy(getattr(pictures, field.name)) for field in dataclasses.fields(pictures)}
    registry.load(name).run.split(pictures)
    for field, value in before.items():
        np.testing.assert_array_equal(getattr(pictures, field), value)


def test_digits_cnn_starts_with_glorot_weights():
    model = registry.load("digits_cnn").run.build()
    _assert_uniform(model.layers[0].kernel, (6 / (9 + 288)) ** 0.5)
    _assert_uniform(model.layers[5].kernel, (6 / (9216 + 128)) ** 0.5)
    assert not model.layers[5].bias.numpy().any()


def _assert_uniform(variable, bound):
    values = np.asarray(variable)
    assert np.abs(values).max() <= bound * (1 + 1e-6)
    if values.size >= 50:
        assert np.abs(values).max() > 0.9 * bound
        assert values.std() == pytest.approx(bound / 3**0.5, rel=0.25)
