"""The command line of visualize: what it writes, says and refuses."""

import gc
import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import visualize
from visualize.cli import options
from visualize.cli.console import uncollected
from visualize.cli.main import main
from visualize.engine import compile as tracing
from visualize.models import layers
from visualize.report.methods import method, method_names, takes

METHODS = tuple(sorted(method_names()))
COMMANDS = ("bulk", "bulk gradcam", "compare", "contrast", "curves", "draw", "gallery", "layers", "methods", "report", "trust")
WITH_IMAGES = tuple(name for name in METHODS if takes(method(name), "images"))


def run(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments], prog_name="visualize")


def written(result):
    """The paths that a command wrote: it told nothing else on standard output."""
    assert result.exit_code == 0, result.output
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert all(path.is_file() for path in paths)
    return paths


def mistake(*arguments):
    """What a command says that was asked wrongly: one line and exit status 2."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.rstrip("\n")


def record(paths):
    return json.loads(next(path for path in paths if path.suffix == ".json").read_text())


@pytest.fixture(scope="module")
def model(saved, tmp_path_factory):
    """A model of four classes with a card that names them."""
    folder = tmp_path_factory.mktemp("carded")
    shutil.copy(saved("softmax"), folder / "model.keras")
    (folder / "model.json").write_text(json.dumps({"input_range": [0, 1], "class_names": ["cat", "dog", "bird", "cow"]}))
    return folder / "model.keras"


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "some.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 12), "uint8")).save(path)
    return path


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Nine pictures of three classes."""
    path = tmp_path_factory.mktemp("data") / "set.npz"
    pictures = np.random.default_rng(0).integers(0, 256, (9, 12, 12), "uint8")
    np.savez(path, images=pictures, labels=np.array([2, 0, 0, 2, 1, 1, 0, 2, 1]))
    return path


def test_there_is_a_command_for_every_method():
    assert {"features", "filters", "gradcam", "maximize", "occlusion", "saliency", "summary"} <= set(METHODS)
    assert {"features", "gradcam", "occlusion", "saliency"} <= set(WITH_IMAGES)
    shown = run("--help").stdout
    for name in (*METHODS, "layers", "draw", "gallery"):
        assert f"  {name} " in shown


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_every_method_writes_a_figure_that_can_be_drawn_again_without_the_model(name, model, picture, tmp_path):
    images = [picture] if name in WITH_IMAGES else []
    options = ["--steps", 6, "--frames", 3] if name == "maximize" else []
    paths = written(run(name, model, *images, *options, "--out", tmp_path / "new"))
    stem = f"{name}-some" if images else name
    endings = [".png", *([".gif"] if options else []), *([".txt"] if name == "summary" else []), ".npz", ".json"]
    assert [path.name for path in paths] == [f"{stem}{ending}" for ending in endings]
    assert sorted((tmp_path / "new").iterdir()) == sorted(paths)
    told = record(paths)
    assert told["model"]["sha256"] == layers.origin_of(visualize.open_model(model)).sha256
    assert told["results"][0]["method"] == name

    values = next(path for path in paths if path.suffix == ".npz")
    assert visualize.load(values)[0].method == name
    again = written(run("draw", values, "--out", tmp_path / "again" / "figure.png"))
    assert [path.suffix for path in again] == [ending for ending in endings if ending in (".png", ".gif")]
    for path in again:  # byte for byte
        assert path.read_bytes() == next(one for one in paths if one.suffix == path.suffix).read_bytes()
    assert written(run("draw", values))[0] == paths[0]  # beside the values, where nothing else is named


def test_a_figure_is_drawn_again_in_another_style_and_format(model, picture, tmp_path):
    paths = written(run("gradcam", model, picture, "--overlay", "--format", "png,svg", "--out", tmp_path))
    assert [path.suffix for path in paths] == [".png", ".svg", ".npz", ".json"]
    assert record(paths)["drawn"] == {"overlay": True}
    values = paths[2]
    (again,) = written(run("draw", values, "--overlay", "--out", tmp_path / "again.svg"))
    assert again.read_bytes() == paths[1].read_bytes()
    assert "drawn" not in record(written(run("gradcam", model, picture, "--out", tmp_path / "plain")))
    for drawing, message in (
        (["--beside"], "`beside` needs maps that lie over the picture"),
        (["--colormap", "virids"], "Nearest: viridis"),
        (["--format", "svg", "--out", tmp_path / "a.png"], "`--out` must be the name of a .svg file"),
    ):
        assert message in mistake("draw", values, *drawing)


