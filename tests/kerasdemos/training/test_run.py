"""Training: the same seed gives the same weights, an interrupted run ends where an uninterrupted one does."""

import csv
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdemos import data, registry
from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from kerasdemos.training.card import Result, compare_results, read_card
from kerasdemos.training.checkpoints import CHECKPOINT
from kerasdemos.training.fit import batches
from kerasdemos.training.run import train, unfinished_epochs
from visualize.errors import InputError

FILES = {"model.keras", "model.json", "history.csv", "curves.png"}


@pytest.fixture(scope="module")
def some_digits(tmp_path_factory):
    """A .npz with the first 96 training and 32 test pictures of MNIST."""
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
def relu_run(some_digits, tmp_path_factory):
    """relu_mlp, three epochs on some digits."""
    out = tmp_path_factory.mktemp("out")
    return train(registry.load("relu_mlp"), epochs=3, data=some_digits, out=out)


def weights(folder):
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    return [np.asarray(weight) for weight in model.weights]


def assert_same_weights(first, second):
    for weight, expected in zip(weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(weight, expected)


# What a run writes.


def test_a_run_writes_its_model_card_history_and_curves_and_nothing_else(relu_run):
    folder = relu_run.files[0].parent
    assert {path.name for path in folder.iterdir()} == FILES == {path.name for path in relu_run.files}
    assert folder.name == "relu_mlp"


def test_the_card_says_how_pixels_become_inputs_and_what_was_measured(relu_run, some_digits):
    card = read_card(relu_run.files[0].parent / "model.json")
    assert card["demo"] == "relu_mlp"
    assert card["article"] == "4"
    assert card["data"].startswith("some.npz (96 + 32, crc32 ")
    assert card["input_range"] == pytest.approx([-0.1307 / 0.3081, (1 - 0.1307) / 0.3081])
    assert (card["scale"], card["mean"]) == pytest.approx((255 * 0.3081, 0.1307 / 0.3081))
    assert card["class_names"] == list("0123456789")
    assert (card["parameters"], card["seed"], card["epochs"], card["precision"]) == (218_058, 0, 3, "float32")
    assert card["versions"]["keras"] == keras.__version__
    assert card["versions"]["tensorflow"] == tf.__version__
    assert set(card["versions"]) == {"python", "tensorflow", "keras", "kerasdemos"}
    measured = {row["measure"]: row for row in card["results"]}
    model = keras.saving.load_model(relu_run.files[0])
    images, rows = registry.load("relu_mlp").run.split(data.load(some_digits)).test
    loss, accuracy = model.evaluate(images, rows, verbose=0)
    assert measured["test accuracy"]["measured"] == pytest.approx(accuracy)
    assert measured["test loss"]["measured"] == pytest.approx(loss, rel=1e-5)


def test_a_run_on_other_data_is_not_judged_by_the_number_of_the_article(relu_run):
    row = relu_run.results[0]
    assert (row.measure, row.expected, row.holds) == ("test accuracy", 0.882, None)


def test_a_result_holds_within_its_tolerance_and_not_beyond():
    demo = replace(DOUBLING, expected=(Expected("last", 8.0, 0.25, "computed"),))
    for measured, holds in ((8.25, True), (8.26, False), (7.75, True), (7.74, False)):
        row = compare_results(demo, {"last": measured, "other": 1}, as_published=True)[0]
        assert row.holds is holds, measured


def test_the_history_has_one_row_an_epoch(relu_run):
    with (relu_run.files[0].parent / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert list(rows[0]) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss", "seconds"]
    assert float(rows[2]["loss"]) < float(rows[0]["loss"])


# Chance.


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(some_digits, tmp_path):
    name = "relu_mlp"  # the test of a killed run is the same for dropout, across two processes
    demo = registry.load(name)
    for folder, seed in (("first", 4), ("second", 4), ("third", 5)):
        train(demo, epochs=2, seed=seed, data=some_digits, out=tmp_path / folder)
    assert_same_weights(tmp_path / "first" / name, tmp_path / "second" / name)
    third = weights(tmp_path / "third" / name)
    assert np.abs(third[0] - weights(tmp_path / "first" / name)[0]).max() > 0.01


def test_an_epoch_shows_every_picture_once_in_an_order_of_seed_and_epoch():
    images = np.arange(50, dtype=np.float32).reshape(50, 1)
    labels = np.arange(50)

    def order(seed, epoch):
        every_batch = list(batches(images, labels, batch=16, seed=seed, epoch=tf.Variable(epoch)))
        assert [len(some) for some, _ in every_batch] == [16, 16, 16, 2]
        for some_images, some_labels in every_batch:
            np.testing.assert_array_equal(some_images[:, 0], some_labels)
        return np.concatenate([some for _, some in every_batch]).tolist()

    assert sorted(order(0, 0)) == labels.tolist()
    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


def test_training_leaves_the_random_numbers_of_others_alone(some_digits, tmp_path):
    random.seed(1)
    expected = [random.random() for _ in range(3)]
    random.seed(1)
    state = np.random.get_state()[1].copy()  # noqa: NPY002 (the global state is what may not change)
    got = [random.random()]
    train(registry.load("relu_mlp"), epochs=1, data=some_digits, out=tmp_path)
    got += [random.random() for _ in range(2)]
    assert got == expected
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


# Stop and go on.


def start(demo, some_digits, out, *, epochs):
    """`kerasdemos train` in a process of its own, as soon as it has finished its first epoch."""
    command = [sys.executable, "-m", "kerasdemos", "train", demo, "--data", some_digits, "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--epochs", str(epochs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background may ignore it
    )
    deadline = time.monotonic() + 60
    while not (out / demo / CHECKPOINT).exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_ends_with_the_same_weights(some_digits, tmp_path):
    demo = registry.load("tflearn_convnet")  # dropout, Adam and a clipped norm: all the state that there is
    process = start(demo.name, some_digits, tmp_path / "killed", epochs=100_000)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    folder = tmp_path / "killed" / demo.name
    assert "model.json" not in os.listdir(folder)
    epochs = unfinished_epochs(tmp_path / "killed" / demo.name) + 1
    resumed = train(demo, epochs=epochs, data=some_digits, out=tmp_path / "killed", resume=True)
    train(demo, epochs=epochs, data=some_digits, out=tmp_path / "whole")
    assert_same_weights(folder, tmp_path / "whole" / demo.name)
    assert {path.name for path in folder.iterdir()} == FILES
    with (folder / "history.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == list(range(1, epochs + 1))
    assert resumed.fresh


@pytest.mark.slow
def test_control_c_ends_with_one_line_that_says_how_to_go_on(some_digits, tmp_path):
    process = start("relu_mlp", some_digits, tmp_path, epochs=100_000)
    process.send_signal(signal.SIGINT)
    written, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert written == ""
    assert said.startswith("Stopped in relu_mlp, ")
    assert said.endswith(" kept. The same command with --resume goes on.\n")
    assert said.count("\n") == 1


@pytest.mark.slow
def test_without_resume_training_starts_afresh(some_digits, tmp_path):
    demo = registry.load("relu_mlp")
    _interrupt(demo, some_digits, tmp_path, after=1)
    seen = []
    train(demo, epochs=2, data=some_digits, out=tmp_path, report=seen.append)
    assert seen[0].epoch == 1


@pytest.mark.slow
def test_resume_reports_only_what_is_left(some_digits, tmp_path):
    demo = registry.load("relu_mlp")
    _interrupt(demo, some_digits, tmp_path, after=2)
    assert unfinished_epochs(tmp_path / demo.name) == 2
    seen = []
    train(demo, epochs=3, data=some_digits, out=tmp_path, resume=True, report=seen.append)
    assert {(moment.epoch, moment.epochs) for moment in seen} == {(3, 3)}
    assert (seen[-1].images, seen[-1].remaining) == (96, 0)
    assert unfinished_epochs(tmp_path / demo.name) == 0


@pytest.mark.slow
def test_resume_saves_what_was_trained_to_the_end_but_not_saved(some_digits, tmp_path):
    demo = registry.load("relu_mlp")
    _interrupt(demo, some_digits, tmp_path / "stopped", after=2)
    train(demo, epochs=2, data=some_digits, out=tmp_path / "stopped", resume=True)
    train(demo, epochs=2, data=some_digits, out=tmp_path / "whole")
    assert_same_weights(tmp_path / "stopped" / "relu_mlp", tmp_path / "whole" / "relu_mlp")


def test_resume_leaves_a_finished_run_alone(relu_run, some_digits):
    folder = relu_run.files[0].parent
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = train(registry.load("relu_mlp"), epochs=3, data=some_digits, out=folder.parent, resume=True)
    assert not again.fresh
    assert again.results == relu_run.results
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_resume_refuses_to_replace_what_was_finished_with_other_settings(relu_run, some_digits):
    folder = relu_run.files[0].parent
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError) as refused:
        train(registry.load("relu_mlp"), epochs=1, seed=2, data=some_digits, out=folder.parent, resume=True)
    assert str(refused.value) == (
        f"`--resume` must find in {folder} a finished run of the settings asked for, or none. "
        "Received: one of seed 0 (asked: 2), epochs 3 (asked: 1). "
        "Choose another --out, or leave out --resume to replace it."
    )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_resume_refuses_to_replace_what_was_finished_on_other_data(tmp_path):
    demo = replace(DOUBLING, run=replace(DOUBLING.run, takes_data=True))
    path = tmp_path / "points.csv"
    path.write_text("1,2\n")
    train(demo, data=str(path), out=tmp_path)
    with pytest.raises(InputError, match=r"Received: one of data points.csv \(crc32 .*\) \(asked: none\)\. Choose"):
        train(demo, out=tmp_path, resume=True)


def test_what_a_card_says_is_repeated_in_one_line(tmp_path):
    train(DOUBLING, out=tmp_path)
    path = tmp_path / "doubling" / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "demo": "a\n\x1b[31mb"}))
    with pytest.raises(InputError) as refused:
        train(DOUBLING, out=tmp_path, resume=True)
    assert r"Received: one of demo a\n\x1b[31mb (asked: doubling). Choose another --out" in str(refused.value)


