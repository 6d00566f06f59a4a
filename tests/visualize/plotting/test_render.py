"""Figures: same input, same bytes; scales that do not lie; names that do not break them."""

import dataclasses
import io
import itertools
import logging
import time
import warnings

import keras
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from visualize import Attribution, InputError, Structure, Tiles, draw, summary, write_gif, write_png
from visualize.data.history import History
from visualize.plotting.colors import as_rgb, scale_of
from visualize.plotting.text import fitted


def attribution(values=None, *, count=1, size=(6, 9), names=(), **settings):
    numbers = np.random.default_rng(0)
    values = numbers.random((count, *size)).astype("float32") if values is None else np.asarray(values, "float32")
    count = len(values)
    return Attribution(
        values=values,
        images=np.random.default_rng(1).random((*values.shape, 1)).astype("float32"),
        targets=np.arange(count),
        scores=np.full(count, 4.5, "float32"),
        method="saliency",
        settings={
            "unit": "score per unit of pixel",
            "score": "logit",
            "class_names": list(names),
            "input_range": [0, 1],
            **settings,
        },
        arrays={"probability": np.full(count, 0.5, "float32")},
    )


def kernels(count=6, size=(3, 3), channels=1, **settings):
    pictures = np.random.default_rng(2).standard_normal((count, *size, channels)).astype("float32")
    captions = tuple(str(one) for one in range(count))
    settings = {"layer": "conv", "unit": "weight", "filters": count, "channels": channels, **settings}
    return Tiles(pictures, captions, True, "filters", settings)


def ascent(count=3, channels=1, frames=None):
    numbers = np.random.default_rng(3)
    pictures = numbers.random((count, 8, 8, channels)).astype("float32")
    settings = {"layer": None, "unit": "pixel", "score": "logit", "input_range": [0, 1]}
    kept = None if frames is None else numbers.random((frames, count, 8, 8, channels)).astype("float32")
    return Tiles(pictures, tuple(f"{one}: 1.5" for one in range(count)), False, "maximize", settings, frames=kept)


def features(pictures, source=None):
    settings = {"layer": "conv", "unit": "activation", "input_range": [0, 1]}
    captions = tuple(str(one) for one in range(len(pictures)))
    return Tiles(pictures, captions, bool((pictures < 0).any()), "features", settings, source=source)


def chain(names, kind="Dense"):
    rows = tuple({"path": name, "kind": kind, "shape": [None, 4], "parameters": 8, "depth": 0} for name in names)
    edges = tuple(itertools.pairwise(names))
    return Structure(rows, edges, "summary", {"name": "model", "parameters": 8, "trainable": 8})


def pixels(result, tmp_path):
    return np.asarray(Image.open(write_png(draw(result), tmp_path / "drawn.png")).convert("RGB"))


def words(figure):
    figure.savefig(io.BytesIO(), format="png")
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def images_of(figure):
    return [image for axes in figure.axes for image in axes.images]


EVERY = {
    "attribution": attribution(count=2),
    "signed": attribution(np.random.default_rng(0).standard_normal((1, 6, 9))),
    "kernels": kernels(),
    "kernels of colors": kernels(channels=3),
    "ascent": ascent(),
    "features": features(np.random.default_rng(0).random((5, 4, 4, 1)), np.zeros((8, 8, 1))),
    "units": features(np.random.default_rng(0).random((1, 1, 40, 1)), np.zeros((8, 8, 1))),
    "structure": chain(["a", "b", "c"]),
}


@pytest.mark.parametrize("name", EVERY)
def test_the_same_result_gives_the_same_bytes(name, tmp_path):
    first = write_png(draw(EVERY[name]), tmp_path / "first.png").read_bytes()
    assert write_png(draw(EVERY[name]), tmp_path / "again.png").read_bytes() == first
    assert b"matplotlib" not in first.lower()  # no version of a tool inside