def test_what_was_asked_and_found_is_in_the_record(model, picture, tmp_path):
    paths = written(run("gradcam", model, picture, "--target", "bird", "--layer", "conv_2", "--out", tmp_path))
    told = record(paths)
    assert paths[0].name == "gradcam-conv_2-target-bird-some.png"
    assert told["asked"]["target"] == ["bird"]
    (result,) = told["results"]
    assert result["settings"]["layer"] == "conv_2"
    assert result["settings"]["score"] == "logit"
    (image,) = result["images"]
    assert image["target"] == 2
    pixels = np.asarray(Image.open(picture))[None, ..., None] / 255
    expected = visualize.gradcam(visualize.open_model(model), pixels, 2, layer="conv_2")
    assert image["score"] == pytest.approx(float(expected.scores[0]), rel=1e-5)
    np.testing.assert_allclose(visualize.load(paths[1])[0].values, expected.values, rtol=1e-4, atol=1e-6)


def test_the_seed_and_the_steps_reach_the_ascent(model, tmp_path):
    asked = ["--target", 1, "--steps", 3]
    first, second = (written(run("maximize", model, *asked, "--seed", seed, "--out", tmp_path / str(seed))) for seed in (1, 2))
    assert record(first)["results"][0]["settings"]["seed"] == 1
    one, other = (visualize.load(paths[1])[0].pictures for paths in (first, second))
    assert not np.allclose(one, other)


def test_the_estimated_saving_of_occlusion_is_in_the_record(model, picture, tmp_path):
    done = run("occlusion", model, picture, "--patch", 3, "--stride", 1, "--path", "windows", "--out", tmp_path)
    assert done.stderr == ""
    (result,) = record(written(done))["results"]
    assert result["settings"]["path"] == "windows"
    assert result["settings"]["estimated_saving"] > 0


@pytest.mark.parametrize("words", [["--explained", "picture"], ["--explained=picture"]])
def test_the_old_name_of_input_name_works_with_a_note(words, saved, images_for, reloaded, tmp_path):
    np.savez(tmp_path / "both.npz", **images_for(reloaded("two_inputs"), 1))
    asked = ["saliency", saved("two_inputs"), tmp_path / "both.npz", "--target", 1]
    new = run(*asked, "--input-name", "picture", "--out", tmp_path / "new")
    old = run(*asked, *words, "--out", tmp_path / "old")
    assert old.stderr == f"Note: --explained is called --input-name now.\n{new.stderr}"
    for one, other in zip(written(old), written(new), strict=True):
        assert one.name == other.name
        if one.suffix != ".json":
            assert one.read_bytes() == other.read_bytes()


def test_a_command_without_input_name_does_not_know_its_old_name():
    assert "No such option '--explained'" in mistake("layers", "model.keras", "--explained", "picture")


@pytest.mark.parametrize("name", ["saliency", "maximize", "compare", "report", "gallery", "contrast"])
def test_the_old_name_of_input_name_is_not_in_the_help(name):
    shown = run(name, "--help").stdout
    assert "--input-name INPUT" in shown
    assert "--explained" not in shown


def test_a_repeated_modifier_gives_columns_of_one_figure(model, picture, tmp_path):
    wanted = ["--modifier", "none", "--modifier", "guided", "--modifier", "relu"]
    paths = written(run("saliency", model, picture, *wanted, "--out", tmp_path))
    assert [path.name for path in paths] == ["saliency-some.png", "saliency-some.npz", "saliency-some.json"]
    found = visualize.load(paths[1])
    assert [one.settings["modifier"] for one in found] == [None, "guided", "relu"]
    alone = written(run("saliency", model, picture, "--modifier", "guided", "--out", tmp_path))
    assert alone[0].name == "saliency-guided-some.png"
    np.testing.assert_array_equal(visualize.load(alone[1])[0].values, found[1].values)


def test_each_class_has_a_row_of_one_sheet_and_is_explained_for_itself(model, labelled, tmp_path):
    paths = written(run("saliency", model, "--data", labelled, "--per-class", "--out", tmp_path))
    assert [path.name for path in paths] == [f"saliency-per-class{ending}" for ending in (".png", ".npz", ".json")]
    (found,) = visualize.load(paths[1])
    assert found.targets.tolist() == [0, 1, 2]
    assert [Path(str(name).split()[0]).name for name in found.arrays["names"]] == ["set.npz"] * 3
    assert [str(name).split()[1] for name in found.arrays["names"]] == ["1", "4", "0"]


def test_several_pictures_are_a_figure_each_or_one_sheet(model, labelled, tmp_path):
    asked = ["saliency", model, "--data", labelled, "--index", "0,3-4"]
    assert len(written(run(*asked, "--out", tmp_path / "each"))) == 9
    sheet = written(run(*asked, "--sheet", "--out", tmp_path / "sheet"))
    assert len(sheet) == 3
    assert len(visualize.load(sheet[1])[0].values) == 3


