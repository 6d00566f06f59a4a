"""Inputs: every shape and kind of array that a person may hand over."""

import keras
import numpy as np
import pytest

import visualize
from visualize import InputError, saliency
from visualize.models.inputs import checked_batch_size, example_inputs, inputs_of, picture_shape


def refusal(model, images, input_name=None):
    with pytest.raises(InputError) as caught:
        inputs_of(model, images, input_name)
    return str(caught.value)


def zeros(*shape):
    return np.zeros(shape, "float32")


PICTURES, NUMBERS = zeros(2, 12, 12, 1), zeros(2, 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda model: saliency(model, PICTURES),
        visualize.summary,
        visualize.layer_facts,
        visualize.filters,
        visualize.maximize,
        lambda model: visualize.from_files(model, "cat.png"),
        lambda model: visualize.from_data(model, "mnist:test"),
    ],
    ids=["saliency", "summary", "layer_facts", "filters", "maximize", "from_files", "from_data"],
)
def test_what_is_no_model_is_told_so_whoever_is_asked(call):
    with pytest.raises(InputError) as caught:
        call("model.keras")
    assert str(caught.value) == "`model` must be a keras.Model. Received: str."


@pytest.mark.parametrize(("pixels", "told"), [([200, 0, 0], "0 to 200"), ([0, -1.5, 1], "-1.5 to 1"), ([1.9, -0.9, 0], None)])
def test_pixels_of_another_range_than_the_card_says_are_refused(pixels, told, build):
    model = visualize.describe(build("softmax"), input_range=(0, 1))
    images = zeros(1, 12, 12, 1)
    images[0, 0, :3, 0] = pixels
    if told is None:  # a little too far may be noise
        assert inputs_of(model, images).images.max() == images.max()
        return
    assert refusal(model, images) == (
        f"`images` must be in the range that the model was trained on, 0 to 1, as its card says. Received: {told}."
    )


def test_a_dict_and_a_list_are_the_same_question(reloaded, images_for):
    model = reloaded("two_inputs")
    images = images_for(model)
    by_name, in_order = saliency(model, images, 1), saliency(model, list(images.values()), 1)
    turned = saliency(model, dict(reversed(images.items())), 1)
    np.testing.assert_array_equal(by_name.values, in_order.values)
    np.testing.assert_array_equal(by_name.values, turned.values)
    assert by_name.settings["input_name"] == "picture"


def test_a_dict_names_the_one_input_as_well(reloaded, images_for):
    model = reloaded("softmax")
    images = images_for(model)
    found = saliency(model, {"picture": images}, 1)
    np.testing.assert_array_equal(found.values, saliency(model, images, 1).values)


def test_bytes_are_numbers_to_a_model_of_floats(reloaded):
    model = reloaded("softmax")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 1), "uint8")
    found = saliency(model, pixels, 1)
    np.testing.assert_array_equal(found.values, saliency(model, pixels.astype("float32"), 1).values)
    assert found.images.dtype == np.float32


def test_what_is_handed_over_stays_as_it_was(reloaded, images_for):
    model = reloaded("two_inputs")
    images = images_for(model)
    before = {name: array.copy() for name, array in images.items()}
    saliency(model, images, 1)
    assert list(images) == list(before)
    for name, array in before.items():
        np.testing.assert_array_equal(images[name], array)


def test_the_one_batch_of_pictures_is_explained_unless_another_is_named(reloaded):
    model = reloaded("two_inputs")
    images = {"picture": PICTURES, "numbers": NUMBERS}
    assert inputs_of(model, images).input_name == "picture"
    assert inputs_of(model, images, "numbers").input_name == "numbers"
    assert refusal(model, images, "sound") == (
        "`input_name` must be an input of the model: 'picture', 'numbers'. Received: 'sound'."
    )


