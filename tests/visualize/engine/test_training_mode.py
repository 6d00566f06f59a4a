"""Models that run layers in training mode themselves: nothing is updated, and no map depends on batch mates."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import visualize

L = keras.layers
IMAGES = np.random.default_rng(0).normal(size=(4, 12, 12, 1)).astype("float32")


class Own(keras.Model):
    """A small model of which the caller says which layers train."""

    def __init__(self, normalizes, drops):
        super().__init__()
        self.convolution = L.Conv2D(6, 3, activation="relu", name="convolution")
        self.normalization, self.dropout = L.BatchNormalization(name="normalization"), L.Dropout(0.5, name="dropout")
        self.pooling, self.head = L.GlobalAveragePooling2D(name="pooling"), L.Dense(3, name="head")
        self.normalizes, self.drops = normalizes, drops

    def call(self, inputs):
        x = self.normalization(self.convolution(inputs), training=self.normalizes)
        return self.head(self.dropout(self.pooling(x), training=self.drops))


def model_of(normalizes, drops):
    keras.utils.set_random_seed(3)
    model = Own(normalizes, drops)
    model(IMAGES)
    return model


METHODS = {
    "saliency": visualize.saliency,
    "gradcam": visualize.gradcam,
    "occlusion": lambda *arguments: visualize.occlusion(*arguments, patch=6),
    "smoothgrad": lambda *arguments: visualize.smoothgrad(*arguments, samples=3),
    "rise": lambda *arguments: visualize.rise(*arguments, masks=20),
    "scorecam": visualize.scorecam,
    "integrated_gradients": lambda *arguments: visualize.integrated_gradients(*arguments, steps=5),
}


def test_occlusion_never_has_two_hidden_copies_in_the_batch_that_a_layer_normalizes_by():
    model = model_of(True, False)
    images = np.repeat(IMAGES, 8, axis=0)  # so many that windows would be faster
    result = visualize.occlusion(model, images, 1, patch=1, stride=1, fill=0)
    assert result.settings["path"] == "full"
    assert "'normalization' need each image alone" in result.settings["path_reason"]
    hidden = images[:1].copy()
    hidden[0, 4, 7] = 0
    fall = (model(images[:1]) - model(hidden)).numpy()[0, 1]
    assert result.values[0, 4, 7] == pytest.approx(fall, abs=1e-6)
    with pytest.raises(visualize.InputError, match="need each image alone"):
        visualize.occlusion(model, images, 1, patch=1, path="windows")


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize(("normalizes", "drops"), [(True, False), (False, True), (True, True)])
def test_nothing_changes_and_each_image_is_explained_as_if_alone(method, normalizes, drops):
    model = model_of(normalizes, drops)
    before = [weight.numpy().copy() for weight in model.weights]
    seeds = [np.asarray(variable).copy() for variable in model.non_trainable_variables]
    together = method(model, IMAGES, 1)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    for variable, value in zip(model.non_trainable_variables, seeds, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)
    for row in range(len(IMAGES)):
        np.testing.assert_allclose(method(model, IMAGES[row : row + 1], 1).values[0], together.values[row], atol=1e-6)
    remarks = " ".join(together.settings.remarks)
    assert ("'normalization' normalize by the statistics of the batch" in remarks) == normalizes
    assert ("'dropout' draw at random" in remarks) == drops


def test_a_model_in_inference_mode_needs_no_remark():
    assert visualize.saliency(model_of(False, False), IMAGES).settings.remarks is None


def test_scores_are_those_of_the_model_alone_on_the_image():
    model = model_of(True, False)
    explained = visualize.saliency(model, IMAGES, 1)
    alone = np.concatenate([model(IMAGES[row : row + 1]).numpy() for row in range(len(IMAGES))])
    np.testing.assert_allclose(explained.scores, alone[:, 1], rtol=1e-5)


def test_a_contrast_of_one_draw_says_so():
    remarks = visualize.contrast(model_of(False, True), IMAGES, 1, 2).settings.remarks
    assert "'dropout' draw at random, as in training: this is the result of one draw." in remarks


class Always(L.Dropout):
    """A dropout that never stops, without anybody asking for it, as networks have it that tell how sure they are."""

    def call(self, inputs, training=False):
        return super().call(inputs, training=True)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_layer_that_draws_by_itself_is_named(method):
    inner = keras.Sequential([keras.Input((10, 10, 6)), Always(0.5, name="always"), L.GlobalAveragePooling2D()], name="inner")
    layers = [L.Conv2D(6, 3, activation="relu", name="convolution"), inner, L.Dense(3)]
    model = keras.Sequential([keras.Input((12, 12, 1)), *layers])
    remarks = method(model, IMAGES[:1], 1).settings.remarks
    assert "'inner/always' draw at random, as in training: this is the result of one draw." in remarks


def test_noise_that_a_method_adds_is_not_the_models():
    model = model_of(False, False)
    for method in METHODS.values():
        remarks = method(model, IMAGES[:1], 1).settings.remarks or []
        assert not any("draw at random" in remark for remark in remarks)


def test_features_name_what_draws_before_their_layer_and_nothing_behind_it():
    model = model_of(False, True)
    assert visualize.features(model, IMAGES[:1], layer="pooling")[0].settings.remarks is None  # the dropout comes later
    drawn = visualize.features(model, IMAGES[:1], layer="dropout")[0]
    assert drawn.settings.remarks == ["'dropout' draw at random, as in training: this is the result of one draw."]


def test_a_maximized_input_of_a_model_that_draws_says_so():
    options = {"steps": 2, "parametrization": "pixel"}
    (remark,) = visualize.maximize(model_of(False, True), 1, **options).settings.remarks
    assert "'dropout' draw at random" in remark
    assert visualize.maximize(model_of(False, False), 1, **options).settings.remarks is None
    before_it = visualize.maximize(model_of(False, True), 1, layer="convolution", **options)
    assert before_it.settings.remarks is None


class Centered(L.Layer):
    """A layer of somebody's own that subtracts the mean of the batch."""

    def call(self, inputs):
        return inputs - keras.ops.mean(inputs, axis=0, keepdims=True)


