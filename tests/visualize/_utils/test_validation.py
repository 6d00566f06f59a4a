"""What is of the wrong kind is refused in the three parts of a message, wherever a person can hand it over."""

import keras
import numpy as np
import pytest

import visualize
from visualize import InputError, Target, callbacks
from visualize._utils.validation import checked_number, checked_path, checked_word, is_number, parameters_of, received

FUNCTION = "must be a function such as visualize.gradcam, not its name"
EXPLAINING = "must explain images, as visualize.gradcam does, with an Attribution. Received:"
LISTED = "must be a list of functions such as visualize.gradcam"
PARAMETRIZATION = "'auto', 'pixel', 'fourier' or 'maco'"
FILLING = "must be a finite number, 3 of them as a color, 'mean' or 'blur'"
MANY = "which does not take them (too many positional arguments)."


@pytest.fixture(scope="module")
def model(build):
    return build("color")


@pytest.fixture(scope="module")
def images(model, images_for):
    return images_for(model, 1)


def refusal(function, *arguments, **options):
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("compare", {"methods": ["saliency"]}, f"`methods` {FUNCTION}. Received: 'saliency'."),
        ("compare", {"methods": [dict]}, "`methods` must be a function such as visualize.gradcam. Received: <class 'dict'>."),
        ("compare", {"methods": visualize.saliency}, f"`methods` {LISTED}. Received: saliency alone."),
        ("compare", {"methods": "saliency"}, f"`methods` {LISTED}. Received: 'saliency'."),
        ("compare", {"methods": [visualize.maximize]}, f"`methods` {EXPLAINING} maximize, {MANY}"),
        ("compare", {"methods": [visualize.features]}, f"`methods` {EXPLAINING} features, which returns a list."),
        ("contrast", {"method": "gradcam"}, f"`method` {FUNCTION}. Received: 'gradcam'."),
        ("contrast", {"method": visualize.maximize}, f"`method` {EXPLAINING} maximize, {MANY}"),
        ("contrast", {"against": 99}, "`against` must be between 0 and 3. Received: 99."),
        ("contrast", {"target": 99, "against": 0}, "`target` must be between 0 and 3. Received: 99."),
        ("contrast", {"against": "cat"}, "`against` must be a number between 0 and 3. Received: 'cat'."),
        ("contrast", {"against": np.mean}, "`against` must be a class. Received: a function."),
        ("occlusion", {"fill": [0, 0]}, f"`fill` {FILLING}. Received: [0, 0]."),
        ("occlusion", {"fill": {}}, f"`fill` {FILLING}. Received: {{}}."),
        ("occlusion", {"path": ["full"]}, "`path` must be 'auto', 'windows' or 'full'. Received: ['full']."),
        ("gradcam", {"layer": 3}, "`layer` must be the path of a layer, or a list of paths. Received: 3."),
        ("gradcam", {"layer": []}, "`layer` must be the path of a layer, or a list of paths. Received: []."),
        ("gradcam", {"layer": [3]}, "`layer` must be a path such as 'conv'. Received: 3."),
        (
            "gradcam",
            {"modifier": ["guided", "relu"]},
            "`modifier` must be None, 'guided' or 'relu'. Received: ['guided', 'relu'].",
        ),
        (
            "gradcam",
            {"precision": np.zeros(2)},
            "`precision` must be 'float32', 'bfloat16' or 'auto'. Received: array([0., 0.]).",
        ),
        ("gradcam", {"input_name": ["a"]}, "`input_name` must be an input of the model: 'picture'. Received: ['a']."),
        ("rise", {"keep": "a"}, "`keep` must be a finite number. Received: 'a'."),
        ("smoothgrad", {"noise": "a"}, "`noise` must be a finite number. Received: 'a'."),
        (
            "integrated_gradients",
            {"baseline": "a"},
            "`baseline` must be a finite number, 3 of them as a color, 'mean' or 'blur', or an image of shape (12, 12, 3). "
            "Received: 'a'.",
        ),
        ("saliency", {"target": Target(0, layer=3)}, "`layer` must be a path such as 'conv'. Received: 3."),
    ],
)  # fmt: skip
def test_what_a_method_of_images_cannot_take_is_said(name, options, message, model, images):
    assert refusal(getattr(visualize, name), model, images, **options) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotate": "a"}, "`rotate` must be a finite number. Received: 'a'."),
        ({"jitter": "a"}, "`jitter` must be a finite number. Received: 'a'."),
        ({"steps": "a"}, "`steps` must be a finite number. Received: 'a'."),
        ({"frames": "a"}, "`frames` must be a whole number from 0. Received: 'a'."),
        ({"scale": 2}, "`scale` must be two factors above 0, the lower first. Received: 2."),
        ({"scale": "ab"}, "`scale` must be two factors above 0, the lower first. Received: 'ab'."),
        ({"size": 3}, "`size` must be (height, width). Received: 3."),
        (
            {"parametrization": ["pixel"]},
            "`parametrization` must be 'auto', 'pixel', 'fourier' or 'maco'. Received: ['pixel'].",
        ),
    ],
)
def test_what_an_ascent_cannot_take_is_said(options, message, model):
    assert refusal(visualize.maximize, model, **options) == message