@pytest.mark.slow
def test_resume_goes_on_from_the_checkpoint_that_was_to_replace_a_finished_run(some_digits, tmp_path):
    demo = registry.load("relu_mlp")
    train(demo, epochs=1, seed=1, data=some_digits, out=tmp_path)
    _interrupt(demo, some_digits, tmp_path, after=1)
    seen = []
    run = train(demo, epochs=2, data=some_digits, out=tmp_path, resume=True, report=seen.append)
    assert run.fresh
    assert seen[0].epoch == 2


@pytest.mark.parametrize("changes", [{"seed": 5}, {"epochs": 4}, {"data": None}, {}])
def test_if_missing_leaves_every_finished_run_alone(relu_run, some_digits, changes):
    folder = relu_run.files[0].parent
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    settings = {"epochs": 3, "data": some_digits, "out": folder.parent, **changes}
    again = train(registry.load("relu_mlp"), **settings, if_missing=True)
    assert (again.earlier["seed"], again.earlier["epochs"]) == (0, 3)
    assert again.results == relu_run.results
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_if_missing_does_not_judge_a_run_of_other_settings(tmp_path):
    train(DOUBLING, epochs=4, out=tmp_path)
    assert train(DOUBLING, out=tmp_path, if_missing=True).results[0].holds is None


