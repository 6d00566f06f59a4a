"""Which method to believe: liars are caught, the truth is believed, and nothing is measured twice."""

import contextlib
import functools
import json
from dataclasses import replace

import keras
import numpy as np
import pytest

import visualize
from visualize import InputError, Target, trust
from visualize.metrics.baselines import baseline_maps
from visualize.metrics.kept_measures import FOLDER

CLASSES = 4


@pytest.fixture(scope="module")
def model():
    """A softmax of weighted sums of pixels: on a black ground, input x gradient is what each pixel contributes."""
    keras.utils.set_random_seed(0)
    head = keras.layers.Dense(CLASSES, activation="softmax", name="preds")
    model = keras.Sequential([keras.Input((10, 10, 1)), keras.layers.Flatten(), head])
    head.kernel.assign(np.random.default_rng(1).standard_normal((100, CLASSES)))
    return visualize.describe(model, input_range=(0, 1))


@pytest.fixture(scope="module")
def images():
    """A few bright pixels on black."""
    generator = np.random.default_rng(2)
    return (generator.random((12, 10, 10, 1)) * (generator.random((12, 10, 10, 1)) < 0.25)).astype("float32")


def drawn(name, model, images, target):
    """A liar's map: one of the baselines, which know nothing of the model."""
    own = visualize.saliency(model, images, target)
    return replace(own, values=baseline_maps(own.images, [name])[name].astype("float32"))


def edges(model, images, target=None):
    return drawn("edges", model, images, target)


def constant_center(model, images, target=None):
    return drawn("distance to the center", model, images, target)


def another_class(model, images, target=None):
    return visualize.input_times_gradient(
        model, images, replace(target, classes=[(each + 1) % CLASSES for each in target.classes])
    )


def shuffled(model, images, target=None):
    own = visualize.input_times_gradient(model, images, target)
    values = np.random.default_rng(0).permuted(own.values.reshape(len(own.values), -1), axis=1)
    return replace(own, values=values.reshape(own.values.shape))


LIARS = (edges, constant_center, another_class, shuffled)


@pytest.fixture(scope="module")
def measured(model, images):
    return trust(model, images, methods=[visualize.input_times_gradient, *LIARS])


def row_of(result, name):
    return next(row for row in result.rows if row["name"] == name)


def test_the_truth_is_believed_and_every_liar_is_caught(measured):
    assert measured.believed == ("input_times_gradient",)
    assert measured.answer == "Believe input_times_gradient, the most faithful of 5 methods."
    for liar in LIARS:
        assert row_of(measured, liar.__name__)["believed"] is False


def test_each_liar_is_caught_by_what_it_lies_about(measured):
    reasons = {liar.__name__: " ".join(row_of(measured, liar.__name__)["reasons"]) for liar in LIARS}
    for liar in ("edges", "constant_center"):
        assert "it hardly changes when all weights are shuffled" in reasons[liar]
        assert "another class explains this class about as well" in reasons[liar]
        assert row_of(measured, liar)["measures"]["head"]["mean"] == 1
    assert "another class explains this class about as well" in reasons["another_class"]
    assert "random pixels" in reasons["shuffled"]


def test_of_liars_alone_none_is_believed(model, images):
    result = trust(model, images, methods=[edges, shuffled])
    assert result.believed == ()
    assert result.answer == "Believe none of these methods for this model and these 12 images."


def test_measures_are_those_that_the_metrics_give(model, images, measured):
    own = visualize.input_times_gradient(model, images)
    deleted = visualize.metrics.deletion(model, own, steps=20)
    measures = row_of(measured, "input_times_gradient")["measures"]
    np.testing.assert_allclose(measures["deletion"]["values"], deleted.values)
    np.testing.assert_allclose(measures["left"]["values"], deleted.curves[:, 4])  # 4 of 20 steps are a fifth
    np.testing.assert_allclose(row_of(measured, "edges")["measures"]["deletion"]["values"], deleted.baselines["edges"])
    np.testing.assert_allclose(measures["insertion"]["mean"], visualize.metrics.insertion(model, own, steps=20).values.mean())
    changed = visualize.metrics.randomization(model, images, method=visualize.input_times_gradient, steps=2)
    np.testing.assert_allclose(measures["all layers"]["values"], changed.correlations[-1])
    noisy = visualize.metrics.sensitivity(model, images, method=visualize.input_times_gradient, samples=2)
    np.testing.assert_allclose(measures["sensitivity"]["values"], noisy.average)


def test_the_other_class_is_in_the_middle_of_the_ranking(model, images, measured):
    probabilities = np.asarray(model(images))
    ranks = np.argsort(-probabilities, axis=1)
    assert measured.settings["targets"] == ranks[:, 0].tolist()
    assert measured.settings["other_classes"] == ranks[:, 2].tolist()


def test_a_named_target_is_what_is_measured(model, images):
    result = trust(model, images, 3, methods=[visualize.input_times_gradient])
    own = visualize.input_times_gradient(model, images, 3)
    values = result.rows[0]["measures"]["deletion"]["values"]
    np.testing.assert_allclose(values, visualize.metrics.deletion(model, own, steps=20).values)


