"""Options out of range, full disks, kills and results of strangers: one line, and no half file."""

import dataclasses
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from visualize import Attribution, Structure, Tiles, load, save
from visualize._utils.atomic import atomic_file
from visualize.cli.main import main
from visualize.report.methods import method_names

BAD = ("-1", "nan", "-inf", "word", "", "1" * 30, "\x1b[31mb", "../../x")


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "some.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 12), "uint8")).save(path)
    return path


def outcome(*arguments):
    """Exit status and the lines of standard error that are no notes; a traceback fails the test."""
    result = CliRunner().invoke(main, [str(one) for one in arguments], color=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"{arguments}: {result.exception!r}") from result.exception
    assert "\x1b" not in result.stdout + result.stderr
    return result.exit_code, [line for line in result.stderr.splitlines() if not line.startswith("Note: ")]


def options(name):
    command = main.get_command(None, name)
    return [one for one in command.params if isinstance(one, click.Option) and not one.is_flag and one.name != "out"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("name", [*sorted(method_names()), "compare", "contrast"])
def test_every_option_out_of_range_is_one_line_or_a_result(name, saved, picture, tmp_path):
    command = main.get_command(None, name)
    images = [picture] if any(one.name == "images" for one in command.params) else []
    quick = {"maximize": ["--steps", 2]}.get(name, [])
    for option in options(name):
        for value in BAD:
            asked = [option.opts[0], *[value] * option.nargs]
            status, errors = outcome(name, saved("softmax"), *images, *quick, *asked, "--out", tmp_path)
            assert (status, len(errors)) in ((0, 0), (2, 1)), (asked, status, errors)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("smoothgrad", "--samples", "1" * 30), "`samples` must be a whole number from 1 to 2147483647."),
        (("rise", "--seed", "1" * 30), "`seed` must be a whole number from 0 to 2147483647. Received: " + "1" * 30),
        (("saliency", "--batch-size", "0"), "`batch_size` must be a whole number from 1. Received: 0"),
        (("saliency", "--region", "0", "0", "1" * 30, "1"), "`region` must be (top, left, height, width), or numbers from 0"),
        (("saliency", "--index", ""), "`--index` and `--per-class` choose from a data set: name it with --data"),
        (("compare", "--method", "salincy"), "Invalid value for '--method': 'salincy' is not one of 'ablationcam', "),
        (("saliency", "--target", "no-such"), "`target` must be a number between 0 and 3. Received: 'no-such'."),
        (("gradcam", "--layer", "conv_3"), "`layer` must be a layer of the model. Received: 'conv_3'. Nearest: "),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_said(arguments, message, saved, picture, tmp_path):
    name, *asked = arguments
    status, errors = outcome(name, saved("softmax"), picture, *asked, "--out", tmp_path)
    assert status == 2
    assert errors[0].startswith(f"Error: {message}")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--steps", "1" * 30], "`steps` must be a whole number from 1 to 2147483647."),
        (["--step-size", "inf"], "`step_size` must be a finite number. Received: inf."),
        (["--total-variation", "inf"], "`total_variation` must be a finite number. Received: inf."),
        (["--jitter", "1" * 30], "`jitter` must be a whole number from 0 to 2147483647."),
        (["--size", "-1", "4"], "`size` must be a whole number from 1. Received: -1."),
    ],
)
def test_an_ascent_out_of_range_is_refused(asked, message, saved, tmp_path):
    status, errors = outcome("maximize", saved("softmax"), *asked, "--out", tmp_path)
    assert status == 2
    assert errors[0].startswith(f"Error: {message}")


def test_an_output_that_exists_is_replaced_whole(saved, picture, tmp_path):
    (tmp_path / "saliency-some.png").write_bytes(b"old")
    assert outcome("saliency", saved("softmax"), picture, "--out", tmp_path) == (0, [])
    with Image.open(tmp_path / "saliency-some.png") as drawn:
        assert min(drawn.size) > 100


def test_a_folder_in_the_way_of_an_output_is_one_line(saved, picture, tmp_path):
    (tmp_path / "saliency-some.npz").mkdir()
    status, errors = outcome("saliency", saved("softmax"), picture, "--out", tmp_path)
    assert (status, len(errors)) == (2, 1)
    assert sorted(os.listdir(tmp_path)) == ["saliency-some.npz", "saliency-some.png"]


FULL = """
import resource, signal, sys
from visualize.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
main(sys.argv[2:])
"""


@pytest.mark.parametrize("most", [0, 2000])
def test_a_full_disk_is_one_line_and_no_half_file(most, picture, tmp_path):
    values = save(tmp_path / "values.npz", tiles())
    asked = ["draw", values, "--out", tmp_path / "out" / "figure.png"]
    ended = subprocess.run([sys.executable, "-c", FULL, str(most), *asked], capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: ")
    assert ended.stderr.endswith(f"File too large: '{tmp_path / 'out' / 'figure.png'}'\n")
    assert ended.stderr.count("\n") == 1
    assert os.listdir(tmp_path / "out") == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != most


@pytest.mark.slow
def test_a_disk_that_becomes_full_leaves_whole_files(saved, picture, tmp_path):
    """The picture fits, the values do not."""
    asked = ["saliency", saved("softmax"), picture, "--out", tmp_path]
    for most in (2_000, 30_000):
        ended = subprocess.run([sys.executable, "-c", FULL, str(most), *asked], capture_output=True, text=True)
        errors = [line for line in ended.stderr.splitlines() if not line.startswith("Note: ")]
        assert (ended.returncode, len(errors)) in ((0, 0), (2, 1)), ended.stderr
        for path in tmp_path.iterdir():
            load(path) if path.suffix == ".npz" else None
            json.loads(path.read_text()) if path.suffix == ".json" else None
            if path.suffix == ".png":
                with Image.open(path) as drawn:
                    drawn.load()


WRITES = """
import sys, pathlib, numpy as np
from visualize import Tiles, save
folder = pathlib.Path(sys.argv[1])
tiles = Tiles(np.random.default_rng(0).random((200, 30, 30, 1)), ("a",) * 200, False, "maximize", {"input_range": [0, 1]})
print("ready", flush=True)
number = 0
while True:
    save(folder / f"{number % 5}.npz", tiles)
    number += 1
"""


@pytest.mark.slow
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_killed_at_any_time_every_file_under_its_name_is_whole(kill, tmp_path):
    chance = random.Random(0)
    written = 0
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", WRITES, tmp_path],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background may ignore it
        ) as process:
            process.stdout.readline()
            time.sleep(0.3 * chance.random())
            process.send_signal(kill)
            try:
                process.wait(timeout=30)
            finally:
                process.kill()
        for path in tmp_path.glob("[0-9].npz"):
            assert load(path)[0].pictures.shape == (200, 30, 30, 1)
            written += 1
        if kill == signal.SIGINT:
            assert not list(tmp_path.glob("*.part"))
    assert written


