"""Inputs that are not explained: text, optional ones, nested structures, fixed batch sizes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import visualize
from visualize import InputError, gradcam, occlusion, saliency, smoothgrad, summary
from visualize.models.inputs import example_inputs, inputs_of

PICTURES = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")


def pooled(picture):
    return keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, activation="relu")(picture))


def gradients(model, inputs, index, target=1):
    """The gradient of one score with respect to one of the tensors that a model is called on."""
    tensors = [tf.constant(each) for each in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors[index])
        score = model(tensors)[:, target]
    return np.asarray(tape.gradient(score, tensors[index]))


def test_text_beside_a_picture_is_looked_up_by_the_model():
    keras.utils.set_random_seed(0)
    picture, site = keras.Input((8, 8, 1), name="picture"), keras.Input((1,), name="site", dtype="string")
    known = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(site)
    joined = keras.layers.Concatenate()([pooled(picture), known])
    model = keras.Model([picture, site], keras.layers.Dense(2)(keras.layers.Dense(5, activation="tanh")(joined)))
    sites = np.array([["a"], ["b"], ["b"]])
    result = saliency(model, {"picture": PICTURES, "site": sites}, 1)
    slopes = gradients(model, [PICTURES, sites.astype(object)], 0)
    np.testing.assert_allclose(result.values, np.abs(slopes[..., 0]), rtol=1e-4, atol=1e-7)
    assert not np.allclose(result.values, saliency(model, [PICTURES, sites[::-1]], 1).values)  # the text counts
    assert summary(model).rows[1]["path"] == "site"
    with pytest.raises(InputError, match=r"'site' must be an array of strings\. Received: dtype float64\."):
        saliency(model, [PICTURES, np.zeros((3, 1))], 1)
    with pytest.raises(InputError, match=r"`input_name` must name an input of numbers\. Received: 'site', which holds text\."):
        saliency(model, [PICTURES, sites], 1, input_name="site")


@keras.saving.register_keras_serializable(package="tests")
class WithExtra(keras.layers.Layer):
    """Adds what an optional input holds."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, features, extra=None):
        scores = self.dense(features)
        return scores if extra is None else scores * keras.ops.sum(extra, axis=-1, keepdims=True)


def test_an_optional_input_may_be_left_out():
    picture, extra = keras.Input((8, 8, 1), name="picture"), keras.Input((3,), name="extra", optional=True)
    model = keras.Model([picture, extra], WithExtra()(pooled(picture), extra))
    without = saliency(model, [PICTURES, None], 1)
    np.testing.assert_array_equal(without.values, saliency(model, {"picture": PICTURES}, 1).values)
    np.testing.assert_array_equal(without.values, saliency(model, {"picture": PICTURES, "extra": None}, 1).values)
    doubled = saliency(model, [PICTURES, np.full((3, 3), 2 / 3)], 1)
    np.testing.assert_allclose(doubled.values, 2 * without.values, rtol=1e-5)
    assert example_inputs(model).others == []
    with pytest.raises(InputError, match="'picture' must be an array of numbers"):
        saliency(model, [None, np.ones((3, 3))], 1, input_name="extra")


def test_nested_inputs_are_taken_as_the_model_takes_them_and_flat():
    picture, numbers = keras.Input((8, 8, 1), name="picture"), keras.Input((3,), name="numbers")
    joined = keras.layers.Concatenate()([pooled(picture), numbers])
    scores = keras.layers.Dense(2)(keras.layers.Dense(5, activation="tanh")(joined))
    nested = keras.Model([{"image": picture}, (numbers,)], scores)
    flat = keras.Model([picture, numbers], scores)
    others = np.random.default_rng(1).normal(size=(3, 3)).astype("float32")
    expected = saliency(flat, [PICTURES, others], 1).values
    for images in ([{"image": PICTURES}, (others,)], {"picture": PICTURES, "numbers": others}, [PICTURES, others]):
        np.testing.assert_allclose(saliency(nested, images, 1, input_name="picture").values, expected, rtol=1e-5)
    with pytest.raises(InputError, match="must hold one array for each input"):
        saliency(nested, {"image": PICTURES, "others": others}, 1)


