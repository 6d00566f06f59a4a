"""Style: maps over photographs, in any format, in axes of the user's; what would change nothing is refused."""

import dataclasses
import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image

from visualize import Attribution, InputError, draw, load, save
from visualize.data.framing import Framing, Original
from visualize.plotting.figure import file_bytes
from visualize.plotting.sheet_cells import size_of
from visualize.plotting.style import Drawing, Style


@pytest.fixture
def coarse(attribution):
    """A map of something larger than pixels, of a photograph."""
    return attribution(size=(64, 80), coarse=True)


def over_pictures(figure):
    """For each cell but the first, whether it is a picture with a map over it: three colors, and no scale."""
    cells = [axes for axes in figure.axes if axes.get_position().height * figure.get_figheight() > 0.5]
    return [axes.get_images()[0].get_array().ndim == 3 for axes in cells[1:]]


def test_coarse_maps_lie_over_photographs_and_others_stand_alone(attribution, coarse):
    assert over_pictures(draw(coarse)) == [True]
    assert over_pictures(draw(attribution(size=(64, 80)))) == [False]
    assert over_pictures(draw(attribution(size=(28, 28), coarse=True))) == [False]  # a digit
    assert over_pictures(draw(coarse, overlay=False)) == [False]
    assert over_pictures(draw(attribution(size=(28, 28)), overlay=True)) == [True]
    assert over_pictures(draw([coarse, coarse], beside=True)) == [True, False, True, False]


def test_methods_say_whether_their_maps_are_coarse(build, images_for):
    import visualize

    model = build("softmax")
    images = images_for(model)
    told = {
        name: getattr(visualize, name)(model, images[:1], 0, **({"patch": 3} if name == "occlusion" else {})).settings.coarse
        for name in (
            "saliency",
            "smoothgrad",
            "integrated_gradients",
            "guided_gradcam",
            "gradcam",
            "scorecam",
            "occlusion",
            "rise",
        )
    }
    assert {name for name, coarse in told.items() if coarse} == {"gradcam", "scorecam", "occlusion", "rise"}
    assert visualize.occlusion(model, images[:1], 0, patch=1).settings.coarse is None


@pytest.mark.parametrize("mode", ["crop", "fit", "stretch"])
def test_a_map_is_drawn_where_it_belongs_on_the_photograph(attribution, mode):
    photograph = np.zeros((100, 160, 3), "uint8")
    photograph[40:60, 70:90] = 255  # in the middle, whatever is cropped
    picture, original = Framing(mode).apply(photograph, (64, 64))
    values = picture[None, ..., 0] / np.float32(255)  # the map marks what the model saw there
    result = dataclasses.replace(attribution(values, coarse=True), originals=(original,))
    placed = result.on_original(0)
    assert placed.shape == (100, 160)
    seen = ~np.isnan(placed)
    assert seen.mean() == pytest.approx({"crop": 100 / 160, "fit": 1, "stretch": 1}[mode], abs=0.01)
    inner, outer = np.zeros((100, 160), bool), np.ones((100, 160), bool)
    inner[44:56, 74:86], outer[36:64, 66:94] = True, False
    assert placed[inner].min() > 0.9
    assert placed[outer & seen].max() < 0.1
    figure = draw(result)
    drawn = figure.axes[1].get_images()[0].get_array()
    assert drawn.shape == (100, 160, 3)
    colored = np.abs(drawn - drawn.mean(axis=-1, keepdims=True)).max(axis=-1) > 0.05
    assert colored[inner].all()
    assert not colored[outer].any()
    box = figure.axes[0].get_window_extent()
    assert box.width / box.height == pytest.approx(1.6, rel=0.02)