@pytest.mark.slow
def test_if_missing_goes_on_from_a_checkpoint_and_trains_where_nothing_is(some_digits, tmp_path):
    demo = registry.load("relu_mlp")
    _interrupt(demo, some_digits, tmp_path, after=1)
    seen = []
    assert train(demo, epochs=2, data=some_digits, out=tmp_path, if_missing=True, report=seen.append).fresh
    assert seen[0].epoch == 2
    assert train(DOUBLING, out=tmp_path, if_missing=True).fresh


def test_what_was_finished_is_judged_by_what_is_expected_now(tmp_path):
    before = train(DOUBLING, out=tmp_path)
    stricter = replace(DOUBLING, expected=(Expected("last", 9.0, 0.5, "article"),))
    again = train(stricter, out=tmp_path, resume=True)
    assert not again.fresh
    assert again.files == before.files
    assert again.results == (Result("last", 8.0, 9.0, 0.5, "article", False),)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["history.csv", "figure.png"])
def test_resume_runs_again_what_has_lost_a_file(name, tmp_path):
    train(DOUBLING, out=tmp_path)
    (tmp_path / "doubling" / name).unlink()
    assert train(DOUBLING, out=tmp_path, resume=True).fresh
    assert not train(DOUBLING, out=tmp_path, resume=True).fresh