class Stacked(keras.layers.Layer):
    """Flattens pictures, of which it must know how many there are."""

    def call(self, pictures):
        return tf.reshape(pictures, [pictures.shape[0], -1])

    def compute_output_shape(self, input_shape):
        return input_shape[0], int(np.prod(input_shape[1:]))


def free_and_fixed():
    """A model of any batch size, and one of the same weights that takes 4 rows and no other number."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(3, 3, activation="relu", name="conv"), keras.layers.Flatten(), keras.layers.Dense(3)]
    free = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    picture = keras.Input((8, 8, 1), batch_size=4)
    return free, keras.Model(picture, layers[2](keras.ops.reshape(layers[0](picture), (4, -1))))


@pytest.mark.parametrize("count", [1, 3, 4, 6])
@pytest.mark.parametrize(
    ("method", "options"), [(saliency, {}), (occlusion, {}), (smoothgrad, {"samples": 3}), (visualize.scorecam, {})]
)
def test_a_fixed_batch_size_is_padded_and_cut(method, options, count):
    free, fixed = free_and_fixed()
    images = np.random.default_rng(0).random((count, 8, 8, 1)).astype("float32")
    expected, result = method(free, images, 1, **options), method(fixed, images, 1, **options)
    np.testing.assert_allclose(result.values, expected.values, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(result.scores, expected.scores, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{}, {"target": 1}, {"copies": 3}, {"copies": 5, "target": 0}, {"copies": 2, "diversity": 10.0, "layer": "conv"}],
    ids=str,
)
def test_maximized_inputs_of_a_fixed_batch_size_are_those_of_any(options):
    """With frames, in which each image of a batch has its own row."""
    free, fixed = free_and_fixed()
    expected, result = (visualize.maximize(model, steps=6, frames=2, **options) for model in (free, fixed))
    assert result.captions == expected.captions
    np.testing.assert_allclose(result.pictures, expected.pictures, atol=1e-3)
    np.testing.assert_allclose(result.frames, expected.frames, atol=1e-3)


def test_callbacks_of_a_fixed_batch_size_see_no_repeated_rows():
    seen = []

    class Watch:
        def on_begin(self, **arguments):
            pass

        def on_end(self):
            pass

        def __call__(self, step, values, grads, scores, model_outputs, **_):
            seen.append([len(each) for each in (*values, *grads, *scores, *model_outputs)])

    _, fixed = free_and_fixed()
    visualize.maximize(fixed, steps=2, callbacks=[Watch()])
    assert seen == [[3, 3, 3, 3]]


def test_copies_that_are_compared_must_fit_into_a_fixed_batch():
    _, fixed = free_and_fixed()
    with pytest.raises(InputError, match=r"`copies` must divide 4, the batch size of the model.* Received: 3\."):
        visualize.maximize(fixed, copies=3, diversity=1.0)


def test_features_of_a_fixed_batch_size_are_those_of_each_image():
    picture = keras.Input((8, 8, 1), batch_size=2)
    model = keras.Model(
        picture, keras.layers.Dense(2)(keras.ops.reshape(keras.layers.Conv2D(3, 3, name="conv")(picture), (2, -1)))
    )
    maps = np.asarray(model.get_layer("conv")(PICTURES))
    tiles = visualize.features(model, PICTURES)
    assert len(tiles) == 3
    for each, expected in zip(tiles, maps, strict=True):
        np.testing.assert_allclose(each.pictures[..., 0], expected.transpose(2, 0, 1), rtol=1e-4, atol=1e-6)


def test_a_layer_that_keeps_its_state_is_refused():
    inputs = keras.Input((5, 6), batch_size=2)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.LSTM(4, stateful=True, name="memory")(inputs)))
    with pytest.raises(InputError, match=r"must not keep a state from one batch to the next\. Received: 'memory'"):
        saliency(model, np.zeros((2, 5, 6)), 1)


def test_each_input_of_a_model_has_its_own_channels():
    keras.utils.set_random_seed(0)
    picture, signal = keras.Input((8, 8, 1), name="picture"), keras.Input((30, 2), name="signal")
    features = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(6, 5, activation="relu", name="conv")(signal))
    head = keras.layers.Dense(2)
    joined = keras.layers.Concatenate()([features, pooled(picture)])
    model = keras.Model({"picture": picture, "signal": signal}, head(joined))
    alone_head = keras.layers.Dense(2)
    alone = keras.Model(signal, alone_head(features))
    kernel, bias = head.get_weights()
    alone_head.set_weights([kernel[:6], bias])
    signals = np.random.default_rng(0).normal(size=(3, 30, 2)).astype("float32")
    both = {"picture": PICTURES, "signal": signals}
    for method in (saliency, gradcam):
        result = method(model, both, 1, input_name="signal")
        assert result.values.shape == (3, 30)
        np.testing.assert_allclose(result.values, method(alone, signals, 1).values, rtol=1e-4, atol=1e-7)
    assert gradcam(model, both, 1).values.shape == (3, 8, 8)


@pytest.mark.parametrize("steps", [(), (keras.layers.Rescaling(1 / 255),)], ids=["at once", "rescaled first"])
def test_a_vector_that_the_model_makes_a_picture_of_is_explained_as_that_picture(steps):
    keras.utils.set_random_seed(0)
    body = [keras.layers.Conv2D(3, 3, activation="relu", name="conv"), keras.layers.Flatten(), keras.layers.Dense(2)]
    of_pictures = keras.Sequential([keras.Input((6, 8, 1)), *steps, *body])
    of_vectors = keras.Sequential([keras.Input((48,)), *steps, keras.layers.Reshape((6, 8, 1)), *body])
    pictures = np.random.default_rng(0).random((2, 6, 8, 1)).astype("float32")
    for method in (saliency, gradcam, occlusion):
        expected = method(of_pictures, pictures, 1)
        for images in (pictures.reshape(2, 48), pictures):
            result = method(of_vectors, images, 1)
            assert result.images.shape == (2, 6, 8, 1)
            np.testing.assert_allclose(result.values, expected.values, rtol=1e-4, atol=1e-6)
    assert inputs_of(of_vectors, pictures.reshape(2, 48)).size == (6, 8)
    assert visualize.models.inputs.picture_shape(of_vectors) == (6, 8, 1)


def test_a_vector_that_something_else_reads_first_stays_a_vector():
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(16), keras.layers.Reshape((4, 4, 1)), keras.layers.Flatten()]
    )
    assert inputs_of(model, np.zeros((2, 6))).size == (6,)


def test_a_file_holds_the_inputs_that_the_model_needs(tmp_path):
    picture, extra = keras.Input((8, 8, 1), name="picture"), keras.Input((3,), name="extra", optional=True)
    site = keras.Input((1,), name="site", dtype="string")
    known = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(site)
    model = keras.Model([picture, extra, site], WithExtra()(keras.layers.Concatenate()([pooled(picture), known]), extra))
    np.savez(tmp_path / "rows.npz", picture=PICTURES, site=np.array([["a"], ["b"], ["a"]]))
    source = visualize.from_files(model, tmp_path / "rows.npz")
    assert source.names == ("rows.npz 0", "rows.npz 1", "rows.npz 2")
    assert saliency(model, source.images, 1).values.shape == (3, 8, 8)
    np.savez(tmp_path / "less.npz", picture=PICTURES)
    with pytest.raises(InputError, match="must hold one array for each input"):
        visualize.from_files(model, tmp_path / "less.npz")


def test_picture_files_fit_a_model_of_vectors(tmp_path):
    from PIL import Image

    layers = [keras.layers.Reshape((6, 8, 1)), keras.layers.Conv2D(3, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((48,)), *layers])
    Image.fromarray(np.arange(48, dtype="uint8").reshape(6, 8)).save(tmp_path / "picture.png")
    source = visualize.from_files(model, tmp_path / "picture.png")
    result = saliency(model, source.images, 1)
    np.testing.assert_allclose(result.images[0, ..., 0], np.arange(48).reshape(6, 8) / 255, rtol=1e-6)
    assert visualize.maximize(model, target=1, steps=2).pictures.shape == (1, 6, 8, 1)


class Reshaping(keras.Model):
    """A model whose own code makes a picture of a vector, which no graph of layers shows."""

    def __init__(self):
        super().__init__()
        self.body = [keras.layers.Conv2D(3, 3, name="conv"), keras.layers.Flatten(), keras.layers.Dense(2)]

    def call(self, inputs):
        outputs = keras.ops.reshape(inputs, (-1, 6, 8, 1))
        for layer in self.body:
            outputs = layer(outputs)
        return outputs


def test_a_model_that_reshapes_in_its_own_code_is_explained_as_the_message_says():
    model, images = Reshaping(), np.random.default_rng(0).random((2, 6, 8, 1)).astype("float32")
    model(images.reshape(2, 48))
    with pytest.raises(InputError, match=r"keras\.Sequential\(\[keras\.Input\(\(height, width, channels\)\)"):
        gradcam(model, images.reshape(2, 48), 1)
    wrapped = keras.Sequential([keras.Input((6, 8, 1)), keras.layers.Flatten(), model])
    plain = keras.Sequential([keras.Input((6, 8, 1)), *model.body])
    for method in (gradcam, saliency):
        np.testing.assert_allclose(method(wrapped, images, 1).values, method(plain, images, 1).values, atol=1e-6)


@pytest.mark.parametrize(
    "steps",
    [
        lambda x: keras.layers.Permute((2, 3, 1))(keras.layers.Reshape((3, 6, 8))(x)),
        lambda x: keras.ops.transpose(keras.ops.reshape(x / 255, (-1, 3, 6, 8)), (0, 2, 3, 1)),
    ],
)
def test_a_vector_of_red_green_and_blue_planes_is_explained_as_a_picture(steps):
    """So are the rows of CIFAR's files, (3072,), which models reshape to (3, 32, 32) and transpose."""
    keras.utils.set_random_seed(0)
    vector = keras.Input((144,))
    maps = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(steps(vector))
    model = keras.Model(vector, keras.layers.Dense(3)(keras.layers.Flatten()(maps)))
    rows = np.random.default_rng(0).random((2, 144), "float32")
    result = saliency(model, rows, 1)
    with tf.GradientTape() as tape:
        tape.watch(watched := tf.constant(rows))
        scores = model(watched)[:, 1]
    planes = np.abs(tape.gradient(scores, watched).numpy()).reshape(2, 3, 6, 8)
    np.testing.assert_allclose(result.values, planes.max(axis=1), rtol=1e-4)
    np.testing.assert_array_equal(result.images, rows.reshape(2, 3, 6, 8).transpose(0, 2, 3, 1))
    hidden = rows.reshape(2, 3, 6, 8).copy()
    hidden[:, :, 2:4, 6:8] = 0
    falls = np.asarray(model(rows) - model(hidden.reshape(2, -1)))[:, 1]
    np.testing.assert_allclose(occlusion(model, rows, 1, patch=2, stride=2, fill=0).values[:, 3, 7], falls, atol=1e-5)
    assert gradcam(model, rows, 1).settings.map == [4, 6]
    assert visualize.models.inputs.picture_shape(model) == (6, 8, 3)


def test_a_vector_may_be_a_picture_of_one_row():
    keras.utils.set_random_seed(0)
    steps = [keras.layers.Reshape((1, 20, 1)), keras.layers.Conv2D(3, (1, 3), activation="relu"), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((20,)), *steps, keras.layers.Dense(2)])
    rows = np.random.default_rng(0).random((2, 20), "float32")
    result = occlusion(model, rows, 1, patch=1, stride=1, fill=0, path="full")
    hidden = rows.copy()
    hidden[:, 7] = 0
    np.testing.assert_allclose(result.values[:, 0, 7], np.asarray(model(rows) - model(hidden))[:, 1], atol=1e-6)
