"""Contracts: every method on every kind of model, reloaded from disk."""

import numpy as np
import pytest

import visualize

MORE = [
    visualize.input_times_gradient,
    visualize.integrated_gradients,
    visualize.smoothgrad,
    visualize.squaregrad,
    visualize.vargrad,
    visualize.gradcam_plus_plus,
    visualize.layercam,
    visualize.hirescam,
    visualize.xgradcam,
    visualize.guided_gradcam,
    visualize.eigencam,
    visualize.scorecam,
    visualize.ablationcam,
    visualize.rise,
    visualize.relevance,
    visualize.deeplift,
]


RECTIFIED = ("gradcam", "gradcam_plus_plus", "layercam", "xgradcam", "ablationcam", "guided_gradcam")


def batch(model, images_for):
    images = images_for(model)
    return images, (images["picture"] if isinstance(images, dict) else images)


@pytest.mark.slow
@pytest.mark.parametrize("method", [visualize.saliency, visualize.gradcam, visualize.occlusion, *MORE])
def test_every_method_gets_a_map_of_every_kind_of_model(method, any_kind, reloaded, images_for):
    if method is visualize.ablationcam and any_kind == "separable":
        pytest.skip("its strongest channel speaks against every class, so the map is rightly zero")
    check_maps(method, any_kind, reloaded(any_kind), images_for)


@pytest.mark.parametrize("method", [visualize.saliency, visualize.gradcam, visualize.occlusion])
@pytest.mark.parametrize("some_kind", ["nested", "two_inputs", "mixed_bfloat16", "segmenting", "volume"])
def test_some_kinds_of_model_get_a_finite_map_that_is_not_constant(method, some_kind, reloaded, images_for):
    check_maps(method, some_kind, reloaded(some_kind), images_for)


def check_maps(method, kind, model, images_for):
    """Finite maps, and for each image one that says something: for a class that all speaks against, a CAM is rightly zero."""
    images, pictures = batch(model, images_for)
    size = pictures.shape[2:] if kind == "channels_first" else pictures.shape[1:-1]
    axes = tuple(range(1, 1 + len(size)))
    explained = {"input_name": "picture"} if kind == "siamese" else {}
    telling = np.zeros(len(pictures), bool)
    for target in range(1 if kind == "regression" else 4):
        asked = visualize.Target(target, output="kind") if kind == "two_outputs" else target
        if method is visualize.eigencam:
            found = method(model, images, output="kind" if kind == "two_outputs" else None, **explained)
        else:
            found = method(model, images, asked, **explained)
        assert found.values.shape == (len(pictures), *size)
        assert found.values.dtype == np.float32
        assert np.isfinite(found.values).all()
        telling |= found.values.max(axis=axes) > found.values.min(axis=axes)
        if telling.all():
            return
    if kind == "regression" and found.values.max() == 0 and method.__name__ in RECTIFIED:
        assert (found.settings["layer"], found.settings["classes"]) == ("relu", 1)  # nothing speaks for a higher number
        return
    pytest.fail("constant maps for every class")


@pytest.mark.slow
@pytest.mark.parametrize("method", [visualize.saliency, visualize.gradcam, visualize.occlusion])
def test_a_reloaded_model_gets_the_map_of_the_model_that_was_saved(method, any_kind, build, reloaded, images_for):
    images = images_for(reloaded(any_kind))
    target = visualize.Target(0, output="kind") if any_kind == "two_outputs" else 0
    explained = {"input_name": "picture"} if any_kind == "siamese" else {}
    fresh, again = (method(model, images, target, **explained) for model in (build(any_kind), reloaded(any_kind)))
    np.testing.assert_allclose(fresh.values, again.values, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", [visualize.saliency, visualize.gradcam])
@pytest.mark.parametrize("modifier", ["guided", "relu"])
def test_a_modifier_changes_the_map_of_every_kind_of_model(method, modifier, kind, reloaded, images_for):
    model = reloaded(kind)
    images, _ = batch(model, images_for)
    if method is visualize.gradcam and kind == "shared_layer":
        with pytest.raises(visualize.InputError, match="no ReLU stands between layer 'conv' and the score"):
            method(model, images, 1, modifier=modifier)
        return
    first = {"nested": "base/conv", "subclassed": "first", "compiled_call": "first", "separable": "depthwise"}
    layer = first.get(kind, "conv")
    options = {"layer": layer} if method is visualize.gradcam else {}
    plain = method(model, images, 1, **options)
    modified = method(model, images, 1, modifier=modifier, **options)
    assert not np.allclose(plain.values, modified.values)


@pytest.mark.slow
def test_every_kind_of_model_is_maximized_within_its_range(kind, reloaded, images_for):
    model = reloaded(kind)
    images, pictures = batch(model, images_for)
    start = {name: array[:1] for name, array in images.items()} if isinstance(images, dict) else None
    found = visualize.maximize(model, [0, 1], steps=15, start=start, input_range=(-1, 2))
    assert found.pictures.shape == (2, *pictures.shape[1:])
    assert found.pictures.min() >= -1
    assert found.pictures.max() <= 2


@pytest.mark.slow
def test_every_kind_of_model_is_maximized_by_waves_and_transforms_and_diverse_copies(kind, reloaded, images_for):
    model = reloaded(kind)
    _, pictures = batch(model, images_for)
    layer = {"nested": "base/conv", "subclassed": "first", "compiled_call": "first", "separable": "depthwise"}.get(
        kind, "conv"
    )
    asked = [1, visualize.objectives.layer(layer), visualize.objectives.score(0) - visualize.objectives.unit(layer, 2)]
    moving = {"parametrization": "fourier", "rotate": 10, "scale": (0.9, 1.1), "copies": 2, "diversity": 5}
    found = visualize.maximize(model, asked, steps=12, input_range=(-1, 2), **moving)
    assert found.pictures.shape == (6, *pictures.shape[1:])
    assert found.pictures.dtype == np.float32
    assert -1 <= found.pictures.min() < found.pictures.max() <= 2
    assert np.isfinite(found.settings["scores"]).all()


def test_every_kind_of_model_shows_features_and_filters_and_a_summary(kind, reloaded, images_for):
    model = reloaded(kind)
    images, pictures = batch(model, images_for)
    features = visualize.features(model, images)
    assert len(features) == len(pictures)
    assert all(np.isfinite(tiles.pictures).all() and tiles.pictures.max() > 0 for tiles in features)
    assert visualize.filters(model).pictures.ndim == 4
    summary = visualize.summary(model)
    assert sum(row["parameters"] for row in summary.rows if row["depth"] == 0) == model.count_params()
    assert {end for _, end in summary.edges} >= {"preds"}
