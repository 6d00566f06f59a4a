"""Inputs maximized for a network of photographs show another network what they are of."""

import numpy as np
import pytest
import skimage.data
import tensorflow as tf

from kerasdemos.pretrained import imagenet, registry
from kerasdemos.pretrained.export import open_network
from visualize import describe, maximize

CLASSES = ("school bus", "volcano")


def network(name):
    """A pretrained network with its card."""
    pretrained = registry.load(name)
    return describe(
        open_network(pretrained),
        class_names=imagenet.class_names(needed_by="the test", install="it"),
        input_range=pretrained.input_range,
    )


def variation(parts):
    """The mean absolute difference of neighbors in parts of the input range."""
    return np.abs(np.diff(parts, axis=-3)).mean() + np.abs(np.diff(parts, axis=-2)).mean()


@pytest.mark.slow
def test_a_network_that_had_no_part_in_it_names_the_class():
    """EfficientNet-Lite1 judges inputs maximized for Lite0, half as many steps as by default."""
    tiles = maximize(network("efficientnet_lite0"), CLASSES, steps=96)
    low, high = tiles.settings.input_range
    parts = (tiles.pictures - low) / (high - low)
    judge = registry.load("efficientnet_lite1")
    black, white = judge.input_range
    pictures = black + (white - black) * tf.image.resize(parts, (judge.side, judge.side))
    probabilities = np.asarray(open_network(judge)(pictures))
    np.testing.assert_array_equal(probabilities.argmax(axis=1), tiles.settings.targets)
    assert probabilities.max(axis=1).min() > 0.5
    photographs = [skimage.data.astronaut()[::2, ::2] / 255, skimage.data.coffee()[::2, ::2] / 255]
    assert variation(parts) < 2 * np.mean([variation(photograph) for photograph in photographs])