@pytest.mark.slow
@pytest.mark.parametrize("name", ["history.csv", "figure.png"])
def test_resume_runs_again_what_has_a_file_that_is_not_whole(name, tmp_path):
    train(DOUBLING, out=tmp_path)
    path = tmp_path / "doubling" / name
    whole = path.read_bytes()
    for content in (whole[:-1], b"", whole[:-1] + b"?"):  # a part, nothing, another one of the same size
        path.write_bytes(content)
        assert train(DOUBLING, out=tmp_path, resume=True).fresh
        assert path.read_bytes() == whole
    assert not train(DOUBLING, out=tmp_path, if_missing=True).fresh


def test_the_card_has_the_size_and_the_checksum_of_every_other_file(relu_run):
    folder = relu_run.files[0].parent
    contents = read_card(folder / "model.json")["contents"]
    assert set(contents) == FILES - {"model.json"}
    for name, facts in contents.items():
        content = (folder / name).read_bytes()
        assert facts == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_an_older_card_without_checksums_is_that_of_a_finished_run(tmp_path):
    train(DOUBLING, out=tmp_path)
    path = tmp_path / "doubling" / "model.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in card.items() if key != "contents"}))
    assert not train(DOUBLING, out=tmp_path, resume=True).fresh


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"files": None}, "`files`"),
        ({"files": [1]}, "`files`"),
        ({"files": ["../model.keras"]}, "`files`"),
        ({"files": {}}, "`files`"),
        ({"contents": []}, "`contents`"),
        ({"demo": [1]}, "`demo`"),
        ({"seed": 0.0}, "`seed`"),
        ({"seed": "0"}, "`seed`"),
        ({"epochs": True}, "`epochs`"),
        ({"results": None}, "`results`"),
        ({"results": [1]}, "`results`"),
        ({"results": [{"measure": "last"}]}, "`results`"),
        ({"results": [{"measure": "last", "measured": "8"}]}, "`results`"),
        ({"results": [{"measure": [], "measured": 8.0}]}, "`results`"),
        ({"results": [{"measure": "last", "measured": 10**4000}]}, "`results`"),
    ],
)
def test_a_card_of_a_wrong_form_is_refused_in_one_line_and_replaced_without_resume(tmp_path, changes, wrong):
    train(DOUBLING, out=tmp_path)
    path = tmp_path / "doubling" / "model.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps({**card, **changes}))
    for keep in ({"resume": True}, {"if_missing": True}):
        with pytest.raises(InputError) as refused:
            train(DOUBLING, out=tmp_path, **keep)
        assert str(refused.value) == (
            f"The card {path} must be one that `kerasdemos` wrote. Received: {wrong} of another form. "
            "Without --resume or --if-missing it is replaced."
        )
    assert train(DOUBLING, out=tmp_path).fresh
    assert json.loads(path.read_text())["results"] == card["results"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", "[" * 900 + "]" * 900, "[" * 100_000, '{"a": 1' + "0" * 5000 + "}"]
)
def test_a_card_that_is_none_is_refused_in_one_line_and_replaced_without_resume(tmp_path, content):
    train(DOUBLING, out=tmp_path)
    path = tmp_path / "doubling" / "model.json"
    path.write_text(content)
    with pytest.raises(InputError, match=f"The card {path} must be ") as refused:
        train(DOUBLING, out=tmp_path, resume=True)
    assert "\n" not in str(refused.value)
    assert train(DOUBLING, out=tmp_path).fresh


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 3}, "`seed` must be 0 to go on from {path}. Received: 3."),
        ({"epochs": 1}, "`epochs` must be at least 2 to go on from {path}. Received: 1."),
    ],
)
def test_resume_refuses_the_checkpoint_of_another_run(some_digits, tmp_path, changes, message):
    demo = registry.load("relu_mlp")
    _interrupt(demo, some_digits, tmp_path, after=2)
    with pytest.raises(InputError) as refused:
        train(demo, **{"epochs": 3, **changes}, data=some_digits, out=tmp_path, resume=True)
    expected = message.format(path=tmp_path / "relu_mlp" / CHECKPOINT)
    assert str(refused.value) == f"{expected} Without --resume or --if-missing training starts afresh."


