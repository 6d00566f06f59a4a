"""Sheets of maps: scales that do not lie, images in their proportions, titles that say what is explained."""

import dataclasses

import numpy as np
import pytest

from visualize import Attribution, InputError, draw, write_png


def test_a_map_of_zeros_and_a_constant_map_say_so(attribution, texts_of):
    figure = draw(attribution([np.zeros((6, 9)), np.full((6, 9), 0.5), np.arange(54).reshape(6, 9)]))
    texts = texts_of(figure)
    assert "all zero" in texts
    assert "constant, 0.5" in texts
    assert "max 53" in texts


def test_a_map_that_is_not_finite_is_not_called_zero(attribution, texts_of):
    values = np.ones((2, 6, 9))
    values[0], values[1, 0, 0] = np.nan, np.inf
    texts = texts_of(draw(attribution(values)))
    assert "not finite" in texts
    assert "partly not finite" in texts
    assert "all zero" not in texts


@pytest.mark.parametrize("size", [(20, 60), (60, 20), (28, 28)])
def test_pictures_and_maps_keep_their_shape(attribution, size):
    figure = draw(attribution(size=size))
    for axes in figure.axes[:2]:
        box = axes.get_window_extent()
        assert box.width / box.height == pytest.approx(size[1] / size[0], rel=0.02)


def test_the_colors_of_a_map_depend_on_the_method_and_not_on_its_numbers(attribution, images_of):
    positive = attribution(np.random.default_rng(0).random((1, 6, 9)))
    signed = dataclasses.replace(positive, settings={**positive.settings, "signed": True})
    maps = [images_of(draw(result))[1] for result in (positive, signed)]
    assert [image.get_cmap().name for image in maps] == ["inferno", "RdBu_r"]
    assert maps[1].get_clim()[0] == -maps[1].get_clim()[1]


def test_a_single_output_is_no_class(attribution, texts_of):
    classifier = attribution(np.random.default_rng(0).random((1, 6, 9)))
    number = dataclasses.replace(classifier, settings={**classifier.settings, "classes": 1, "score": "output"})
    assert any("class" in text for text in texts_of(draw(classifier)))
    assert not any("class" in text for text in texts_of(draw(number)))


def test_titles_do_not_run_into_their_neighbors(attribution, tmp_path):
    figure = draw([attribution(count=10, names=["a_long_name_of_a_class"] * 10), attribution(count=10, modifier="guided")])
    write_png(figure, tmp_path / "drawn.png")
    boxes = [axes.title.get_window_extent() for axes in figure.axes if axes.get_title()]
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])
        assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes)


def test_the_title_has_class_and_score(attribution, texts_of):
    texts = texts_of(draw(attribution(names=["a cat"])))
    assert "a cat\nlogit 4.5, p 0.500" in texts
    assert "class 0\nlogit 4.5, p 0.500" in texts_of(draw(attribution()))


def test_maps_of_a_shared_scale_have_one_end(attribution, tmp_path):
    values = np.stack([np.full((6, 9), 1.0), np.full((6, 9), 4.0)])
    values[:, 0, 0] = 0
    own = draw(attribution(values, count=2))
    shared = draw(attribution(values, count=2, scale="shared"))
    assert [limits_of(figure) for figure in (own, shared)] == [[(0, 1), (0, 4)], [(0, 4), (0, 4)]]


def test_a_shared_scale_is_symmetric_beside_a_map_of_zeros(attribution):
    values = np.stack([np.zeros((6, 9)), np.linspace(-0.5, 0.25, 54).reshape(6, 9)])
    assert limits_of(draw(attribution(values, scale="shared"))) == [(-0.5, 0.5), (-0.5, 0.5)]
    assert limits_of(draw(attribution(np.zeros((2, 6, 9)), scale="shared", signed=True))) == [(-1, 1), (-1, 1)]


def limits_of(figure):
    """The ends of the scale of each map: of what is drawn in colors, but for the color bar."""
    drawn = [image for axes in figure.axes for image in axes.get_images() if image.get_array().ndim == 2]
    return [image.get_clim() for image in drawn if image.get_array().shape[0] > 1]


