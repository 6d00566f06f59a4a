"""Precision: bfloat16 where the machine is fast in it, float32 in every file that is written."""

import json
import zipfile
from contextlib import contextmanager
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from kerasdemos import data, registry
from kerasdemos.cli.main import main
from kerasdemos.demo import Network, Split
from kerasdemos.training.card import read_card
from kerasdemos.training.checkpoints import CHECKPOINT, RunIdentity
from kerasdemos.training.fit import build
from kerasdemos.training.fit import fit as fit_network
from kerasdemos.training.run import train
from visualize.cli.main import main as visualize
from visualize.engine.precision import resolve
from visualize.errors import InputError


def test_what_is_no_precision_is_refused(tmp_path):
    with pytest.raises(InputError) as refused:
        train(registry.load("relu_mlp"), precision="float16", out=tmp_path / "out")
    assert str(refused.value) == "`precision` must be 'float32', 'bfloat16' or 'auto'. Received: 'float16'."
    assert not (tmp_path / "out").exists()


# How a network is built and trained.


def noting():
    """A network of all that matters (a convolution, dropout, Adam, a softmax), and the types that its middle is given."""
    seen = set()

    class Noting(keras.layers.Layer):
        def call(self, inputs):
            seen.add(keras.backend.standardize_dtype(inputs.dtype))
            return inputs

    def build():
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((6, 6, 1)),
                layers.Conv2D(4, 3, activation="relu"),
                Noting(),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return Network(build=build, split=None, batch=8, epochs=1), seen


GENERATOR = np.random.default_rng(0)
PICTURES = (GENERATOR.random((24, 6, 6, 1), np.float32), GENERATOR.integers(0, 10, 24))
SPLIT = Split(train=PICTURES, validation=PICTURES, test=PICTURES, scale=1.0, mean=0.0)


@contextmanager
def callers_policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield keras.config.dtype_policy()
    finally:
        keras.config.set_dtype_policy(before)


def fit(network, folder, precision, **options):
    identity = RunIdentity("noting", seed=3, data="some", precision=precision)
    options = {"epochs": 2, "checkpoint": folder / CHECKPOINT, **options}
    return fit_network(network, SPLIT, identity=identity, **options)


def numbers(model):
    return [np.asarray(variable) for variable in (*model.variables, *model.optimizer.variables)]


