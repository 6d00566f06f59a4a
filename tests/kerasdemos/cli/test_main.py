"""The command line of kerasdemos: what it prints, where, and its exit status."""

import io
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from rich.console import Console

import kerasdemos
from kerasdemos import data, registry
from kerasdemos.cli import tables
from kerasdemos.cli.main import main
from kerasdemos.demo import ARTICLES
from kerasdemos.training import evaluation
from kerasdemos.training.card import Result


@pytest.fixture(scope="module")
def some_digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "some.npz"
    pictures = data.load()
    np.savez(
        path,
        x_train=pictures.train_images[:96],
        y_train=pictures.train_labels[:96],
        x_test=pictures.test_images[:32],
        y_test=pictures.test_labels[:32],
    )
    return str(path)


@pytest.fixture(scope="module")
def trained(some_digits, tmp_path_factory):
    """The result of `train relu_mlp`, and the folder that it wrote to."""
    out = tmp_path_factory.mktemp("out")
    result = run("train", "relu_mlp", "--data", some_digits, "--epochs", "1", "--out", str(out))
    assert result.exit_code == 0, result.output
    return result, out / "relu_mlp"


def run(*arguments):
    return CliRunner().invoke(main, arguments)


def test_list_shows_every_demo_with_its_parameters_and_what_it_must_show():
    result = run("list")
    assert result.exit_code == 0
    for demo in registry.load_all():
        assert demo.name in result.stdout
    assert "1,199,882" in result.stdout
    assert "test accuracy: 0.99" in result.stdout
    assert "the CNN whose insight article 2 draws" in result.stdout


def test_help_teaches_by_examples():
    result = run("--help")
    assert result.exit_code == 0
    assert "kerasdemos train digits_cnn\n" in result.stdout
    assert "--resume" in run("train", "--help").stdout