def test_a_volume_is_drawn_by_its_strongest_slice(texts_of):
    values = np.zeros((1, 3, 4, 5))
    values[0, 2, 1, 1] = -1.0
    images = np.stack([np.full((4, 5, 1), level) for level in (0.0, 0.5, 1.0)])[None]
    volume = Attribution(values, images, np.array([1]), np.array([2.0]), "occlusion", {"input_range": [0, 1]})
    figure = draw(volume)
    picture, drawn = (axes.get_images()[0].get_array() for axes in figure.axes[:2])
    np.testing.assert_array_equal(picture, np.ones((4, 5, 3)))
    np.testing.assert_array_equal(drawn, values[0, 2])
    assert any("slice 3" in text for text in texts_of(figure))


def test_the_classes_under_a_patch_are_those_of_the_drawn_slice(attribution, texts_of):
    values = np.zeros((2, 4, 6, 9))
    values[0, 3, 2, 2], values[1, 0, 2, 2] = 1, 1  # drawn: the last slice of one, the first of the other
    starts = {"patch": [2, 3, 3], "stride": [2, 3, 3], "fronts": [0, 2], "tops": [0, 3], "lefts": [0, 3, 6]}
    result = attribution(values, **starts)
    result.arrays["position_classes"] = np.arange(2)[None, :, None, None] * np.ones((2, 2, 2, 3), int)
    figure = draw(result)
    texts = texts_of(figure)
    assert {"0: 6", "1: 6"} <= set(texts)
    assert not {"0: 12", "1: 12"} & set(texts)
    assert any("patch 2x3x3, stride 2x3x3" in text for text in texts)


def test_a_sequence_is_drawn_as_its_curve_over_the_colors_of_its_values():
    values = np.array([[0.0, 1.0, -2.0, 0.5]])
    sequence = np.array([[[0.0], [2.0], [1.0], [4.0]]])
    figure = draw(Attribution(values, sequence, np.array([1]), np.array([2.0]), "occlusion", {}))
    axes = figure.axes[1]
    np.testing.assert_array_equal(axes.get_images()[0].get_array(), values)
    curve = axes.get_lines()[0].get_ydata()
    np.testing.assert_allclose((curve - curve[0]) / (curve[3] - curve[0]), sequence[0, :, 0] / 4)


def test_a_contrast_names_both_classes(attribution, texts_of):
    names = ["cat", "dog"]
    first = attribution(class_names=names)
    both = dataclasses.replace(first, method="contrast", targets=np.array([1]), arrays={"against": np.array([0])})
    text = " ".join(texts_of(draw(dataclasses.replace(both, settings={**both.settings, "method": "rise"}))))
    assert "dog rather than cat" in text
    assert "contrast\nof rise" in text


@pytest.mark.parametrize(("maps", "rows"), [(1, [2]), (3, [4]), (4, [3, 2]), (8, [3, 3, 3]), (9, [4, 4, 2])])
def test_many_maps_of_one_image_are_in_rows_each_with_its_own_header_and_colors(attribution, maps, rows, tmp_path):
    results = [attribution(np.full((1, 6, 9), 1.0 + number) - np.eye(6, 9)) for number in range(maps)]
    results = [dataclasses.replace(result, method=f"map {number}") for number, result in enumerate(results)]
    figure = draw(results)
    write_png(figure, tmp_path / "drawn.png")
    cells = [axes for axes in figure.axes if axes.get_position().height * figure.get_size_inches()[1] > 1]
    tops = [round(axes.get_position().y1, 6) for axes in cells]
    assert [tops.count(top) for top in sorted(set(tops), reverse=True)] == rows
    assert tops == sorted(tops, reverse=True)  # in the order of reading
    bars = [axes for axes in figure.axes if axes not in cells]
    headers = [text for axes in cells for text in axes.texts]
    for axes, bar, header in zip(cells[1:], bars, headers, strict=True):
        cell, below, above = axes.get_window_extent(), bar.get_window_extent(), header.get_window_extent()
        assert (below.x0, below.x1) == pytest.approx((cell.x0, cell.x1))
        assert below.y1 < cell.y0 < cell.y0 + 1 < above.y0
        assert above.y0 - cell.y1 < 40
        assert cell.y0 - below.y1 < 40
        assert (above.x0 + above.x1) / 2 == pytest.approx((cell.x0 + cell.x1) / 2, abs=1)
    assert [header.get_text() for header in headers] == [f"map {number}" for number in range(maps)]


def test_several_images_keep_a_column_for_each_method(attribution):
    figure = draw([attribution(count=2) for _ in range(6)])
    tops = [round(axes.get_position().y1, 6) for axes in figure.axes if axes.get_position().height > 0.2]
    assert sorted(tops) == sorted([tops[0]] * 7 + [min(tops)] * 7)


