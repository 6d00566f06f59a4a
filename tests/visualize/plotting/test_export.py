"""The files of a figure: what is written beside it, and under which names."""

import json
import os

import numpy as np
import pytest

from visualize import Tiles, gradcam, maximize, open_model, saliency, summary
from visualize.plotting.export import plain_name, table, write


def strict(path):
    """The record as a reader of standard JSON has it: without NaN."""

    def refused(constant):
        raise ValueError(constant)

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refused)


@pytest.fixture(scope="module")
def opened(saved):
    return open_model(saved("softmax"))


def test_the_record_says_how_it_was_made(opened, saved, images_for, tmp_path):
    attribution = saliency(opened, images_for(opened), [2, 0, 1], modifier="guided")
    paths = write([attribution], tmp_path, "saliency", opened, {"modifier": ["guided"]}, 1.25)
    assert [path.name for path in paths] == ["saliency.png", "saliency.npz", "saliency.json"]
    record = strict(paths[-1])
    assert record["model"]["path"] == str(saved("softmax"))
    assert len(record["model"]["sha256"]) == 64
    assert record["asked"] == {"modifier": ["guided"]}
    (result,) = record["results"]
    assert result["method"] == "saliency"
    assert result["settings"]["score"] == "logit"
    assert result["settings"]["modifier"] == "guided"
    assert [image["target"] for image in result["images"]] == [2, 0, 1]
    np.testing.assert_allclose([image["score"] for image in result["images"]], attribution.scores, rtol=1e-6)
    np.testing.assert_allclose(
        [image["highest"] for image in result["images"]], attribution.values.max(axis=(1, 2)), rtol=1e-6
    )
    assert {"tensorflow", "keras", "numpy", "python"} <= record["versions"].keys()
    assert record["seconds"] == 1.25
    assert "T" in record["written"]


def test_layer_seed_and_scores_are_in_the_record(opened, images_for, tmp_path):
    cam = gradcam(opened, images_for(opened), 1, layer="conv")
    assert strict(write([cam], tmp_path, "cam", opened, {}, 0)[-1])["results"][0]["settings"]["layer"] == "conv"
    maximized = maximize(opened, [1], steps=2, seed=5)
    settings = strict(write([maximized], tmp_path, "max", opened, {}, 0)[-1])["results"][0]["settings"]
    assert settings["seed"] == 5
    assert len(settings["scores"]) == 1
    layers = strict(write([summary(opened)], tmp_path, "summary", opened, {}, 0)[-1])["results"][0]["layers"]
    assert [row["path"] for row in layers][:2] == ["picture", "conv"]


def test_nan_and_infinity_are_null_in_the_record(opened, tmp_path):
    settings = {"layer": "conv", "unit": "weight", "filters": 1, "channels": 1, "scores": [float("nan"), float("inf"), 1.5]}
    tiles = Tiles(np.ones((1, 3, 3, 1)), ("0",), True, "filters", settings)
    record = strict(write([tiles], tmp_path, "filters", opened, {}, 0)[-1])
    assert record["results"][0]["settings"]["scores"] == [None, None, 1.5]


def test_a_model_without_a_file_is_recorded_by_name(build, tmp_path):
    model = build("linear")
    assert strict(write([summary(model)], tmp_path, "s", model, {}, 0)[-1])["model"] == {"name": "added"}


def test_frames_are_written_as_a_gif(opened, tmp_path):
    maximized = maximize(opened, [1], steps=4, frames=2)
    names = [path.name for path in write([maximized], tmp_path, "max", opened, {}, 0)]
    assert names == ["max.png", "max.gif", "max.npz", "max.json"]


def test_the_record_is_written_last(opened, monkeypatch, tmp_path):
    (tmp_path / "summary.npz").mkdir()  # so that the values cannot be written
    with pytest.raises(OSError, match=r"summary\.npz"):
        write([summary(opened)], tmp_path, "summary", opened, {}, 0)
    assert sorted(os.listdir(tmp_path)) == ["summary.npz", "summary.png", "summary.txt"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("saliency-cat", "saliency-cat"),
        ("../../etc/passwd", "etc-passwd"),
        ("a/b\\c:d*e?", "a-b-c-d-e"),
        ("..", "unnamed"),
        ("", "unnamed"),
        (".hidden", "hidden"),
        ("line\nbreak\x00", "line-break"),
        ("<script>$x$</script>", "script-x-script"),
        ("中文 名", "中文-名"),
    ],
)
def test_a_plain_name_is_safe_in_every_file_system(text, name):
    assert plain_name(text) == name


def test_long_names_are_cut_and_stay_apart():
    first, second = (plain_name("很长" * 60 + end) for end in "ab")
    assert first != second
    assert max(len(first.encode()), len(second.encode())) <= 60
    assert plain_name("x" * 60) == "x" * 60


def test_the_table_of_a_model_has_a_line_for_each_layer_and_the_totals(build):
    model = build("nested")
    lines = table(summary(model)).splitlines()
    assert lines[0].split() == ["layer", "class", "output", "parameters"]
    assert lines[1].split() == ["picture", "Input", "12", "x", "12", "x", "3", "0"]
    assert lines[2].startswith("  base/conv ")  # the layers of a nested model are indented
    assert lines[-1] == f"{model.count_params():,} parameters, {model.count_params() - 16:,} trainable, float32"