def test_help_list_and_bad_arguments_import_no_tensorflow(tmp_path):
    program = """
import sys
from click.testing import CliRunner
from rich.cells import cell_len
from rich.console import Console
from kerasdemos.cli.main import main
from kerasdemos.demo import ARTICLES
for arguments, status in (
    (["--help"], 0), (["train", "--help"], 0), (["list"], 0), (["train"], 2), (["train", "nothing"], 2),
    (["train", "--nothing"], 2), (["train", "relu_mlp", "--epochs", "0"], 2),
    (["train", "relu_mlp", "--data", "nowhere"], 2), (["evaluate", "nowhere.keras"], 2),
):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == status, (arguments, result.output, result.exception)
    assert not {"tensorflow", "keras"} & set(sys.modules), arguments
    assert "matplotlib" not in sys.modules or status == 2, arguments
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def test_list_costs_less_than_half_a_second():
    def used():  # by our children; what others do on this machine does not count
        return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])

    def seconds():
        before = used()
        subprocess.run([sys.executable, "-m", "kerasdemos", "list"], check=True, capture_output=True)
        return used() - before

    assert min(seconds() for _ in range(3)) < 0.5


@pytest.mark.slow
def test_train_prints_the_paths_that_it_wrote_and_the_table_of_results(trained):
    result, folder = trained
    lines = result.stdout.splitlines()
    assert lines[:4] == [str(folder / name) for name in ("model.keras", "history.csv", "curves.png", "model.json")]
    assert "0.882 ± 0.012" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("value", "tolerance", "text"),
    [
        (1.09283743265539, 1e-14, "1.09283743265539"),
        (0.989899992, 0.004, "0.9899"),
        (22.0, 1e-12, "22"),
        (1 / 3, None, "0.333333"),
        (0.0, 0.1, "0"),
    ],
)
def test_a_number_is_shown_to_the_digits_that_its_tolerance_speaks_of(value, tolerance, text):
    assert tables.format_number(value, tolerance) == text


def test_results_are_offered_as_markdown():
    rows = [Result("accuracy", 0.5, 0.9, 0.1, "article", False), Result("loss", 1.25)]
    assert tables.results_markdown([("net", rows)]) == (
        "| demo | measure | measured | expected | source | holds |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| net | accuracy | 0.5 | 0.9 ± 0.1 | article | NO |\n"
        "| net | loss | 1.25 | - | - | - |\n"
    )


def test_seed_epochs_and_data_reach_the_card(some_digits, tmp_path):
    arguments = ["--seed", "5", "--epochs", "2", "--data", some_digits, "--out", str(tmp_path)]
    assert run("train", "relu_mlp", *arguments).exit_code == 0
    card = json.loads((tmp_path / "relu_mlp" / "model.json").read_text())
    assert (card["seed"], card["epochs"], card["data"][:8]) == (5, 2, "some.npz")


@pytest.mark.parametrize(
    ("switch", "changes"),
    [(["--resume"], {}), (["--if-missing"], {}), (["--if-missing"], {"--seed": "7", "--epochs": "12"})],
)
def test_a_finished_run_is_left_alone_and_its_settings_are_told(trained, some_digits, switch, changes):
    _, folder = trained
    before = (folder / "model.keras").read_bytes()
    settings = {"--data": some_digits, "--epochs": "1", "--out": str(folder.parent), **changes}
    result = run("train", "relu_mlp", *switch, *(word for pair in settings.items() for word in pair))
    assert result.exit_code == 0
    name = json.loads((folder / "model.json").read_text())["data"]
    assert result.stderr == f"relu_mlp: a finished run (seed 0, 1 epoch, data {name}, float32) is there, left alone.\n"
    assert (folder / "model.keras").read_bytes() == before
    assert "0.882 ± 0.012" in result.stdout


def test_resume_refuses_in_one_line_before_any_demo_runs(trained, some_digits, tmp_path):
    assert run("train", "gradient_descent", "--epochs", "3", "--out", str(tmp_path)).exit_code == 0
    result = run("train", "least_squares", "gradient_descent", "--resume", "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "Received: one of epochs 3 (asked: 60). Choose another --out, or leave out --resume" in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["gradient_descent"]


def test_a_program_prints_what_the_article_prints(tmp_path):
    result = run("train", "least_squares", "--out", str(tmp_path))
    assert result.exit_code == 0
    assert "22.0" in result.stdout
    assert (tmp_path / "least_squares" / "figure.png").exists()


def test_evaluate_prints_and_draws_what_the_model_takes_for_what(trained, some_digits):
    _, folder = trained
    result = run("evaluate", str(folder / "model.keras"), "--data", some_digits)
    assert result.exit_code == 0, result.output
    card = json.loads((folder / "model.json").read_text())
    measured = {row["measure"]: row["measured"] for row in card["results"]}
    assert f"accuracy  {measured['test accuracy']:.4f} on 32 pictures of some.npz" in result.stdout
    assert f"loss      {measured['test loss']:.4f}" in result.stdout
    assert result.stdout.splitlines()[-1] == str(folder / "confusion.png")
    assert (folder / "confusion.png").exists()


@pytest.mark.slow
def test_evaluate_gives_the_loss_and_accuracy_that_training_gave(some_digits, tmp_path):
    name = "tflearn_convnet"  # cross-entropy, penalties on weights, and a layer of ours
    result = run("train", name, "--data", some_digits, "--epochs", "1", "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    evaluated = evaluation.evaluate(tmp_path / name / "model.keras", some_digits)
    card = json.loads((tmp_path / name / "model.json").read_text())
    measured = {row["measure"]: row["measured"] for row in card["results"]}
    assert evaluated.loss == pytest.approx(measured["test loss"], rel=1e-5)
    assert evaluated.accuracy == pytest.approx(measured["test accuracy"])


def test_confusion_counts_true_classes_down_and_predicted_ones_across():
    counts = evaluation.confusion(np.array([0, 0, 2, 1]), np.array([0, 1, 2, 1]), classes=3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["train"], "`train` must get the names of demos, or --all. `kerasdemos list` shows them."),
        (["train", "--all", "relu_mlp"], "`train` must get the names of demos, or --all."),
        (["train", "relu_mpl"], "`NAME` must be the name of a demo. Received: 'relu_mpl'. Did you mean relu_mlp"),
        (["train", "relu_mlp", "--epochs", "0"], "`epochs` must be from 1 to 10,000,000. Received: 0."),
        (["train", "relu_mlp", "--data", "no"], "`--data` must be a directory of IDX files or a .npz file."),
        (["evaluate", "no.keras"], "`MODEL` must be a .keras file. Received: no.keras, which does not exist."),
    ],
)
def test_a_mistake_is_one_line_on_stderr_and_status_2(arguments, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {line}")
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["train", "digits_cnn", "--epochs", "x"],
            "Invalid value for '--epochs': 'x' is not a valid integer. See: kerasdemos train --help",
        ),
        (["train", "digits_cnn", "--nothing"], "No such option"),
        (["evaluate"], "Missing argument 'MODEL'. See: kerasdemos evaluate --help"),
        (["nothing"], "No such command 'nothing'."),
        (["--nothing"], "No such option"),
    ],
)
def test_a_wrong_option_is_one_line_that_points_to_help(arguments, line):
    result = CliRunner().invoke(main, arguments, prog_name="kerasdemos")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {line}")
    assert result.stderr.endswith(" --help\n")
    assert result.stderr.count("\n") == 1


def test_without_arguments_it_shows_its_help():
    result = run()
    assert result.output.startswith("Usage: ")
    assert "Examples:" in result.output


@pytest.mark.parametrize("inside", ["", "folder"])
def test_an_out_that_is_a_file_is_refused_before_anything_is_computed(inside, tmp_path, monkeypatch):
    monkeypatch.setattr("kerasdemos.training.run._compute", lambda *_, **__: pytest.fail("it computed"))
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / inside
    result = run("train", "least_squares", "--out", str(out))
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: `--out` must be a folder that can be written to. "
        f"Received: {out / 'least_squares'}, but {tmp_path / 'file'} is a file.\n"
    )


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no folder that even root cannot write to")
def test_an_out_that_the_system_protects_is_refused_before_anything_is_computed(monkeypatch):
    monkeypatch.setattr("kerasdemos.training.run._compute", lambda *_, **__: pytest.fail("it computed"))
    result = run("train", "least_squares", "--out", "/proc/x")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: `--out` must be a folder that can be written to. "
        "Received: /proc/x/least_squares, but /proc cannot be written to.\n"
    )


def test_evaluate_says_that_a_directory_is_no_model(tmp_path):
    result = run("evaluate", str(tmp_path))
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: `MODEL` must be a .keras file, such as {tmp_path / 'model.keras'}. Received: {tmp_path}, a directory.\n"
    )


def test_evaluate_refuses_half_a_model_and_a_model_without_a_card(trained, tmp_path):
    _, folder = trained
    half = tmp_path / "model.keras"
    whole = (folder / "model.keras").read_bytes()
    half.write_bytes(whole[: len(whole) // 2])
    assert run("evaluate", str(half)).stderr == (
        f"Error: `MODEL` must be a whole .keras file. Received: {half}, which is damaged or of another format.\n"
    )
    half.write_bytes(whole)
    assert run("evaluate", str(half)).stderr == (
        f"Error: The card {tmp_path}/model.json must stand beside the model; `kerasdemos train` writes "
        "it. Received: no such file.\n"
    )


def configured(path, out, **changed):
    """The archive of a model with other entries in the configuration of its second layer."""
    out.mkdir()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out / "model.keras", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                layer = config["config"]["layers"][1]
                layer.update({key: value for key, value in changed.items() if key in layer})
                layer["config"].update({key: value for key, value in changed.items() if key not in layer})
                content = json.dumps(config)
            new.writestr(name, content)
    shutil.copy(path.with_name("model.json"), out)
    return out / "model.keras"


@pytest.mark.slow
def test_evaluate_follows_nothing_that_a_file_says_but_its_weights(trained, some_digits, tmp_path, monkeypatch):
    _, folder = trained
    expected = run("evaluate", str(folder / "model.keras"), "--data", some_digits).stdout.splitlines()[:2]
    (tmp_path / "keras_hub").mkdir()  # Keras itself would import it
    (tmp_path / "keras_hub" / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    hub = {"module": "keras_hub.models", "class_name": "x", "registered_name": None}
    for number, changed in enumerate((hub, {"units": 10**12}, {"class_name": "Lambda"})):
        path = configured(folder / "model.keras", tmp_path / str(number), **changed)
        result = run("evaluate", str(path), "--data", some_digits)
        assert (result.exit_code, result.stdout.splitlines()[:2]) == (0, expected), result.output
    assert "keras_hub" not in sys.modules
    assert not (tmp_path / "ran").exists()


def test_evaluate_refuses_weights_that_are_only_declared(trained, some_digits, tmp_path):
    _, folder = trained
    shutil.copy(folder / "model.json", tmp_path)
    with zipfile.ZipFile(folder / "model.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        file.create_dataset("more", shape=(10**12,), dtype="f4", chunks=(1 << 20,), compression="gzip")
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name, content in {**members, "model.weights.h5": weights.getvalue()}.items():
            archive.writestr(name, content)
    result = run("evaluate", str(tmp_path / "model.keras"), "--data", some_digits)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert result.stderr.startswith(f"Error: The arrays of {tmp_path / 'model.keras'} must not unpack to over 100 times")


@pytest.mark.parametrize("loss", ["mean_squared_error", "sparse_categorical_crossentropy"])
@pytest.mark.parametrize("size", [1e30, np.inf, np.nan])
def test_evaluate_of_a_network_of_huge_outputs_ends_without_a_warning(trained, some_digits, size, loss, tmp_path):
    _, folder = trained
    card = json.loads((folder / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**card, "loss": loss}))
    with zipfile.ZipFile(folder / "model.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        biases = []
        file["layers"].visititems(lambda name, item: biases.append(item) if getattr(item, "shape", None) == (10,) else None)
        for bias in biases:
            bias[...] = size
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name, content in {**members, "model.weights.h5": weights.getvalue()}.items():
            archive.writestr(name, content)
    result = run("evaluate", str(tmp_path / "model.keras"), "--data", some_digits)
    assert (result.exit_code, result.stderr) == (0, ""), result.exception
    assert biases
    if loss == "mean_squared_error" and size == 1e30:
        assert float(result.stdout.split()[1]) > 1e59


NUMBERS = "`scale` and `mean` of the card must be numbers of at most 1e+30, `scale` at least 1e-30."


def nested(levels):
    """A list in a list in a list, so many in all."""
    lists = []
    for _ in range(levels - 1):
        lists = [lists]
    return lists


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"demo": "digits_cnn"}, "`MODEL` must hold the weights of digits_cnn. Received: "),
        ({"demo": "least_squares"}, "`MODEL` must be a network that reads pictures. Received: least_squares."),
        ({"demo": "a" * 10_000}, "`NAME` must be the name of a demo. Received: '" + "a" * 99 + "..."),
        ({"demo": None}, "`NAME` must be the name of a demo. Received: 'None'."),
        ({"scale": "a"}, f"{NUMBERS} Received: ['a', "),
        ({"scale": 0}, f"{NUMBERS} Received: [0, "),
        ({"scale": 1e-40}, f"{NUMBERS} Received: [1e-40, "),
        ({"scale": 10**400}, f"{NUMBERS} Received: [1000"),
        ({"scale": 1.0, "mean": 1e39}, f"{NUMBERS} Received: [1.0, 1e+39]."),
        ({"scale": nested(900)}, "The card {path} must be "),
        ({"class_names": ["a"]}, "`class_names` of the card must be 10 names. Received: ['a']."),
    ],
    ids=lambda value: str(value)[:60],
)
def test_evaluate_refuses_a_card_of_another_model_in_one_line(trained, some_digits, changed, message, tmp_path):
    _, folder = trained
    shutil.copy(folder / "model.keras", tmp_path)
    card = json.loads((folder / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**card, **changed}))
    result = run("evaluate", str(tmp_path / "model.keras"), "--data", some_digits)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert result.stderr.startswith("Error: " + message.replace("{path}", str(tmp_path / "model.json")))


def test_names_of_a_card_are_no_markup_for_the_tables(trained, some_digits, tmp_path):
    _, folder = trained
    shutil.copy(folder / "model.keras", tmp_path)
    card = json.loads((folder / "model.json").read_text())
    names = ["[/red]", "[bold]b", "c\x1b[31m", "$\\frac{$", "狗", "n" * 999, *"6789"]
    (tmp_path / "model.json").write_text(json.dumps({**card, "class_names": names}))
    result = run("evaluate", str(tmp_path / "model.keras"), "--data", some_digits)
    assert result.exit_code == 0, result.output
    for name in ("[/red]", "[bold]b", "c\\x1b[31m"):
        assert result.stdout.count(f" {name} ") == 2  # once as a column, once as a row


def test_a_terminal_without_the_characters_gets_escapes():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "kerasdemos", "list"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Article 0: Python\\u6df1\\u5ea6" in ended.stdout


def test_no_old_table_of_results_stands_beside_new_runs(tmp_path, monkeypatch):
    def interrupted(*arguments, **settings):
        raise KeyboardInterrupt

    demo = registry.load("least_squares")
    monkeypatch.setattr(registry, "load_all", lambda: (demo,))
    assert run("train", "--all", "--out", str(tmp_path)).exit_code == 0
    assert (tmp_path / "results.md").exists()
    monkeypatch.setattr("kerasdemos.training.run.train", interrupted)
    assert run("train", "--all", "--epochs", "0", "--out", str(tmp_path)).exit_code == 2
    assert (tmp_path / "results.md").exists()  # refused: nothing ran
    assert run("train", "--all", "--out", str(tmp_path)).exit_code == 130
    assert not (tmp_path / "results.md").exists()


@pytest.mark.parametrize("measured", [math.nan, math.inf])
def test_a_result_that_is_not_finite_is_in_the_table(measured):
    table = tables.results_table([("demo", [Result("test accuracy", measured, 0.9, 0.004, "article", False)])])
    assert list(table.columns[2].cells) == [str(measured)]


def test_a_missing_tensorboard_says_what_to_install(monkeypatch):
    import importlib.util

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "tensorboard" else find_spec(name, *rest)
    )
    result = run("train", "relu_mlp", "--tensorboard")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: A TensorBoard log needs the package tensorboard: pip install "
        '"kerasdemos[tensorboard]". Received: it is not installed.\n'
    )


def test_our_own_mistakes_keep_their_traceback(monkeypatch):
    monkeypatch.setattr(registry, "load_all", lambda: 1 / 0)
    result = run("list")
    assert result.exit_code == 1
    assert isinstance(result.exception, ZeroDivisionError)


def listed(width):
    """What `kerasdemos list` prints on a console of so many columns."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(tables.demos_table(registry.load_all(), width=width))
    return console.export_text()