def test_a_map_between_the_centers_of_its_pixels_is_interpolated(attribution):
    ramp = np.arange(4, dtype="float32")[:, None] + 10 * np.arange(6, dtype="float32")
    original = Original(np.zeros((8, 24, 1), "uint8"), (8, 24), (0.0, 0.0, 8.0, 24.0), "stretch")
    result = dataclasses.replace(attribution(ramp[None]), originals=(original,))
    rows, columns = (np.arange(8) + 0.5) / 2 - 0.5, (np.arange(24) + 0.5) / 4 - 0.5
    expected = np.clip(rows, 0, 3)[:, None] + 10 * np.clip(columns, 0, 5)
    np.testing.assert_allclose(result.on_original(0), expected, rtol=1e-5, atol=1e-5)
    alone = dataclasses.replace(result, originals=())
    np.testing.assert_array_equal(alone.on_original(0), ramp)
    with pytest.raises(InputError, match="`index` must be one of 1 pictures"):
        result.on_original(3)


def test_each_photograph_keeps_its_proportions(attribution):
    originals = tuple(
        Original(np.zeros((*size, 3), "uint8"), size, (0.0, 0.0, *map(float, size)), "stretch")
        for size in ((60, 90), (90, 60))
    )
    result = dataclasses.replace(attribution(count=2, size=(32, 32)), originals=originals)
    boxes = [axes.get_window_extent() for axes in draw(result).axes[:4]]
    assert [round(box.width / box.height, 2) for box in boxes] == [1.5, 1.5, 0.67, 0.67]
    assert len({round(box.width, 3) for box in boxes}) == 1
    assert size_of(result, 1) == (90, 60)


def test_the_figure_says_where_colors_end(attribution, texts_of):
    values = np.linspace(0, 1, 10_000, dtype="float32").reshape(1, 100, 100)
    values[0, 0, :9] = 12
    texts = texts_of(draw(attribution(values)))
    assert "score per unit of pixel\nclipped at 99.5 %: 1 of max 12" in texts
    assert {"0", "1"} <= set(texts)  # at the color bar
    whole = texts_of(draw(attribution(values), clip=100))
    assert {"0", "12", "score per unit of pixel"} <= set(whole)
    several = texts_of(draw(attribution(np.concatenate([values, 0.5 * values, np.zeros_like(values)]))))
    assert {"0", "max", "1 of max 12", "0.5 of max 6", "all zero"} <= set(several)
    assert "score per unit of pixel\nclipped at 99.5 % of the pixels" in several
    shared = texts_of(draw(attribution(np.concatenate([values, 0.5 * values])), scale="shared"))
    assert "score per unit of pixel\nclipped at 99.5 %: 1 of max 12" in shared
    assert not any(text.startswith(("max", "0.5 of")) for text in shared)


def test_the_ends_of_signed_colors_stand_at_the_color_bar(attribution, texts_of):
    texts = texts_of(draw(attribution([[[-1.5, 0.75], [0.0, 1.0]]])))
    assert {"\u22121.5", "0", "1.5"} <= set(texts)


def test_a_colormap_and_a_size_are_taken(coarse, images_of):
    (_, drawn, _) = images_of(draw(coarse, colormap="viridis", overlay=False))
    assert drawn.get_cmap() == colormaps["viridis"]
    small, large = (draw(coarse, size=size).axes[0].get_window_extent() for size in (1, 3))
    assert large.height == pytest.approx(3 * small.height, rel=0.01)
    assert draw(coarse, dpi=240).dpi == 240


@pytest.mark.parametrize("dpi", [60, 240])
def test_the_file_has_the_pixels_per_inch_that_were_chosen(coarse, dpi):
    figure = draw(coarse, dpi=dpi)
    with Image.open(io.BytesIO(file_bytes(figure, "png"))) as picture:
        assert picture.size == tuple(int(dpi * inches) for inches in figure.get_size_inches())


def test_without_titles_there_are_only_the_ends_of_the_colors(attribution, coarse, texts_of):
    assert set(texts_of(draw(coarse, title=False))) == {"0", "1", "score per unit of pixel"}
    several = texts_of(draw(attribution([np.eye(6, 9), 2 * np.eye(6, 9)]), title=False))
    assert set(several) == {"0", "max", "max 1", "max 2", "score per unit of pixel"}  # else nobody could read the colors