@pytest.mark.parametrize("name", EVERY)
def test_drawing_leaves_matplotlib_as_it_was(name, tmp_path):
    before = dict(mpl.rcParams)
    figure = draw(EVERY[name])
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
def test_the_style_of_the_caller_changes_no_byte(style, tmp_path):
    for name in ("signed", "features", "structure"):
        plain = write_png(draw(EVERY[name]), tmp_path / "plain.png").read_bytes()
        with mpl.rc_context(STYLES[style]):
            before = dict(mpl.rcParams)
            assert write_png(draw(EVERY[name]), tmp_path / "styled.png").read_bytes() == plain
            assert dict(mpl.rcParams) == before


def test_a_map_of_zeros_and_a_constant_map_say_so():
    figure = draw(attribution([np.zeros((6, 9)), np.full((6, 9), 0.5), np.arange(54).reshape(6, 9)]))
    found = words(figure)
    assert "all zero" in found
    assert "constant, 0.5" in found
    assert "max 53" in found


def test_a_map_that_is_not_finite_is_not_called_zero():
    values = np.ones((2, 6, 9))
    values[0], values[1, 0, 0] = np.nan, np.inf
    found = words(draw(attribution(values)))
    assert "not finite" in found
    assert "partly not finite" in found
    assert "all zero" not in found


def test_tiles_of_zeros_say_so():
    for signed in (kernels(), features(np.zeros((4, 3, 3, 1)))):
        zeros = Tiles(np.zeros_like(signed.pictures), signed.captions, signed.signed, signed.method, signed.settings)
        assert "all zero" in words(draw(zeros))
    colors = kernels(channels=3)
    zeros = Tiles(np.zeros_like(colors.pictures), colors.captions, True, "filters", colors.settings)
    assert "weight: all zero" in words(draw(zeros))


def test_signed_scales_are_symmetric_and_others_begin_at_zero():
    signed = scale_of(np.array([-1.0, 3.0]), signed=True)
    assert (signed.low, signed.high, signed.colors) == (-3.0, 3.0, "RdBu_r")
    other = scale_of(np.array([1.0, 3.0]), signed=False)
    assert (other.low, other.high, other.colors) == (0.0, 3.0, "inferno")
    figure = draw(attribution([[[-1.0, 3.0], [0.0, 1.0]]]))
    drawn = images_of(figure)[1]
    assert (drawn.norm.vmin, drawn.norm.vmax) == (-3, 3)


