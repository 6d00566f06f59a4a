"""From values to colors."""

import numpy as np
import pytest
from matplotlib import colormaps

from visualize import draw
from visualize.plotting.colors import as_rgb, overlaid, scale_of


def test_signed_scales_are_symmetric_and_others_begin_at_zero(attribution, images_of):
    signed = scale_of(np.array([-1.0, 3.0]), signed=True)
    assert (signed.low, signed.high, signed.colormap) == (-3.0, 3.0, "RdBu_r")
    other = scale_of(np.array([1.0, 3.0]), signed=False)
    assert (other.low, other.high, other.colormap) == (0.0, 3.0, "inferno")
    figure = draw(attribution([[[-1.0, 3.0], [0.0, 1.0]]]))
    drawn = images_of(figure)[1]
    assert (drawn.norm.vmin, drawn.norm.vmax) == (-3, 3)


def test_black_and_white_are_the_ends_of_the_range():
    pictures = np.array([[[[-1.0], [0.0], [1.0], [9.0]]]])
    assert as_rgb(pictures, (-1, 1))[0, 0, :, 0].tolist() == [0, 0.5, 1, 1]
    assert as_rgb(pictures, None)[0, 0, :, 0].tolist() == [0, 0.1, 0.2, 1]
    assert as_rgb(np.ones((1, 2, 2, 1)), None).max() == 0  # constant without a range: nothing to tell apart
    assert as_rgb(np.ones((1, 2, 2, 3)), (0, 1)).shape == (1, 2, 2, 3)


@pytest.mark.parametrize("signed", [False, True])
def test_colors_end_at_a_percentile_of_the_magnitudes(signed):
    values = np.linspace(0, 1, 10_000, dtype="float32").reshape(100, 100)
    values[0, :20] = 50 * (-1) ** np.arange(20) if signed else 50  # a few pixels that would blacken the rest
    scale = scale_of(values, signed=signed, clip=99.5)
    assert scale.high == pytest.approx(np.sort(np.abs(values).ravel())[int(0.995 * 10_000)], rel=1e-3)
    assert scale.low == (-scale.high if signed else 0)
    assert scale.largest == 50
    assert scale.is_clipped
    whole = scale_of(values, signed=signed, clip=100)
    assert (whole.high, whole.is_clipped) == (50, False)


def test_a_clip_that_would_change_little_or_leave_nothing_is_left_out():
    smooth = np.linspace(0, 1, 10_000, dtype="float32")
    assert not scale_of(smooth, signed=False, clip=99.5).is_clipped
    sparse = np.zeros(10_000, "float32")
    sparse[:10] = np.arange(10)
    assert scale_of(sparse, signed=False, clip=99.5).high == 9


def test_an_overlay_shows_gray_where_a_map_is_zero_and_color_where_it_is_large():
    scale = scale_of(np.array([0.0, 2.0]), signed=False)
    picture = np.tile(np.array([1.0, 0.5, 0.0]), (1, 4, 1))
    gray = 0.2126 + 0.5 * 0.7152
    drawn = overlaid(np.array([[0.0, 2.0, 1.0, np.nan]]), scale, picture)
    np.testing.assert_allclose(drawn[0, 0], gray, rtol=1e-5)
    for pixel, level in ((1, 1.0), (2, 0.5)):
        color = np.array(colormaps["inferno"](level)[:3])
        np.testing.assert_allclose(drawn[0, pixel], (1 - 0.85 * level) * gray + 0.85 * level * color, rtol=1e-4)
    np.testing.assert_allclose(drawn[0, 3], 0.4 * gray + 0.6, rtol=1e-5)  # nothing is known there


def test_an_overlay_of_signed_values_is_red_or_blue_and_neither_white_nor_black():
    scale = scale_of(np.array([-2.0, 2.0]), signed=True)
    values = np.linspace(-2, 2, 9)[None]
    for gray in (0.0, 1.0):
        drawn = overlaid(values, scale, np.full((1, 9, 3), gray))[0]
        np.testing.assert_allclose(drawn[4], gray, rtol=1e-5)
        red_minus_blue = drawn[:, 0] - drawn[:, 2]
        assert (np.sign(red_minus_blue) == np.sign(values[0])).all()
        assert (np.abs(red_minus_blue)[[0, 2, 6, 8]] > 0.2).all()  # from half of the largest on, on black and on white
        assert drawn.max() <= 1
