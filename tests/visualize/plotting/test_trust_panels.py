"""Trust as a figure, as CSV and as a record: what is read there is what was measured."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text

from visualize import InputError, Trust, draw, load, save
from visualize.plotting.export import trust_csv
from visualize.plotting.figure import NARROW
from visualize.plotting.render import draw_narrow

COLUMNS = (
    {"name": "deletion", "title": "deletion", "better": "low"},
    {"name": "insertion", "title": "insertion", "better": "high"},
    {"name": "own class", "title": "own class", "better": "high"},
    {"name": "area", "title": "area", "better": ""},
)


def measure(mean, passes=None, width=0.1):
    ends = {"low": None, "high": None} if width is None else {"low": mean - width, "high": mean + width}
    return {"mean": mean, **ends, "passes": passes, "values": [mean, mean]}


def row(name, believed=None, *, baseline=False, width=0.1, **measures):
    measured = {key: measure(value, believed, width) for key, value in measures.items()}
    return {
        "name": name,
        "baseline": baseline,
        "believed": believed,
        "sentence": "" if baseline else f"{name}: its top fifth removes $61 % of the probability.",
        "reasons": [],
        "measures": measured,
    }


def trust(width=0.1, images=12):
    rows = (
        row("gradcam", True, deletion=0.2, insertion=0.9, area=0.3, width=width),
        row("saliency (modifier=guided)", False, deletion=0.4, insertion=0.6, area=0.1, width=width),
        row("random pixels", baseline=True, deletion=0.5, insertion=0.5),
        row("edges", baseline=True, deletion=0.45, insertion=0.55),
    )
    settings = {"unit": "probability", "images": images, "model": "model.keras", "seed": 0, "left_out": {}}
    return Trust(rows, COLUMNS, "Believe gradcam, the most faithful of 2 methods.", "trust", settings)


def panels_of(figure):
    return {axes.get_title(): axes for axes in figure.axes}


def test_each_measure_that_any_method_has_is_a_panel():
    assert list(panels_of(draw(trust()))) == ["deletion", "insertion", "area"]


def test_a_mark_is_at_the_mean_and_a_line_along_the_interval():
    axes = panels_of(draw(trust()))["deletion"]
    marks = [line for line in axes.lines if len(line.get_xdata()) == 1]
    spans = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_ydata()[0] == line.get_ydata()[1]]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in marks] == [(0.2, 0), (0.4, 1)]
    np.testing.assert_allclose([line.get_xdata() for line in spans], [(0.1, 0.3), (0.3, 0.5)])
    assert [line.get_marker() for line in marks] == ["o", "X"]  # told apart without colors
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first method is the highest


def test_baselines_are_lines_through_the_measures_that_they_have():
    panels = panels_of(draw(trust()))
    upright = {name: [line for line in axes.lines if list(line.get_ydata()) == [0, 1]] for name, axes in panels.items()}
    assert [line.get_xdata()[0] for line in upright["deletion"]] == [0.5, 0.45]
    assert upright["area"] == []
    assert len({line.get_linestyle() for line in upright["deletion"]}) == 2


def test_the_figure_says_the_answer_the_sentences_and_what_they_rest_on(texts_of):
    texts = texts_of(draw(trust()))
    assert "Believe gradcam, the most faithful of 2 methods." in texts
    assert "gradcam: its top fifth removes $61 % of the probability." in texts
    assert "model.keras, 12 images: means and 95 % intervals; deletion and insertion of the probability" in texts
    assert "gradcam  \u2713" in texts
    assert "saliency (modifier=guided)  \u2717" in texts


def test_few_images_have_marks_without_intervals():
    axes = panels_of(draw(trust(width=None)))["area"]
    assert [len(line.get_xdata()) for line in axes.lines] == [1, 1]


def test_one_image_is_counted_in_the_singular(texts_of):
    assert "model.keras, 1 image: means; deletion and insertion of the probability" in texts_of(draw(trust(None, images=1)))


def test_an_option_of_maps_is_refused():
    with pytest.raises(InputError, match="`beside` must be left out"):
        draw(trust(), beside=True)


def test_the_table_has_a_row_for_each_method_and_baseline():
    header, *rows = csv.reader(io.StringIO(trust_csv(trust())))
    assert header[:6] == ["name", "kind", "believed", "deletion mean", "deletion low", "deletion high"]
    assert [each[:3] for each in rows] == [
        ["gradcam", "method", "yes"],
        ["saliency (modifier=guided)", "method", "no"],
        ["random pixels", "baseline", ""],
        ["edges", "baseline", ""],
    ]
    assert [float(number) for number in rows[0][3:6]] == pytest.approx([0.2, 0.1, 0.3])
    assert rows[0][9:12] == ["", "", ""]  # it was not measured


def test_what_was_saved_is_loaded(tmp_path):
    result = trust(width=None)
    (again,) = load(save(tmp_path / "trust.npz", result))
    assert isinstance(again, Trust)
    assert again.rows == result.rows
    assert again.columns == result.columns
    assert (again.answer, again.believed, again.sentences) == (result.answer, result.believed, result.sentences)
    assert dict(again.settings) == dict(result.settings)


def test_the_narrow_figure_has_every_panel_mark_and_line_of_the_wide_one():
    wide, narrow = panels_of(draw(trust())), panels_of(draw_narrow([trust()]))
    assert list(narrow) == list(wide)
    for title, axes in narrow.items():
        lines = [[line.get_xydata().tolist() for line in each.lines] for each in (axes, wide[title])]
        assert lines[0] == lines[1]


def test_letters_of_the_narrow_figure_can_be_read_and_stay_on_it(texts_of):
    figure = draw_narrow([trust()])
    assert figure.get_figwidth() == NARROW
    figure.canvas.draw()
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible():
            assert text.get_fontsize() >= 7
            box = text.get_window_extent()
            assert box.x0 >= 0, text
            assert box.x1 <= figure.bbox.x1, text
    words = " ".join(texts_of(figure))
    for word in ("gradcam", "saliency", "random pixels", "edges", "not as it should be", "12 images"):
        assert word in words


def test_the_longest_of_the_default_methods_is_whole_in_the_narrow_figure(texts_of):
    whole = trust()
    rows = ({**whole.rows[0], "name": "integrated_gradients"}, *whole.rows[1:])
    assert any("integrated_gradients" in text for text in texts_of(draw_narrow([replace(whole, rows=rows)])))
