"""Several methods on the same images, and one method on two classes."""

import functools

import keras
import numpy as np
import pytest

import visualize
from visualize import InputError, Target, compare, contrast

LINEAR_IN_THE_SCORE = [
    visualize.input_times_gradient,
    functools.partial(visualize.integrated_gradients, steps=5),
    visualize.hirescam,
    functools.partial(visualize.occlusion, patch=4),
    functools.partial(visualize.rise, masks=20),
]


def test_each_method_is_a_column_with_the_values_it_has_alone(build, images_for):
    model = build("softmax")
    images = images_for(model)
    methods = [visualize.saliency, functools.partial(visualize.occlusion, patch=6), visualize.eigencam]
    found = compare(model, images, 2, methods=methods)
    assert [one.method for one in found] == ["saliency", "occlusion", "eigencam"]
    np.testing.assert_array_equal(found[0].values, visualize.saliency(model, images, 2).values)
    np.testing.assert_array_equal(found[1].values, visualize.occlusion(model, images, 2, patch=6).values)
    np.testing.assert_array_equal(found[2].values, visualize.eigencam(model, images).values)
    assert not any(one.display.shared_scale for one in found)  # each image is legible by itself


def test_an_output_is_the_same_for_every_method(build, images_for):
    model = build("two_outputs")
    images = images_for(model)
    found = compare(model, images, Target(1, output="kind"), methods=[visualize.saliency, visualize.eigencam])
    assert [one.settings["output"] for one in found] == ["kind", "kind"]
    np.testing.assert_array_equal(found[1].values, visualize.eigencam(model, images, output="kind").values)


def test_what_the_model_does_not_allow_is_left_out_of_the_default_and_told():
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    found = compare(model, np.ones((1, 6, 6, 1)), 1)
    assert [one.method for one in found] == ["saliency", "smoothgrad", "integrated_gradients", "occlusion", "rise"]
    assert list(found[0].settings["left_out"]) == ["guided_gradcam", "gradcam", "layercam"]
    assert "no convolution of this model" in found[0].settings["left_out"]["gradcam"]
    with pytest.raises(InputError, match="no convolution of this model"):
        compare(model, np.ones((1, 6, 6, 1)), 1, methods=[visualize.saliency, visualize.gradcam])


def test_a_mistake_in_what_is_asked_is_told_and_not_left_out(build, images_for):
    model = build("softmax")
    with pytest.raises(InputError, match="`target` must be between 0 and 3"):
        compare(model, images_for(model), 7)


def test_options_go_to_the_methods_that_take_them(build, images_for):
    model = build("softmax")
    images = images_for(model)
    found = compare(model, images, 2, methods=[visualize.saliency, visualize.gradcam], modifier="guided", layer="conv")
    assert [one.settings["modifier"] for one in found] == ["guided", "guided"]
    assert found[1].settings["layer"] == "conv"
    with pytest.raises(InputError) as caught:
        compare(model, images, 2, methods=[visualize.saliency], layer="conv")
    assert str(caught.value) == "`layer` is no option of saliency."
    with pytest.raises(InputError, match="`methods` must hold at least one method"):
        compare(model, images, 2, methods=[])


@pytest.mark.slow
@pytest.mark.parametrize("method", LINEAR_IN_THE_SCORE, ids=lambda one: getattr(one, "func", one).__name__)
def test_the_contrast_of_two_classes_explains_the_difference_of_their_scores(method, build, images_for):
    model = build("linear")
    images = images_for(model)
    found = contrast(model, images, 1, 3, method=method)
    difference = method(model, images, lambda scores: scores[:, 1] - scores[:, 3])
    np.testing.assert_allclose(found.values, difference.values, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.scores, difference.scores, rtol=1e-4, atol=1e-5)