class Count:
    """Counts the methods that are measured."""

    def __init__(self):
        self.names = []

    def __call__(self, name):
        self.names.append(name)
        return contextlib.nullcontext()


METHODS = [visualize.input_times_gradient, functools.partial(visualize.occlusion, patch=2)]


def measure_again(folder, model, images, target=None, *, methods=METHODS, **options):
    count = Count()
    result = trust(model, images, target, methods=methods, out=folder, progress=count, **options)
    return result, count.names


def test_what_is_kept_is_not_measured_again(model, images, tmp_path):
    first, names = measure_again(tmp_path, model, images, methods=METHODS[:1])
    assert names == ["input_times_gradient"]
    both, names = measure_again(tmp_path, model, images)  # as if the first run had been stopped
    assert names == ["occlusion (patch=2)"]
    again, names = measure_again(tmp_path, model, images)
    assert names == []
    assert again.rows == both.rows
    assert row_of(both, "input_times_gradient") == row_of(first, "input_times_gradient")
    assert len(list((tmp_path / FOLDER).iterdir())) == 2


@pytest.mark.slow
def test_whatever_changes_the_numbers_has_them_measured_again(model, images, tmp_path):
    one = METHODS[:1]
    measure_again(tmp_path, model, images, methods=one)
    assert measure_again(tmp_path, model, images, methods=one)[1] == []
    for options in ({"steps": 10}, {"samples": 3}, {"seed": 1}, {"precision": "bfloat16"}):
        assert len(measure_again(tmp_path, model, images, methods=one, **options)[1]) == 1
    assert len(measure_again(tmp_path, model, images, 2, methods=one)[1]) == 1
    assert len(measure_again(tmp_path, model, images[:-1], methods=one)[1]) == 1
    other = keras.models.clone_model(model)
    other.set_weights([1.01 * weight for weight in model.get_weights()])
    assert len(measure_again(tmp_path, visualize.describe(other, input_range=(0, 1)), images, methods=one)[1]) == 1
    partial = [functools.partial(visualize.input_times_gradient, modifier=None)]
    assert len(measure_again(tmp_path, model, images, methods=partial)[1]) == 1


def test_a_file_that_is_not_whole_is_measured_again(model, images, tmp_path):
    measure_again(tmp_path, model, images, methods=METHODS[:1])
    (path,) = (tmp_path / FOLDER).iterdir()
    for content in ("", "{}", "[1]", path.read_text()[:-20]):
        path.write_text(content)
        assert len(measure_again(tmp_path, model, images, methods=METHODS[:1])[1]) == 1
    assert json.loads(path.read_text())["name"] == "input_times_gradient"


def test_a_function_of_ones_own_is_never_kept(model, images, tmp_path):
    for _ in range(2):
        assert measure_again(tmp_path, model, images, methods=[shuffled])[1] == ["shuffled"]
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.slow
def test_what_the_model_does_not_allow_is_left_out_of_the_default(model, images):
    result = trust(model, images[:2], precision="float32")
    names = [row["name"] for row in result.rows if not row["baseline"]]
    assert sorted(names) == ["integrated_gradients", "occlusion", "rise (masks=500)", "saliency", "smoothgrad"]
    assert sorted(result.settings["left_out"]) == ["gradcam", "guided_gradcam", "layercam"]
    assert result.answer.startswith("No answer: 2 images are too few")


@pytest.mark.slow
@pytest.mark.parametrize(
    "built", ["two_inputs", "two_outputs", "segmenting", "one_sigmoid", "regression", "channels_first", "subclassed", "nested"]
)
def test_every_kind_of_model_can_be_measured(built, build, images_for):
    model = build(built)
    target = Target(1, output="kind") if built == "two_outputs" else None
    before = model.get_weights()
    result = trust(model, images_for(model, 6), target, methods=[visualize.input_times_gradient, visualize.eigencam], steps=3)
    assert len(result.rows) == 6
    assert ("own class" in result.rows[0]["measures"]) == (built != "regression")
    for value, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(value, now)


def test_a_function_of_the_scores_can_be_the_target(model, images):
    result = trust(model, images, lambda scores: scores[:, 0] - scores[:, 1], methods=[visualize.input_times_gradient])
    assert result.settings["targets"] is None
    assert "own class" not in result.rows[0]["measures"]
    assert result.believed == ("input_times_gradient",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": []}, "`methods` must be a list of at least one function"),
        ({"methods": visualize.saliency}, "`methods` must be a list"),
        ({"methods": ["saliency"]}, "`methods` must be a function"),
        ({"methods": [visualize.saliency], "patch": 3}, "`patch` is no option of saliency"),
        ({"methods": [visualize.gradcam]}, "no convolution of this model"),
        ({"methods": [visualize.saliency] * 2}, "`methods` must name each method once. Received: saliency 2 times"),
        ({"steps": 1}, "`steps` must be a whole number from 2"),
        ({"samples": 0}, "`samples` must be a whole number from 1"),
        ({"target": 9}, "`target` must be between 0 and 3"),
        ({"out": 3}, "`out` must be a path"),
    ],
)
def test_what_cannot_be_measured_is_refused(model, images, options, message):
    with pytest.raises(InputError, match=message):
        trust(model, images, **options)