def assert_equal(actual, expected):
    for first, second in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(first, second)
        assert first.dtype == second.dtype


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What a training in each precision did, its caller having set the policy mixed_float16."""
    results = {}
    for precision in ("float32", "bfloat16"):
        run = results[precision] = SimpleNamespace(folder=tmp_path_factory.mktemp(precision))
        network, seen = noting()

        class Last(keras.callbacks.Callback):
            def on_train_end(self, logs=None, run=run, seen=seen):
                run.numbers, run.trained, run.seen = numbers(self.model), self.model, set(seen)
                run.loss, _ = self.model.evaluate(*PICTURES, verbose=0)

        with callers_policy("mixed_float16") as before:
            run.model, run.history = fit(network, run.folder, precision, callbacks=(Last(),))
            run.policy_is_back = keras.config.dtype_policy() is before
    return results


@pytest.mark.slow
def test_a_training_leaves_the_policy_of_its_caller_and_does_not_take_it(runs):
    for precision, run in runs.items():
        assert run.policy_is_back
        assert run.seen == ({"float32"} if precision == "float32" else {"bfloat16"})


def test_the_policy_is_put_back_when_building_fails():
    network = Network(build=lambda: 1 / 0, split=None, batch=1, epochs=1)
    with callers_policy("mixed_float16") as before:
        with pytest.raises(ZeroDivisionError):
            build(network, seed=0, precision="bfloat16")
        assert keras.config.dtype_policy() is before


@pytest.mark.parametrize("network", [noting()[0], registry.load("wepe_cnn").run], ids=["noting", "wepe_cnn"])
def test_both_precisions_begin_at_the_same_numbers_which_are_float32(network):
    full, mixed = (build(network, seed=5, precision=precision) for precision in ("float32", "bfloat16"))
    assert_equal(numbers(full), numbers(mixed))
    assert {weight.dtype for weight in mixed.weights} == {"float32"}


def test_outputs_loss_and_metrics_stay_in_float32(runs):
    model = runs["bfloat16"].trained
    images, labels = PICTURES
    outputs = model(images)
    assert outputs.dtype == "float32"
    np.testing.assert_allclose(np.sum(outputs, axis=1), 1, atol=1e-6)  # rounded to bfloat16 they miss by 1e-3
    assert model.compute_loss(y=labels, y_pred=outputs).dtype == "float32"
    assert {metric.dtype for metric in model.metrics} == {"float32"}


def test_bfloat16_leaves_the_network_that_it_trained_but_one_that_computes_in_float32(runs):
    run = runs["bfloat16"]
    assert_equal(numbers(run.model), run.numbers)
    assert {layer.dtype_policy.name for layer in run.model.layers} == {"float32"}
    loss, _ = run.model.evaluate(*PICTURES, verbose=0)
    assert 0 < abs(loss - run.loss) < 0.01
    assert run.history["val_loss"][-1] == pytest.approx(run.loss, rel=1e-5)


def test_the_precision_of_a_training_changes_its_weights_a_little(runs):
    pairs = zip(runs["float32"].model.get_weights(), runs["bfloat16"].model.get_weights(), strict=True)
    assert 1e-6 < max(np.abs(first - second).max() for first, second in pairs) < 0.2


@pytest.mark.slow
def test_a_run_in_bfloat16_that_was_stopped_ends_where_one_that_was_not_ends(runs, tmp_path):
    network, _ = noting()
    fit(network, tmp_path, "bfloat16", epochs=1)
    stopped, _ = fit(network, tmp_path, "bfloat16", epochs=2, resume=True)
    assert_equal(numbers(stopped), numbers(runs["bfloat16"].model))


@pytest.mark.parametrize(("first", "then"), [("float32", "bfloat16"), ("bfloat16", "float32")])
def test_a_run_does_not_go_on_in_another_precision(first, then, runs):
    folder = runs[first].folder
    with pytest.raises(InputError) as refused:
        fit(noting()[0], folder, then, resume=True)
    assert str(refused.value) == (
        f"`precision` must be {first!r} to go on from {folder / CHECKPOINT}. Received: {then!r}. "
        "Without --resume or --if-missing training starts afresh."
    )


# What is written and said.


@pytest.fixture(scope="module")
def some_digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "some.npz"
    pictures = data.load()
    train, test = slice(0, 96), slice(0, 32)
    np.savez(
        path,
        x_train=pictures.train_images[train],
        y_train=pictures.train_labels[train],
        x_test=pictures.test_images[test],
        y_test=pictures.test_labels[test],
    )
    return str(path)


@pytest.fixture(scope="module")
def trained(some_digits, tmp_path_factory):
    """The result of `train relu_mlp --precision bfloat16`, and the folder that it wrote to."""
    out = tmp_path_factory.mktemp("out")
    options = ["--precision", "bfloat16", "--data", some_digits, "--epochs", "1", "--out", str(out)]
    result = CliRunner().invoke(main, ["train", "relu_mlp", *options])
    assert result.exit_code == 0, result.output
    return result, out / "relu_mlp"


@pytest.mark.slow
def test_the_saved_model_has_no_trace_of_bfloat16(trained):
    path = trained[1] / "model.keras"
    with zipfile.ZipFile(path) as file:
        assert not [name for name in file.namelist() if b"bfloat16" in file.read(name)]
    model = keras.saving.load_model(path)
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert {weight.dtype for weight in model.weights} == {"float32"}


def test_the_card_says_the_precision_and_what_the_saved_model_does(trained, some_digits):
    card = read_card(trained[1] / "model.json")
    assert card["precision"] == "bfloat16"
    model = keras.saving.load_model(trained[1] / "model.keras")
    loss, accuracy = model.evaluate(*registry.load("relu_mlp").run.split(data.load(some_digits)).test, verbose=0)
    measured = {row["measure"]: row["measured"] for row in card["results"]}
    assert measured["test loss"] == pytest.approx(loss, rel=1e-6)
    assert measured["test accuracy"] == pytest.approx(accuracy)


def test_the_command_line_says_the_precision_once_and_before_all_else(trained):
    assert trained[0].stderr == f"{resolve('bfloat16')}\n"


def test_auto_trains_in_what_it_said(some_digits, tmp_path):
    arguments = ["--precision", "auto", "--data", some_digits, "--epochs", "1", "--out", str(tmp_path)]
    result = CliRunner().invoke(main, ["train", "relu_mlp", *arguments])
    expected = resolve("auto")
    assert result.stderr == f"{expected}\n"
    assert json.loads((tmp_path / "relu_mlp" / "model.json").read_text())["precision"] == expected.name


@pytest.mark.parametrize(("switch", "expected"), [("0", "float32"), ("1", "bfloat16")])
def test_auto_is_the_same_precision_in_both_command_lines(switch, expected, some_digits, tmp_path, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("visualize.engine.precision._processor", lambda: "flags : avx512_bf16")
    monkeypatch.setattr("visualize.engine.precision._gpus", list)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", switch)
    options = ["--precision", "auto", "--out", str(tmp_path)]
    trained = CliRunner().invoke(main, ["train", "relu_mlp", "--data", some_digits, "--epochs", "1", *options])
    assert trained.exit_code == 0, trained.output
    assert trained.stderr.startswith(f"Precision: {expected} (this CPU has AVX512-BF16")
    model = str(tmp_path / "relu_mlp" / "model.keras")
    explained = CliRunner().invoke(visualize, ["saliency", model, "--data", "mnist:test", *options])
    assert explained.exit_code == 0, explained.output
    (record,) = tmp_path.glob("saliency-*.json")
    for path in (record, tmp_path / "relu_mlp" / "model.json"):
        assert f'"precision": "{expected}"' in path.read_text(), path


def test_a_finished_run_of_another_precision_is_not_replaced_by_resume_and_left_alone_by_if_missing(trained, some_digits):
    _, folder = trained
    before = (folder / "model.keras").read_bytes()
    arguments = ["train", "relu_mlp", "--data", some_digits, "--epochs", "1", "--out", str(folder.parent)]
    refused = CliRunner().invoke(main, [*arguments, "--resume"])
    assert refused.exit_code == 2
    assert "Received: one of precision bfloat16 (asked: float32). Choose another --out" in refused.stderr
    left = CliRunner().invoke(main, [*arguments, "--if-missing", "--precision", "auto"])
    assert left.exit_code == 0
    assert left.stderr.endswith(", bfloat16) is there, left alone.\n")
    assert left.stderr.count("\n") == 1  # nothing is trained, so no precision is taken
    assert (folder / "model.keras").read_bytes() == before


def test_programs_alone_refuse_a_precision_which_would_change_nothing(tmp_path):
    result = CliRunner().invoke(main, ["train", "least_squares", "--precision", "auto", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: least_squares trains no network on pictures: `--precision` must be left out. Received: auto.\n"
    )
    assert not (tmp_path / "out").exists()


def test_beside_a_network_a_program_computes_as_ever(trained, some_digits):
    out = trained[1].parent
    names = ["perceptron", "relu_mlp"]
    result = CliRunner().invoke(main, ["train", *names, "--precision", "bfloat16", "--if-missing", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert read_card(out / "perceptron" / "model.json")["precision"] is None


@pytest.mark.slow
@pytest.mark.parametrize("name", [demo.name for demo in registry.load_all() if isinstance(demo.run, Network)])
def test_every_network_learns_in_bfloat16_as_well_as_in_float32(name, tmp_path):
    network = registry.load(name).run
    pictures = data.load()
    split = network.split(pictures)
    training = tuple(array[:3200] for array in split.train)
    test = tuple(array[:1000] for array in split.test)
    split = Split(train=training, validation=test, test=test, scale=split.scale, mean=split.mean)
    accuracies = []
    for precision in ("float32", "bfloat16"):
        identity = RunIdentity(name, seed=0, data="some", precision=precision)
        model, _ = fit_network(network, split, epochs=2, identity=identity, checkpoint=tmp_path / "checkpoint.npz")
        accuracies.append(model.evaluate(*test, verbose=0)[1])
    assert accuracies[0] > 0.2  # one in ten is chance
    assert accuracies[1] == pytest.approx(accuracies[0], abs=0.05)