def test_pictures_of_one_name_do_not_overwrite_each_other(model, picture, tmp_path):
    names = ["a/cat.png", "b/cat.png", "b/cat-2.png", "b/CAT.png", "c/cat.bmp", "d/" + "x" * 200 + "1.png"]
    names += ["d/" + "x" * 200 + "2.png", "e/my cat.png", "e/my-cat.png"]
    paths = [tmp_path / name for name in names]
    for index, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((12, 12), 20 * index, "uint8")).save(path)
    found = [path for path in written(run("saliency", model, *paths, "--out", tmp_path / "out")) if path.suffix == ".npz"]
    assert len({path.name.casefold() for path in found}) == len(names)
    for index, path in enumerate(found):
        assert visualize.load(path)[0].images.max() == pytest.approx(20 * index / 255)
    assert [path.name for path in found[:3]] == ["saliency-cat.npz", "saliency-cat-2.npz", "saliency-cat-2-2.npz"]


def test_no_name_leads_out_of_the_folder(tmp_path, picture):
    layer = keras.layers.Conv2D(2, 3, name="up")
    small = keras.Sequential([keras.Input((12, 12, 1)), layer, keras.layers.Flatten(), keras.layers.Dense(2)])
    small.save(tmp_path / "model.keras")
    name = "../../x"
    (tmp_path / "model.json").write_text(json.dumps({"input_range": [0, 1], "class_names": [name, "y"]}))
    shutil.copy(picture, tmp_path / "..png")
    before = set(tmp_path.parent.rglob("*"))
    out = tmp_path / "a" / "b" / "out"
    pictures = [tmp_path / "..png", picture]
    paths = written(run("saliency", tmp_path / "model.keras", *pictures, "--target", name, "--out", out))
    assert all(path.parent == out for path in paths)
    new = {path for path in tmp_path.parent.rglob("*") if path.is_file()} - before
    assert new == set(paths)
    assert "Nearest" in mistake("gradcam", tmp_path / "model.keras", picture, "--layer", "../up", "--out", out)


@pytest.mark.slow
def test_the_gallery_is_every_method_at_once(model, labelled, tmp_path):
    paths = written(run("gallery", model, "--data", labelled, "--index", "0,1", "--out", tmp_path))
    drawn = sorted(path.name for path in paths if path.suffix == ".png")
    assert [name.split("-")[0].split(".")[0] for name in drawn] == [
        "features", "filters", "gradcam", "gradcam", "maximize", "occlusion", "occlusion", "saliency", "saliency", "summary",
    ]  # fmt: skip
    modifiers = [one.settings["modifier"] for one in visualize.load(next(p for p in paths if p.match("saliency*.npz")))]
    assert modifiers == [None, "guided", "relu"]


def test_the_gallery_of_one_of_several_outputs(saved, tmp_path):
    np.save(tmp_path / "images.npy", np.random.default_rng(0).random((2, 12, 12, 1)).astype("float32"))
    arguments = (saved("two_outputs"), "--data", tmp_path / "images.npy", "--input-range", 0, 1)
    paths = written(run("gallery", *arguments, "--output", "kind", "--out", tmp_path / "out"))
    names = [path.name for path in paths if path.suffix == ".png"]
    of_the_output = {name.split("-")[0] for name in names if "-kind" in name}
    assert of_the_output == {"maximize", "occlusion", "saliency", "gradcam"}
    assert {name.split("-")[0].split(".")[0] for name in names} - of_the_output == {"summary", "filters", "features"}
    assert "`output`" in mistake("gallery", *arguments, "--output", "no", "--out", tmp_path / "none")


def test_a_scale_that_one_image_would_share_is_refused_before_anything_is_computed(model, labelled, tmp_path):
    for command in (("saliency", "--index", "0,1"), ("compare", "--index", "0"), ("gallery", "--index", "0,1")):
        arguments = (command[0], model, "--data", labelled, *command[1:], "--scale", "shared", "--out", tmp_path / "none")
        assert "`scale` 'shared' needs several images in one figure" in mistake(*arguments)
    assert not (tmp_path / "none").exists()
    shared = ("--data", labelled, "--index", "0,1", "--sheet", "--scale", "shared", "--out", tmp_path)
    assert written(run("saliency", model, *shared))


def test_the_gallery_skips_what_a_model_cannot_and_says_why(tmp_path, labelled):
    plain = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    plain.save(tmp_path / "plain.keras")
    result = run("gallery", tmp_path / "plain.keras", "--data", labelled, "--out", tmp_path / "out")
    assert {path.name.split("-")[0].split(".")[0] for path in written(result)} == {
        "summary", "maximize", "occlusion", "saliency",
    }  # fmt: skip
    for name in ("filters", "features", "gradcam"):
        assert f"Note: no {name}. " in result.stderr
    assert result.stderr.count("assumed") == 1
    (alone,) = visualize.load(tmp_path / "out" / next(path for path in written(result) if path.match("saliency*.npz")))
    assert alone.settings["modifier"] is None  # there is no ReLU to modify


