"""Cards, checkpoints and models of run folders, of every wrong form: a run goes on, is left alone, or a line says why not."""

import io
import json
import random
import shutil
import zipfile

import numpy as np
import pytest

from kerasdemos import data, registry
from kerasdemos.cli.main import main
from kerasdemos.training.checkpoints import CHECKPOINT, RunIdentity, can_go_on, read_checkpoint
from kerasdemos.training.evaluation import check_evaluation
from kerasdemos.training.run import card_to_keep, train, unfinished_epochs
from kerasdemos.training.settings import RunSettings
from visualize.cli.main import main as visualize_main
from visualize.models.card import read_card

CARDS = (
    *(b"", b"\0", b"\xff\xfe", b"{", b"{}", b"[]", b"null", b'"a"', b"1e999", b"NaN", b"{}{}", b"\xef\xbb\xbf{}", b"{'a': 1}"),
    *(b"[" * 100_000, b'{"a":' * 5000, b'{"a":' * 31 + b"{}" + b"}" * 31, b'{"a":' * 40 + b"1" + b"}" * 40, b"\xff" * 1000),
    *(b'{"a": 1' + b"0" * 5000 + b"}", b'{"seed": 0, "seed": []}', b'{"class_names": "0123456789"}', "{}".encode("utf-16")),
    *(b'{"demo": "relu_mlp", "demo": "../x"}', b'{"input_range": [0, 1e309]}', b'{"input_range": [1' + b"0" * 400 + b", 2]}"),
    json.dumps({"class_names": ["\ud800", "\0", "\u202e", "a" * 100_000] * 3}).encode(),
    json.dumps({"class_names": ["a"] * 100_000}).encode(),
    json.dumps({str(key): None for key in range(100_000)}).encode(),
)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A few pictures of MNIST, to train with."""
    pictures, path = data.load(), tmp_path_factory.mktemp("data") / "some.npz"
    parts = {"x_train": pictures.train_images, "y_train": pictures.train_labels}
    parts |= {"x_test": pictures.test_images, "y_test": pictures.test_labels}
    np.savez(path, **{name: array[:40] for name, array in parts.items()})
    return path


@pytest.fixture(scope="module")
def network(digits, tmp_path_factory):
    """The folder of a network after two epochs, with the checkpoint of the first, which is removed when a run is finished."""
    out, kept = tmp_path_factory.mktemp("network"), []

    def keep(moment):
        kept.extend(path.read_bytes() for path in (out / "relu_mlp").glob(CHECKPOINT))

    train(registry.load("relu_mlp"), epochs=2, data=str(digits), out=out, report=keep)
    (out / "relu_mlp" / CHECKPOINT).write_bytes(kept[-1])
    return out / "relu_mlp"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The folder of a program that has run."""
    out = tmp_path_factory.mktemp("program")
    train(registry.load("csv_regression"), epochs=20, out=out)
    return out / "csv_regression"


def uses_of(folder, digits):
    """What is done with a card, by name."""
    demo = registry.load(folder.name)
    options = {"epochs": 2, "data": str(digits)} if folder.name == "relu_mlp" else {"epochs": 20}
    return {
        "resume": lambda: card_to_keep(demo, RunSettings(out=folder.parent, resume=True, **options)),
        "if missing": lambda: card_to_keep(demo, RunSettings(out=folder.parent, if_missing=True, **options)),
        "evaluate": lambda: check_evaluation(folder / "model.keras", str(digits)),
        "explain": lambda: read_card(folder / "model.json"),
    }


def test_any_value_in_a_card_is_used_or_refused(network, program, digits, refused, rounds, tmp_path, json_values):
    """Any type of JSON in place of any value, or no value."""
    chance, outcomes = random.Random("cards"), {}
    for source in (network, program):
        folder = shutil.copytree(source, tmp_path / source.name)
        changes = list(every_change(json.loads((source / "model.json").read_text()), json_values))
        for changed in chance.sample(changes, min(len(changes), len(rounds(80)))):
            (folder / "model.json").write_text(json.dumps(changed))
            for name, use in uses_of(folder, digits).items():
                outcomes.setdefault(name, set()).add(refused(use, (name, changed)))
    assert all(outcome == {True, False} for outcome in outcomes.values())


