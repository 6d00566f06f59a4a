"""Spectrum: how large waves are in pictures."""

import numpy as np
import pytest
import skimage.data
from PIL import Image

from visualize import InputError
from visualize.feature_visualization.colors import COLORS, color_matrix
from visualize.feature_visualization.spectrum import SHIPPED, measured_spectrum, natural_spectrum, spectrum_from_pictures


def test_the_shipped_spectrum_is_that_of_three_photographs():
    photographs = [skimage.data.chelsea(), skimage.data.coffee(), skimage.data.rocket()]
    with np.load(SHIPPED) as file:
        np.testing.assert_allclose(file["spectrum"], measured_spectrum(photographs), rtol=1e-2, atol=1e-7)


def test_the_spectrum_of_one_picture_is_its_own():
    picture = np.random.default_rng(0).uniform(-2, 3, (1, 6, 8, 3))
    found = spectrum_from_pictures(picture, (6, 8, 3), (-2, 3))
    for row, column in [(0, 0), (0, 3), (2, 1), (5, 4)]:
        down, right = np.arange(6)[:, None], np.arange(8)[None]
        wave = np.exp(-2j * np.pi * (row * down / 6 + column * right / 8))[..., None]
        sums = ((picture[0] + 2) / 5 - 0.5) * wave
        colors = np.linalg.solve(COLORS / np.linalg.norm(COLORS[:, 0]), sums.sum(axis=(0, 1)))
        np.testing.assert_allclose(found[row, column], np.abs(colors), rtol=1e-9)


def test_the_spectrum_of_several_is_the_mean_and_knows_no_range():
    pictures = np.random.default_rng(0).uniform(0, 1, (3, 5, 4, 1))
    each = [spectrum_from_pictures(picture[None], (5, 4, 1), (0, 1)) for picture in pictures]
    np.testing.assert_allclose(spectrum_from_pictures(pictures, (5, 4, 1), (0, 1)), np.mean(each, axis=0))
    np.testing.assert_allclose(spectrum_from_pictures(255 * pictures, (5, 4, 1), (0, 255)), np.mean(each, axis=0))


def test_files_and_patterns_are_read_and_cut_to_the_proportions(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 14, 3), dtype="uint8")
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    middle = pixels[None, :, 3:11] / 255
    oracle = spectrum_from_pictures(middle, (6, 8, 3), (0, 1))
    for given in (str(tmp_path / "wide.png"), [tmp_path / "wide.png"], [f"{tmp_path}/*.png"], str(tmp_path)):
        np.testing.assert_allclose(spectrum_from_pictures(given, (6, 8, 3), (-1, 1)), oracle, atol=1e-9)


@pytest.mark.parametrize(("given", "what"), [(np.zeros((2, 5, 5, 3)), r"\(2, 5, 5, 3\)"), ([], r"\[\]"), (3, "3")])
def test_what_are_no_pictures_is_refused(given, what):
    with pytest.raises(InputError, match=rf"`spectrum_from` must be files of pictures, or an array .* Received: {what}\."):
        spectrum_from_pictures(given, (5, 4, 3), (0, 1))


def test_a_photograph_of_any_size_has_the_waves_of_the_shipped_spectrum():
    large, small = natural_spectrum((256, 256, 3)) / 256**2, natural_spectrum((40, 60, 3)) / 2400
    for down, right in [(0, 0), (1, 3), (-5, 20), (19, 29)]:
        np.testing.assert_allclose(small[down, right], large[down, right])
    huge = natural_spectrum((600, 600, 3)) / 360000
    np.testing.assert_allclose(huge[256, 128], large[128, 64] / 2)
    np.testing.assert_allclose(huge[100, 128], large[100, 128])


def test_gray_is_the_mean_of_colors():
    gray, color = natural_spectrum((30, 30, 1)), natural_spectrum((30, 30, 3))
    np.testing.assert_allclose(gray[..., 0], color[..., 0] * color_matrix(3)[:, 0].mean())
    with pytest.raises(InputError, match=r"`spectrum_from` must be given for pictures .* Received: 2 channels\."):
        natural_spectrum((30, 30, 2))