def test_resume_refuses_a_checkpoint_of_other_data(some_digits, tmp_path):
    demo = registry.load("relu_mlp")
    _interrupt(demo, some_digits, tmp_path, after=1)
    other = dict(np.load(some_digits))
    other["x_train"] = other["x_train"][::-1]
    path = tmp_path / "some.npz"
    np.savez(path, **other)
    with pytest.raises(InputError, match=r"`data` must be 'some.npz"):
        train(demo, epochs=2, data=str(path), out=tmp_path, resume=True)


def test_a_damaged_checkpoint_is_refused(some_digits, tmp_path):
    demo = registry.load("relu_mlp")
    _interrupt(demo, some_digits, tmp_path, after=1)
    path = tmp_path / "relu_mlp" / CHECKPOINT
    path.write_bytes(path.read_bytes()[:1000])
    assert unfinished_epochs(tmp_path / demo.name) == 0
    with pytest.raises(InputError) as refused:
        train(demo, epochs=2, data=some_digits, out=tmp_path, resume=True)
    assert str(refused.value) == (
        f"{path} must be a whole checkpoint of `kerasdemos train`. Received: BadZipFile: File is not a zip file. "
        "Without --resume or --if-missing training starts afresh."
    )


def changed_facts(**changes):
    """How a checkpoint's facts are replaced: by what a function makes of the history, or by values."""

    def change(stored):
        facts = json.loads(str(stored["facts"]))
        facts = {**facts, **{key: value(facts[key]) if callable(value) else value for key, value in changes.items()}}
        return {**stored, "facts": np.array(json.dumps(facts))}

    return change


def changed_array(change):
    return lambda stored: {**stored, "variable_0": change(stored["variable_0"])}