def test_the_gallery_of_pictures_that_cannot_be_read_is_a_mistake(model, tmp_path):
    assert "which is no file" in mistake("gallery", model, tmp_path / "no.png", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_layers_are_listed_with_the_default_cam_layer(model, saved):
    result = run("layers", model)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["layer", "class", "output", "parameters", "CAM", "kernels", "attention"]
    conv = next(line for line in lines if line.split()[0] == "conv")
    assert " ".join(conv.split()) == "conv Conv2D 10 x 10 x 6 60 yes yes"
    assert lines[-1] == (
        "Default CAM layer: relu (the last 8x8 map, which finishes the block of the last convolution conv_2)."
    )
    assert "base/conv_2" in run("layers", saved("nested")).stdout


@pytest.mark.slow
@pytest.mark.parametrize("one", ["mixed_float16", "mixed_bfloat16", "color", "not_square", "subclassed", "one_sigmoid"])
def test_models_of_other_kinds_reach_their_pictures(one, saved, picture, tmp_path):
    for name in ("saliency", "features"):
        paths = written(run(name, saved(one), picture, "--out", tmp_path))
        (found,) = visualize.load(paths[1])
        values = found.values if hasattr(found, "values") else found.pictures
        assert values.dtype == np.float32
        assert np.isfinite(values).all()


def test_a_model_of_two_inputs_takes_a_file_of_two_arrays(saved, images_for, reloaded, tmp_path):
    images = images_for(reloaded("two_inputs"))
    np.savez(tmp_path / "both.npz", **images)
    paths = written(run("saliency", saved("two_inputs"), tmp_path / "both.npz", "--target", 1, "--sheet", "--out", tmp_path))
    (found,) = visualize.load(paths[1])
    np.testing.assert_allclose(found.values, visualize.saliency(reloaded("two_inputs"), images, 1).values, rtol=1e-5)
    assert found.settings["input_name"] == "picture"


def test_the_range_is_as_said_or_as_the_card_says_or_assumed_aloud(model, saved, picture, tmp_path):
    def highest(*arguments):
        result = run("saliency", *arguments, picture, "--out", tmp_path)
        return visualize.load(written(result)[1])[0].images.max(), result.stderr

    white = np.asarray(Image.open(picture)).max() / 255
    assert highest(model) == (pytest.approx(white), "")
    assert highest(model, "--input-range", -1, 1)[0] == pytest.approx(2 * white - 1)
    assumed = "Note: input range 0 to 1 assumed, as nothing says otherwise; a card or --input-range LOW HIGH settles it.\n"
    assert highest(saved("softmax")) == (pytest.approx(white), assumed)


def test_a_map_without_anything_in_it_is_told(tmp_path, picture):
    dead = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Conv2D(2, 3, kernel_initializer="zeros")])
    dead.add(keras.layers.Flatten())
    dead.add(keras.layers.Dense(2))
    dead.save(tmp_path / "dead.keras")
    result = run("saliency", tmp_path / "dead.keras", picture, "--out", tmp_path)
    written(result)
    assert "Note: saliency of some.png is 0 everywhere: it explains nothing.\n" in result.stderr


