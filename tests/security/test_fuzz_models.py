"""Configurations with any activation, dtype and name: every model is explained or refused in one line."""

import copy
import json
import random
import shutil
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

from visualize import layer_facts, open_model, saliency
from visualize.cli.main import main

MODULES = (
    *(
        "keras",
        "keras.activations",
        "keras.layers",
        "keras.ops",
        "keras.utils",
        "keras.saving",
        "keras.models",
        "keras.losses",
    ),
    *(
        "keras.src.backend.numpy",
        "keras_hub.models",
        "builtins",
        "os",
        "subprocess",
        "stranger",
        "stranger.deep",
        "tensorflow",
    ),
    *("", ".", "..", "keras.", ".keras", "keras..utils", "keras.utils.get_file", "\0", "a" * 10_000, None, 3, [], {}),
)
FUNCTIONS = (
    *("relu", "softmax", "gelu", "linear", "glu", "get", "deserialize", "get_file", "load_model", "system", "Popen", "eval"),
    *("exec", "__import__", "utils.get_file", "saving.load_model", "src.utils.file_utils.get_file", "Lambda", "Dense", "ReLU"),
    *("PReLU", "Sequential", "Conv2D", "TFSMLayer", "TorchModuleWrapper", "function", "__lambda__", "__typespec__", "add"),
    *("relu6", "relu.__globals__", "__class__", "\0", "a" * 10_000, "", None, 1, [], {}, True),
)
CLASSES = (
    *(
        "function",
        "Functional",
        "Sequential",
        "Dense",
        "Lambda",
        "ReLU",
        "DTypePolicy",
        "DTypePolicyMap",
        "QuantizedDTypePolicy",
    ),
    *(
        "GPTQDTypePolicy",
        "FloatDTypePolicy",
        "__numpy__",
        "__tensor__",
        "__bytes__",
        "__slice__",
        "__lambda__",
        "__ellipsis__",
    ),
    *("__typespec__", "__keras_tensor__", "Zeros", "Adam", "", None, 7, [], {}),
)
DTYPES = (
    *(
        "float32",
        "float16",
        "bfloat16",
        "float64",
        "mixed_float16",
        "mixed_bfloat16",
        "int8",
        "uint8",
        "int64",
        "bool",
        "string",
    ),
    *("complex64", "float8_e4m3fn", "int8_from_float32", "int4_from_mixed_bfloat16", "float8_from_float32", "gptq/4/128"),
    *("int8_from_", "_from_", "float1000", "mixed_int8", "", "\0", "O", "V10", "S1000000000", "M8[s]", "f4,f4", "a" * 10_000),
    *(None, True, 0, -1, 1e308, float("nan"), [], ["float32"], [["float32"]], {}, {"name": "float32"}),
)
NAMES = (
    *(
        "_",
        "-",
        "/",
        "_net",
        "-net",
        "/net",
        "a/b",
        "",
        ".",
        "..",
        "../x",
        "a.b-c_d",
        " ",
        "a b",
        "\t",
        "a\nb",
        "\0",
        "\x1b[31mred",
    ),
    *(
        "网络",
        "é\u0301",
        "\u202egnp",
        "\ud800",
        "😀",
        "<b>&amp;</b>",
        "<script>alert(1)</script>",
        "$x^{2$",
        "%s",
        "{0}",
        "a>b\\",
        ":0",
    ),
    *("conv:0", "con", "a" * 255, "a" * 10_000, "conv", "dense", "model", "keras_tensor", "None", "0", None, True, 3, [], {}),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The smallest model with layers of several kinds, in a file of either ending."""
    folder = tmp_path_factory.mktemp("fuzz")
    layers = [
        keras.layers.Conv2D(2, 3, activation="relu", name="conv"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.ReLU(name="relu"),
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(3, activation="softmax", name="dense"),
    ]
    model = keras.Sequential([keras.Input((5, 5, 1), name="picture"), *layers], name="model")
    for ending in (".keras", ".h5"):
        model.save(folder / f"model{ending}")
    return folder


def config_of(path):
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return json.loads(file.attrs["model_config"])
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


def written(whole, config, path):
    """A copy of the whole file of that ending with another configuration."""
    text = json.dumps(config)
    if path.suffix == ".h5":
        shutil.copyfile(whole / path.name, path)
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = text
        return path
    with zipfile.ZipFile(whole / path.name) as source, zipfile.ZipFile(path, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, text if name == "config.json" else source.read(name))
    return path


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """Modules that a file may name; each leaves a file if anybody imports it."""
    folder = tmp_path / "modules"
    for name in ("stranger", "keras_hub"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.syspath_prepend(folder)
    yield
    assert not {"stranger", "keras_hub"} & set(sys.modules)
    assert not (tmp_path / "ran").exists()


def named(chance):
    """A function or a class, as a configuration names them, of any form."""
    module, name = chance.choice(MODULES), chance.choice(FUNCTIONS)
    entry = {
        "module": module,
        "class_name": chance.choice(["function", "function", name, chance.choice(CLASSES)]),
        "config": chance.choice([name, name, {}, {"name": name}, {"value": name, "dtype": name}, [name], None]),
        "registered_name": chance.choice([None, name, f"keras>{name}", chance.choice(FUNCTIONS)]),
        "spec_name": name,
    }
    for key in chance.sample(sorted(entry), chance.choice([0, 0, 1, 2])):
        del entry[key]
    dotted = f"{module}.{name}"
    return chance.choice([entry, entry, entry, name, dotted, [entry], {"config": entry}, {"class_name": entry, "config": {}}])


def policy(chance):
    """A dtype or the policy of a layer, of any form."""
    dtype = chance.choice(DTYPES)
    config = chance.choice([{"name": dtype}, {"name": dtype, "source_name": chance.choice(DTYPES)}, {"default_policy": dtype}])
    config = chance.choice([config, config, dtype, {**config, "policy_map": {chance.choice(NAMES) or "a": dtype}}, None])
    entry = {
        "module": chance.choice(["keras", "keras.dtype_policies", None]),
        "class_name": chance.choice(CLASSES),
        "config": config,
        "registered_name": None,
    }
    return chance.choice([dtype, entry, entry])


def entries(tree):
    """Every layer of a configuration, and the model itself."""
    return [tree, *tree["config"]["layers"]]


def with_functions(tree, chance):
    entry = chance.choice(entries(tree))
    places = ("activation", "kernel_initializer", "bias_regularizer", "moving_mean_initializer", "function", "stranger")
    entry["config"][chance.choice(places)] = named(chance)
    return tree


def with_dtypes(tree, chance):
    chosen = chance.sample(entries(tree), chance.choice([1, 1, 2]))
    for entry in chosen:
        entry["config"][chance.choice(["dtype", "dtype", "dtype", "policy", "quantization_config"])] = policy(chance)
    return tree


def with_classes(tree, chance):
    entry = chance.choice(entries(tree))
    value = named(chance)
    value = value if isinstance(value, dict) else {"class_name": value}
    entry.update({key: value[key] for key in value if key != "config" or chance.random() < 0.3})
    return tree


CHANGES = {"functions": with_functions, "dtypes": with_dtypes, "classes": with_classes}


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("part", [*CHANGES, "values"])
def test_a_model_of_any_configuration_is_explained_or_refused(
    part, ending, whole, refused, altered, rounds, stranger, tmp_path
):
    chance, outcomes = random.Random(part + ending), set()
    config = config_of(whole / f"model{ending}")

    def explain(path):
        model = open_model(path)
        layer_facts(model)
        saliency(model, np.full((1, 5, 5, 1), 0.5, "float32"), 0)

    for _ in rounds(20):
        changed = altered(config, chance) if part == "values" else CHANGES[part](copy.deepcopy(config), chance)
        path = written(whole, changed, tmp_path / f"model{ending}")
        outcomes.add(refused(lambda: explain(path), changed))  # noqa: B023
    assert outcomes == {True, False}


@pytest.mark.slow
def test_a_model_of_any_names_is_listed_drawn_and_explained_or_refused_in_one_line(whole, outcome, rounds, tmp_path):
    chance, outcomes = random.Random("names"), set()
    config, out = config_of(whole / "model.keras"), tmp_path / "out"
    Image.new("L", (5, 5), 90).save(tmp_path / "some.png")
    for _ in rounds(12):
        changed = copy.deepcopy(config)
        for entry in chance.sample(entries(changed), chance.choice([1, 1, 2, 6])):
            entry["config"]["name"] = chance.choice(NAMES)
        path, layer = written(whole, changed, tmp_path / "model.keras"), changed["config"]["layers"][1]["config"]["name"]
        for arguments in (
            ["layers", path],
            ["summary", path, "--out", out],
            ["gradcam", path, tmp_path / "some.png", "--out", out, *([f"--layer={layer}"] if isinstance(layer, str) else [])],
        ):
            outcomes.add(outcome(main, arguments, [changed["config"]["name"], arguments, changed]))
        assert sorted(child.name for child in tmp_path.iterdir() if child != out) == ["model.keras", "some.png", "temporary"]
    assert outcomes == {0, 2}