def test_zero_is_white_and_the_strongest_kernel_has_the_full_color(tmp_path):
    tiles = Tiles(np.array([[[[0.0]]], [[[2.0]]], [[[-2.0]]]]), ("a", "b", "c"), True, "filters", kernels().settings)
    drawn = pixels(tiles, tmp_path)
    row = drawn[drawn.shape[0] // 2 - 20]
    middles = [row[int(part * drawn.shape[1])] for part in (0.2, 0.5, 0.8)]
    assert middles[0].min() > 240
    assert middles[1][0] > middles[1][2] + 50  # red
    assert middles[2][2] > middles[2][0] + 50  # blue


def test_black_and_white_are_the_ends_of_the_range():
    pictures = np.array([[[[-1.0], [0.0], [1.0], [9.0]]]])
    assert as_rgb(pictures, (-1, 1))[0, 0, :, 0].tolist() == [0, 0.5, 1, 1]
    assert as_rgb(pictures, None)[0, 0, :, 0].tolist() == [0, 0.1, 0.2, 1]
    assert as_rgb(np.ones((1, 2, 2, 1)), None).max() == 0  # constant without a range: nothing to tell apart
    assert as_rgb(np.ones((1, 2, 2, 3)), (0, 1)).shape == (1, 2, 2, 3)


@pytest.mark.parametrize("size", [(20, 60), (60, 20), (28, 28)])
def test_pictures_and_maps_keep_their_shape(size):
    figure = draw(attribution(size=size))
    for axes in figure.axes[:2]:
        box = axes.get_window_extent()
        assert box.width / box.height == pytest.approx(size[1] / size[0], rel=0.02)


@pytest.mark.parametrize("size", [(4, 12), (12, 4)])
def test_tiles_and_their_source_keep_their_shape(size, tmp_path):
    drawn = pixels(features(np.ones((1, *size, 1)), source=np.full((*size, 1), 0.5)), tmp_path)[:-70]  # no color bar
    for color in ((128, 128, 128), (252, 254, 164)):  # the source, the tile
        there = (drawn == color).all(axis=-1)
        height, width = (there.sum(axis=1) > 20).sum(), (there.sum(axis=0) > 20).sum()
        assert width / height == pytest.approx(size[1] / size[0], rel=0.05)


def test_each_kernel_is_where_its_caption_says(tmp_path):
    pictures = np.full((6, 3, 3, 1), 1e-9)
    pictures[4] = 1.0
    tiles = Tiles(pictures, tuple("abcdef"), True, "filters", {**kernels().settings, "columns": 3})
    figure = draw(tiles)
    write_png(figure, tmp_path / "drawn.png")
    drawn = np.asarray(Image.open(tmp_path / "drawn.png").convert("RGB")).astype(int)
    drawn = drawn[: -int(0.62 * 120)]  # without the color bar
    red = np.argwhere((drawn[..., 0] > drawn[..., 2] + 50) & (drawn[..., 0] < 160)).mean(axis=0)
    caption = next(text for text in figure.texts if text.get_text() == "e")
    x, y = caption.get_window_extent().intervalx.mean(), caption.get_window_extent().y0
    height = figure.get_size_inches()[1] * figure.dpi
    assert red[1] == pytest.approx(x, abs=3)
    assert 0 < red[0] - (height - y) < 120


def test_the_colors_of_a_map_depend_on_the_method_and_not_on_its_numbers():
    positive = attribution(np.random.default_rng(0).random((1, 6, 9)))
    signed = dataclasses.replace(positive, settings={**positive.settings, "signed": True})
    maps = [images_of(draw(one))[1] for one in (positive, signed)]
    assert [one.get_cmap().name for one in maps] == ["inferno", "RdBu_r"]
    assert maps[1].get_clim()[0] == -maps[1].get_clim()[1]


def test_one_number_is_no_class():
    one = attribution(np.random.default_rng(0).random((1, 6, 9)))
    number = dataclasses.replace(one, settings={**one.settings, "classes": 1, "score": "output"})
    assert any("class" in text for text in words(draw(one)))
    assert not any("class" in text for text in words(draw(number)))


@pytest.mark.slow
def test_thousands_of_tiles_are_drawn_in_a_moment_and_cut_with_a_word():
    many = kernels(count=2048, columns=32)
    started = time.process_time()  # what others do on this machine does not count
    figure = draw(many)
    figure.savefig(io.BytesIO(), format="png")
    assert time.process_time() - started < 5  # axes for each took half a minute
    wide = kernels(count=90 * 70, columns=90)
    assert any("(the first 4,096 of 6,300)" in word for word in words(draw(wide)))
    assert not any("of 2,048" in word for word in words(figure))


NAMES = {
    "formula": "$x_1^2$",
    "money": "costs $5",
    "broken formula": r"$\frac{1}{$ and $",
    "underscores": "a_b_c",
    "markup": "<script>alert(1)</script>",
    "braces": r"{\it x} % & # ~",
    "several lines": "one\ntwo\ttab",
    "empty": "",
}


def with_name(name):
    yield attribution(names=[name])
    yield attribution(layer=name, modifier=name)
    classes = {"patch": 3, "stride": 3, "tops": [0, 3], "lefts": [0, 3, 6]}
    occluded = attribution(names=[name], **classes)
    occluded.arrays["position_classes"] = np.zeros((1, 2, 3), int)
    yield occluded
    one = ascent()
    yield Tiles(one.pictures, (name, name, name), False, "maximize", {**one.settings, "layer": name})
    yield chain([name, "b"])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "several lines"])
