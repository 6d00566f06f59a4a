"""The snippets of article 2, with their imports changed, against the methods of visualize."""

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

import visualize
from visualize import InputError
from visualize.keras_vis import utils, visualize_activation, visualize_cam, visualize_saliency

MODIFIERS = (None, "guided", "relu")


def digits(build, images_for):
    """A network whose last layer is `preds`, its pictures, and their classes as rows of 0 and 1."""
    model = build("softmax")
    return model, images_for(model, 4), np.eye(4)


def in_parts(attribution):
    return attribution.values[0] / attribution.values[0].max()


def test_the_article_finds_its_layer_and_swaps_the_softmax(build, images_for):
    model, pictures, _ = digits(build, images_for)
    probabilities = model.predict(pictures, verbose=0)

    from keras import activations

    from visualize.keras_vis import utils

    layer_idx = utils.find_layer_idx(model, "preds")
    model.layers[layer_idx].activation = activations.linear
    weights = model.get_weights()
    model = utils.apply_modifications(model)

    assert model.layers[layer_idx].name == "preds"
    assert utils.find_layer_idx(model, "conv") == 0
    logits = model.predict(pictures, verbose=0)
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), probabilities, rtol=1e-5)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_modifications_take_effect_in_training_and_measuring_too(build, images_for):
    model, pictures, classes = digits(build, images_for)
    model.compile(keras.optimizers.SGD(0.0), "mean_squared_error")
    before = model.evaluate(pictures, classes, verbose=0)
    model.fit(pictures, classes, verbose=0)
    model.layers[-1].activation = keras.activations.linear
    utils.apply_modifications(model)
    logits = model.predict(pictures, verbose=0)
    after = model.evaluate(pictures, classes, verbose=0)
    assert after == pytest.approx(np.square(logits - classes).mean(), rel=1e-5)
    assert after != pytest.approx(before, rel=1e-2)
    assert model.fit(pictures, classes, verbose=0).history["loss"][0] != pytest.approx(before, rel=1e-2)


def test_the_articles_activation_maximization_is_maximize(build):
    model = build("softmax")
    layer_idx = utils.find_layer_idx(model, "preds")
    expected = visualize.maximize(model, [0, 1], input_range=(0, 1), steps=10).pictures
    model.layers[layer_idx].activation = keras.activations.linear
    model = utils.apply_modifications(model)
    axes = Figure().subplots()
    for output_idx in np.arange(2):
        img = visualize_activation(model, layer_idx, filter_indices=output_idx, input_range=(0.0, 1.0), max_iter=10)
        axes.imshow(img[..., 0])
        assert img.shape == (12, 12, 1)
        np.testing.assert_allclose(img, expected[output_idx], atol=2e-3)


def test_the_articles_saliency_is_saliency(build, images_for):
    model, x_test, y_test = digits(build, images_for)
    expected = build("softmax")
    layer_idx = utils.find_layer_idx(model, "preds")
    model.layers[layer_idx].activation = keras.activations.linear
    model = utils.apply_modifications(model)
    axes = Figure().subplots()
    for class_idx in np.arange(4):
        indices = np.where(y_test[:, class_idx] == 1.0)[0]
        idx = indices[0]
        for modifier in MODIFIERS:
            grads = visualize_saliency(
                model, layer_idx, filter_indices=class_idx, seed_input=x_test[idx], backprop_modifier=modifier
            )
            axes.imshow(grads, cmap="jet")
            assert grads.shape == (12, 12)
            native = visualize.saliency(expected, x_test[idx : idx + 1], int(class_idx), modifier=modifier)
            np.testing.assert_allclose(grads, in_parts(native), rtol=1e-5, atol=1e-7)


def test_the_articles_cam_is_gradcam(build, images_for):
    model, x_test, y_test = digits(build, images_for)
    expected = build("softmax")
    layer_idx = utils.find_layer_idx(model, "preds")
    model.layers[layer_idx].activation = keras.activations.linear
    model = utils.apply_modifications(model)
    axes = Figure().subplots()
    telling = 0
    for class_idx in np.arange(4):
        indices = np.where(y_test[:, class_idx] == 1.0)[0]
        idx = indices[0]
        grads = visualize_cam(model, layer_idx, filter_indices=class_idx, seed_input=x_test[idx])
        axes.imshow(grads, cmap="jet")
        native = visualize.gradcam(expected, x_test[idx : idx + 1], int(class_idx)).values[0]
        assert grads.shape == (12, 12)
        np.testing.assert_allclose(grads * native.max(), native, rtol=1e-5, atol=1e-7)
        assert grads.max() in (0, 1)
        telling += grads.max() == 1
    assert telling


