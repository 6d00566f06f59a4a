"""Figures for the screen of a phone: narrow, with letters that can be read there, and nothing left out."""

import io
import itertools
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

from visualize import Attribution, draw
from visualize.data.history import History
from visualize.plotting.render import draw_narrow
from visualize.settings import Display

PAGE = 356  # pixels of a phone of 390 between the margins of a report


def letters(figure):
    """Each text that is seen, with the height of its letters on a phone and its left and right end in inches."""
    figure.savefig(io.BytesIO(), format="png")
    for text in figure.findobj(mpl.text.Text):
        if text.get_text().strip() and text.get_visible():
            box = text.get_window_extent()
            height = text.get_fontsize() / 72 * PAGE / figure.get_figwidth()
            yield text.get_text(), height, box.x0 / figure.dpi, box.x1 / figure.dpi


@pytest.fixture
def comparison(attribution):
    """Maps of one photograph by methods with long names, some of them clipped."""
    values = np.random.default_rng(0).standard_normal((1, 64, 96)) ** 5
    first = attribution(values, names=["Egyptian Mau"], layer="block7a_project_bn")
    names = ("integrated_gradients", "guided_gradcam", "occlusion", "rise")
    return [replace(first, method=name) for name in names]


@pytest.fixture
def narrow_figures(comparison, kernels, ascent, chain):
    captions = tuple(f"a rather long name of class {number}: 12.5" for number in range(10))
    history = History([1, 2], {"loss": np.array([2.0, 1.0]), "accuracy": np.array([0.5, 0.75])})
    return {
        "maps": draw_narrow(comparison),
        "a map of a digit": draw_narrow([replace(comparison[0], values=np.eye(28)[None], images=np.eye(28)[None, ..., None])]),
        "kernels": draw_narrow([kernels(32)]),
        "one kernel": draw_narrow([kernels(1)]),
        "inputs": draw_narrow([replace(ascent(10), captions=captions)]),
        "diagram": draw_narrow([chain([f"block_{number}" for number in range(40)])]),
        "curves": draw_narrow([history]),
    }


def test_letters_are_nine_pixels_high_on_a_phone_and_stay_on_the_figure(narrow_figures):
    for name, figure in narrow_figures.items():
        assert figure.get_figwidth() <= 4, name
        for text, height, left, right in letters(figure):
            assert height >= 8.8, (name, text, height)
            if name != "curves":  # matplotlib keeps the ticks outside of its axes, and does not draw them
                assert left >= -0.02, (name, text)
                assert right <= figure.get_figwidth() + 0.02, (name, text)


def test_texts_side_by_side_do_not_touch(comparison):
    figure = draw_narrow(comparison)
    figure.savefig(io.BytesIO(), format="png")
    texts = [text for text in figure.findobj(mpl.text.Text) if text.get_text().strip() and text.get_visible()]
    for first, second in itertools.combinations(texts, 2):
        touch = first.get_window_extent().overlaps(second.get_window_extent())
        assert not touch, (first.get_text(), second.get_text())


def test_a_narrow_figure_says_what_the_wide_one_says(comparison, kernels, chain, texts_of):
    for results in (comparison, [kernels(12)], [chain(["a", "b", "c"])]):
        wide, narrow = (" ".join(texts_of(figure)).split() for figure in (draw(results), draw_narrow(results)))
        assert sorted(wide) == sorted(narrow)


def test_what_needs_its_width_has_no_narrow_figure(attribution, kernels, features):
    assert draw_narrow([attribution(count=2)]) is None
    assert draw_narrow([replace(kernels(24), display=Display(columns=8))]) is None
    assert draw_narrow([features(np.zeros((5, 4, 4, 1)))]) is None
    sequence = Attribution(np.ones((1, 4)), np.ones((1, 4, 1)), np.array([1]), np.array([2.0]), "occlusion", {})
    assert draw_narrow([sequence]) is None
