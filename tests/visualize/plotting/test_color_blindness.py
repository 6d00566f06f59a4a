"""The colors of maps can be told apart by the color-blind: simulated after Machado, Oliveira & Fernandes (2009)."""

import numpy as np
import pytest
from matplotlib import colormaps

from visualize.plotting.colors import SIGNED, UNSIGNED

# Of linear red, green and blue, for severity 1 (doi:10.1109/TVCG.2009.113, table 1).
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
WHITE = TO_XYZ.sum(axis=1)


def seen(colormap, levels, vision):
    """Colors as CIE L*a*b*, (levels, 3), as someone sees them."""
    encoded = colormaps[colormap](levels)[:, :3]
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ np.array(VISION[vision]).T, 0, 1) @ TO_XYZ.T / WHITE
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("vision", VISION)
def test_larger_values_are_lighter_for_everybody(vision):
    lightness = seen(UNSIGNED, np.linspace(0, 1, 33), vision)[:, 0]
    assert (np.diff(lightness) > 0.5).all()
    assert lightness[-1] - lightness[0] > 85


@pytest.mark.parametrize("vision", VISION)
def test_signs_differ_and_larger_magnitudes_are_darker_for_everybody(vision):
    magnitudes = np.linspace(0, 1, 17)
    above, below = (seen(SIGNED, 0.5 + sign * magnitudes / 2, vision) for sign in (1, -1))
    for side in (above, below):
        assert (np.diff(side[:, 0]) < 0).all()
    differences = np.linalg.norm(above - below, axis=1)
    assert (differences[4:] > 15).all()  # from a quarter of the scale on; 2 can just be told apart


def test_red_and_green_would_not_do():
    """The measure above tells them apart from the default colors."""
    ends = seen("RdYlGn", np.array([0.25, 0.75]), "deuteranopia")
    assert np.linalg.norm(ends[0] - ends[1]) < 15
