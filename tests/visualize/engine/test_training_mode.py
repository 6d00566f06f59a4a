"""Models that run layers in training mode themselves: nothing is updated, and no map depends on batch mates."""

import keras
import numpy as np
import pytest

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