def test_maps_are_drawn_into_axes_of_the_user(attribution, tmp_path):
    first, second = attribution(count=2), attribution(count=2, modifier="guided")
    figure = Figure()
    axes = figure.subplots(2, 3)
    axes[0, 2].plot([1, 2])
    assert draw([first, second], axes=axes[:, :2]) is figure
    drawn = [each.get_images()[0].get_array() for each in axes[:, :2].ravel()]
    for array, values in zip(drawn, [*first.values, *second.values], strict=True):
        np.testing.assert_array_equal(array, values)
    assert len(figure.axes) == 6
    assert not axes[1, 2].get_images()
    assert len(axes[0, 2].get_lines()) == 1
    draw(first.of(0), axes=axes[1, 2], title=False)
    assert axes[1, 2].get_images()
    assert axes[1, 2].get_title() == ""
    with pytest.raises(InputError, match=r"one matplotlib Axes for each of the 2 maps\. Received: 3"):
        draw(first, axes=axes[0])
    with pytest.raises(InputError, match="`axes` must be matplotlib Axes"):
        draw(first, axes=[1, 2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "log"}, "`scale` must be 'own', 'shared' or None"),
        ({"clip": 0}, "`clip` must be above 0 and at most 100, in percent. Received: 0"),
        ({"clip": 101}, "`clip` must be above 0 and at most 100, in percent. Received: 101"),
        ({"size": 0}, "`size` must be between 0.2 and 100 inches. Received: 0"),
        ({"dpi": 5}, "`dpi` must be between 10 and 2400. Received: 5"),
        ({"colormap": "virids"}, "`colormap` must be one of matplotlib's. Received: 'virids'. Nearest: viridis"),
        ({"beside": True, "overlay": False}, "`beside` needs maps that lie over the picture"),
        ({"size": 90, "dpi": 2400}, "must have at most|`dpi` must be lower"),
    ],
)
def test_a_style_that_cannot_be_is_refused(attribution, options, message):
    with pytest.raises(InputError, match=message):
        draw(attribution(), **options)


def test_a_style_of_maps_is_refused_where_there_are_none(kernels, chain):
    for result in (kernels(), chain(["a", "b"])):
        with pytest.raises(InputError, match="`clip` must be left out: it is for maps, an Attribution"):
            draw(result, clip=90)
        assert draw(result, dpi=60).dpi == 60


def test_what_would_change_nothing_is_refused(attribution, coarse):
    with pytest.raises(InputError, match="`beside` needs maps that lie over the picture"):
        draw(attribution(), beside=True)
    sequence = Attribution(np.ones((1, 4)), np.ones((1, 4, 1)), np.array([1]), np.array([2.0]), "occlusion", {})
    with pytest.raises(InputError, match="`overlay` must be left out for sequences"):
        draw(sequence, overlay=True)
    with pytest.raises(InputError, match="`scale` 'shared' needs several images in one figure"):
        draw([attribution(), attribution()], scale="shared")
    axes = Figure().subplots()
    for options in ({"size": 2}, {"dpi": 60}, {"beside": True}):
        with pytest.raises(InputError, match=rf"`{next(iter(options))}` must be left out: it is for a figure of its own"):
            draw(coarse, axes=axes, **options)
    assert not axes.get_images()


