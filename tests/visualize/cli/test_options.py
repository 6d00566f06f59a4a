"""The command line of visualize: comparisons, outputs, regions, fills, layers and precision."""

import json
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import visualize
from visualize.cli.main import main
from visualize.engine.precision import settled


def run(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments], prog_name="visualize")


def values(result):
    """The results that a command wrote, and the record beside them."""
    assert result.exit_code == 0, result.output
    paths = [Path(line) for line in result.stdout.splitlines()]
    path = next(path for path in paths if path.suffix == ".npz")
    return visualize.load(path), json.loads(path.with_suffix(".json").read_text()), path.stem


def mistake(*arguments):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    return result.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("a.png", "b.png"):
        Image.fromarray(np.random.default_rng(ord(name[0])).integers(0, 256, (12, 12), "uint8")).save(folder / name)
    return [folder / "a.png", folder / "b.png"]


def test_compare_is_one_figure_of_images_and_methods(saved, pictures, tmp_path):
    methods = ["--method", "saliency", "--method", "occlusion"]
    found, record, stem = values(run("compare", saved("softmax"), *pictures, *methods, "--target", 1, "--out", tmp_path))
    assert stem == "compare-saliency-occlusion-target-1-sheet"
    assert [one.method for one in found] == ["saliency", "occlusion"]
    assert found[0].arrays["names"].tolist() == ["a.png", "b.png"]
    assert record["asked"]["method"] == ["saliency", "occlusion"]
    again = run("draw", tmp_path / f"{stem}.npz", "--out", tmp_path / "again.png")
    assert again.exit_code == 0
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / f"{stem}.png").read_bytes()


def test_compare_says_what_it_left_out(tmp_path, pictures):
    import keras

    keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]).save(tmp_path / "flat.keras")
    result = run("compare", tmp_path / "flat.keras", pictures[0], "--out", tmp_path)
    found, _, stem = values(result)
    assert stem == "compare-a"
    assert [one.method for one in found] == ["saliency", "smoothgrad", "integrated_gradients", "occlusion", "rise"]
    assert "Note: no gradcam. `layer` was left to choose, but no convolution of this model" in result.stderr


def test_a_range_beside_that_of_the_card_is_told(saved, pictures, tmp_path):
    model = shutil.copy(saved("softmax"), tmp_path)
    (tmp_path / "softmax.json").write_text('{"input_range": [0, 1]}')
    note = "Note: --input-range 0 255 takes the place of 0 to 1, which the model's card says."
    assert note in run("saliency", model, pictures[0], "--input-range", 0, 255, "--out", tmp_path).stderr
    assert "takes the place" not in run("saliency", model, pictures[0], "--input-range", 0, 1, "--out", tmp_path).stderr


def test_contrast_is_of_two_classes(saved, pictures, tmp_path):
    options = ["--target", 2, "--against", 0, "--method", "saliency"]
    found, record, stem = values(run("contrast", saved("softmax"), pictures[0], *options, "--out", tmp_path))
    assert stem == "contrast-saliency-target-2-against-0-a"
    assert (found[0].method, found[0].targets.tolist(), found[0].arrays["against"].tolist()) == ("contrast", [2], [0])
    assert record["results"][0]["images"][0]["against"] == 0
    opposite = ["--target", 0, "--against", 2, "--method", "saliency"]
    other = values(run("contrast", saved("softmax"), pictures[0], *opposite, "--out", tmp_path))[0][0]
    np.testing.assert_allclose(found[0].values, -other.values, atol=1e-7)


def test_an_output_is_named(saved, pictures, tmp_path):
    found, _, stem = values(run("saliency", saved("two_outputs"), pictures[0], "--output", "size", "--out", tmp_path))
    assert stem == "saliency-size-a"
    assert found[0].settings["output"] == "size"
    assert mistake("saliency", saved("two_outputs"), pictures[0], "--out", tmp_path).startswith(
        "Error: `output` must name one of the model's outputs, 'kind', 'size'"
    )


def test_a_region_is_top_left_height_width(saved, pictures, tmp_path):
    options = ["--region", 1, 2, 3, 4, "--target", 1]
    (found,), _, stem = values(run("saliency", saved("segmenting"), pictures[0], *options, "--out", tmp_path))
    assert stem == "saliency-region-1-2-3-4-target-1-a"
    assert found.settings["region"] == "chosen"
    whole = values(run("saliency", saved("segmenting"), pictures[0], "--target", 1, "--out", tmp_path))[0][0]
    assert whole.settings["region"] == "whole"
    assert not np.allclose(found.values, whole.values)
    wrong = ["--region", 1, 2, 30, 4]
    assert mistake("saliency", saved("segmenting"), pictures[0], *wrong, "--out", tmp_path) == (
        "Error: `region` must be top, left, height, width within an image of 12x12. Received: 1, 2, 30, 4."
    )


def test_several_layers_are_one_map(saved, pictures, tmp_path):
    options = ["--layer", "conv", "--layer", "relu"]
    found, _, stem = values(run("gradcam", saved("softmax"), pictures[0], *options, "--out", tmp_path))
    assert stem == "gradcam-conv-relu-a"
    assert found[0].settings["layer"] == ["conv", "relu"]