def test_a_name_is_drawn_as_it_stands(name, tmp_path):
    for result in with_name(NAMES[name]):
        figure = draw(result)
        write_png(figure, tmp_path / "drawn.png")
        assert any(NAMES[name] in text.get_text() for text in figure.findobj(mpl.text.Text))


def test_a_dollar_is_drawn_as_a_dollar(tmp_path):
    def width(caption):
        one = ascent(1)
        figure = draw(Tiles(one.pictures, (caption,), False, "maximize", one.settings))
        write_png(figure, tmp_path / "drawn.png")
        return next(text for text in figure.texts if text.get_text() == caption).get_window_extent().width

    assert width("$a$") > 2 * width("a")


def test_a_name_of_several_lines_becomes_one(tmp_path):
    for result in with_name(NAMES["several lines"]):
        figure = draw(result)
        write_png(figure, tmp_path / "drawn.png")
        assert any("one two tab" in text.get_text() for text in figure.findobj(mpl.text.Text))


def test_letters_that_no_font_has_neither_fail_nor_clutter(tmp_path, caplog, capfd):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        for result in with_name("狗与猫 \U0001f431 кот"):
            write_png(draw(result), tmp_path / "drawn.png")
    assert caplog.records == []
    assert capfd.readouterr().err == ""


def test_a_long_name_is_cut_in_its_middle_and_stays_in_its_place(tmp_path):
    name = "a_very_long_name_" * 12 + "end"
    for result in with_name(name):
        figure = draw(result)
        write_png(figure, tmp_path / "drawn.png")
        wide, high = figure.get_size_inches() * figure.dpi
        for text in figure.findobj(mpl.text.Text):
            box = text.get_window_extent()
            if text.get_text():
                assert box.x0 >= -2
                assert box.x1 <= wide + 2, text.get_text()
                assert box.y0 >= -2
                assert box.y1 <= high + 2, text.get_text()
        shown = "".join(text.get_text() for text in figure.findobj(mpl.text.Text))
        assert "a_very" in shown
        assert "end" in shown
        assert "…" in shown


def test_a_text_is_fitted_to_its_width():
    assert fitted("short", 2, 8) == "short"
    assert fitted("x" * 100, 1, 8) == "x" * 7 + "…" + "x" * 7
    assert fitted("中" * 100, 1, 8) == "中" * 3 + "…" + "中" * 3  # twice as wide


def test_titles_do_not_run_into_their_neighbors(tmp_path):
    figure = draw([attribution(count=10, names=["a_long_name_of_a_class"] * 10), attribution(count=10, modifier="guided")])
    write_png(figure, tmp_path / "drawn.png")
    boxes = [axes.title.get_window_extent() for axes in figure.axes if axes.get_title()]
    for index, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[index + 1 :])
        assert not any(one.overlaps(axes.get_window_extent()) for axes in figure.axes)


def test_no_text_of_a_box_runs_into_another(tmp_path):
    names = ["global_average_pooling2d_17", "expanded_conv_depthwise_batch_normalization_relu", "x"]
    figure = draw(chain(names, kind="GlobalAveragePooling2D"))
    write_png(figure, tmp_path / "drawn.png")
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    for index, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[index + 1 :])


def test_arrows_do_not_cross_boxes():
    inputs = keras.Input((8, 8, 3))
    x = first = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    for _ in range(12):
        y = keras.layers.Conv2D(4, 3, padding="same")(x)
        x = keras.layers.Add()([x, keras.layers.ReLU()(y)])
    x = keras.layers.Add()([x, first])  # over two columns
    figure = draw(summary(keras.Model(inputs, keras.layers.Flatten()(x))))
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


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gif_shows_the_way_and_ends_with_the_result(channels, tmp_path):
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


