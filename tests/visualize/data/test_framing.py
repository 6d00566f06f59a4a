"""Framing: photographs of any proportions in the size of a model, and where the model's picture lies on them."""

import keras
import numpy as np
import pytest
from PIL import Image

from visualize import InputError, describe, from_data, from_files, gradcam, open_model
from visualize.data.framing import Framing, describe_change
from visualize.models.card import Card
from visualize.models.layers import card_of
from visualize.results import load, save

RAMP_STEP = 2  # gray levels per pixel, down and across


def ramp(height, width):
    """A photograph whose two channels tell where a pixel is: its row, its column."""
    rows, columns = np.mgrid[:height, :width] * RAMP_STEP
    return np.stack([rows, columns], axis=-1).astype("uint8")


def centers(low, high, count):
    """Positions of the centers of `count` equal pixels between two edges."""
    return low + (high - low) * (np.arange(count) + 0.5) / count


@pytest.mark.parametrize("size", [(20, 20), (40, 40), (15, 30), (90, 60)])
@pytest.mark.parametrize(("height", "width"), [(60, 90), (90, 60), (61, 100)])
@pytest.mark.parametrize("framing", [Framing("crop"), Framing("crop", 0.8), Framing("fit"), Framing("stretch")])
def test_each_pixel_shows_the_place_of_the_photograph_that_the_box_says(framing, height, width, size):
    picture, original = framing.apply(ramp(height, width), size)
    assert picture.shape == (*size, 2)
    if original is None:
        assert (height, width) == size
        return
    assert original.size == (height, width)
    top, left, bottom, right = original.box
    rows, columns = centers(top, bottom, size[0]), centers(left, right, size[1])
    inside = np.ix_((rows > 4) & (rows < height - 4), (columns > 4) & (columns < width - 4))  # a ramp ends at its edges
    expected = np.stack(np.meshgrid(rows - 0.5, columns - 0.5, indexing="ij"), axis=-1) * RAMP_STEP
    assert picture[inside].size
    assert np.abs(picture[inside] - expected[inside]).max() < 1.1 * RAMP_STEP


def test_crop_takes_the_largest_middle_and_fit_loses_nothing():
    landscape = ramp(60, 90)
    assert Framing("crop").apply(landscape, (20, 20))[1].box == (0, 15, 60, 75)
    assert Framing("crop", 0.5).apply(landscape, (20, 20))[1].box == (15, 30, 45, 60)
    assert Framing("crop").apply(landscape, (10, 30))[1].box == (15, 0, 45, 90)
    top, left, bottom, right = Framing("fit").apply(landscape, (30, 30))[1].box
    assert (top, left, bottom, right) == (-15, 0, 75, 90)
    assert Framing("stretch").apply(landscape, (20, 20))[1].box == (0, 0, 60, 90)


def test_the_bars_of_fit_have_the_color_of_the_edge():
    photograph = np.full((20, 60, 3), (250, 10, 40), "uint8")
    photograph[5:15, 10:50] = 0
    picture, _ = Framing("fit").apply(photograph, (30, 30))
    for bar in (picture[:10], picture[20:]):
        np.testing.assert_array_equal(bar, np.broadcast_to(np.array([250, 10, 40]), (10, 30, 3)))
    assert picture[15, 15].max() == 0


def test_a_picture_of_the_right_size_is_taken_as_it_is():
    photograph = ramp(20, 30)
    for mode in ("crop", "fit", "stretch"):
        picture, original = Framing(mode, 0.5).apply(photograph, (20, 30))
        assert picture is photograph
        assert original is None
    assert Framing().apply(photograph, (None, None))[0] is photograph


def test_a_free_length_keeps_the_proportions():
    assert Framing("crop").apply(ramp(60, 90), (20, None))[0].shape == (20, 30, 2)
    assert Framing("fit").apply(ramp(60, 90), (None, 30))[0].shape == (20, 30, 2)
    assert Framing("stretch").apply(ramp(60, 90), (20, None))[0].shape == (20, 90, 2)


