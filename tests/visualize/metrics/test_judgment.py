"""What follows from measures: on numbers that are made up for it."""

import numpy as np
import pytest

from visualize.metrics.baselines import BASELINES
from visualize.metrics.judgment import judgment
from visualize.metrics.measured_method import MeasuredMethod

SETTINGS = {"seed": 0, "images": 12, "model": "model.keras"}


def noise(seed, count):
    return 0.01 * np.random.default_rng(seed).standard_normal(count)


def measured(
    name="good", images=12, *, deletion=0.2, insertion=0.9, own_class=0.5, head=0.1, all_layers=0.0, left=0.3, seed=0
):
    """A method of which everything is as it should be, but for what a test says; random has .5 and .5."""
    measures = {"deletion": deletion, "insertion": insertion, "left": left, "own class": own_class, "head": head}
    measures |= {"all layers": all_layers, "sensitivity": 0.1, "area": 0.2}
    values = {
        key: value + noise(seed + number, images) for number, (key, value) in enumerate(measures.items()) if value is not None
    }
    baselines = {
        baseline: {
            key: value + noise(9 + number, images) for key, value in (("deletion", 0.5), ("insertion", 0.5), ("left", 0.6))
        }
        for number, baseline in enumerate(BASELINES)
    }
    return MeasuredMethod(name, "probability", np.full(images, 1.0), values, baselines)


def test_a_method_of_which_everything_is_as_it_should_be_is_believed():
    trust = judgment([measured()], SETTINGS)
    assert trust.believed == ("good",)
    assert trust.answer == "Believe good, the most faithful of 1 methods."
    (sentence,) = trust.sentences
    assert sentence == (
        "good: its top fifth removes 70 % of the probability, random blocks 40 %; it changes when the weights do, "
        "and with the class."
    )


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"deletion": 0.5, "insertion": 0.5}, "no better than random pixels and blocks, in deletion and in insertion"),
        ({"deletion": 0.6}, "worse than random pixels or blocks in deletion"),
        ({"deletion": 0.6, "insertion": 0.4}, "worse than random pixels or blocks in deletion and insertion"),
        ({"own_class": 0.0}, "its map of another class explains this class about as well"),
        ({"own_class": -0.5}, "its map of another class explains this class about as well"),
        ({"head": 0.95}, "it hardly changes when the top layer is shuffled"),
        ({"all_layers": 0.8}, "it hardly changes when all weights are shuffled"),
    ],
)
def test_one_fault_is_enough_and_is_said(fault, reason):
    trust = judgment([measured("faulty", **fault)], SETTINGS)
    assert trust.believed == ()
    assert trust.rows[0]["reasons"] == [reason]
    assert reason in trust.sentences[0]
    assert trust.answer == "Believe none of these methods for this model and these 12 images."


def test_deletion_or_insertion_is_enough():
    for half in ({"deletion": 0.5}, {"insertion": 0.5}):
        assert judgment([measured(**half)], SETTINGS).believed == ("good",)


def test_the_most_faithful_comes_first_and_what_cannot_be_told_from_it_is_named():
    best, alike = measured("best", insertion=0.95), measured("alike", insertion=0.955, seed=30)
    worse, liar = measured("worse", insertion=0.8), measured("liar", insertion=1.5, head=1.0)
    trust = judgment([worse, liar, best, alike], SETTINGS)
    assert trust.believed == ("alike", "best", "worse")
    assert [row["name"] for row in trust.rows[:4]] == ["alike", "best", "worse", "liar"]
    assert trust.answer == "Believe alike, the most faithful of 4 methods; on these 12 images best cannot be told from it."


def test_a_map_of_the_picture_alone_that_is_as_faithful_is_named():
    trust = judgment([measured(deletion=0.2)], SETTINGS)
    assert "no better than" not in trust.sentences[0]
    method = measured()
    method.baselines["edges"].update(deletion=method.values["deletion"], insertion=method.values["insertion"])
    assert judgment([method], SETTINGS).sentences[0].endswith("; no better than edges.")


def test_few_images_exclude_a_method_but_confirm_none():
    trust = judgment([measured(images=5), measured("liar", 5, head=1.0)], {**SETTINGS, "images": 5})
    assert trust.believed == ()
    assert [row["believed"] for row in trust.rows[:2]] == [None, False]
    assert trust.answer == (
        "No answer: 5 images are too few to tell a method from chance; give at least 6. But do not believe liar."
    )


def test_one_image_is_too_few_in_the_singular():
    trust = judgment([measured(images=1)], {**SETTINGS, "images": 1})
    assert trust.answer == "No answer: 1 image is too few to tell a method from chance; give at least 6."


def test_a_model_of_one_class_has_no_other_to_compare_with():
    trust = judgment([measured(own_class=None)], SETTINGS)
    assert trust.believed == ("good",)
    assert trust.sentences[0].endswith("it changes when the weights do.")


@pytest.mark.parametrize(("left", "words"), [(0.3, "removes 70 % of"), (1.25, "adds 25 % to")])
def test_pixels_that_speak_against_the_class_add_to_it_when_they_are_hidden(left, words):
    assert (
        f"its top fifth {words} the probability, random blocks 40 %" in judgment([measured(left=left)], SETTINGS).sentences[0]
    )


def test_a_score_that_is_no_probability_is_told_in_its_unit():
    method = measured()
    logits = MeasuredMethod("good", "logit", method.scores, method.values, method.baselines)
    assert "without its top fifth the logit is 0.3" in judgment([logits], SETTINGS).sentences[0]


def test_what_was_measured_comes_back_from_json():
    method = measured()
    back = MeasuredMethod.of_json(method.as_json())
    assert (back.name, back.unit) == (method.name, method.unit)
    np.testing.assert_array_equal(back.scores, method.scores)
    assert back.values.keys() == method.values.keys()
    for name, values in method.values.items():
        np.testing.assert_array_equal(back.values[name], values)
    np.testing.assert_array_equal(back.baselines["edges"]["left"], method.baselines["edges"]["left"])