def test_without_frames_there_is_no_gif(tmp_path):
    with pytest.raises(InputError) as caught:
        write_gif(ascent(), tmp_path / "no.gif")
    assert str(caught.value) == "`tiles` must have frames to make a GIF of: maximize(..., frames=20). Received: none."
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_belong_together_is_not_drawn_together():
    with pytest.raises(InputError, match="Received: \\['Tiles', 'Tiles'\\]"):
        draw([kernels(), kernels()])
    with pytest.raises(InputError, match="Received: \\[\\]"):
        draw([])
    other = attribution()
    other = Attribution(other.values, other.images + 1, other.targets, other.scores, "saliency", other.settings, other.arrays)
    with pytest.raises(InputError, match="attributions of different ones"):
        draw([attribution(), other])


def test_the_title_tells_class_and_score():
    found = words(draw(attribution(names=["a cat"])))
    assert "a cat\nlogit 4.5, p 0.500" in found
    assert "class 0\nlogit 4.5, p 0.500" in words(draw(attribution()))


def test_maps_of_a_shared_scale_have_one_end(tmp_path):
    values = np.stack([np.full((6, 9), 1.0), np.full((6, 9), 4.0)])
    values[:, 0, 0] = 0
    own = draw(attribution(values, count=2))
    shared = draw(attribution(values, count=2, scale="shared"))
    assert [limits_of(figure) for figure in (own, shared)] == [[(0, 1), (0, 4)], [(0, 4), (0, 4)]]


def limits_of(figure):
    """The ends of the scale of each map: of what is drawn in colors, but for the color bar."""
    drawn = [image for axes in figure.axes for image in axes.get_images() if image.get_array().ndim == 2]
    return [image.get_clim() for image in drawn if image.get_array().shape[0] > 1]


def test_a_volume_is_drawn_by_the_slice_that_says_most():
    values = np.zeros((1, 3, 4, 5))
    values[0, 2, 1, 1] = -1.0
    images = np.stack([np.full((4, 5, 1), level) for level in (0.0, 0.5, 1.0)])[None]
    volume = Attribution(values, images, np.array([1]), np.array([2.0]), "occlusion", {"input_range": [0, 1]})
    figure = draw(volume)
    picture, found = (axes.get_images()[0].get_array() for axes in figure.axes[:2])
    np.testing.assert_array_equal(picture, np.ones((4, 5, 3)))
    np.testing.assert_array_equal(found, values[0, 2])
    assert any("slice 3" in text for text in words(figure))


def test_a_sequence_is_drawn_as_its_line_over_the_colors_of_its_values():
    values = np.array([[0.0, 1.0, -2.0, 0.5]])
    sequence = np.array([[[0.0], [2.0], [1.0], [4.0]]])
    one = Attribution(values, sequence, np.array([1]), np.array([2.0]), "occlusion", {})
    figure = draw(one)
    _, found = figure.axes[:2]
    np.testing.assert_array_equal(found.get_images()[0].get_array(), values)
    line = found.get_lines()[0].get_ydata()
    np.testing.assert_allclose((line - line[0]) / (line[3] - line[0]), sequence[0, :, 0] / 4)


def test_a_contrast_tells_both_classes():
    names = ["cat", "dog"]
    one = attribution(class_names=names)
    both = dataclasses.replace(one, method="contrast", targets=np.array([1]), arrays={"against": np.array([0])})
    told = " ".join(words(draw(dataclasses.replace(both, settings={**both.settings, "method": "rise"}))))
    assert "dog rather than cat" in told
    assert "contrast\nof rise" in told


def heading(figure):
    return figure.texts[0].get_text()


def of_objectives(*targets, layer=None):
    one = ascent(len(targets))
    captions = tuple(f"{target}: 1.5" for target in targets)
    return Tiles(one.pictures, captions, False, "maximize", {**one.settings, "targets": list(targets), "layer": layer})


