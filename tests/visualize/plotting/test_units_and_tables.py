"""Units as bars under their names, and the kernels of 1x1 convolutions as a table."""

import keras
import matplotlib as mpl
import numpy as np
import pytest

from visualize import Tiles, describe, draw, features, filters
from visualize.settings import Display

SETTINGS = {"layer": "dense", "unit": "activation", "input_range": [0, 1]}


@pytest.fixture
def units():
    def build(values, names=None, **display):
        values = np.asarray(values, "float32")[None, None, :, None]
        settings = {**SETTINGS, "class_names": names}
        shown = Display(axes=("", "unit"), **display)
        return Tiles(values, ("units",), bool((values < 0).any()), "features", settings, display=shown)

    return build


def bars_of(figure):
    """The label and the length of each bar, from top to bottom."""
    (axes,) = [axes for axes in figure.axes if axes.patches]
    rectangles = [patch for patch in axes.patches if isinstance(patch, mpl.patches.Rectangle)]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    return list(zip(labels, [float(rectangle.get_width()) for rectangle in rectangles], strict=True))


def test_the_highest_of_many_classes_are_bars_under_their_names(units, texts_of):
    scores = np.arange(1000) * 7 % 1000 / 1000
    figure = draw(units(scores, [f"name {number}" for number in range(1000)]))
    order = np.argsort(-scores)[:10]
    assert bars_of(figure) == [(f"name {number}", pytest.approx(scores[number])) for number in order]
    texts = texts_of(figure)
    assert "the 10 of 1,000 classes with the highest score" in texts
    assert "0.999" in texts


def test_a_logit_far_below_zero_is_no_top_class(units):
    figure = draw(units([-9.0, 1.0, 3.0], ["a", "b", "c"], most=2))
    assert [name for name, _ in bars_of(figure)] == ["c", "b"]


def test_few_classes_stay_in_their_order(units):
    figure = draw(units([-9.0, 1.0, 3.0], ["a", "b", "c"]))
    assert bars_of(figure) == [("a", -9.0), ("b", 1.0), ("c", 3.0)]


def test_of_many_other_units_the_strongest_either_way_are_bars(units):
    values = np.zeros(300)
    values[7], values[200] = -5.0, 4.0
    assert bars_of(draw(units(values)))[:2] == [("unit 7", -5.0), ("unit 200", 4.0)]
    assert not any(axes.patches for axes in draw(units(values[:200])).axes)  # a strip of colors


def test_only_the_scores_of_the_model_have_the_names_of_classes(images_for):
    inputs = keras.Input((4,), name="picture")
    hidden = keras.layers.Dense(3, name="hidden")(inputs)
    logits = keras.layers.Dense(3, name="logits")(hidden)
    model = keras.Model(inputs, keras.layers.Softmax(name="softmax")(logits))
    names = ["cat", "dog", "3"]
    describe(model, class_names=names)
    images = images_for(model, 1)
    assert features(model, images, layer="hidden")[0].settings.class_names is None
    for layer in ("logits", "softmax"):
        assert features(model, images, layer=layer)[0].settings.class_names == ["cat", "dog", "class 2"]


def test_the_maps_of_a_segmentation_are_named_by_its_classes(build, images_for):
    model = build("segmenting")
    try:
        describe(model, class_names=["sky", "road", "car", "tree"])
        assert features(model, images_for(model, 1), layer="preds")[0].captions == ("sky", "road", "car", "tree")
    finally:
        describe(model, class_names=[])


def one_by_one(channels=5, count=7):
    return keras.Sequential([keras.Input((2, 2, channels)), keras.layers.Conv2D(count, 1, name="project")])


def test_a_1x1_convolution_is_a_table_of_channels_by_filters():
    model = one_by_one()
    kernel = np.asarray(model.get_layer("project").get_weights()[0])  # (1, 1, channels, filters)
    tiles = filters(model)
    np.testing.assert_array_equal(tiles.pictures, kernel.reshape(1, 5, 7, 1))
    np.testing.assert_array_equal(filters(model, channel=3).pictures, kernel[:, :, 3].reshape(1, 1, 7, 1))
    figure = draw(tiles)
    (table,) = [axes for axes in figure.axes if axes.get_xlabel() == "filter"]
    np.testing.assert_array_equal(table.images[0].get_array(), kernel[0, 0])
    assert table.get_ylabel() == "channel"


def test_a_large_table_shows_the_largest_rows_and_columns_by_number(texts_of):
    model = one_by_one(channels=140, count=200)
    kernel = np.asarray(model.get_layer("project").get_weights()[0])[0, 0].astype("float64")
    rows = np.sort(np.argsort(-(kernel**2).sum(axis=1))[:128])
    columns = np.sort(np.argsort(-(kernel**2).sum(axis=0))[:128])
    figure = draw(filters(model))
    (table,) = [axes for axes in figure.axes if axes.get_xlabel() == "filter"]
    np.testing.assert_array_equal(table.images[0].get_array(), kernel[rows][:, columns].astype("float32"))
    assert "the 128 of 200 filters and 128 of 140 channels with the largest norm" in texts_of(figure)
    numbers = [int(label.get_text()) for label in table.get_xticklabels()]
    assert numbers == [columns[int(position)] for position in table.get_xticks()]


def test_units_along_a_sequence_are_a_table(build, images_for):
    model = build("sequence")
    (tiles, *_) = features(model, images_for(model), layer="conv")
    figure = draw(tiles)
    (table,) = [axes for axes in figure.axes if axes.get_xlabel() == "position"]
    np.testing.assert_array_equal(table.images[0].get_array(), tiles.pictures[0, ..., 0])
    assert table.get_ylabel() == "unit"