WRONG_CHECKPOINTS = {
    "no facts": lambda stored: {name: array for name, array in stored.items() if name != "facts"},
    "no variable": lambda stored: {name: array for name, array in stored.items() if name != "variable_0"},
    "no last variable": lambda stored: dict(list(stored.items())[:-1]),
    "one variable more": lambda stored: {**stored, f"variable_{len(stored) - 1}": np.zeros(3)},
    "only facts": lambda stored: {"facts": stored["facts"]},
    "facts that are numbers": lambda stored: {**stored, "facts": np.zeros(3)},
    "facts nested deep": lambda stored: {**stored, "facts": np.array("[" * 900 + "]" * 900)},
    "facts nested deeper": lambda stored: {**stored, "facts": np.array("[" * 100_000)},
    "another shape": changed_array(lambda array: array[1:]),
    "a number": changed_array(lambda array: np.float32(0)),
    "doubles": changed_array(lambda array: array.astype("float64")),
    "whole numbers": changed_array(lambda array: array.astype("int32")),
    "texts": changed_array(lambda array: array.astype(str)),
    "objects": changed_array(lambda array: array.astype(object)),
    "no identity": changed_facts(identity=None),
    "half an identity": changed_facts(identity={"demo": "relu_mlp"}),
    "more than an identity": changed_facts(identity=lambda identity: {**identity, "more": 1}),
    "a nested seed": changed_facts(identity=lambda identity: {**identity, "seed": [[[1]]] * 999}),
    "no history": changed_facts(history=None),
    "no epochs": changed_facts(history=[]),
    "a history of numbers": changed_facts(history=[1]),
    "epochs without a loss": changed_facts(history=lambda rows: [{"epoch": 1}]),
    "epochs of texts": changed_facts(history=lambda rows: [{**row, "loss": "0.1"} for row in rows]),
    "huge numbers": changed_facts(history=lambda rows: [{**row, "loss": 10**4000} for row in rows]),
    "another epoch": changed_facts(history=lambda rows: [{**row, "epoch": 7} for row in rows]),
    "an epoch that is huge": changed_facts(history=lambda rows: [{**row, "epoch": 1e400} for row in rows]),
}


@pytest.fixture(scope="module")
def interrupted(some_digits, tmp_path_factory):
    """The checkpoint of relu_mlp after one epoch."""
    out = tmp_path_factory.mktemp("interrupted")
    _interrupt(registry.load("relu_mlp"), some_digits, out, after=1)
    return out / "relu_mlp" / CHECKPOINT


