"""The maps of several models are the rows of one sheet, each as it is, under the name of its model."""

import numpy as np
import pytest

from visualize import Attribution, InputError, draw, load, save
from visualize.plotting.model_rows import as_rows


@pytest.fixture
def of_model():
    """Two pictures explained by a model of this size; every value tells the model and the picture."""

    def build(model, size, value, *, method="saliency", names=("cat", "dog"), targets=(0, 1), channels=1, input_range=(0, 1)):
        values = np.stack([np.full(size, value + picture, "float32") for picture in range(2)])
        low, high = input_range
        images = np.stack([np.full((*size, channels), low + (high - low) * picture, "float32") for picture in range(2)])
        settings = {"model": model, "score": "logit", "class_names": list(names), "classes": len(names), "unit": "score"}
        arrays = {"names": np.array(["one.png", "two.png"]), "probability": np.array([0.25, 0.75])}
        settings = {**settings, "input_range": list(input_range)}
        return Attribution(values, images, np.array(targets), np.array([value, 2 * value]), method, settings, arrays)

    return build


def test_rows_go_picture_by_picture_and_keep_the_values_of_each_model(of_model):
    (rows,) = as_rows([of_model("a", (2, 2), 1.0), of_model("b", (4, 4), 10.0, channels=3, input_range=(-1, 1))])
    assert rows.arrays["names"].tolist() == ["a: one.png", "b: one.png", "a: two.png", "b: two.png"]
    assert rows.values.shape == (4, 4, 4)
    assert [np.unique(values).tolist() for values in rows.values] == [[1.0], [10.0], [2.0], [11.0]]
    assert rows.scores.tolist() == [1.0, 10.0, 2.0, 20.0]
    assert [np.unique(image).tolist() for image in rows.images] == [[0.0], [0.0], [1.0], [1.0]]  # black, and white


def test_a_smaller_map_is_enlarged_pixel_by_pixel(of_model):
    small = of_model("a", (2, 2), 1.0)
    small.values[0] = [[1, 2], [3, 4]]
    (rows,) = as_rows([small, of_model("b", (4, 4), 1.0)])
    np.testing.assert_array_equal(rows.values[0], np.kron([[1, 2], [3, 4]], np.ones((2, 2))))


def test_each_model_names_its_own_classes(of_model):
    a, b = of_model("a", (2, 2), 1.0), of_model("b", (2, 2), 1.0, names=("dog", "3"), targets=(0, 1))
    (rows,) = as_rows([a, b])
    assert [rows.settings.class_names[target] for target in rows.targets] == ["cat", "dog", "dog", "class 1"]


def test_a_figure_of_two_models_says_which_row_is_whose(of_model, texts_of, tmp_path):
    results = [of_model(model, size, 1.0, method=method) for model, size in (("a", (8, 8)), ("b", (6, 6))) for method in
               ("saliency", "gradcam")]  # fmt: skip
    texts = "\n".join(texts_of(draw(results)))
    for part in ("a: one.png", "b: two.png", "saliency", "gradcam", "cat"):
        assert part in texts
    assert [each.settings.model for each in load(save(tmp_path / "several.npz", results))] == ["a", "a", "b", "b"]


def test_one_model_is_drawn_as_before(of_model):
    alone = [of_model(None, (2, 2), 1.0)]
    assert as_rows(alone) == alone


def test_models_with_different_methods_cannot_share_a_sheet(of_model):
    with pytest.raises(InputError, match="of the same methods and pictures"):
        draw([of_model("a", (2, 2), 1.0), of_model("b", (2, 2), 1.0, method="gradcam")])