def test_maps_of_several_classes_say_which_each_explains(attribution, texts_of, tmp_path):
    first = attribution(count=2, names=["cat", "dog", "bird"])
    first.arrays["names"] = np.array(["a.png", "b.png"])
    second = dataclasses.replace(first, targets=np.array([2, 2]), scores=np.array([1.5, 2.5]))
    figure = draw([first, second])
    texts = texts_of(figure)
    assert {"a.png", "b.png"} <= set(texts)  # an image alone has no class
    ends = [[text.split("\n")[:2] for text in texts if text.startswith(name)] for name in ("cat", "dog", "bird")]
    assert ends == [
        [["cat", "logit 4.5, p 0.500"]],
        [["dog", "logit 4.5, p 0.500"]],
        [["bird", "logit 1.5, p 0.500"], ["bird", "logit 2.5, p 0.500"]],
    ]
    write_png(figure, tmp_path / "drawn.png")
    labels = [text for axes in figure.axes for text in (axes.title, *axes.texts) if text.get_text()]
    boxes = [label.get_window_extent() for label in labels]
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def with_error(result, errors):
    return dataclasses.replace(result, arrays={**result.arrays, "error": np.asarray(errors, "float32")})


def test_the_largest_error_of_a_map_stands_above_it(attribution, texts_of):
    errors = [np.full((6, 9), 0.02), np.linspace(0, 0.034, 54).reshape(6, 9), np.full((6, 9), np.nan)]
    texts = texts_of(draw([with_error(attribution(count=3), errors), attribution(count=3, modifier="guided")]))
    assert [text.split("\n")[-1] for text in texts if "error" in text] == ["error up to \u00b10.02", "error up to \u00b10.034"]


@pytest.mark.parametrize("signed", [False, True])
def test_errors_are_drawn_on_demand_beside_the_maps_that_have_them(attribution, texts_of, images_of, signed):
    plain = attribution(count=2)
    known = with_error(attribution(count=2, modifier="guided", signed=signed), np.random.default_rng(5).random((2, 6, 9)))
    without, drawn = draw([plain, known]), draw([plain, known], error=True, colormap="PiYG" if signed else "magma")
    assert "saliency, guided\nstandard error" in texts_of(drawn)
    assert not any("standard" in text for text in texts_of(without))
    count, maps = len(images_of(without)), images_of(drawn)
    assert len(maps) == count + 2 + 1  # a map for each image, and a color bar
    beside = maps[3]  # after a picture and two maps
    np.testing.assert_array_equal(beside.get_array(), known.arrays["error"][0])
    assert beside.get_clim()[0] == 0
    assert beside.get_cmap().name == "inferno"


def test_errors_of_a_volume_are_those_of_the_drawn_slice(images_of):
    values, errors = np.zeros((1, 4, 6, 9), "float32"), np.random.default_rng(0).random((1, 4, 6, 9))
    values[0, 2] = 1
    volume = Attribution(values, np.zeros((1, 4, 6, 9, 1)), np.zeros(1, int), np.zeros(1), "rise", {}, {"error": errors})
    np.testing.assert_allclose(images_of(draw(volume, error=True))[2].get_array(), errors[0, 2])


def test_errors_that_no_map_has_are_refused(attribution):
    with pytest.raises(InputError, match=r"`error` needs maps that have a standard error: .* Received: 'saliency'\."):
        draw(attribution(), error=True)


def test_measures_of_a_map_stand_above_it_on_two_lines_where_one_is_too_wide():
    numbers = np.random.default_rng(0)
    arrays = {"deletion": np.array([0.1, 0.2]), "insertion": np.array([0.9, 0.8])}
    images = numbers.random((2, 8, 8, 1))
    measured = Attribution(
        numbers.random((2, 8, 8)), images, np.zeros(2, int), np.zeros(2), "saliency", {"unit": "score"}, arrays
    )
    wide, narrow = (
        [axes.get_title() for axes in draw(measured, size=size).axes if "deletion" in axes.get_title()] for size in (3, 1)
    )
    assert [title.split("\n")[0] for title in wide] == ["deletion 0.10, insertion 0.90", "deletion 0.20, insertion 0.80"]
    assert [title.split("\n")[:2] for title in narrow] == [
        ["deletion 0.10", "insertion 0.90"],
        ["deletion 0.20", "insertion 0.80"],
    ]