def every_change(card, values):
    for key in card:
        yield {name: value for name, value in card.items() if name != key}
        yield from ({**card, key: value} for value in values)
        for inner in card[key] if isinstance(card[key], dict) else ():
            yield from ({**card, key: {**card[key], inner: value}} for value in values)
    for key in card["results"][0]:
        yield from ({**card, "results": [{**card["results"][0], key: value}]} for value in values)


@pytest.mark.parametrize("use", ["resume", "evaluate", "explain"])
def test_any_bytes_are_a_card_or_refused(use, network, digits, refused, mutated, rounds, tmp_path):
    chance, outcomes = random.Random(use), set()
    folder = shutil.copytree(network, tmp_path / network.name)
    whole = (folder / "model.json").read_bytes()
    for _ in rounds(60):
        content = mutated(whole, chance) if chance.random() < 0.7 else chance.choice(CARDS)
        (folder / "model.json").write_bytes(content)
        outcomes.add(refused(uses_of(folder, digits)[use], content))
    assert outcomes == {True, False}


class Pickled:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('unpickled')",)


def wrong_arrays(whole, chance, altered):
    """The arrays of a checkpoint, by name, in which one thing is wrong."""
    with np.load(io.BytesIO(whole)) as stored:
        arrays = dict(stored)
    name, how = chance.choice(sorted(arrays)), chance.randrange(8)
    if how == 0:
        del arrays[name]
    elif how == 1:
        arrays[chance.choice(["variable_99", "variable_-1", "other", "../up", "a/b"])] = arrays[name]
    elif how == 2:
        arrays["variable_0"] = arrays["variable_0"].astype(chance.choice(["f2", "f8", "i4", "?", "U40", "S40", "c8", "O"]))
    elif how == 3:
        array = arrays[name]
        arrays[name] = chance.choice([np.zeros(()), np.zeros(0), np.zeros((1,) * 30), array[None], array.ravel()[:1], array.T])
    elif how == 4:
        arrays[name] = np.array([chance.choice([None, {}, Pickled()])], object)
    elif how == 5:
        arrays["variable_0"] = np.full_like(arrays["variable_0"], chance.choice([np.nan, np.inf, 1e38]))
    else:
        arrays["facts"] = np.array(json.dumps(altered(json.loads(str(arrays["facts"])), chance)))
    return arrays


@pytest.fixture(scope="module")
def bombs():
    """Archives in which a gigabyte takes a megabyte: arrays of numbers, of letters, and of nothing that NumPy reads."""
    archives = []
    for name, descr, shape in (("variable_0", "|u1", (1 << 30,)), ("facts", "<U268435456", ()), ("facts", None, None)):
        header, content = io.BytesIO(), io.BytesIO()
        if descr is not None:
            np.lib.format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": shape})
        with (
            zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open(f"{name}.npy", "w") as file,
        ):
            file.write(header.getvalue())
            for _ in range(64):
                file.write(bytes(1 << 24))
        archives.append(content.getvalue())
    return archives


@pytest.fixture
def write_wrong(network, altered, mutated, bombs):
    """`write_wrong(path, chance)`: a checkpoint of a wrong form."""
    whole = (network / CHECKPOINT).read_bytes()

    def write(path, chance):
        how = chance.randrange(10)
        if how < 6:
            np.savez(path, **wrong_arrays(whole, chance, altered))
        elif how == 6:
            path.write_bytes(chance.choice(bombs))
        elif how == 7:
            path.write_bytes(whole[:-3000] + mutated(whole[-3000:], chance))  # in the table of contents
        else:
            path.write_bytes(mutated(whole, chance))

    return write


