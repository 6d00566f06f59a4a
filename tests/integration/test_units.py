"""Units within a model, explained as if the model ended with their layer."""

import keras
import numpy as np
import pytest

import visualize
from visualize import InputError, Target


def test_a_unit_within_the_model_is_explained_by_every_method(reloaded, images_for):
    model = reloaded("nested")
    images = images_for(model, 2)
    base = keras.Model(
        model.layers[1].inputs[0], keras.layers.GlobalAveragePooling2D()(model.get_layer("base").layers[1].output)
    )
    for method, options in (
        (visualize.saliency, {}),
        (visualize.gradcam, {"layer": "conv"}),
        (visualize.occlusion, {"patch": 6}),
    ):
        found = method(model, images, Target(3, layer="base/conv_2"), **options)
        expected = method(base, images, 3, **options)
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-4, atol=1e-6)
        assert found.settings["target_layer"] == "base/conv_2"
        assert found.settings["score"] == "mean activation of base/conv_2"
    visualize.draw(found)


def test_a_region_chooses_the_places_of_a_units_map(build, images_for):
    model = build("color")
    image = images_for(model, 1)
    found = visualize.saliency(model, image, Target(1, layer="conv", region=(0, 0, 3, 12)))
    assert found.values[0, :6].any()
    assert not found.values[0, 7:].any()


def test_a_target_names_a_layer_or_an_output(build, images_for):
    model = build("softmax")
    with pytest.raises(InputError, match="`output` must be left out where `layer` says"):
        visualize.saliency(model, images_for(model), Target(0, output="preds", layer="conv"))
    with pytest.raises(InputError, match=r"`layer` must be a layer of the model. Received: 'con_2'"):
        visualize.saliency(model, images_for(model), Target(0, layer="con_2"))
