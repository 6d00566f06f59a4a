"""Diagrams of models: no text over another, no arrow through a box."""

import io
import itertools

import keras
import matplotlib as mpl
import numpy as np

from visualize import draw, summary, write_png


def test_no_text_of_a_box_runs_into_another(chain, tmp_path):
    names = ["global_average_pooling2d_17", "expanded_conv_depthwise_batch_normalization_relu", "x"]
    figure = draw(chain(names, kind="GlobalAveragePooling2D"))
    write_png(figure, tmp_path / "drawn.png")
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def test_arrows_do_not_cross_boxes():
    inputs = keras.Input((8, 8, 3))
    x = first = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    for _ in range(12):
        y = keras.layers.Conv2D(4, 3, padding="same")(x)
        x = keras.layers.Add()([x, keras.layers.ReLU()(y)])
    x = keras.layers.Add()([x, first])  # over two columns
    figure = draw(summary(keras.Model(inputs, keras.layers.Flatten()(x)), full=True))
    axes = figure.axes[0]
    boxes = [patch for patch in axes.patches if isinstance(patch, mpl.patches.FancyBboxPatch)]
    arrows = [patch for patch in axes.patches if isinstance(patch, mpl.patches.FancyArrowPatch)]
    assert len(boxes) == 40
    assert len(arrows) == 40 - 1 + 13
    figure.savefig(io.BytesIO(), format="png")
    for arrow in arrows:
        for line in arrow.get_path().to_polygons(closed_only=False):
            points = np.concatenate([np.linspace(start, end, 60) for start, end in itertools.pairwise(line)])
            for box in boxes:
                low = np.array([box.get_x(), box.get_y()])
                size = np.array([box.get_width(), box.get_height()])
                inside = (points > low + 0.06).all(axis=1) & (points < low + size - 0.06).all(axis=1)
                assert not inside.any()