def test_cam_passes_its_modifier_on(images_for):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(4, 3), keras.layers.ReLU(), keras.layers.Flatten()]
    layers += [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    image = images_for(model, 1)[0]
    maps = {}
    for modifier in MODIFIERS:
        maps[modifier] = visualize_cam(model, -1, filter_indices=0, seed_input=image, backprop_modifier=modifier)
        native = visualize.gradcam(model, image[None], 0, modifier=modifier)
        np.testing.assert_allclose(maps[modifier], in_parts(native), rtol=1e-5, atol=1e-7)
    assert not np.allclose(maps[None], maps["relu"], atol=1e-3)


@pytest.mark.parametrize("head", ["softmax_layer", "nested"])
def test_a_class_is_explained_by_its_logit_whatever_the_head(head, reloaded, images_for):
    model = reloaded(head)
    images = images_for(model, 1)
    expected = in_parts(visualize.saliency(model, images, 2))
    np.testing.assert_allclose(visualize_saliency(model, -1, 2, images), expected, rtol=1e-4, atol=1e-6)


def test_the_only_unit_of_a_sigmoid_is_number_0(reloaded, images_for):
    model = reloaded("one_sigmoid")
    images = images_for(model, 1)
    native = visualize.gradcam(model, images, 1).values[0]
    np.testing.assert_allclose(visualize_cam(model, -1, 0, images[0]) * native.max(), native, rtol=1e-5)
    picture = visualize_activation(model, -1, 0, max_iter=10)
    np.testing.assert_allclose(picture, visualize.maximize(model, 1, steps=10).pictures[0], atol=0.2)
    assert np.asarray(model(picture[None]))[0, 0] > np.asarray(model(np.full_like(picture, 0.5)[None]))[0, 0]


def test_the_score_of_a_channel_is_the_mean_of_its_map(build, images_for):
    model = build("softmax")
    images = images_for(model, 2)
    layer_idx = utils.find_layer_idx(model, "conv_2")
    alone = keras.Model(model.inputs[0], keras.layers.GlobalAveragePooling2D()(model.layers[layer_idx].output))
    expected = in_parts(visualize.saliency(alone, images[:1], 5))
    np.testing.assert_allclose(visualize_saliency(model, layer_idx, 5, images[0]), expected, rtol=1e-5, atol=1e-6)
    found = visualize_cam(model, layer_idx, 5, images[0], penultimate_layer_idx=0)
    np.testing.assert_allclose(found, in_parts(visualize.gradcam(alone, images[:1], 5, layer="conv")), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found, visualize_cam(model, layer_idx, 5, images[0]))  # the convolution before
    native = visualize.maximize(model, 5, layer="conv_2", steps=10).pictures[0]
    np.testing.assert_array_equal(visualize_activation(model, layer_idx, 5, max_iter=10), native)


@pytest.mark.parametrize("layer", ["preds", "conv_2"])
def test_several_units_are_explained_by_their_sum(build, images_for, layer):
    model = build("softmax")
    image = images_for(model, 1)
    alone = model
    if layer == "conv_2":
        alone = keras.Model(model.inputs[0], keras.layers.GlobalAveragePooling2D()(model.get_layer(layer).output))
    expected = visualize.saliency(alone, image, lambda answers: answers[:, 0] + answers[:, 3])
    found = visualize_saliency(model, utils.find_layer_idx(model, layer), [0, 3], image)
    np.testing.assert_allclose(found, in_parts(expected), rtol=1e-4, atol=1e-6)


def test_penultimate_layer_idx_chooses_the_maps(build, images_for):
    model = build("softmax")
    images = images_for(model, 1)
    for class_idx in range(4):
        native = visualize.gradcam(model, images, class_idx, layer="pool").values[0]
        found = visualize_cam(model, -1, class_idx, images, penultimate_layer_idx=utils.find_layer_idx(model, "pool"))
        np.testing.assert_allclose(found * native.max(), native, rtol=1e-5, atol=1e-7)


def test_seed_input_is_where_the_ascent_begins(build, images_for):
    model = build("softmax")
    start = images_for(model, 1)[0]
    expected = visualize.maximize(model, 1, start=start, steps=3).pictures[0]
    np.testing.assert_allclose(visualize_activation(model, -1, 1, seed_input=start, max_iter=3), expected, atol=1e-5)


def test_a_map_that_is_zero_stays_zero(images_for):
    model = keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    image = images_for(model, 1)[0]
    np.testing.assert_array_equal(visualize_saliency(model, -1, 0, image), np.zeros((6, 6)))
    np.testing.assert_array_equal(visualize_cam(model, -1, 0, image), np.zeros((6, 6)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layer_idx": 8}, "`layer_idx` must be a number of `model.layers`, -8 to 7. Received: 8."),
        ({"layer_idx": "preds"}, "`layer_idx` must be a number of `model.layers`, -8 to 7. Received: 'preds'."),
        ({"filter_indices": None}, "`filter_indices` must be a number, or several. Received: None."),
        ({"filter_indices": 4}, "`filter_indices` must be between 0 and 3. Received: 4."),
        ({"filter_indices": [0, 4]}, "`filter_indices` must be between 0 and 3. Received: 4."),
        ({"seed_input": np.zeros((2, 12, 12, 1))}, "`seed_input` must be one image, or a batch of one. Received: shape"),
        ({"backprop_modifier": "deconv"}, "`backprop_modifier` must be None, 'guided' or 'relu'. Received: 'deconv'."),
        ({"grad_modifier": "negate"}, "`grad_modifier` must be left out: it is not supported here. visualize."),
    ],
)
@pytest.mark.parametrize("call", [visualize_saliency, visualize_cam])
def test_refusals_name_the_arguments_that_were_given(build, call, wrong, message):
    given = {"layer_idx": -1, "filter_indices": 0, "seed_input": np.zeros((12, 12, 1), "float32")}
    with pytest.raises(InputError) as caught:
        call(build("softmax"), **{**given, **wrong})
    assert str(caught.value).startswith(message)


def test_activation_maximization_refuses_too(build):
    model = build("softmax")
    with pytest.raises(InputError, match="`filter_indices` must be one unit"):
        visualize_activation(model, -1, [0, 1])
    with pytest.raises(InputError, match=r"`filter_indices` must be between 0 and 3. Received: 9"):
        visualize_activation(model, -1, 9)
    with pytest.raises(InputError, match=r"`max_iter` must be at least 1. Received: 0"):
        visualize_activation(model, -1, 0, max_iter=0)
    with pytest.raises(InputError, match="`tv_weight` must be left out"):
        visualize_activation(model, -1, 0, tv_weight=1.0)
    with pytest.raises(InputError, match=r"`layer_name` must be one of 'conv', .*Received: 'predictions'"):
        utils.find_layer_idx(model, "predictions")