def test_what_a_callback_cannot_take_is_said(images, tmp_path):
    assert refusal(callbacks.Pictures, images, "gradcam", folder=tmp_path) == f"`method` {FUNCTION}. Received: 'gradcam'."
    assert refusal(callbacks.Pictures, images, folder=3) == "`folder` must be a path. Received: 3."
    message = "`prefix` must be the beginning of a file's name. Received: 3."
    assert refusal(callbacks.Pictures, images, folder=tmp_path, prefix=3) == message


def test_what_files_and_figures_cannot_be_made_of_is_said(model, images, saved, tmp_path):
    drawn = "`results` must be one result, or attributions of the same images. Received: ['int']."
    assert refusal(visualize.draw, 3) == drawn
    path, result = tmp_path / "x.npz", visualize.saliency(model, images)
    assert refusal(visualize.save, path, 3) == "`results` must be a result, or a list of results. Received: int."
    assert refusal(visualize.save, path, []) == "`results` must be a result, or a list of results. Received: none."
    assert refusal(visualize.save, 3, result) == "`path` must be a path. Received: 3."
    assert refusal(visualize.load, 3) == "`path` must be a path. Received: 3."
    assert refusal(visualize.write_png, 3, path) == "`figure` must be a Figure, as `draw` returns it. Received: 3."
    assert refusal(visualize.write_png, visualize.draw(result), 3) == "`path` must be a path. Received: 3."
    assert refusal(visualize.write_gif, 3, path) == "`tiles` must be Tiles, as `maximize` returns them. Received: int."
    assert list(tmp_path.iterdir()) == []


def test_what_no_source_or_model_can_be_named_by_is_said(model, saved):
    assert refusal(visualize.from_files, model, 3) == "`paths` must be a path, or a list of paths. Received: 3."
    assert refusal(visualize.from_files, model, [3]) == "`paths` must be a path. Received: 3."
    message = "`data` must be NAME:PART, such as mnist:test, or a file. Received: 3."
    assert refusal(visualize.from_data, model, 3) == message
    for index in ("a", 1.5, []):
        message = f"`index` must be a whole number, or a list of whole numbers. Received: {index!r}."
        assert refusal(visualize.from_data, model, "mnist:test", index) == message
    assert refusal(visualize.open_model, 3) == "`path` must be a path. Received: 3."
    message = "`custom_objects` must name modules, such as package.layers. Received: 3."
    assert refusal(visualize.open_model, saved("color"), custom_objects=[3]) == message


def test_what_a_model_cannot_be_described_by_is_said(model):
    describe = visualize.describe
    message = "`input_range` must be [low, high], low < high. Received: 3."
    assert refusal(describe, model, input_range=3) == message
    message = "`class_names` must be a list of strings. Received: 'abcd'."
    assert refusal(describe, model, class_names="abcd") == message


def test_an_input_that_is_none_is_told_so_whatever_names_the_images(build, model, tmp_path):
    message = "`input_name` must be an input of the model: 'picture'. Received: 'foo'."
    assert refusal(visualize.from_files, model, tmp_path / "cat.png", "foo") == message
    assert refusal(visualize.from_data, model, "mnist:test", input_name="foo") == message
    assert refusal(visualize.maximize, model, input_name="foo") == message
    message = "`input_name` must be an input of the model: 'picture', 'numbers'. Received: 'foo'."
    assert refusal(visualize.from_files, build("two_inputs"), tmp_path / "both.npz", "foo") == message


@pytest.mark.parametrize(
    ("built", "taken"), [("sequence", "sequences, (12, 2)"), ("volume", "volumes, (12, 10, 8, 2)"), (None, "vectors, (5,)")]
)
def test_an_ascent_says_what_a_model_takes_that_takes_no_pictures(built, taken, build):
    other = build(built) if built else keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    message = f"`maximize` needs a model of pictures, (height, width, channels). Received: one of {taken}."
    assert refusal(visualize.maximize, other) == message


def test_one_number_has_no_class_to_be_held_against(build, images_for):
    regression = build("regression")
    message = "The model must tell at least two classes apart. Received: one number, to which there is no second."
    for against in (None, 0):
        assert refusal(visualize.contrast, regression, images_for(regression, 1), 0, against) == message


def test_a_custom_object_may_be_named_by_a_string_alone(saved):
    message = refusal(visualize.open_model, saved("color"), custom_objects="no_such")
    assert "Received: 'no_such' (No module" in message


def test_numbers_are_finite_reals():
    for one in (0, -2.5, np.float32(0.5), np.int64(3)):
        assert checked_number("n", one) == one
    for one in (True, "1", None, float("nan"), np.inf, 10**400, 1j, np.zeros(2)):
        assert not is_number(one)
    assert refusal(checked_number, "n", True) == "`n` must be a finite number. Received: True."


def test_what_is_right_is_given_back(tmp_path):
    assert checked_word("w", None, (None, "a")) is None
    assert checked_path("p", str(tmp_path)) == tmp_path
    assert list(parameters_of("m", lambda model, images: 0)) == ["model", "images"]
    assert received("a\n" * 300).count("\n") == 0