def test_large_photographs_are_kept_reduced():
    photograph = np.zeros((1500, 4096, 1), "uint8")
    photograph[:, 2048:] = 255
    _, original = Framing().apply(photograph, (16, 16))
    assert original.size == (1500, 4096)
    assert original.box == (0, 1298, 1500, 2798)  # in the pixels of the file
    assert original.pixels.shape == (750, 2048, 1)
    assert original.pixels[:, :1020].max() == 0
    assert original.pixels[:, 1030:].min() == 255


def test_what_was_done_is_said():
    def change(mode, height, width):
        _, original = Framing(mode).apply(ramp(height, width), (20, 20))
        return describe_change(original, (20, 20))

    assert change("crop", 60, 90) == "the middle 60x60 of 60x90 resized to 20x20 (height x width); --resize fit shows it whole"
    assert change("fit", 60, 90) == "resized from 60x90, between bars, to 20x20 (height x width)"
    assert change("stretch", 60, 90) == "resized from 60x90 to 20x20 (height x width)"
    assert change("crop", 60, 60) == change("fit", 60, 60) == "resized from 60x60 to 20x20 (height x width)"


def test_the_option_comes_before_the_card_and_the_card_before_the_middle():
    assert Framing.of(Card(), None) == Framing("crop", 1.0)
    assert Framing.of(Card(resize="fit"), None).mode == "fit"
    assert Framing.of(Card(resize="fit", resize_share=0.875), "crop") == Framing("crop", 0.875)
    with pytest.raises(InputError, match=r"`resize` must be 'crop', 'fit' or 'stretch'\. Received: 'squash'"):
        Framing.of(Card(), "squash")


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(ramp(60, 90)[..., 1]).save(path)
    return path


@pytest.mark.parametrize("from_", ["files", "data"])
def test_maps_keep_the_photograph_that_they_belong_to(saved, photograph, tmp_path, from_):
    model = describe(open_model(saved("softmax")), input_range=(0, 1))
    function, what = (from_files, photograph) if from_ == "files" else (from_data, str(tmp_path))
    middle, whole = function(model, what), function(model, what, resize="fit")
    assert middle.notes == (
        "photo.png: the middle 60x60 of 60x90 resized to 12x12 (height x width); --resize fit shows it whole",
    )
    assert not np.array_equal(middle.images, whole.images)
    result = gradcam(model, middle.images).labeled(middle)
    assert result.arrays["names"].tolist() == ["photo.png"]
    assert result.originals[0].box == (0, 15, 60, 75)
    np.testing.assert_array_equal(result.originals[0].pixels, ramp(60, 90)[..., 1:])
    (again,) = load(save(tmp_path / "again.npz", result))
    assert (again.originals[0].box, again.originals[0].size, again.originals[0].mode) == ((0, 15, 60, 75), (60, 90), "crop")
    np.testing.assert_array_equal(again.originals[0].pixels, result.originals[0].pixels)
    assert again.of(0).originals == again.originals


def test_labels_belong_to_the_explained_images(saved, photograph):
    model = describe(open_model(saved("softmax")), input_range=(0, 1))
    source = from_files(model, [photograph, photograph])
    with pytest.raises(InputError, match=r"`source` must have the 1 explained images\. Received: 2"):
        gradcam(model, source.images[:1]).labeled(source)


def test_a_way_to_resize_that_changes_nothing_is_noted(saved, tmp_path):
    model = describe(open_model(saved("softmax")), input_range=(0, 1))
    Image.fromarray(ramp(12, 12)[..., 0]).save(tmp_path / "small.png")
    assert from_files(model, tmp_path / "small.png").notes == ()
    (note,) = from_files(model, tmp_path / "small.png", resize="fit").notes
    assert note == "`resize` changes nothing: the pictures have the size of the model, or it takes any"


def test_models_of_any_size_take_photographs_as_they_are(photograph):
    layers = [keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D()]
    model = describe(keras.Sequential([keras.Input((None, None, 1)), *layers]), input_range=(0, 1))
    source = from_files(model, photograph)
    assert source.images.shape == (1, 60, 90, 1)
    assert source.originals == (None,)
    assert card_of(model).resize is None