class Counting(L.Layer):
    """A layer that counts its calls in a variable that Keras does not know."""

    def __init__(self):
        super().__init__()
        self.calls = tf.Variable(0.0, trainable=False)

    def call(self, inputs):
        self.calls.assign_add(1.0)
        return inputs


def test_a_layer_that_reads_the_whole_batch_gets_each_image_alone():
    keras.utils.set_random_seed(0)
    layers = [L.Conv2D(6, 3, activation="relu"), Centered(name="centered"), L.Flatten(), L.Dense(3)]
    model = keras.Sequential([keras.Input((12, 12, 1)), *layers])
    together = visualize.saliency(model, IMAGES, 1)
    assert together.settings.remarks == ["'centered' compute something of the whole batch: images were run one by one."]
    np.testing.assert_allclose(together.values[2:3], visualize.saliency(model, IMAGES[2:3], 1).values, atol=1e-6)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_variable_that_keras_does_not_know_stays_as_it_is(method):
    counting = Counting()
    layers = [L.Conv2D(6, 3, activation="relu"), counting, L.GlobalAveragePooling2D(), L.Dense(3)]
    model = keras.Sequential([keras.Input((12, 12, 1)), *layers])
    before = float(counting.calls.numpy())
    method(model, IMAGES, 1)
    assert float(counting.calls.numpy()) == before
    model.predict(IMAGES, verbose=0)
    assert float(counting.calls.numpy()) > before  # the model itself still counts


def test_units_are_maximized_alone_where_a_layer_normalizes_by_the_batch():
    model, options = model_of(True, False), {"steps": 3, "parametrization": "pixel"}
    together = visualize.maximize(model, [0, 1, 2], **options)
    alone = visualize.maximize(model, 1, **options)
    assert together.settings["scores"][1] == pytest.approx(alone.settings["scores"][0], abs=1e-5)
    assert "'normalization' compute something of the whole batch: each unit was maximized alone." in together.settings.remarks