def test_a_second_interrupt_leaves_the_old_file(tmp_path):
    (tmp_path / "a").write_bytes(b"old")

    def twice():
        with atomic_file(tmp_path / "a") as file:
            file.write(b"new")
            try:
                raise KeyboardInterrupt
            finally:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def tiles():
    settings = {"input_range": [0, 1], "columns": 2, "unit": "pixel", "score": "logit"}
    frames = np.ones((2, 3, 4, 4, 1))
    return Tiles(np.random.default_rng(0).random((3, 4, 4, 1)), ("a", "b", "c"), False, "maximize", settings, frames)


def attribution():
    chance = np.random.default_rng(0)
    settings = {
        "unit": "score", "class_names": ["a", "b"], "input_range": [0, 1], "score": "logit", "patch": 2, "stride": 1,
        "tops": [0, 1, 2], "lefts": [0, 1, 2, 3],
    }  # fmt: skip
    arrays = {"position_classes": np.zeros((2, 3, 4), int), "names": np.array(["x", "y"]), "probability": np.ones(2)}
    values, images = chance.standard_normal((2, 4, 5)), chance.random((2, 4, 5, 1))
    return Attribution(values, images, np.array([0, 1]), np.ones(2), "occlusion", settings, arrays)


def structure():
    rows = ({"path": "a", "kind": "Input", "shape": [None, 4], "parameters": 0, "depth": 0},)
    return Structure(rows, (("a", "a"),), "summary", {"name": "m", "parameters": 3, "trainable": 2})


WRONG = (None, -1, "x", [], {}, "a" * 50_000, 10**9, 1e308, ["a"], [[0]])
SHAPES = (np.zeros(()), np.zeros((0, 4, 5)), np.array(["a"]), np.zeros((2, 4, 5), complex), np.full((3, 4, 4, 1), np.nan))


def altered(result):
    """The same with one thing wrong, in every way."""
    own = {**vars(result), "settings": dict(result.settings)}
    if own.pop("display", None) is not None:
        own["display"] = dataclasses.asdict(result.display)
    for name, value in own.items():
        wrong = SHAPES if isinstance(value, np.ndarray) else WRONG if name not in ("arrays", "method") else ()
        yield from ({**own, name: one} for one in wrong)
    for key in own["settings"]:
        yield {**own, "settings": {name: one for name, one in own["settings"].items() if name != key}}
        yield from ({**own, "settings": {**own["settings"], key: one}} for one in WRONG)
    for key in own.get("arrays", {}):
        yield from ({**own, "arrays": {**own["arrays"], key: one}} for one in SHAPES)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("result", [tiles(), attribution(), structure()], ids=lambda one: one.method)
def test_results_of_a_stranger_are_a_picture_or_one_line(result, tmp_path):
    outcomes = set()
    for fields in altered(result):
        arrays = {f"0.{name}": value for name, value in fields.items() if isinstance(value, np.ndarray)}
        arrays.update({f"0.arrays.{name}": value for name, value in (fields.get("arrays") or {}).items()})
        plain = {name: value for name, value in fields.items() if not isinstance(value, np.ndarray) and name != "arrays"}
        np.savez(tmp_path / "x.npz", results=np.array(json.dumps([{"type": type(result).__name__, **plain}])), **arrays)
        started = time.monotonic()
        status, errors = outcome("draw", tmp_path / "x.npz")
        assert (status, len(errors)) in ((0, 0), (2, 1)), (fields, status, errors)
        assert time.monotonic() - started < 20
        outcomes.add(status)
    assert outcomes == {0, 2}


def test_results_that_do_not_fit_together_are_told_so(tmp_path):
    path = save(tmp_path / "x.npz", Tiles(np.ones((1, 2, 2, 1)), ("a",), False, "maximize", {}))
    status, errors = outcome("draw", path)
    said = "Tiles that are not signed must state `input_range`, their black and white. Received: None."
    assert (status, errors) == (2, [f"Error: {said}"])
    assert os.listdir(tmp_path) == ["x.npz"]


def test_a_figure_of_too_many_rows_is_refused_before_it_is_drawn(tmp_path):
    count = 2000
    many = Attribution(
        np.ones((count, 2, 2)), np.ones((count, 2, 2, 1)), np.zeros(count, int), np.ones(count), "saliency", {"unit": "score"}
    )
    status, errors = outcome("draw", save(tmp_path / "x.npz", many))
    assert status == 2
    assert errors[0].startswith("Error: A figure must have at most 65,535 pixels in each direction. Received: ")
