"""Models of several outputs, and outputs that are images."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import visualize
from visualize import InputError, Target


def logits_of(model, images):
    """The answers of a segmenting model before their softmax, (batch, height, width, classes)."""
    *_, last = model.layers
    before = keras.Model(model.inputs[0], last.input)
    kernel, bias = last.get_weights()
    return np.einsum("bhwc,cd->bhwd", np.asarray(before(images)), kernel[0, 0]) + bias


@pytest.mark.parametrize("method", [visualize.saliency, visualize.gradcam, visualize.occlusion, visualize.hirescam])
def test_an_output_that_is_chosen_by_name_is_explained_as_if_it_were_alone(method, reloaded, images_for):
    model = reloaded("two_outputs")
    alone = keras.Model(model.inputs[0], model.get_layer("preds").output)
    images = images_for(model)
    found, expected = method(model, images, Target(2, output="kind")), method(alone, images, 2)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-6)
    assert (found.settings["output"], found.settings["score"]) == ("kind", "logit")


def test_a_number_that_a_model_predicts_is_explained_as_its_only_class(reloaded, images_for):
    model = reloaded("two_outputs")
    images = images_for(model)
    found = visualize.saliency(model, images, Target(output="size"))
    np.testing.assert_allclose(found.scores, np.asarray(model(images)["size"])[:, 0], rtol=1e-6)
    assert found.targets.tolist() == [0, 0, 0]
    assert found.settings["score"] == "output"


def test_several_outputs_are_refused_until_one_is_named(reloaded, images_for):
    model = reloaded("two_outputs")
    images = images_for(model)
    with pytest.raises(InputError) as caught:
        visualize.saliency(model, images, 1)
    assert str(caught.value) == (
        "`output` must name one of the model's outputs, 'kind', 'size': Target(3, output=...), on the command line --output. "
        "Received: None."
    )
    with pytest.raises(InputError) as caught:
        visualize.saliency(model, images, Target(1, output="colour"))
    assert str(caught.value) == "`output` must be an output of the model: 'kind', 'size'. Received: 'colour'."


def test_outputs_in_a_list_are_called_as_the_layers_that_make_them(build, images_for):
    model = build("two_outputs")
    listed = keras.Model(model.inputs[0], [model.get_layer("preds").output, model.get_layer("size_of").output])
    images = images_for(model)
    by_name = visualize.saliency(listed, images, Target(1, output="preds"))
    np.testing.assert_array_equal(by_name.values, visualize.saliency(model, images, Target(1, output="kind")).values)


def test_a_function_is_given_the_output_that_was_named(reloaded, images_for):
    model = reloaded("two_outputs")
    images = images_for(model)
    found = visualize.saliency(model, images, Target(lambda scores: scores[:, 3], output="kind"))
    np.testing.assert_array_equal(found.values, visualize.saliency(model, images, Target(3, output="kind")).values)
    both = visualize.saliency(model, images, lambda outputs: outputs["size"][:, 0])
    np.testing.assert_allclose(both.values, visualize.saliency(model, images, Target(output="size")).values, rtol=1e-6)


def test_the_score_of_an_image_output_is_the_mean_of_its_logits(reloaded, images_for):
    model = reloaded("segmenting")
    images = images_for(model)
    logits = logits_of(model, images)
    found = visualize.saliency(model, images, 2)
    np.testing.assert_allclose(found.scores, logits[..., 2].mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)
    assert found.settings["score"] == "mean logit"
    own = visualize.saliency(model, images)
    np.testing.assert_array_equal(own.targets, logits.mean(axis=(1, 2)).argmax(axis=1))


def test_a_region_is_the_mean_over_its_pixels(reloaded, images_for):
    model = reloaded("segmenting")
    images = images_for(model)
    logits = logits_of(model, images)
    box = visualize.saliency(model, images, Target(1, region=(2, 3, 4, 5)))
    np.testing.assert_allclose(box.scores, logits[:, 2:6, 3:8, 1].mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)
    masks = np.random.default_rng(0).random((3, 12, 12)) > 0.5
    each = visualize.saliency(model, images, Target(1, region=masks))
    expected = [logits[row, ..., 1][masks[row]].mean() for row in range(3)]
    np.testing.assert_allclose(each.scores, expected, rtol=1e-4, atol=1e-6)
    for row in range(3):
        alone = visualize.saliency(model, images[row : row + 1], Target(1, region=masks[row]))
        np.testing.assert_allclose(alone.values[0], each.values[row], rtol=1e-4, atol=1e-7)


def test_pixels_far_from_the_region_do_not_count(reloaded, images_for):
    model = reloaded("segmenting")
    found = visualize.saliency(model, images_for(model), Target(1, region=(0, 0, 2, 2)))
    assert found.values[:, :5, :5].any()
    assert not found.values[:, 7:].any()  # 2 of the region, 2 to the pool's end, 2 of each convolution
    assert not found.values[:, :, 7:].any()


@pytest.mark.slow
@pytest.mark.parametrize("method", [visualize.occlusion, visualize.smoothgrad, visualize.scorecam, visualize.hirescam])
def test_every_kind_of_method_looks_at_the_region_alone(method, reloaded, images_for):
    model = reloaded("segmenting")
    images = images_for(model)
    region = np.zeros((12, 12))
    region[4:, :6] = 1
    target = Target(1, region=region)

    def mean(maps):
        return tf.reduce_mean(maps[:, 4:, :6, 1], axis=(1, 2))

    found, expected = method(model, images, target), method(model, images, mean)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-3, atol=1e-6)
    whole = method(model, images, 1)
    assert not np.allclose(found.values, whole.values, rtol=1e-3)


def test_a_region_is_in_pixels_of_the_image_whatever_the_size_of_the_output():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.AveragePooling2D(2), keras.layers.Conv2D(2, 1)])
    images = np.random.default_rng(0).random((1, 8, 8, 1)).astype("float32")
    answers = np.asarray(model(images))[0, ..., 1]
    found = visualize.saliency(model, images, Target(1, region=(0, 0, 4, 8)))
    counts = np.array([1, 0.875, 0.125, 0])  # a hat four pixels wide over each place of the output, cut at the border
    np.testing.assert_allclose(found.scores[0], (answers.mean(axis=1) * counts).sum() / counts.sum(), rtol=1e-5)


REGIONS = {
    (0, 0, 13, 2): "`region` must be top, left, height, width within an image of 12x12. Received: 0, 0, 13, 2.",
    (0, -1, 3, 2): "`region` must be top, left, height, width within an image of 12x12. Received: 0, -1, 3, 2.",
    (0, 0, 0, 2): "`region` must be top, left, height, width within an image of 12x12. Received: 0, 0, 0, 2.",
    (1, 2, 3): "`region` must be (top, left, height, width), or numbers from 0 of shape (12, 12) or (3, 12, 12). "
    "Received: shape (3,).",
    "sky": "`region` must be (top, left, height, width), or numbers from 0 of shape (12, 12) or (3, 12, 12). "
    "Received: shape ().",
}


@pytest.mark.parametrize("region", REGIONS, ids=str)
def test_a_region_outside_of_the_image_is_refused(region, reloaded, images_for):
    model = reloaded("segmenting")
    with pytest.raises(InputError) as caught:
        visualize.saliency(model, images_for(model), Target(1, region=region))
    assert str(caught.value) == REGIONS[region]


def test_a_region_in_which_nothing_counts_is_refused(reloaded, images_for):
    model = reloaded("segmenting")
    masks = np.ones((3, 12, 12))
    masks[1] = 0
    with pytest.raises(InputError, match=r"`region` must choose at least one pixel of each image\. Received: none\."):
        visualize.saliency(model, images_for(model), Target(1, region=masks))


def test_a_region_of_an_output_without_places_is_refused(reloaded, images_for):
    model = reloaded("softmax")
    with pytest.raises(
        InputError, match=r"`region` needs an image output, \(batch, height, width, classes\)\. Received: \(None"
    ):
        visualize.saliency(model, images_for(model), Target(1, region=(0, 0, 2, 2)))


def test_a_region_beside_a_function_is_refused(reloaded, images_for):
    model = reloaded("segmenting")
    with pytest.raises(InputError, match="`region` must be left out where the target is a function"):
        visualize.saliency(model, images_for(model), Target(lambda maps: maps[:, 0, 0, 0], region=(0, 0, 2, 2)))


def test_the_map_of_an_image_output_is_not_the_output_itself(reloaded, images_for):
    model = reloaded("segmenting")
    assert visualize.gradcam(model, images_for(model), 1).settings["layer"] == "conv_2"


def test_the_channels_of_an_image_output_may_come_first():
    model = keras.Sequential([keras.Input((1, 6, 5)), keras.layers.Conv2D(3, 1, data_format="channels_first")])
    images = np.random.default_rng(0).random((2, 1, 6, 5)).astype("float32")
    found = visualize.saliency(model, images, Target(2, region=(1, 0, 2, 5)))
    np.testing.assert_allclose(found.scores, np.asarray(model(images))[:, 2, 1:3].mean(axis=(1, 2)), rtol=1e-5)
    assert found.settings["classes"] == 3


def test_the_classes_of_an_output_that_is_named_are_maximized_as_if_it_were_alone(reloaded):
    model = reloaded("two_outputs")
    alone = keras.Model(model.inputs[0], model.get_layer("preds").output)
    mixed = visualize.objectives.unit("conv", 1) + visualize.objectives.score(0)
    for target in (2, lambda scores: scores[:, 1] - scores[:, 0], mixed):
        found = visualize.maximize(model, target, output="kind", steps=4)
        np.testing.assert_allclose(found.pictures, visualize.maximize(alone, target, steps=4).pictures, rtol=1e-4, atol=1e-6)
        assert found.settings.output == "kind"
    assert len(visualize.maximize(model, output="kind", steps=1).pictures) == 4
    assert len(visualize.maximize(model, output="size", steps=1).pictures) == 1


def test_what_is_maximized_of_several_outputs_must_be_named(reloaded):
    model = reloaded("two_outputs")
    refused = "`output` must name one of the model's outputs, 'kind', 'size', or `layer` a layer. Received: None."
    with pytest.raises(InputError, match=re.escape(refused)):
        visualize.maximize(model, 1)
    with pytest.raises(InputError, match=r"`output` must be an output of the model: 'kind', 'size'\. Received: 'colour'\."):
        visualize.maximize(model, 1, output="colour")
    for options in ({"target": 1, "layer": "conv"}, {"whole_layer": "conv"}):
        with pytest.raises(InputError, match=r"`output` must be left out where the units of layers are maximized\."):
            visualize.maximize(model, output="kind", **options)