def test_the_contrast_of_gradcam_is_one_map_minus_the_other(build, images_for):
    model = build("softmax")
    images = images_for(model)
    found = contrast(model, images, [0, 1, 2], [1, 2, 3], method=visualize.gradcam, layer="conv")
    first, second = (visualize.gradcam(model, images, target, layer="conv") for target in ([0, 1, 2], [1, 2, 3]))
    np.testing.assert_array_equal(found.values, first.values - second.values)
    assert found.targets.tolist() == [0, 1, 2]
    assert found.arrays["against"].tolist() == [1, 2, 3]
    assert (found.method, found.settings["method"]) == ("contrast", "gradcam")


def test_by_default_the_first_choice_is_held_against_the_second(build, images_for):
    model = build("softmax")
    images = images_for(model)
    order = np.argsort(np.asarray(model(images)), axis=1)
    found = contrast(model, images, method=visualize.saliency)
    assert found.targets.tolist() == order[:, -1].tolist()
    assert found.arrays["against"].tolist() == order[:, -2].tolist()
    lowest = contrast(model, images, order[:, 0].tolist(), method=visualize.saliency)
    assert lowest.arrays["against"].tolist() == order[:, -1].tolist()


def test_a_contrast_may_be_of_an_output_by_name(build, images_for):
    model = build("two_outputs")
    images = images_for(model)
    found = contrast(model, images, Target(1, output="kind"), 2, method=visualize.saliency)
    first, second = (visualize.saliency(model, images, Target(target, output="kind")) for target in (1, 2))
    np.testing.assert_array_equal(found.values, first.values - second.values)


def test_one_class_against_itself_is_refused(build, images_for):
    model = build("softmax")
    images = images_for(model)
    with pytest.raises(InputError) as caught:
        contrast(model, images, [0, 1, 2], [3, 1, 0], method=visualize.saliency)
    assert str(caught.value) == "`against` must be another class than `target`. Received: 1 for both."
    with pytest.raises(InputError, match="`method` must explain a class"):
        contrast(model, images, 1, 2, method=visualize.eigencam)
    with pytest.raises(InputError, match="`target` must be a class here"):
        contrast(model, images, lambda scores: scores[:, 0], method=visualize.saliency)


@pytest.fixture
def two_models(build, images_for):
    """A gray model of 12x12 and one of color of 12x12, with two pictures for each."""
    models = {"gray": build("softmax"), "color": build("color")}
    return models, {name: images_for(model, 2) for name, model in models.items()}


def test_several_models_are_explained_as_each_alone(two_models):
    models, images = two_models
    methods = [visualize.saliency, visualize.gradcam]
    found = visualize.compare_models(models, images, methods=methods)
    assert [(each.settings.model, each.method) for each in found] == [
        (name, method) for name in models for method in ("saliency", "gradcam")
    ]
    for each in found:
        alone = getattr(visualize, each.method)(models[each.settings.model], images[each.settings.model])
        np.testing.assert_array_equal(each.values, alone.values)
        np.testing.assert_array_equal(each.targets, alone.targets)  # the model's own prediction


def test_a_method_that_one_model_refuses_is_left_out_for_all_and_named(two_models, images_for):
    models, images = two_models
    flat = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")])
    found = visualize.compare_models({**models, "flat": flat}, {**images, "flat": images_for(flat, 2)})
    methods = {each.method for each in found if each.settings.model == "gray"}
    assert methods == {each.method for each in found if each.settings.model == "flat"}
    assert "gradcam" not in methods
    assert found[0].settings.left_out["gradcam"].startswith("flat: `layer` was left to choose")


def test_what_cannot_be_compared_between_models_is_refused(two_models):
    models, images = two_models
    with pytest.raises(InputError, match=r"`models` must be at least two models by their names\."):
        visualize.compare_models({"gray": models["gray"]}, images)
    with pytest.raises(InputError, match=r"`images` must have the pictures of 'gray', 'color'\."):
        visualize.compare_models(models, images["gray"])
    with pytest.raises(InputError, match=r"`images` must be the same pictures .* Received: {'gray': 1, 'color': 2}"):
        visualize.compare_models(models, {**images, "gray": images["gray"][:1]}, methods=[visualize.saliency])
    with pytest.raises(InputError, match=r"^gray: `target` must be between 0 and 3\. Received: 9"):
        visualize.compare_models(models, images, 9, methods=[visualize.saliency])