@pytest.mark.parametrize("form", WRONG_CHECKPOINTS)
def test_a_checkpoint_of_a_wrong_form_is_refused_in_one_line_and_ignored_without_resume(
    interrupted, some_digits, tmp_path, form
):
    path = tmp_path / "relu_mlp" / CHECKPOINT
    path.parent.mkdir()
    with np.load(interrupted) as stored:
        np.savez(path, **WRONG_CHECKPOINTS[form](dict(stored)))
    before = path.read_bytes()
    with pytest.raises(InputError) as refused:
        train(registry.load("relu_mlp"), epochs=2, data=some_digits, out=tmp_path, resume=True)
    message = str(refused.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < len(str(path)) + 500
    assert message.endswith(" Without --resume or --if-missing training starts afresh.")
    assert path.read_bytes() == before
    unfinished_epochs(path.parent)  # is what the command line asks for where a training starts afresh


@pytest.mark.parametrize("size", [0, 1, 30, 1000, 100_000])
def test_a_checkpoint_that_is_cut_off_counts_for_nothing_without_resume(interrupted, some_digits, tmp_path, size):
    path = tmp_path / "relu_mlp" / CHECKPOINT
    path.parent.mkdir()
    path.write_bytes(interrupted.read_bytes()[:size])
    assert unfinished_epochs(path.parent) == 0
    with pytest.raises(InputError, match="must be a whole checkpoint"):
        train(registry.load("relu_mlp"), epochs=2, data=some_digits, out=tmp_path, resume=True)
    if size == 1000:
        seen = []
        assert train(registry.load("relu_mlp"), epochs=1, data=some_digits, out=tmp_path, report=seen.append).fresh
        assert seen[0].epoch == 1
        assert not path.exists()


def _interrupt(demo, some_digits, out, *, after):
    """Leave the checkpoint of a run that stopped after so many epochs."""

    def stop(moment):
        if moment.epoch > after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(demo, epochs=after + 1, data=some_digits, out=out, report=stop)


# Refusals and programs.


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("relu_mlp", {"epochs": 10**20}, "`epochs` must be from 1 to 10,000,000. Received: 100000000000000000000."),
        ("relu_mlp", {"epochs": 0}, "`epochs` must be from 1 to 10,000,000. Received: 0."),
        ("relu_mlp", {"seed": -1}, "`seed` must be between 0 and 2147483647. Received: -1."),
        (
            "least_squares",
            {"data": "points.csv"},
            "least_squares makes its own data: `--data` must be left out. Received: points.csv.",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, name, changes, message):
    with pytest.raises(InputError) as refused:
        train(registry.load(name), out=tmp_path / "out", **changes)
    assert str(refused.value) == message
    assert not (tmp_path / "out").exists()


def test_bad_data_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "some.npz").write_bytes(b"no")
    with pytest.raises(InputError, match=r"must be a .npz file"):
        train(registry.load("relu_mlp"), data=str(tmp_path / "some.npz"), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def doubling(steps, seed, data):
    """A program: 2 to the steps."""
    values = 2.0 ** np.arange(1, steps + 1)
    line = Curve(np.arange(steps), values, "value")
    return Outcome(
        lines=(f"{values[-1]}",),
        measures={"last": values[-1]},
        panels=(Panel("doubling", "step", "value", (line,), log_y=True),),
        history={"value": values},
    )


DOUBLING = Demo(
    name="doubling",
    article="0",
    idea="grow",
    data="none",
    parameters=0,
    expected=(Expected("last", 8.0, 0.0, "computed"),),
    run=Program(compute=doubling, steps=3),
)


def test_a_program_writes_its_card_history_and_figure(tmp_path):
    run = train(DOUBLING, out=tmp_path)
    assert {path.name for path in run.files} == {"history.csv", "figure.png", "model.json"}
    assert (tmp_path / "doubling" / "history.csv").read_text().split() == ["value", "2.0", "4.0", "8.0"]
    assert (run.lines, run.results[0].holds) == (("8.0",), True)
    stored = json.loads((tmp_path / "doubling" / "model.json").read_text())
    assert (stored["epochs"], stored["input_range"], stored["class_names"]) == (3, None, [])


def test_epochs_are_the_steps_of_a_program(tmp_path):
    run = train(DOUBLING, epochs=4, out=tmp_path)
    assert run.lines == ("16.0",)
    assert run.results[0].holds is None


def test_a_program_that_misses_its_number_says_so(tmp_path):
    wrong = replace(DOUBLING, expected=(Expected("last", 9.0, 0.5, "computed"),))
    assert train(wrong, out=tmp_path).results[0].holds is False


def test_resume_sees_that_the_file_of_a_program_has_changed(tmp_path):
    demo = replace(DOUBLING, run=replace(DOUBLING.run, takes_data=True))
    path = tmp_path / "points.csv"
    path.write_text("1,2\n")
    settings = {"data": str(path), "out": tmp_path, "resume": True}
    assert train(demo, **settings).fresh
    assert not train(demo, **settings).fresh
    path.write_text("3,4\n")
    with pytest.raises(InputError, match="Received: one of data points"):
        train(demo, **settings)


@pytest.mark.slow
def test_digits_cnn_reads_nine_of_ten_digits_after_two_epochs_on_a_tenth_of_mnist(tmp_path):
    pictures = data.load()
    path = tmp_path / "tenth.npz"
    np.savez(
        path,
        x_train=pictures.train_images[:6000],
        y_train=pictures.train_labels[:6000],
        x_test=pictures.test_images[:2000],
        y_test=pictures.test_labels[:2000],
    )
    run = train(registry.load("digits_cnn"), epochs=2, data=str(path), out=tmp_path / "out")
    assert run.results[0].measure == "test accuracy"
    assert run.results[0].measured > 0.9
