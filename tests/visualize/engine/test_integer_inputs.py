"""A model that takes integers and casts them inside is explained as the same model of floats."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import visualize

FEW = {"rise": {"masks": 40}, "smoothgrad": {"samples": 4}, "squaregrad": {"samples": 4}, "vargrad": {"samples": 4}}
GRADIENTS = (
    "saliency",
    "input_times_gradient",
    "gradcam",
    "gradcam_plus_plus",
    "layercam",
    "hirescam",
    "xgradcam",
    "eigencam",
)
PERTURBATIONS = ("smoothgrad", "squaregrad", "vargrad", "integrated_gradients", "rise", "scorecam", "ablationcam", "occlusion")


@keras.saving.register_keras_serializable("test_integer_inputs")
class Rounding(keras.layers.Layer):
    """What an integer input does to floats, with the gradient of the numbers themselves."""

    def call(self, inputs):
        rounded = tf.clip_by_value(tf.round(inputs), 0, 255)
        return inputs + tf.stop_gradient(rounded - inputs)


def network():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(5, 3, activation="relu", name="conv"), keras.layers.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input((12, 10, 3)), *layers, keras.layers.Dense(3, activation="softmax")], name="network")


def of_integers(network, dtype="uint8", cast=lambda pixels: keras.ops.cast(pixels, "float32") / 127.5 - 1):
    pixels = keras.Input((12, 10, 3), dtype=dtype, name="pixels")
    return keras.Model(pixels, network(cast(pixels)))


def of_rounded_floats(network):
    pixels = keras.Input((12, 10, 3), name="pixels")
    return keras.Model(pixels, network(Rounding()(pixels) / 127.5 - 1))


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 12, 10, 3)).astype("uint8")


@pytest.mark.parametrize("name", [*GRADIENTS, *PERTURBATIONS])
def test_maps_are_those_of_a_model_of_floats(name, pictures):
    inner = network()
    method, options = getattr(visualize, name), FEW.get(name, {})
    for kwargs in [options, *([{"fill": 7.4, **options}] if name == "occlusion" else [])]:
        target = () if name == "eigencam" else ([2, 0, 1],)
        result = method(of_integers(inner), pictures, *target, **kwargs)
        expected = method(of_rounded_floats(inner), pictures.astype("float32"), *target, **kwargs)
        np.testing.assert_allclose(result.values, expected.values, rtol=1e-4, atol=1e-6 * np.abs(expected.values).max())
        assert np.abs(result.values).max() > 0


def test_the_probability_is_that_of_predict(pictures):
    model = of_integers(network())
    result = visualize.saliency(model, pictures, 1)
    np.testing.assert_allclose(result.arrays["probability"], model.predict(pictures, verbose=0)[:, 1], rtol=1e-5)


@pytest.mark.parametrize(
    "cast",
    [
        lambda pixels: keras.layers.Rescaling(1 / 127.5, -1)(pixels),
        lambda pixels: keras.ops.cast(keras.ops.cast(pixels, "int32"), "float32") / 127.5 - 1,
        lambda pixels: (
            keras.ops.cast(keras.ops.transpose(keras.ops.transpose(pixels, (0, 2, 1, 3)), (0, 2, 1, 3)), "float32") / 127.5 - 1
        ),
        lambda pixels: keras.ops.cast(keras.ops.reshape(pixels, (-1, 12, 10, 3)), "float32") / 127.5 - 1,
        lambda pixels: keras.ops.cast(pixels, "float32") / 255 + keras.ops.cast(pixels, "float32") / 255 - 1,  # two casts
    ],
)
def test_gradients_are_found_wherever_the_cast_stands(cast, pictures):
    inner = network()
    result = visualize.saliency(of_integers(inner, cast=cast), pictures, 0)
    expected = visualize.saliency(of_rounded_floats(inner), pictures, 0)
    np.testing.assert_allclose(result.values, expected.values, rtol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "int64"])
def test_every_integer_type(dtype, pictures):
    inner = network()
    result = visualize.saliency(of_integers(inner, dtype), pictures, 0)
    np.testing.assert_allclose(result.values, visualize.saliency(of_integers(inner), pictures, 0).values, rtol=1e-5)


def test_gray_pictures_without_a_channel_axis():
    pixels = keras.Input((8, 6), dtype="uint8")
    scores = keras.layers.Dense(2, name="scores")(keras.layers.Flatten()(keras.ops.cast(pixels, "float32")))
    model = keras.Model(pixels, scores)
    result = visualize.input_times_gradient(model, np.full((1, 8, 6), 3, "uint8"), 1)
    np.testing.assert_allclose(result.values[0], 3 * model.get_layer("scores").get_weights()[0][:, 1].reshape(8, 6), rtol=1e-5)


@pytest.mark.parametrize(
    ("numbers", "words"), [(0.5, "floats from 0.5 to 0.5. Scale fractions"), (256, "to 256"), (-1, "from -1"), (np.nan, "nan")]
)
def test_numbers_out_of_place_are_refused(numbers, words):
    with pytest.raises(visualize.InputError, match=r"whole numbers from 0 to 255, as the model takes uint8") as refused:
        visualize.saliency(of_integers(network()), np.full((1, 12, 10, 3), numbers), 0)
    assert words in str(refused.value)


def test_whole_floats_are_taken(pictures):
    model = of_integers(network())
    floats = visualize.saliency(model, pictures.astype("float64"), 0)
    np.testing.assert_array_equal(floats.values, visualize.saliency(model, pictures, 0).values)


def test_a_picture_is_maximized_within_the_type():
    tiles = visualize.maximize(of_integers(network()), 1, steps=20)
    assert tiles.pictures.min() >= 0
    assert tiles.pictures.max() <= 255
    assert tiles.pictures.std() > 1


def tokens():
    keras.utils.set_random_seed(1)
    words = keras.Input((9,), dtype="int32", name="words")
    vectors = keras.layers.Embedding(20, 4)(words)
    maps = keras.layers.Conv1D(6, 3, activation="relu", name="conv")(vectors)
    return keras.Model(words, keras.layers.Dense(2)(keras.layers.GlobalMaxPooling1D()(maps)))


@pytest.mark.parametrize("name", ["saliency", "integrated_gradients", "smoothgrad", "rise", "scorecam"])
def test_tokens_are_not_numbers_to_change_a_little(name):
    with pytest.raises(visualize.InputError, match="tokens"):
        getattr(visualize, name)(tokens(), np.arange(9)[None], 0, **FEW.get(name, {}))


def test_one_token_after_another_is_hidden():
    model, words = tokens(), np.arange(3, 12)[None]
    with pytest.raises(visualize.InputError, match="tokens"):
        visualize.occlusion(model, words, 0, patch=1)
    result = visualize.occlusion(model, words, 0, patch=1, fill=0)
    for position in range(9):
        hidden = words.copy()
        hidden[0, position] = 0
        fall = (model.predict(words, verbose=0) - model.predict(hidden, verbose=0))[0, 0]
        assert np.ravel(result.values)[position] == pytest.approx(fall, abs=1e-5)


@pytest.mark.parametrize("name", ["occlusion", "gradcam"])
def test_a_token_beyond_the_vocabulary_is_refused_by_what_tensorflow_says_of_it(name):
    with pytest.raises(
        visualize.InputError, match=r"cannot be run on these numbers: indices\[0,\d\] = 2\d is not in \[0, 20\)$"
    ):
        getattr(visualize, name)(tokens(), np.arange(15, 24)[None], 0, **({"fill": 0} if name == "occlusion" else {}))


BEFORE_THE_CAST = {  # what a model does to integers, and the same to floats
    "flipped channels": (lambda x: x[..., ::-1], lambda x: x[..., ::-1]),
    "swapped channels": (
        lambda x: keras.ops.concatenate([x[..., 2:], x[..., :2]], -1),
        lambda x: keras.ops.concatenate([x[..., 2:], x[..., :2]], -1),
    ),
    "inverted": (lambda x: 255 - x, lambda x: 255.0 - x),
    "padded": (keras.layers.ZeroPadding2D((1, 0)), keras.layers.ZeroPadding2D((1, 0))),
}


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
@pytest.mark.parametrize("name", BEFORE_THE_CAST)
def test_gradients_pass_what_means_the_same_for_floats(name, dtype, pictures):
    keras.utils.set_random_seed(0)
    head = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    inner = keras.Sequential([keras.Input((None, 10, 3)), *head])
    whole, floats = keras.Input((12, 10, 3), dtype=dtype), keras.Input((12, 10, 3))
    of_whole, of_floats = BEFORE_THE_CAST[name]
    model = keras.Model(whole, inner(keras.ops.cast(of_whole(whole), "float32") / 127.5))
    expected = keras.Model(floats, inner(of_floats(floats) / 127.5))
    for method in (visualize.saliency, visualize.input_times_gradient):
        result = method(model, pictures, 1)
        np.testing.assert_allclose(result.values, method(expected, pictures.astype("float32"), 1).values, rtol=1e-4, atol=1e-9)


def test_numbers_that_stay_integers_are_no_tokens(pictures):
    pixels = keras.Input((12, 10, 3), dtype="uint8")
    model = keras.Model(pixels, network()(keras.ops.cast(pixels // 16, "float32")))
    with pytest.raises(visualize.InputError, match=r"a cast to integers, argmax, rounding\). Occlusion needs no gradient"):
        visualize.saliency(model, pictures, 0)
    assert np.abs(visualize.rise(model, pictures, 0, masks=40).values).max() > 0


def test_a_model_of_true_and_false_is_explained_as_one_of_ones_and_zeros():
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2, name="scores")])
    inputs = keras.Input((8, 8, 1), dtype="bool")
    model = keras.Model(inputs, inner(keras.ops.cast(inputs, "float32")))
    images = np.random.default_rng(0).random((2, 8, 8, 1)) > 0.5
    for method in (visualize.saliency, visualize.integrated_gradients, visualize.occlusion):
        options = {"fill": 0} if method is visualize.occlusion else {}
        result = method(model, images, 1, **options)
        np.testing.assert_allclose(result.values, method(inner, images, 1, **options).values, atol=1e-5)
    faint = visualize.occlusion(model, images, 1, patch=2, stride=2, fill=0.4)  # rounded to False, as for other integers
    np.testing.assert_allclose(
        faint.values, visualize.occlusion(inner, images, 1, patch=2, stride=2, fill=0).values, atol=1e-5
    )
    with pytest.raises(visualize.InputError, match="whole numbers from 0 to 1, as the model takes bool"):
        visualize.saliency(model, np.full((1, 8, 8, 1), 2), 0)
    assert set(np.unique(visualize.maximize(model, 1, steps=3).pictures) <= 1) == {True}
