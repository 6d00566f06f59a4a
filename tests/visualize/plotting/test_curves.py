"""Training curves."""

import numpy as np

from visualize import draw
from visualize.data.history import History


def test_curves_have_a_panel_a_measure_and_a_line_for_other_data():
    history = History(
        np.array([1, 2]), {"loss": np.array([3.0, 2.0]), "val_loss": np.array([4.0, 1.0]), "seconds": np.ones(2)}
    )
    (axes,) = draw(history).axes  # seconds were not measured on other data
    assert axes.get_title() == "loss"
    assert [line.get_ydata().tolist() for line in axes.get_lines()] == [[3.0, 2.0], [4.0, 1.0]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]
    assert len(draw(History(np.array([1]), {"loss": np.ones(1), "seconds": np.ones(1)})).axes) == 2  # nothing was