MISTAKES = {
    ("saliency", "MODEL"): "`saliency` needs either IMAGES or --data, such as --data mnist:test. Received: neither.",
    ("saliency", "MODEL", "PICTURE", "--data", "mnist:test"): "`saliency` needs either IMAGES or --data, "
    "such as --data mnist:test. Received: both.",
    ("saliency", "MODEL", "PICTURE", "--index", "1"): "`--index` and `--per-class` choose from a data set: "
    "name it with --data.",
    ("saliency", "MODEL", "--data", "SET", "--index", "1", "--per-class"): "`--index` and `--per-class` exclude each other: "
    "both choose the images.",
    ("saliency", "MODEL", "--data", "SET", "--index", "1;2"): "`--index` must be whole numbers or ranges with commas "
    "between, such as 0-499,600. "
    "Received: '1;2'.",
    ("saliency", "MODEL", "--data", "SET", "--index", "3-1"): "`--index` must be whole numbers or ranges with commas "
    "between, such as 0-499,600. Received: '3-1'.",
    ("saliency", "MODEL", "--data", "SET", "--index", "0-99999999999999999999"): "`--index` must be whole numbers or ranges "
    "with commas between, such as 0-499,600. Received: '0-99999999999999999999'.",
    ("saliency", "MODEL", "--data", "SET", "--index", "9"): "`index` must be between 0 and 8. Received: 9.",
    (
        "saliency",
        "MODEL",
        "--data",
        "cifar",
    ): "`data` must be a folder of pictures, a .npz or .npy file, or a named data set (idx:..., mnist:..., photos:...). "
    "Received: 'cifar'.",
    ("saliency", "MODEL", "PICTURE", "--input-range", "1", "0"): "`--input-range` must be LOW HIGH, low < high. "
    "Received: 1 0.",
    ("saliency", "MODEL", "PICTURE", "--target", "cet"): "`target` must be one of 'cat', 'dog', 'bird', 'cow'. "
    "Received: 'cet'.",
    ("saliency", "MODEL", "PICTURE", "--target", "4"): "`target` must be between 0 and 3. Received: 4.",
    ("gradcam", "MODEL", "PICTURE", "--layer", "conv3"): "`layer` must be a layer of the model. Received: 'conv3'. "
    "Nearest: 'conv', 'conv_2'.",
    ("maximize", "MODEL", "--steps", "0"): "`steps` must be at least 1. Received: 0.",
    ("occlusion", "MODEL", "PICTURE", "--patch", "13"): "`patch` must be between 1 and 12 (the image's shortest side). "
    "Received: 13.",
    ("saliency", "MODEL", "no.png"): "`images` must be picture files or arrays. Received: no.png, which is no file.",
    ("saliency", "no.keras", "PICTURE"): "`model` must be a .keras, .h5 or .hdf5 file. Received: no.keras, "
    "which does not exist.",
    ("layers", "no.keras"): "`model` must be a .keras, .h5 or .hdf5 file. Received: no.keras, which does not exist.",
    ("draw", "no.npz"): "`file` must be a .npz that visualize wrote. Received: no.npz, which does not exist.",
    ("saliency", "MODEL", "PICTURE", "--pach", "3"): "No such option '--pach'. Did you mean '--patch'?",
    ("salience", "MODEL"): "No such command 'salience'.",
    ("saliency", "MODEL", "PICTURE", "--modifier", "best"): "Invalid value for '--modifier': 'best' is not one of "
    "'guided', 'relu', 'none'. See: visualize saliency --help",
    ("maximize", "MODEL", "--steps", "many"): "Invalid value for '--steps': 'many' is not a valid integer. "
    "See: visualize maximize --help",
    ("saliency",): "Missing argument 'MODEL'. See: visualize saliency --help",
    ("--fast",): "No such option '--fast'.",
}


@pytest.mark.parametrize("arguments", MISTAKES, ids=" ".join)
def test_a_mistake_is_one_line_and_writes_nothing(arguments, model, picture, labelled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = {"MODEL": model, "PICTURE": picture, "SET": labelled}
    line = mistake(*(known.get(one, one) for one in arguments))
    expected = f"Error: {MISTAKES[arguments]}"
    if expected.startswith("Error: No such"):
        assert line.startswith(expected.split(" Did you")[0].rstrip("."))
    else:
        assert line == expected
    assert os.listdir(tmp_path) == []


def test_an_unknown_command_is_answered_with_the_nearest():
    assert mistake("salience") == "Error: No such command 'salience'. Nearest: 'saliency'. See: visualize --help"
    assert mistake("qqq") == "Error: No such command 'qqq'. See: visualize --help"


def test_an_out_that_is_no_folder_is_told_before_anything_is_computed(model, picture, tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        line, received = mistake("saliency", model, picture, "--out", out).split(" Received: ")
        assert line == "Error: `--out` must be a folder that can be written to."
        assert received == f"{out}, but {tmp_path / 'file'} is a file."


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no folder that even root cannot write to")
def test_an_out_that_the_system_keeps_is_told_before_the_images_are_read(model):
    line, received = mistake("saliency", model, "no-such.png", "--out", "/proc/foo").split(" Received: ")
    assert line == "Error: `--out` must be a folder that can be written to."
    assert received == "/proc/foo, but /proc cannot be written to."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_out_that_may_not_be_written_is_told(model, picture, tmp_path):
    (tmp_path / "kept").mkdir(mode=0o500)
    assert "can be written to" in mistake("saliency", model, picture, "--out", tmp_path / "kept")


def test_what_goes_wrong_in_our_own_code_keeps_its_traceback(monkeypatch, model, picture, tmp_path):
    monkeypatch.setattr("visualize.plotting.export.save", lambda *_: {}["missing"])
    result = run("saliency", model, picture, "--out", tmp_path)
    assert result.exit_code == 1
    assert isinstance(result.exception, KeyError)


COLD = """
import sys
from visualize.cli.main import main
for line in sys.argv[1:]:
    try:
        main(line.split(), prog_name="visualize")
    except SystemExit as ended:
        heavy = [name for name in ("tensorflow", "keras", "matplotlib", "rich") if name in sys.modules]
        print(line, ended.code, heavy, sep="|", file=sys.stderr)
"""


def test_help_and_mistakes_import_neither_tensorflow_nor_matplotlib():
    helps = ["--help", "--version", *(f"{name} --help" for name in (*METHODS, *COMMANDS))]
    mistakes = ["saliency x", "saliency x --steps 3", "nonsense", "layers no.keras", "gradcam no.keras --data mnist:test"]
    ended = subprocess.run([sys.executable, "-c", COLD, *helps, *mistakes], capture_output=True, text=True)
    told = [line for line in ended.stderr.splitlines() if not line.startswith("Error: ")]
    assert told == [f"{line}|0|[]" for line in helps] + [f"{line}|2|[]" for line in mistakes]


def test_every_line_of_an_example_is_indented_alike():
    for name in ("trust", "compare"):
        examples = run(name, "--help").stdout.split("Example:\n")[1].split("\n\n")[0].splitlines()
        assert len(examples) == 2
        assert all(line.startswith(f"    visualize {name} ") for line in examples)


def test_help_takes_less_than_half_a_second():
    def used():  # by our children; what others do on this machine does not count
        return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])

    def seconds():
        before = used()
        subprocess.run([sys.executable, "-m", "visualize", "saliency", "--help"], check=True, stdout=subprocess.DEVNULL)
        return used() - before

    assert min(seconds() for _ in range(3)) < 0.5