def test_the_heading_of_an_ascent_says_what_is_maximized():
    assert heading(draw(of_objectives(0, 1))) == "inputs that maximize each score"
    assert heading(draw(of_objectives(0))) == "input that maximizes the score"
    assert heading(draw(of_objectives(0, 4, layer="conv"))) == "inputs that maximize conv"
    assert heading(draw(of_objectives("cat - dog"))) == "input that maximizes cat - dog"
    assert heading(draw(of_objectives("all of conv", "all of conv"))) == "inputs that maximize all of conv"
    assert heading(draw(of_objectives("cat - dog", 3))) == "inputs that maximize each objective"


def test_a_long_caption_is_set_small_before_it_is_cut():
    long = "score 3 - 0.5 * score 7"
    (text,) = [text for text in draw(of_objectives(long)).texts if text.get_text() == f"{long}: 1.5"]
    assert text.get_fontsize() == 6
    (text,) = [text for text in draw(of_objectives("cat")).texts if text.get_text() == "cat: 1.5"]
    assert text.get_fontsize() == 8


@pytest.mark.parametrize(("maps", "rows"), [(1, [2]), (3, [4]), (4, [3, 2]), (8, [3, 3, 3]), (9, [4, 4, 2])])
def test_many_maps_of_one_image_stand_in_rows_each_with_its_own_heading_and_colors(maps, rows, tmp_path):
    several = [attribution(np.full((1, 6, 9), 1.0 + one) - np.eye(6, 9)) for one in range(maps)]
    several = [dataclasses.replace(one, method=f"map {number}") for number, one in enumerate(several)]
    figure = draw(several)
    write_png(figure, tmp_path / "drawn.png")
    cells = [axes for axes in figure.axes if axes.get_position().height * figure.get_size_inches()[1] > 1]
    tops = [round(axes.get_position().y1, 6) for axes in cells]
    assert [tops.count(top) for top in sorted(set(tops), reverse=True)] == rows
    assert tops == sorted(tops, reverse=True)  # in the order of reading
    bars = [axes for axes in figure.axes if axes not in cells]
    for axes, bar, heading in zip(cells[1:], bars, [text for text in figure.texts if text.get_text()], strict=True):
        place, below, above = axes.get_window_extent(), bar.get_window_extent(), heading.get_window_extent()
        assert (below.x0, below.x1) == pytest.approx((place.x0, place.x1))
        assert below.y1 < place.y0 < place.y0 + 1 < above.y0
        assert above.y0 - place.y1 < 40
        assert place.y0 - below.y1 < 40
        assert (above.x0 + above.x1) / 2 == pytest.approx((place.x0 + place.x1) / 2, abs=1)
    assert [text.get_text() for text in figure.texts if text.get_text()] == [f"map {number}" for number in range(maps)]


def test_several_images_keep_a_column_for_each_method():
    figure = draw([attribution(count=2) for _ in range(6)])
    tops = [round(axes.get_position().y1, 6) for axes in figure.axes if axes.get_position().height > 0.2]
    assert sorted(tops) == sorted([tops[0]] * 7 + [min(tops)] * 7)


def test_curves_have_a_panel_a_measure_and_a_line_for_other_data():
    history = History(
        np.array([1, 2]), {"loss": np.array([3.0, 2.0]), "val_loss": np.array([4.0, 1.0]), "seconds": np.ones(2)}
    )
    (axes,) = draw(history).axes  # seconds were not measured on other data
    assert axes.get_title() == "loss"
    assert [line.get_ydata().tolist() for line in axes.get_lines()] == [[3.0, 2.0], [4.0, 1.0]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]
    assert len(draw(History(np.array([1]), {"loss": np.ones(1), "seconds": np.ones(1)})).axes) == 2  # nothing was