@pytest.mark.parametrize("width", [80, 100, 139, 140, 160, 200])
def test_the_list_shows_titles_and_ideas_and_fits_the_terminal(width):
    text = listed(width)
    assert "…" not in text
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= width
    for number, title in enumerate(ARTICLES):
        assert f"Article {number}: {title}\n" in text


@pytest.mark.parametrize("width", [80, 100])
def test_a_narrow_list_shows_each_idea_beside_its_demo(width):
    lines = [line.rstrip() for line in listed(width).splitlines()]
    for demo in registry.load_all():
        (start,) = (number for number, line in enumerate(lines) if line.startswith(f"{demo.name} "))
        below = "\n".join([lines[start].removeprefix(demo.name), *lines[start + 1 : start + 4]])
        assert " ".join(below.split()).startswith(demo.idea)
        assert f"{demo.parameters:,} parameter" in " ".join(below.split())


def test_a_pipe_gets_each_demo_on_one_line():
    lines = run("list").stdout.splitlines()
    for demo in registry.load_all():
        (line,) = (line for line in lines if line.startswith(f"{demo.name} "))
        assert line.rstrip().endswith(demo.idea)


@pytest.mark.parametrize("resume", [(), ("--resume",)], ids=["afresh", "resumed"])
@pytest.mark.parametrize("name", ["checkpoint.npz", "model.json", "model.keras", "history.csv", "curves.png"])
def test_a_folder_in_the_place_of_a_file_of_a_run_is_refused_before_the_training(name, resume, tmp_path):
    in_the_way = tmp_path / "relu_mlp" / name
    in_the_way.mkdir(parents=True)
    result = run("train", "relu_mlp", "--out", str(tmp_path), *resume)  # which trains for minutes
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: `--out` must leave {in_the_way} free for a file of the run. Received: a folder of that name. Remove it, or "
        "choose another --out.\n"
    )
    assert list((tmp_path / "relu_mlp").iterdir()) == [in_the_way]


@pytest.mark.parametrize("package", ["kerasdemos", "visualize"])
def test_the_version_begins_with_the_name_of_the_program(package):
    ended = subprocess.run([sys.executable, "-m", package, "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"{package}, version {kerasdemos.__version__}\n"
    usage = subprocess.run([sys.executable, "-m", package, "--help"], capture_output=True, text=True, check=True).stdout
    assert usage.startswith(f"Usage: {package} [OPTIONS]")