@pytest.mark.slow
def test_it_runs_as_a_module_with_paths_on_one_side_and_words_on_the_other(saved, picture, tmp_path):
    asked = ["saliency", saved("softmax"), picture, "--out", tmp_path]
    ended = subprocess.run([sys.executable, "-m", "visualize", *asked], capture_output=True, text=True, check=True)
    assert [Path(line).name for line in ended.stdout.splitlines()] == [
        f"saliency-some{end}" for end in (".png", ".npz", ".json")
    ]
    assert ended.stderr == (
        "Note: input range 0 to 1 assumed, as nothing says otherwise; a card or --input-range LOW HIGH settles it.\n"
    )


@pytest.fixture
def interruptible():
    """Ctrl-C as a person at a terminal has it; what runs in the background may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_control_c_leaves_whole_files_and_status_130(interruptible, model, labelled, tmp_path):
    seen = []

    def press(done, total):
        seen.append(done)
        if len(seen) == 8:  # past the first figures of the gallery
            signal.raise_signal(signal.SIGINT)

    with tracing.progress(press):
        result = run("gallery", model, "--data", labelled, "--out", tmp_path)
    assert result.exit_code == 130
    assert result.stderr == "Interrupted: what was written is whole.\n"
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert len(paths) >= 6
    assert sorted(tmp_path.iterdir()) == sorted(paths)  # no half file, and none that was not told
    for path in paths:
        if path.suffix == ".npz":
            visualize.load(path)


def test_a_module_of_the_working_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "here_layers.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable(package='here')\n"
        "class Twice(keras.layers.Layer):\n"
        "    def call(self, inputs):\n"
        "        return 2 * inputs\n"
    )
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patched:
        patched.syspath_prepend(tmp_path)
        import here_layers

        keras.Sequential([keras.Input((4,)), here_layers.Twice(), keras.layers.Dense(2)]).save("model.keras")
    sys.modules.pop("here_layers")
    keras.saving.get_custom_objects().pop("here>Twice")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(tmp_path))])
    assert "'Twice', which is not registered" in mistake("layers", "model.keras")
    assert "Twice" in run("layers", "model.keras", "--custom-objects", "here_layers").stdout
    keras.saving.get_custom_objects().pop("here>Twice")


@pytest.mark.parametrize(
    ("content", "said"), [("raise SystemExit('bye')", "SystemExit: bye"), ("1 / 0", "ZeroDivisionError: division by zero")]
)
def test_a_module_that_ends_while_it_is_imported_is_named(content, said, model, tmp_path, monkeypatch):
    (tmp_path / "ends.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    message = f"`custom_objects` must name modules that Python can import. Received: 'ends' ({said})."
    assert mistake("layers", model, "--custom-objects", "ends") == f"Error: {message}"


def test_the_path_of_occlusion_is_a_choice(model, picture, tmp_path):
    assert "--path [auto|windows|full]" in run("occlusion", "--help").stdout
    told = mistake("occlusion", model, picture, "--path", "half", "--out", tmp_path)
    assert "Invalid value for '--path': 'half' is not one of 'auto', 'windows', 'full'" in told
    paths = written(run("occlusion", model, picture, "--path", "full", "--out", tmp_path))
    assert record(paths)["results"][0]["settings"]["path_reason"] == "asked for"


def test_a_choice_that_has_a_default_is_made_once(model, tmp_path):
    assert "--parametrization [auto|pixel|fourier|maco]" in run("maximize", "--help").stdout
    assert "none" in run("saliency", "--help").stdout
    paths = written(run("maximize", model, "--steps", 2, "--parametrization", "fourier", "--out", tmp_path))
    assert record(paths)["results"][0]["settings"]["parametrization"] == "fourier"
    told = mistake("maximize", model, "--parametrization", "none", "--out", tmp_path)
    assert "'none' is not one of 'auto', 'pixel', 'fourier', 'maco'" in told


@pytest.mark.slow
def test_an_ascent_by_copies_and_transforms_and_of_a_whole_layer_is_drawn(model, tmp_path):
    options = ["--steps", 3, "--copies", 2, "--diversity", 5, "--rotate", 4, "--scale", 0.9, 1.1, "--out", tmp_path]
    paths = written(run("maximize", model, "--target", "cat", "--target", 1, *options))
    (found,) = visualize.load(paths[1])
    assert [caption.split(":")[0] for caption in found.captions] == ["cat", "cat", "dog", "dog"]
    assert found.settings["scale"] == [0.9, 1.1]
    paths = written(run("maximize", model, "--whole-layer", "conv", "--steps", 3, "--out", tmp_path))
    assert paths[0].name == "maximize-whole-conv.png"
    told = mistake("maximize", model, "--whole-layer", "conv", "--target", 1, "--out", tmp_path)
    assert told == "Error: `whole_layer` takes the place of `target` and `layer`. Received: both."


def test_opening_leaves_the_garbage_collector_alone_for_a_while_only():
    try:
        with uncollected():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0  # what was imported is never looked at again
    finally:
        gc.unfreeze()


def test_the_command_line_takes_a_folder_and_a_pattern(model, picture, tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a10.png", "a9.png"):
        shutil.copy(picture, tmp_path / "photos" / name)
    folder = written(run("saliency", model, tmp_path / "photos", "--out", tmp_path / "folder"))
    assert [path.stem for path in folder[::3]] == ["saliency-a9", "saliency-a10"]
    pattern = written(run("saliency", model, tmp_path / "photos" / "*0.png", "--out", tmp_path / "pattern"))
    assert [path.stem for path in pattern[::3]] == ["saliency-a10"]


def test_a_folder_is_a_data_set_of_which_an_index_chooses(model, picture, tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a10.png", "a9.png", "a8.png"):
        shutil.copy(picture, tmp_path / "photos" / name)
    asked = ("saliency", model, "--data", tmp_path / "photos", "--index", "1-2", "--out", tmp_path / "out")
    assert [path.stem for path in written(run(*asked))[::3]] == ["saliency-a9", "saliency-a10"]


def test_the_command_line_says_what_a_reader_of_a_result_must_know(model, picture, tmp_path):
    result = run("integrated_gradients", model, picture, "--steps", 1, "--out", tmp_path)
    (attribution,) = visualize.load(written(result)[1])
    assert attribution.settings["remarks"]
    for remark in attribution.settings["remarks"]:
        assert f"Note: {remark}" in result.stderr


def test_no_old_record_stands_beside_a_new_picture(model, picture, tmp_path, monkeypatch):
    asked = ("saliency", model, picture, "--out", tmp_path)
    record = written(run(*asked))[-1]
    assert record.suffix == ".json"
    monkeypatch.setattr("visualize.plotting.export.save", interrupted)
    assert run(*asked).exit_code
    assert record.with_suffix(".png").exists()
    assert not record.exists()


def interrupted(*arguments):
    raise KeyboardInterrupt


def test_surroundings_that_do_not_fit(model, picture, tmp_path):
    asked = [sys.executable, "-m", "visualize", "saliency", model, picture, "--out", tmp_path]
    torch = subprocess.run(asked, env={**os.environ, "KERAS_BACKEND": "torch"}, capture_output=True, text=True, check=False)
    assert torch.returncode == 2
    assert torch.stderr.startswith("Error: The environment variable KERAS_BACKEND must be tensorflow")
    window = {**os.environ, "MPLBACKEND": "no_such_backend"}
    subprocess.run(asked, env=window, capture_output=True, check=True)
    closed = " ".join(map(shlex.quote, map(str, asked))) + " 2>&-"
    assert subprocess.run(closed, shell=True, stdout=subprocess.PIPE, text=True, check=True).stdout.count("\n") == 3


def test_a_warning_on_opening_a_model_is_a_note_that_is_said_first(tmp_path):
    layer = {"module": "keras.layers", "registered_name": None}
    unknown = {**layer, "class_name": "Unknown", "config": {"name": "unknown"}}
    dense = {**layer, "class_name": "Dense", "config": {"units": 2}}
    config = {**layer, "module": "keras", "class_name": "Sequential", "config": {"layers": [unknown, *[dense] * 499]}}
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": keras.__version__}))
    result = run("layers", path)
    assert result.exit_code == 2
    note, error = result.stderr.splitlines()
    assert note == f"Note: {path} has a model of 500 layers: Keras may take minutes to load it."
    assert error.startswith("Error: ")


def test_two_models_are_compared_in_one_figure(saved, tmp_path):
    """Each is shown the picture in its own size and channels, and the record names the file of each."""
    picture = tmp_path / "cat.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (12, 12, 3), dtype="uint8")).save(picture)
    result = run("compare", saved("color"), saved("softmax"), picture, "--method", "saliency", "--out", tmp_path / "out")
    paths = written(result)
    assert [path.name for path in paths] == [
        f"compare-color-softmax-saliency-cat.{ending}" for ending in ("png", "npz", "json")
    ]
    color, gray = visualize.load(paths[1])
    assert (color.settings.model, gray.settings.model) == ("color", "softmax")
    assert (color.images.shape[-1], gray.images.shape[-1]) == (3, 1)
    record = json.loads(paths[2].read_text())
    assert record["asked"]["models"] == [str(saved("color")), str(saved("softmax"))]
    hashes = [part["settings"]["model_sha256"] for part in record["results"]]
    assert hashes[0] == record["model"]["sha256"] != hashes[1]


def test_models_are_named_after_their_files_or_the_folders_of_their_trainings(tmp_path):
    first, second = tmp_path / "digits" / "model.keras", tmp_path / "letters" / "model.keras"
    models, images = options.leading_models(first, [second, Path("a.png"), Path("b.keras")])
    assert models == {"digits": first, "letters": second}
    assert images == (Path("a.png"), Path("b.keras"))  # refused as a picture
    same, _ = options.leading_models(tmp_path / "a" / "net.keras", [tmp_path / "b" / "net.h5"])
    assert list(same) == ["a/net", "b/net"]
    assert list(options.leading_models(first, [first])[0]) == ["digits/model 1", "digits/model 2"]


def test_a_saved_model_among_several_is_refused(saved, tmp_path):
    folder = tmp_path / "exported"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"")
    result = run("compare", saved("color"), folder, "cat.png")
    assert result.exit_code == 2
    assert "`model` must be a .keras, .h5 or .hdf5 file" in result.output


def test_trust_writes_a_figure_a_table_and_a_record_and_keeps_what_it_measured(model, labelled, tmp_path):
    arguments = ("trust", model, "--data", labelled, "--index", "0-5", "--method", "saliency", "--method", "gradcam")
    settings = ("--steps", 5, "--samples", 1, "--out", tmp_path)
    first = run(*arguments, *settings)
    paths = written(first)
    assert [path.name for path in paths] == [f"trust-saliency-gradcam-sheet.{kind}" for kind in ("png", "csv", "npz", "json")]
    (result,) = record(paths)["results"]
    assert [row["name"] for row in result["rows"] if not row["baseline"]] == [
        line.split(":")[0] for line in first.stderr.splitlines() if ": its top fifth" in line
    ]
    assert first.stderr.splitlines()[-1] == result["answer"]
    assert record(paths)["asked"]["steps"] == 5
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "trust-measures").iterdir()}
    assert len(kept) == 2
    again = written(run(*arguments, *settings))
    assert record(again)["results"] == [result]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "trust-measures").iterdir()} == kept


def test_trust_is_drawn_again_without_the_model(model, labelled, tmp_path):
    paths = written(
        run("trust", model, "--data", labelled, "--index", "0,1", "--method", "saliency", "--steps", 2, "--out", tmp_path)
    )
    before = paths[0].read_bytes()
    assert written(run("draw", paths[2]))[0].read_bytes() == before


def test_trust_refuses_several_targets_of_one_image(model, picture):
    assert "`--target` must name one class for each image" in mistake("trust", model, picture, "--target", 0, "--target", 1)


def test_compare_with_trust_measures_each_map_and_records_it(model, labelled, tmp_path):
    arguments = ("compare", model, "--data", labelled, "--index", "0,1", "--method", "saliency", "--method", "gradcam")
    paths = written(run(*arguments, "--trust", "--out", tmp_path))
    results = visualize.load(next(path for path in paths if path.suffix == ".npz"))
    opened = visualize.open_model(model)
    for result, part in zip(results, record(paths)["results"], strict=True):
        deleted = visualize.metrics.deletion(opened, result, steps=20)
        np.testing.assert_allclose(result.arrays["deletion"], deleted.values, rtol=1e-5)
        assert [image["insertion"] for image in part["images"]] == result.arrays["insertion"].tolist()
    assert record(paths)["asked"]["trust"] is True
    axes = [each.get_title() for each in visualize.draw(results).axes]
    shown = "deletion {:.2f}, insertion {:.2f}".format(*(results[1].arrays[name][0] for name in ("deletion", "insertion")))
    assert any(shown in title for title in axes)