def test_any_checkpoint_is_read_or_refused(write_wrong, refused, contained, rounds, tmp_path):
    chance, outcomes, path = random.Random("checkpoints"), set(), tmp_path / CHECKPOINT
    identity = RunIdentity("relu_mlp", 0, "some.npz", "float32")
    for number in rounds(60):
        write_wrong(path, chance)
        outcomes.add(refused(lambda: read_checkpoint(path), number))
        with contained(number):
            assert unfinished_epochs(tmp_path) in (0, 1)
            can_go_on(path, identity, epochs=2)
    assert outcomes == {True, False}


@pytest.mark.slow
def test_a_training_goes_on_from_a_checkpoint_or_says_why_not(write_wrong, digits, outcome, rounds, tmp_path):
    chance, outcomes, folder = random.Random("resume"), set(), tmp_path / "relu_mlp"
    for number in rounds(6):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        write_wrong(folder / CHECKPOINT, chance)
        before = (folder / CHECKPOINT).read_bytes()
        arguments = ["train", "relu_mlp", "--resume", "--epochs", "2", "--data", digits, "--out", tmp_path]
        status = outcome(main, arguments, number)
        outcomes.add(status)
        files = {path.name: path for path in folder.iterdir()}
        if status == 2:
            assert list(files) == [CHECKPOINT]
            assert files[CHECKPOINT].read_bytes() == before
        else:
            assert set(files) == {"model.keras", "model.json", "history.csv", "curves.png"}
    assert 2 in outcomes


@pytest.mark.slow
def test_a_program_is_left_alone_or_runs_or_says_why_not(program, outcome, altered, mutated, rounds, tmp_path):
    chance, outcomes, folder = random.Random("programs"), set(), tmp_path / program.name
    for number in rounds(10):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(program, folder)
        wrong(folder, chance, altered, mutated, sorted(path.name for path in folder.iterdir()))
        arguments = ["train", program.name, "--epochs", "20", "--out", tmp_path, chance.choice(["--resume", "--if-missing"])]
        outcomes.add(outcome(main, arguments, number))
    assert outcomes == {0, 2}


@pytest.mark.slow
def test_a_network_is_evaluated_or_a_line_says_why_not(network, digits, outcome, altered, mutated, rounds, tmp_path):
    chance, outcomes, folder = random.Random("evaluate"), set(), tmp_path / network.name
    for number in rounds(20):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(network, folder)
        wrong(folder, chance, altered, mutated, ["model.json", "model.keras"])
        outcomes.add(outcome(main, ["evaluate", folder / "model.keras", "--data", digits], number))
    assert outcomes == {0, 2}


@pytest.mark.slow
def test_a_run_is_reported_or_a_line_says_why_not(network, digits, outcome, altered, mutated, rounds, tmp_path):
    chance, outcomes, folder, out = random.Random("report"), [], tmp_path / network.name, tmp_path / "report"
    for number in rounds(12):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(network, folder)
        wrong(folder, chance, altered, mutated, ["model.json", "model.keras", "history.csv"])
        arguments = ["report", folder / "model.keras", "--data", digits, "--method", "saliency", "--out", out]
        outcomes.append(outcome(visualize_main, arguments, number))
        assert (out / "report.html").exists() == (outcomes[-1] == 0), number
    assert set(outcomes) == {0, 2}


def wrong(folder, chance, altered, mutated, names):
    """Change a value of the card, some bytes of a file, or some of the weights' headers in the model."""
    how = chance.randrange(3)
    if how == 0:
        path = folder / "model.json"
        path.write_text(json.dumps(altered(json.loads(path.read_text()), chance)))
    elif how == 1:
        path = folder / chance.choice(names)
        path.write_bytes(mutated(path.read_bytes(), chance))
    else:
        with zipfile.ZipFile(folder / "model.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        weights = members["model.weights.h5"]
        members["model.weights.h5"] = mutated(weights[:6000], chance) + weights[6000:]
        with zipfile.ZipFile(folder / "model.keras", "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
