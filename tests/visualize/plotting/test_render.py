"""Figures and files: the same result gives the same bytes, in any style."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from visualize import Attribution, InputError, draw, write_gif, write_png
from visualize.plotting import write_film
from visualize.plotting.colors import as_rgb


def test_the_same_result_gives_the_same_bytes(any_result, tmp_path):
    first = write_png(draw(any_result), tmp_path / "first.png").read_bytes()
    assert write_png(draw(any_result), tmp_path / "again.png").read_bytes() == first
    assert b"matplotlib" not in first.lower()  # no version of a tool inside


def test_drawing_leaves_matplotlib_as_it_was(any_result, tmp_path):
    before = dict(mpl.rcParams)
    figure = draw(any_result)
    write_png(figure, tmp_path / "drawn.png")
    assert isinstance(figure, Figure)
    assert dict(mpl.rcParams) == before


STYLES = {
    "upside down": {"image.origin": "lower"},
    "dark": {"text.color": "white", "figure.facecolor": "black", "axes.facecolor": "black", "savefig.facecolor": "black"},
    "LaTeX": {"text.usetex": True},
    "layout": {"figure.constrained_layout.use": True, "savefig.bbox": "tight"},
    "fine": {"savefig.dpi": 300, "font.family": "serif", "font.size": 30, "xtick.labelsize": 30},
}


@pytest.mark.parametrize("style", STYLES)
def test_the_style_of_the_caller_changes_no_byte(every, style, tmp_path):
    for name in ("signed", "features", "structure"):
        plain = write_png(draw(every[name]), tmp_path / "plain.png").read_bytes()
        with mpl.rc_context(STYLES[style]):
            before = dict(mpl.rcParams)
            assert write_png(draw(every[name]), tmp_path / "styled.png").read_bytes() == plain
            assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gif_shows_the_way_and_ends_with_the_result(ascent, channels, tmp_path):
    tiles = ascent(count=3, channels=channels, frames=5)
    with Image.open(write_gif(tiles, tmp_path / "ascent.gif")) as animation:
        frames = [(np.asarray(frame.convert("RGB")), frame.info["duration"]) for frame in ImageSequence.Iterator(animation)]
    assert len(frames) == 6
    assert frames[-1][1] > frames[0][1]
    last = as_rgb(tiles.pictures, (0, 1)) * 255
    side = (frames[-1][0].shape[1] - 3 * 4) // 3
    scale = side // 8
    for tile in range(3):
        left = 2 + tile * (side + 4)
        shown = frames[-1][0][2 : 2 + side : scale, left : left + side : scale]
        np.testing.assert_allclose(shown, last[tile], atol=1 if channels == 1 else 40)  # a GIF has 256 colors


def test_pictures_of_several_sizes_make_one_film(tmp_path):
    for name, size in (("a", (4, 6)), ("b", (7, 3))):
        Image.new("RGB", size, "black").save(tmp_path / f"{name}.png")
    with Image.open(write_film([tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "film.gif")) as film:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
    assert [frame.shape for frame in frames] == [(6, 7, 3), (6, 7, 3)]
    assert [(frame < 128).all(axis=-1).sum() for frame in frames] == [24, 21]


def test_without_frames_there_is_no_gif(ascent, tmp_path):
    with pytest.raises(InputError) as caught:
        write_gif(ascent(), tmp_path / "no.gif")
    assert str(caught.value) == "`tiles` must have frames to make a GIF of: maximize(..., frames=20). Received: none."
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_belong_together_is_not_drawn_together(attribution, kernels):
    with pytest.raises(InputError, match="Received: \\['Tiles', 'Tiles'\\]"):
        draw([kernels(), kernels()])
    with pytest.raises(InputError, match="Received: \\[\\]"):
        draw([])
    other = attribution()
    other = Attribution(other.values, other.images + 1, other.targets, other.scores, "saliency", other.settings, other.arrays)
    with pytest.raises(InputError, match="attributions of different ones"):
        draw([attribution(), other])


def test_ipython_shows_a_figure_by_its_own_bytes(every, tmp_path):
    figure = draw(every["signed"])
    assert figure._repr_png_() == write_png(figure, tmp_path / "drawn.png").read_bytes()


def test_a_figure_larger_than_a_picture_can_be_is_refused(attribution):
    with pytest.raises(InputError, match=r"at most 65,535 pixels in each direction\. Received: .* x .*\. Ask for less"):
        draw(attribution(count=300, size=(4, 4)))