def test_of_two_batches_of_pictures_one_must_be_named():
    left, right = keras.Input((4, 4, 1), name="left"), keras.Input((4, 4, 1), name="right")
    model = keras.Model([left, right], keras.layers.Flatten()(keras.layers.Add()([left, right])))
    images = [zeros(1, 4, 4, 1), zeros(1, 4, 4, 1)]
    assert refusal(model, images) == "`input_name` must name the input to explain, one of 'left', 'right'. Received: None."
    assert inputs_of(model, images, "right").input_name == "right"
    assert picture_shape(model) is None
    assert picture_shape(model, "left") == (4, 4, 1)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (PICTURES, "`images` must be a dict with one array for each input of this model: 'picture', 'numbers'. "
         "Received: one array."),
        ([PICTURES], "`images` must hold one array for each input 'picture', 'numbers'. Received: 1 arrays."),
        ({"picture": PICTURES}, "`images` must hold one array for each input: 'picture', 'numbers'. Received: 'picture'."),
        ({"picture": PICTURES, "numbers": zeros(3, 3)}, "`images` must hold at least one image, and as many of each input. "
         "Received: {'picture': 2, 'numbers': 3}."),
        ({"picture": PICTURES, "numbers": zeros(2, 4)}, "'numbers' must have shape (batch, 3). Received: (2, 4)."),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_a_model_of_two_are_refused(images, message, reloaded):
    assert refusal(reloaded("two_inputs"), images) == message


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (zeros(12, 12, 1), "'picture' must have shape (batch, 12, 12, 1). Received: (12, 12, 1). "
         "Add the batch axis: images[None]."),
        (zeros(2, 12, 12), "'picture' must have shape (batch, 12, 12, 1). Received: (2, 12, 12). "
         "Add the batch axis: images[None]."),
        (zeros(1, 28, 28, 1), "'picture' must have shape (batch, 12, 12, 1). Received: (1, 28, 28, 1)."),
        (zeros(1, 12, 12, 3), "'picture' must have shape (batch, 12, 12, 1). Received: (1, 12, 12, 3)."),
        (zeros(0, 12, 12, 1), "`images` must hold at least one image, and as many of each input. Received: {'picture': 0}."),
        (3.0, "'picture' must be a batch of images. Received: the number 3.0."),
        (np.full((1, 12, 12, 1), np.nan), "'picture' must hold finite numbers. Received: nan or infinity."),
        (np.full((1, 12, 12, 1), np.inf), "'picture' must hold finite numbers. Received: nan or infinity."),
        (np.full((1, 12, 12, 1), 1j), "'picture' must be an array of numbers. Received: dtype complex128."),
        (np.full((1, 12, 12, 1), "x"), "'picture' must be an array of numbers. Received: dtype <U1."),
        ([[1, 2], [3]], "'picture' must be one array: its rows differ in shape."),
        ("cat.png", "'picture' must be an array of numbers. Received: dtype <U7."),
        (None, "'picture' must be an array of numbers. Received: dtype object."),
        ({"image": zeros(1, 12, 12, 1)}, "`images` must hold one array for each input: 'picture'. Received: 'image'."),
    ],
)  # fmt: skip
def test_images_that_do_not_fit_are_refused(images, message, reloaded):
    assert refusal(reloaded("softmax"), images) == message


def test_a_number_is_no_batch_to_a_model_that_tells_no_shape_either(build):
    class Shapeless(keras.Model):
        def call(self, inputs):
            return keras.ops.sum(inputs, axis=(1, 2))

    model = Shapeless()
    model(zeros(1, 4, 4, 1))
    assert refusal(model, 3.0).endswith("must be a batch of images. Received: the number 3.0.")


def test_an_input_may_have_any_name():
    picture, numbers = keras.Input((4, 4, 1), name="my picture-1"), keras.Input((3,), name="2 numbers")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(picture), numbers])
    model = keras.Model([picture, numbers], keras.layers.Dense(2)(joined))
    found = saliency(model, {"my picture-1": zeros(1, 4, 4, 1), "2 numbers": zeros(1, 3)}, 0)
    weights = model.layers[-1].get_weights()[0][:16, 0].reshape(1, 4, 4)
    np.testing.assert_allclose(found.values, np.abs(weights), rtol=1e-6)


def test_a_vector_is_a_line_of_numbers_without_channels():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    found = saliency(model, zeros(3, 4), 0)
    assert found.images.shape == (3, 4, 1)
    np.testing.assert_allclose(found.values, np.tile(np.abs(model.layers[0].get_weights()[0][:, 0]), (3, 1)))


def test_an_input_of_more_than_four_axes_is_refused_in_one_line():
    model = keras.Sequential([keras.Input((2, 2, 2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(InputError) as caught:
        saliency(model, zeros(1, 2, 2, 2, 2, 1), 0)
    assert str(caught.value) == "The explained input must have 1 to 4 axes beside the batch. Received: 5."


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True, "8"])
def test_a_batch_size_is_a_whole_number_from_one(batch_size, reloaded):
    inputs = inputs_of(reloaded("softmax"), PICTURES)
    with pytest.raises(InputError) as caught:
        checked_batch_size(batch_size, inputs)
    assert str(caught.value) == f"`batch_size` must be a whole number from 1. Received: {batch_size!r}."


def test_the_batch_size_that_suits_shrinks_with_the_size_of_the_picture():
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.GlobalAveragePooling2D()])
    sizes = [checked_batch_size(None, inputs_of(model, zeros(1, side, side, 1))) for side in (28, 224, 1024)]
    assert sizes == [128, 10, 1]


def test_an_example_is_one_row_of_the_shape_that_the_model_tells(reloaded):
    found = example_inputs(reloaded("two_inputs"))
    assert {name: array.shape for name, array in found.arrays.items()} == {"picture": (1, 12, 12, 1), "numbers": (1, 3)}
    anything = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D()])
    assert example_inputs(anything).images.shape == (1, 128, 128, 3)
    assert example_inputs(anything, (20, 30)).images.shape == (1, 20, 30, 3)
    with pytest.raises(InputError, match="must have shape"):
        example_inputs(reloaded("softmax"), (20, 30))


def test_an_only_input_is_explained_though_it_is_optional():
    pixels = keras.Input((6, 5, 1), optional=True, name="pixels")
    assert example_inputs(keras.Model(pixels, keras.layers.Flatten()(pixels))).images.shape == (1, 6, 5, 1)