@pytest.mark.parametrize(("fill", "expected"), [("blur", "blur"), ("mean", "mean"), ("0.25", 0.25)])
def test_a_fill_is_a_number_or_a_word(fill, expected, saved, pictures, tmp_path):
    found = values(run("occlusion", saved("softmax"), pictures[0], "--fill", fill, "--out", tmp_path))[0][0]
    assert found.settings["fill"] == expected


def test_a_fill_that_is_neither_is_a_mistake(saved, pictures, tmp_path):
    assert mistake("rise", saved("softmax"), pictures[0], "--fill", "noise", "--out", tmp_path) == (
        "Error: `fill` must be a finite number, 'mean' or 'blur'. Received: 'noise'."
    )


def test_the_precision_is_in_the_record(saved, pictures, tmp_path):
    for precision in ("bfloat16", "auto"):
        options = ["--precision", precision, "--out", tmp_path]
        found, record, _ = values(run("saliency", saved("softmax"), pictures[0], *options))
        assert found[0].settings["precision"] == settled(precision)
        assert record["asked"]["precision"] == precision


def test_a_picture_reaches_a_model_whose_channels_come_first(tmp_path, pictures):
    import keras

    model = keras.Sequential([keras.Input((1, 12, 12)), keras.layers.Conv2D(2, 3, data_format="channels_first")])
    model.add(keras.layers.GlobalAveragePooling2D(data_format="channels_first"))
    model.save(tmp_path / "first.keras")
    found = values(run("saliency", tmp_path / "first.keras", pictures[0], "--out", tmp_path))[0][0]
    assert found.images.shape == (1, 12, 12, 1)
    np.testing.assert_allclose(found.images[0, ..., 0], np.asarray(Image.open(pictures[0])) / 255, atol=1e-6)


@pytest.mark.parametrize(("places", "shape"), [("sequence", (12, 2)), ("volume", (12, 10, 8, 2))])
def test_sequences_and_volumes_come_as_arrays(places, shape, saved, tmp_path):
    np.save(tmp_path / "one.npy", np.random.default_rng(0).random(shape).astype("float32"))
    found, _, stem = values(run("gradcam", saved(places), tmp_path / "one.npy", "--layer", "conv", "--out", tmp_path))
    assert stem == "gradcam-conv-one"
    assert found[0].values.shape == (1, *shape[:-1])


def test_a_patch_of_one_side_for_each_axis_is_written_with_commas(saved, pictures, tmp_path):
    (found,), record, stem = values(run("occlusion", saved("softmax"), pictures[0], "--patch", "4,6", "--out", tmp_path))
    assert (found.settings["patch"], found.settings["stride"]) == ([4, 6], [2, 3])
    assert record["asked"]["patch"] == [4, 6]
    assert stem == "occlusion-a"
    refused = mistake("occlusion", saved("softmax"), pictures[0], "--patch", "4,x", "--out", tmp_path)
    assert "'4,x' is not a whole number, or whole numbers with commas between." in refused


def test_two_targets_of_one_picture_are_two_maps_side_by_side(saved, pictures, tmp_path):
    two = ["--target", 1, "--target", 3, "--out", tmp_path]
    found, record, _ = values(run("gradcam", saved("softmax"), pictures[0], *two))
    assert [result.targets.tolist() for result in found] == [[1], [3]]
    assert record["asked"]["target"] == ["1", "3"]
    model, source = visualize.open_model(saved("softmax")), None
    source = visualize.from_files(model, pictures[0])
    for result, target in zip(found, (1, 3), strict=True):
        np.testing.assert_array_equal(result.values, visualize.gradcam(model, source.images, target).values)
    methods = ["--method", "saliency", "--method", "gradcam"]
    compared, _, _ = values(run("compare", saved("softmax"), pictures[0], *methods, *two))
    assert [(result.method, result.targets.item()) for result in compared] == [
        ("saliency", 1), ("gradcam", 1), ("saliency", 3), ("gradcam", 3)
    ]  # fmt: skip
    each, _, _ = values(run("gradcam", saved("softmax"), *pictures, "--sheet", *two))
    assert [result.targets.tolist() for result in each] == [[1, 3]]  # of two pictures one class each
    assert "one for each of the 2 images" in mistake("gradcam", saved("softmax"), *pictures, *two, "--target", 2)
    assert "`--target` must name one class for each image. Received: 2 for one image." in mistake(
        "contrast", saved("softmax"), pictures[0], *two
    )


def test_an_option_of_several_commands_says_the_same_in_each():
    texts = {
        command: option.help
        for command in main.list_commands(click.Context(main))
        for option in main.get_command(click.Context(main), command).params
        if option.name == "precision"
    }
    assert {"compare", "contrast", "report", "saliency", "occlusion"} <= set(texts)
    assert len(set(texts.values())) == 1, texts


@pytest.mark.parametrize("command", ["filters", "summary"])
def test_a_command_that_draws_no_pixels_takes_no_input_range(command, saved):
    refusal = mistake(command, saved("softmax"), "--input-range", 0, 1)
    assert "No such option" in refusal
    assert "--input-range" in refusal
