"""Targets: what may be asked for, and in which words the rest is refused."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

from visualize import InputError, describe, saliency
from visualize.targets import OWN_PREDICTION, Target, class_indices, class_name, split_target

NAMES = ("cat", "dog", "bird", "3")


class LikeAnArray:
    """A tensor of another library: it can be made an array, and is no sequence."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


def refusal(target, count=2, classes=4, names=()):
    with pytest.raises(InputError) as caught:
        class_indices(target, count, classes, names)
    return str(caught.value)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, [OWN_PREDICTION, OWN_PREDICTION]),
        (2, [2, 2]),
        (np.int64(2), [2, 2]),
        ("dog", [1, 1]),
        ("2", [2, 2]),
        ("3", [3, 3]),  # a name comes before a number
        ([0, "bird"], [0, 2]),
        ((1, None), [1, OWN_PREDICTION]),
        (np.array([3, 0], "int8"), [3, 0]),
        (np.array(1), [1, 1]),
        (tf.constant(2), [2, 2]),
        (tf.constant([3, 0], tf.int64), [3, 0]),
        ([tf.constant(3), np.array(0)], [3, 0]),
        (tf.constant(["dog", "cat"]), [1, 0]),
        (tf.Variable([3, 0]), [3, 0]),
        (LikeAnArray([3, 0]), [3, 0]),
    ],
)
def test_a_target_is_a_number_a_name_or_one_of_them_an_image(target, expected):
    found = class_indices(target, 2, 4, NAMES)
    assert found.tolist() == expected
    assert found.dtype == np.int32


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (4, "`target` must be between 0 and 3. Received: 4."),
        (-1, "`target` must be between 0 and 3. Received: -1."),
        ([0, 9], "`target` must be between 0 and 3. Received: 9."),
        ("9", "`target` must be between 0 and 3. Received: 9."),
        (1.0, "`target` must be a class index, a class name or None. Received: 1.0."),
        (True, "`target` must be a class index, a class name or None. Received: True."),
        ([1, 2, 3], "`target` must be one class, or one for each of the 2 images. Received: 3."),
        ([], "`target` must be one class, or one for each of the 2 images. Received: 0."),
        ("cat", "`target` must be a number between 0 and 3. Received: 'cat'."),
        (tf.constant([[1, 2]]), "`target` must be one class, or one for each of the 2 images. Received: 1."),
        (tf.constant(1.5), "`target` must be a class index, a class name or None. Received: 1.5."),
    ],
)
def test_what_is_no_target_is_refused(target, message):
    assert refusal(target) == message


def test_an_unknown_name_is_answered_with_the_names():
    assert refusal("cow", names=NAMES) == "`target` must be one of 'cat', 'dog', 'bird', '3'. Received: 'cow'."
    many = (*(f"class of number {number}" for number in range(999)), "crane")
    assert refusal("crain", names=many, classes=1000) == (
        "`target` must be one of the 1000 class names or a number between 0 and 999; nearest: 'crane'. Received: 'crain'."
    )


def test_a_name_of_two_classes_is_no_answer():
    message = "`target` must name one class. Received: 'crane', the name of [1, 2]: choose by number."
    assert refusal("crane", names=("cat", "crane", "crane")) == message


def test_a_name_beyond_the_classes_of_the_model_is_refused(reloaded, build, images_for):
    assert refusal("fifth", names=("a", "b", "c", "d", "fifth")) == "`target` must be between 0 and 3. Received: 4."
    model = describe(build("softmax"), class_names=["a", "b", "c", "d", "fifth"])
    with pytest.raises(InputError, match=r"`class_names` must name each of the 4 classes of the model\. Received: 5 names\."):
        saliency(model, images_for(model), "fifth")


def test_a_class_without_a_name_is_called_by_its_number():
    assert [class_name(index, ("cat",)) for index in (0, 1, -1)] == ["cat", "1", "-1"]


def test_scores_of_tf_keras_vis_that_name_classes_become_classes(reloaded, images_for):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports a deprecated namespace of SciPy
        from tf_keras_vis.utils.scores import BinaryScore, CategoricalScore, InactiveScore
    assert split_target(CategoricalScore([2])) == (2, None)
    assert split_target(CategoricalScore([0, 3, 1])) == ([0, 3, 1], None)
    assert split_target(BinaryScore([True, False])) == ([1, 0], None)
    other = InactiveScore()
    assert split_target(other) == (None, other)
    model = reloaded("softmax")
    images = images_for(model)
    by_score, by_class = saliency(model, images, CategoricalScore([0, 3, 1])), saliency(model, images, [0, 3, 1])
    np.testing.assert_array_equal(by_score.values, by_class.values)
    assert by_score.targets.tolist() == [0, 3, 1]


def test_a_tensor_of_classes_explains_what_a_list_of_them_does(build, images_for):
    model = build("softmax")
    images = images_for(model, 2)
    expected = saliency(model, images, [2, 0])
    for target in (tf.constant([2, 0]), Target(tf.constant([2, 0])), np.array([2, 0])):
        result = saliency(model, images, target)
        np.testing.assert_array_equal(result.values, expected.values)
        assert result.targets.tolist() == [2, 0]
