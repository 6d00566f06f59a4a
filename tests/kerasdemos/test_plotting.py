"""The pictures of a run: what is in them, and that the same numbers give the same bytes."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from kerasdemos import plotting
from kerasdemos.demo import Curve, Panel

HISTORY = {
    "epoch": np.array([1, 2, 3]),
    "loss": np.array([0.9, 0.5, 0.4]),
    "accuracy": np.array([0.5, 0.7, 0.8]),
    "val_loss": np.array([0.8, 0.6, 0.5]),
    "val_accuracy": np.array([0.6, 0.65, 0.7]),
}


def test_curves_show_loss_and_accuracy_of_both_parts():
    loss, accuracy = plotting.draw_curves(HISTORY, watched="test", title="a run").axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    assert [text.get_text() for text in loss.get_legend().get_texts()] == [
        "training, during the epoch",
        "test, after it",
    ]
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), HISTORY["loss"])
    np.testing.assert_array_equal(accuracy.lines[1].get_ydata(), HISTORY["val_accuracy"])


def test_panels_draw_lines_points_and_paths_as_they_are_told():
    x = np.array([0.0, 1.0, 2.0])
    panel = Panel(
        title="a panel",
        x_label="x",
        y_label="y",
        curves=(Curve(x, x, "line"), Curve(x, x**2, "points", "points"), Curve(x, -x, "path", "path")),
    )
    (axes,) = plotting.draw_panels([panel], title="all").axes
    line, path, first, last = axes.lines
    np.testing.assert_array_equal(line.get_ydata(), x)
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), np.stack([x, x**2], axis=1))
    np.testing.assert_array_equal(path.get_ydata(), -x)
    assert (first.get_xydata().tolist(), last.get_xydata().tolist()) == ([[0, 0]], [[2, -2]])
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("a panel", "x", "y")
    assert axes.get_yscale() == "linear"


def test_a_panel_may_have_a_logarithmic_axis():
    panel = Panel("", "x", "y", (Curve(np.arange(3), 10.0 ** np.arange(3)),), log_y=True)
    (axes,) = plotting.draw_panels([panel], title="").axes
    assert axes.get_yscale() == "log"
    assert axes.get_legend() is None


def test_a_label_has_one_color_in_all_panels_and_no_other_label_has_it():
    x = np.arange(3.0)
    first = Panel("", "x", "y", (Curve(x, x, "f"), Curve(x, x, "descent", "path")))
    second = Panel("", "x", "y", (Curve(x, x, "descent"), Curve(x, x, "data", "points"), Curve(x, x, "f")))
    left, right = plotting.draw_panels([first, second], title="").axes
    assert left.lines[0].get_color() == right.lines[1].get_color() == "C0"
    assert left.lines[1].get_color() == right.lines[0].get_color() == "C1"
    np.testing.assert_allclose(right.collections[0].get_facecolor()[0, :3], to_rgb("C2"))


@pytest.mark.parametrize("seed", range(4))
def test_a_legend_covers_none_of_the_axes(seed):
    curves = tuple(Curve(np.arange(101), walk, f"walk {i}") for i, walk in enumerate(walks(seed)))
    figure = plotting.draw_panels([Panel("", "step", "x", curves)], title="all")
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    legend = axes.get_legend().get_window_extent()
    assert legend.y1 <= axes.xaxis.get_label().get_window_extent().y0
    assert legend.y0 >= 0


def walks(seed):
    return np.random.default_rng(seed).normal(size=(4, 101)).cumsum(axis=1)


def test_a_panel_with_notes_is_a_diagram_without_scales():
    panel = Panel("", "x", "y", (Curve(np.arange(2), np.arange(2)),), notes=((0.0, 0.0, "in"), (1.0, 1.0, "out")))
    (axes,) = plotting.draw_panels([panel], title="").axes
    assert [(text.get_text(), *text.get_position()) for text in axes.texts] == [("in", 0, 0), ("out", 1, 1)]
    assert len(axes.get_xticks()) == len(axes.get_yticks()) == 0


def test_confusion_shows_every_count_and_colors_the_mistakes_only():
    counts = np.array([[90, 10], [0, 100]])
    (axes,) = plotting.draw_confusion(counts, ["cat", "dog"], title="two").axes
    assert [text.get_text() for text in axes.texts] == ["90", "10", "·", "100"]
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0, 10], [0, 0]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    for name in ("first.png", "second.png"):
        plotting.save_figure(plotting.draw_curves(HISTORY, watched="test", title="a run"), tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