@pytest.mark.parametrize(("format_", "beginning"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_same_figure_gives_the_same_file_in_every_format(coarse, format_, beginning):
    first, second = (file_bytes(draw(coarse), format_) for _ in range(2))
    assert first == second
    assert first.startswith(beginning)


def test_a_drawing_is_taken_out_of_the_options_of_a_command():
    options = {"format": "PNG, svg,png", "clip": 90.0, "scale": None, "target": 3, "dpi": None}
    drawing = Drawing.of(options, maps=True)
    assert drawing == Drawing(Style(clip=90.0), ("png", "svg"))
    assert drawing.style.changes == {"clip": 90.0}
    assert options == {"target": 3}
    assert drawing.without_maps == Drawing(Style(), ("png", "svg"))
    with pytest.raises(InputError, match=r"`format` must be some of png, svg, pdf, with commas between\. Received: 'gif'"):
        Drawing.of({"format": "gif"}, maps=False)
    kept = {"scale": (0.9, 1.1), "dpi": 60}
    assert Drawing.of(kept, maps=False).style == Style(dpi=60)
    assert kept == {"scale": (0.9, 1.1)}  # of the transforms of maximize


def test_remarks_stand_below_everything_and_a_batch_tells_whose_they_are(attribution, texts_of):
    remarks = ["image 1: the values add up to 9% more or less than the score changes.", "one draw of a random layer."]
    result = attribution(count=2, remarks=remarks)
    figure = draw(result)
    figure.savefig(io.BytesIO())
    written = [text for text in figure.texts if text.get_text()]
    assert " ".join(text.get_text() for text in reversed(written)) == " ".join(remarks)
    lowest = min(axes.get_tightbbox().y0 for axes in figure.axes)
    assert all(0 <= text.get_window_extent().y0 < text.get_window_extent().y1 <= lowest for text in written)
    assert result.of(0).settings.remarks == remarks[1:]
    assert result.of(1).settings.remarks == ["the values add up to 9% more or less than the score changes.", remarks[1]]


def test_a_remark_on_one_image_names_it(attribution, texts_of):
    result = attribution(count=2, remarks=["image 1: the values add up to 9% more or less than the score changes."])
    named = dataclasses.replace(result, arrays={**result.arrays, "names": np.array(["cat.png", "dog.png"])})
    assert "dog.png: the values add up to 9% more or less than the score changes." in " ".join(texts_of(draw(named)))


def test_the_classes_under_a_patch_are_drawn_on_the_photograph(attribution):
    starts = {"patch": 32, "stride": 32, "tops": [0, 32], "lefts": [0, 32]}
    original = Original(np.zeros((64, 128, 3), "uint8"), (64, 128), (0.0, 32.0, 64.0, 96.0), "crop")
    result = dataclasses.replace(attribution(size=(64, 64), **starts), originals=(original,))
    result.arrays["position_classes"] = np.array([[[0, 1], [1, 1]]])
    classes = draw(result).axes[2]
    assert classes.get_images()[0].get_extent() == [31.5, 95.5, 63.5, -0.5]
    assert (*classes.get_xlim(), *classes.get_ylim()) == (-0.5, 127.5, 63.5, -0.5)


def test_headers_are_repeated_so_that_every_row_can_be_read(attribution):
    figure = draw(attribution(count=9))
    headers = [text for axes in figure.axes for text in axes.texts if text.get_text() == "saliency"]
    assert len(headers) == 3
    figure.savefig(io.BytesIO())
    boxes = [header.get_window_extent() for header in headers]
    titles = [axes.title.get_window_extent() for axes in figure.axes if axes.get_title()]
    cells = [axes.get_window_extent() for axes in figure.axes]
    assert not any(box.overlaps(other) for box in boxes for other in titles + cells)


def test_originals_are_kept_in_files(attribution, tmp_path):
    original = Original(np.arange(24, dtype="uint8").reshape(4, 6, 1), (40, 60), (0.0, 10.0, 40.0, 50.0), "crop")
    result = dataclasses.replace(attribution(count=2), originals=(None, original))
    (again,) = load(save(tmp_path / "saved.npz", result))
    assert again.originals[0] is None
    np.testing.assert_array_equal(again.originals[1].pixels, original.pixels)
    assert dataclasses.astuple(again.originals[1])[1:] == dataclasses.astuple(original)[1:]
    assert file_bytes(draw(again), "png") == file_bytes(draw(result), "png")


@pytest.mark.slow
def test_huge_maps_are_drawn_in_bounded_memory():
    script = """
import resource, numpy as np
from visualize import Attribution, draw
from visualize.plotting.figure import file_bytes
values = np.ones((1, 8000, 8000), "float32")
values[0, 4000:] = -1
images = np.zeros((1, 8000, 8000, 1), "float32")
file_bytes(draw(Attribution(np.ones((1, 9, 9)), np.ones((1, 9, 9, 1)), np.array([0]), np.array([1.0]), "saliency", {})), "png")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
file_bytes(draw(Attribution(values, images, np.array([0]), np.array([1.0]), "saliency", {"input_range": [0, 1]})), "png")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = int(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout)
    assert grown < 2**20  # kilobytes, on top of the arrays themselves
