"""The command line of bulk runs: options, notes, refusals, and drawing out of a folder."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import visualize
from visualize.bulk.progress import Progress
from visualize.cli import bulk
from visualize.cli.main import main
from visualize.report.methods import attribution_methods


def run(*arguments):
    return CliRunner().invoke(main, [str(each) for each in arguments], prog_name="visualize")


def mistake(*arguments):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Two pictures wider than the model's, and one that is broken."""
    folder = tmp_path_factory.mktemp("photographs")
    (folder / "cats").mkdir()
    for name in ("1.png", "cats/7.png"):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), "uint8")).save(folder / name)
    (folder / "cats/8.png").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def folder(saved, photographs, tmp_path_factory):
    """A run by two methods."""
    out = tmp_path_factory.mktemp("run") / "maps"
    options = ("--layer", "conv", "--modifier", "relu", "--input-range", 0, 1)
    result = run("bulk", "gradcam", saved("color"), "--data", photographs, "--out", out, "--method", "saliency", *options)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [str(out / "manifest.json"), str(out / "table.parquet")]
    assert "Note: 1 of 3 images could not be read; the first, cats/8.png: cats/8.png must be a picture." in result.stderr
    return out


def test_options_belong_to_the_method_that_is_named(folder):
    methods = visualize.open_bulk(folder).settings["methods"]
    assert methods["gradcam"][1] == {"layer": "conv", "modifier": "relu", "precision": "float32"}
    assert methods["saliency"][1] == {"precision": "float32"}


def test_a_map_of_a_folder_is_drawn_over_its_photograph(folder, tmp_path):
    pictures = [tmp_path / "one.png", tmp_path / "two.png"]
    for picture, ids in zip(pictures, (["cats/7.png"], ["1.png", "cats/7.png"]), strict=True):
        chosen = [word for name in ids for word in ("--id", name)]
        result = run("draw", folder, *chosen, "--method", "gradcam", "--out", picture)
        assert result.exit_code == 0, result.output
    heights = []
    for picture in pictures:
        with Image.open(picture) as drawn:
            heights.append(drawn.height)
    assert heights[1] > 1.5 * heights[0]
    result = run("draw", folder, "--id", "cats/7.png", "--method", "saliency")
    assert result.stdout.splitlines() == [str(folder.with_name("maps-saliency-cats-7-png.png"))]
    assert visualize.open_bulk(folder).attribution("1.png", "gradcam").originals[0].size == (20, 30)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--id", "9.png", "--method", "gradcam"],
            "`ids` must be ids of explained images, such as '1.png'. Received: '9.png'",
        ),
        (["--id", "1.png"], "`method` must be 'gradcam' or 'saliency'. Received: None"),
        (["--method", "gradcam"], "`--id` must name an image"),
        (["--id", "cats/8.png", "--method", "gradcam"], "cats/8.png has no map: cats/8.png must be a picture"),
    ],
)
def test_what_a_folder_does_not_have_is_refused(options, message, folder):
    assert message in mistake("draw", folder, *options)


def test_an_id_of_a_file_is_refused(saved, photographs, tmp_path):
    (tmp_path / "some.npz").write_bytes(b"")
    assert "choose from a folder of `visualize bulk`" in mistake("draw", tmp_path / "some.npz", "--id", "1.png")
    assert "which has no plan.json" in mistake("draw", tmp_path, "--id", "1.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--shard", "3of16"], "`--shard` must be N/OF, such as 3/16. Received: '3of16'"),
        (["--shard", "0/4"], "`shard` must be NUMBER/OF"),
        (["--method", "gradcam"], "`--method` must name others than gradcam"),
        (["--modifier", "guided", "--modifier", "relu"], "`--modifier` must be given once"),
        (["--workers", 0], "`workers` must be a whole number from 1"),
        (["--at", "layer", "--method", "saliency"], "Received: saliency"),
    ],
)
def test_a_mistake_is_one_line(options, message, saved, photographs, tmp_path):
    refusal = mistake("bulk", "gradcam", saved("color"), "--data", photographs, "--out", tmp_path / "maps", *options)
    assert message in refusal


def test_every_method_that_explains_images_has_a_command():
    listed = run("bulk", "--help").output
    assert [name for name in attribution_methods() if f"\n  {name} " not in listed] == []
    assert "--samples" in run("bulk", "smoothgrad", "--help").output
    assert "columns" not in run("bulk", "gradcam", "--help").output


def test_a_part_says_that_others_are_missing(saved, photographs, tmp_path):
    options = ("--shard", "1/2", "--shard-size", 2, "--input-range", 0, 1)
    result = run("bulk", "saliency", saved("color"), "--data", photographs, "--out", tmp_path / "maps", *options)
    assert result.exit_code == 0
    assert "lacks shards of other runs" in result.stderr
    assert result.stdout == ""


def test_how_far_a_run_is_in_words():
    assert bulk._line(Progress(0, 10, 0, 3)) == "0 of 10 images"
    assert bulk._line(Progress(1024, 10_000, 1024, 8)) == "1,024 of 10,000 images, 128 images/s, 1 min left"
    assert bulk._line(Progress(10, 100, 10, 1000)).endswith("0.01 images/s, 2 h 30 min left")
    assert bulk._line(Progress(60, 100, 30, 30)).endswith("1 images/s, 40 s left")


@pytest.mark.slow
def test_control_c_ends_with_whole_shards(saved, tmp_path):
    np.save(tmp_path / "many.npy", np.random.default_rng(0).integers(0, 256, (20_000, 12, 12), "uint8"))
    arguments = ["bulk", "gradcam", saved("softmax"), "--data", tmp_path / "many.npy", "--out", tmp_path / "maps"]
    command = [sys.executable, "-m", "visualize", *map(str, [*arguments, "--shard-size", 8, "--input-range", 0, 1])]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list((tmp_path / "maps").glob("shards/*.json")):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted: what was written is whole." in said
    assert not list((tmp_path / "maps").rglob("*.part"))
