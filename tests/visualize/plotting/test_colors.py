"""From values to colors."""

import numpy as np

from visualize import draw
from visualize.plotting.colors import as_rgb, scale_of


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
