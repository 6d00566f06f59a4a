"""Model files that lie, overreach or speak to the terminal: refused or escaped in one line."""

import copy
import functools
import io
import itertools
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import zipfile
import zlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from PIL import Image

import visualize
from visualize import InputError, open_model
from visualize._utils import limits
from visualize.cli.main import main
from visualize.models import safe_loading

UNPACKS = "must not unpack to over 100 times its size. Received: "


@pytest.fixture(scope="module")
def members():
    """The files in the archive of a small model."""
    small = [keras.layers.Conv2D(2, 3, name="conv"), keras.layers.Flatten(), keras.layers.Dense(3, name="preds")]
    model = keras.Sequential([keras.Input((6, 6, 1)), *small])
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        with zipfile.ZipFile(Path(folder) / "model.keras") as archive:
            return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def packed(members, tmp_path):
    """`packed(**{name: content})`: an archive of that model with some members replaced or added."""

    def archive_of(**changed):
        path = tmp_path / "model.keras"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in {**members, **changed}.items():
                archive.writestr(name, content)
        return path

    return archive_of


@pytest.fixture
def configured(members, packed):
    """`configured(change)`: the archive, after `change` of the configuration of its layers."""

    def archive_of(change):
        config = json.loads(members["config.json"])
        change(config["config"]["layers"])
        return packed(**{"config.json": json.dumps(config)})

    return archive_of


@pytest.fixture
def weighted(members, packed):
    """`weighted(change)`: the archive, after `change` of the open HDF5 file of its weights."""

    def archive_of(change):
        content = io.BytesIO(members["model.weights.h5"])
        with h5py.File(content, "r+") as file:
            change(file)
        return packed(**{"model.weights.h5": content.getvalue()})

    return archive_of


def refusal(path):
    with pytest.raises(InputError) as caught:
        open_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 800
    return message


def test_nothing_is_imported_because_a_file_names_it(configured, tmp_path, monkeypatch):
    for package in ("stranger", "keras_hub"):  # Keras itself would import the second
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    known = {"os": "system", "antigravity": "geohash", "stranger": "Layer", "stranger.deep": "Layer"}
    for module, name in known.items():
        path = configured(lambda layers: layers[1].update(module=module, class_name=name, registered_name=None))  # noqa: B023
        assert f"uses {name!r}, which is not registered" in refusal(path)
    for module in ("keras_hub", "keras_hub.models", "keras.src.backend.numpy"):
        path = configured(lambda layers: layers[1].update(module=module, class_name="x", registered_name=None))  # noqa: B023
        assert refusal(path).startswith(f"{path} names the module {module!r}, and nothing is imported because a file names it")
    assert not {"antigravity", "stranger", "keras_hub", "keras.src.backend.numpy"} & set(sys.modules)
    assert not (tmp_path / "ran").exists()


def test_an_old_file_cannot_name_a_module_either(members, tmp_path):
    config = json.loads(members["config.json"])
    config["config"]["layers"][1]["config"]["kernel_initializer"] = {
        "module": "keras_hub.models", "class_name": "x", "config": {}, "registered_name": None,
    }  # fmt: skip
    assert "names the module 'keras_hub.models'" in refusal(in_old_file(tmp_path / "model.h5", config))


FUNCTIONS = (  # that Keras would call on a tensor: some read, write or unlock, none is a part of a model
    *("keras.utils.get_file", "keras.utils.to_categorical", "keras.utils.set_random_seed", "keras.utils.plot_model"),
    *("keras.saving.load_model", "keras.config.enable_unsafe_deserialization", "keras.config.set_floatx", "keras.Input"),
    *("keras.applications.MobileNetV2", "keras.activations.get", "keras.activations.deserialize", "keras.random.normal"),
    *("keras.datasets.mnist.load_data", "keras.models.clone_model", "keras.layers.deserialize", "keras.initializers.get"),
)
FORMS = {
    "function": lambda module, name: {"module": module, "class_name": "function", "config": name, "registered_name": name},
    "class": lambda module, name: {"module": module, "class_name": name, "config": {}, "registered_name": None},
}
PLACES = ("activation", "kernel_initializer", "kernel_regularizer", "bias_constraint", "activity_regularizer", "stranger")


def in_old_file(path, config):
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
    return path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_of_keras_that_are_no_part_of_a_model_are_refused_before_they_are_called(
    function, form, members, packed, tmp_path, monkeypatch
):
    module, _, name = function.rpartition(".")
    owner = functools.reduce(getattr, module.split(".")[1:], keras)
    monkeypatch.setattr(owner, name, lambda *args, **options: pytest.fail("called"))
    config = json.loads(members["config.json"])
    for place, nested in itertools.product(PLACES, (False, True)):
        changed = copy.deepcopy(config)
        value = FORMS[form](module, name)
        changed["config"]["layers"][1]["config"][place] = {"class_name": "x", "config": {"a": [value]}} if nested else value
        for path in (packed(**{"config.json": json.dumps(changed)}), in_old_file(tmp_path / "model.h5", changed)):
            assert refusal(path) == (
                f"{path} must name no functions of Keras but activations and other functions of tensors. "
                f"Received: {function!r}."
            )


@pytest.mark.parametrize("name", ["deserialize", "serialize", "Input", "concatenate"])
def test_an_old_file_cannot_name_a_function_as_a_layer(name, members, tmp_path):
    config = json.loads(members["config.json"])
    config["config"]["layers"][1] = {"class_name": name, "config": {"config": {}}}
    path = in_old_file(tmp_path / "model.h5", config)
    assert refusal(path).endswith(f"but activations and other functions of tensors. Received: 'keras.layers.{name}'.")


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_class_of_ten_thousand_letters_is_refused_in_a_short_line(ending, members, packed, tmp_path):
    config = json.loads(members["config.json"])
    config["config"]["layers"][1].update(class_name="a" * 10_000, registered_name="a" * 10_000, module=None)
    path = packed(**{"config.json": json.dumps(config)}) if ending == ".keras" else in_old_file(tmp_path / "model.h5", config)
    refusal(path)


@pytest.mark.parametrize("text", ["keras.utils.get_file", "get_file", "keras.activations.relu", "os.system", "deserialize"])
def test_a_string_names_an_activation_or_nothing(text, configured):
    path = configured(lambda layers: layers[1]["config"].update(activation=text))
    assert refusal(path).startswith(f"{path} is corrupt, or not a model that Keras")


@pytest.mark.parametrize("function", ["keras.activations.relu", "keras.ops.sin", "keras.ops.silu", "builtins.gelu"])
def test_activations_and_operations_on_tensors_are_read(function, configured):
    module, _, name = function.rpartition(".")
    value = {"module": module, "class_name": "function", "config": name, "registered_name": name}
    model = open_model(configured(lambda layers: layers[1]["config"].update(activation=value)))
    assert model.layers[0].activation.__name__ == name


@pytest.mark.parametrize("units", [10**9, 10**12, 10**400], ids=["1e9", "1e12", "1e400"])
def test_layers_that_the_file_cannot_fill_are_refused_before_they_are_made(units, configured):
    path = configured(lambda layers: layers[-1]["config"].update(units=units))
    assert refusal(path).startswith(
        f"{path} must hold the weights of its layers. Received: 476 bytes, and layers that ask for"
    )
    assert keras.layers.Layer.add_weight.__module__.startswith("keras")  # nothing of ours is left behind


WAYS = {
    "a layer": lambda: keras.layers.Dense(1000).build((1, 1000)),
    "a layer in a layer": lambda: keras.layers.Bidirectional(keras.layers.LSTM(400))(keras.Input((4, 4))),
    "a symbolic call": lambda: keras.Sequential([keras.Input((1000,)), keras.layers.Dense(1000)]),
    "a Keras variable": lambda: keras.Variable("zeros", shape=(10**6,)),
    "a Keras variable of an array": lambda: keras.Variable(np.zeros(10**6, "float32")),
    "a TensorFlow variable": lambda: tf.Variable(np.zeros(10**6, "float32")),
    "half precision": lambda: keras.layers.Dense(2000, dtype="float16").build((1, 1000)),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_ask_for_weights_counts(way, monkeypatch, tmp_path):
    monkeypatch.setattr(safe_loading, "ALWAYS_ALLOWED", 3_900_000)
    with pytest.raises(InputError) as caught, safe_loading.limited_weights(tmp_path, 40_000):
        WAYS[way]()
    assert str(caught.value).startswith(f"{tmp_path} must hold the weights of its layers. Received: 40,000 bytes, and layers")
    with safe_loading.limited_weights(tmp_path, 3_000_000):
        WAYS[way]()


def test_the_limit_on_weights_is_of_one_thread_and_one_load(monkeypatch, tmp_path):
    monkeypatch.setattr(safe_loading, "ALWAYS_ALLOWED", 0)
    ways = keras.layers.Layer.add_weight, keras.Variable.__init__, tf.Variable
    kernels = []

    def build():
        layer = keras.layers.Dense(50)
        layer.build((1, 50))
        kernels.append(layer.kernel)

    with safe_loading.limited_weights(tmp_path, 0):
        assert ways == (keras.layers.Layer.add_weight, keras.Variable.__init__, tf.Variable)
        thread = threading.Thread(target=build)
        thread.start()
        thread.join()
        assert len(kernels) == 1
        with pytest.raises(InputError, match="layers that ask for 10,000"):
            build()
    build()
    assert len(kernels) == 2


def test_a_configuration_that_is_a_bomb_is_refused_unread(packed, members):
    path = packed(**{"config.json": b" " * (257 << 20) + members["config.json"]})
    assert f"{path} {UNPACKS}" in refusal(path)
    path = packed(**{"config.json": b" " * (65 << 20)})  # within a hundred times, but no configuration has so much
    assert "must have a config.json of at most 67,108,864 bytes. Received: 68,157,440." in refusal(path)


def test_an_array_of_a_few_letters_and_a_gigabyte_is_refused(configured):
    array = {"class_name": "__numpy__", "config": {"value": ["a", "b"], "dtype": "S1000000000"}}
    path = configured(lambda layers: layers[1]["config"].update(bias_initializer=array))
    assert refusal(path) == f"{path} must hold arrays of numbers. Received: an array of dtype 'S1000000000'."


def replaced(file, **options):
    place = "layers/conv2d/vars/0"
    del file[place]
    file.create_dataset(place, **options)


def test_weights_that_are_only_declared_are_refused(weighted):
    path = weighted(lambda file: replaced(file, shape=(900_000_000,), dtype="f4", chunks=(1 << 20,), compression="gzip"))
    assert f"The arrays of {path} {UNPACKS}" in refusal(path)


def link_of(way, folder):
    def change(file):
        if way == "virtual":
            layout = h5py.VirtualLayout((3, 3, 1, 2), "f4")
            layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "x", shape=(3, 3, 1, 2))
            del file["layers/conv2d/vars/0"]
            file.create_virtual_dataset("layers/conv2d/vars/0", layout)
        elif way == "external":
            replaced(file, shape=(3, 3, 1, 2), dtype="f4", external=[(str(folder / "secret.bin"), 0, 72)])
        else:
            del file["layers/conv2d/vars/0"]
            file["layers/conv2d/vars/0"] = h5py.ExternalLink(str(folder / "secret.h5"), "/x")

    return change


@pytest.mark.parametrize("way", ["link", "virtual", "external"])
def test_weights_of_another_file_are_not_read(way, weighted, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.ones((3, 3, 1, 2), "f4")
    (tmp_path / "secret.bin").write_bytes(bytes(72))
    path = weighted(link_of(way, tmp_path))
    expected = f"{path} must hold its weights itself. Received: 'layers/conv2d/vars/0', which is in another file."
    assert refusal(path) == expected


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "assets/../../evil", "C:evil", "..\\evil"])
def test_a_member_that_leads_out_of_the_archive_is_refused(name, packed):
    path = packed(**{name: b"evil"})
    assert refusal(path) == f"{path} must hold files of its own. Received: {name!r}, which leads out of the archive."


def test_a_link_in_the_archive_is_refused(members, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        link = zipfile.ZipInfo("assets")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/")
    assert refusal(path) == f"{path} must hold files of its own. Received: 'assets', which leads out of the archive."


@pytest.mark.parametrize(
    "text", [b"[]", b"3", b"null", b'"a"', b"{}", b'{"a": 1}', b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 5000]
)  # fmt: skip
def test_a_configuration_of_no_model_is_refused(text, packed):
    path = packed(**{"config.json": text})
    assert refusal(path).startswith(f"{path} is corrupt, or not a model that Keras")


@pytest.mark.parametrize("class_name", ["Zeros", "Dense", "Adam"])
def test_what_is_in_keras_but_no_model_is_refused(class_name, packed):
    module = {"Zeros": "keras.initializers", "Dense": "keras.layers", "Adam": "keras.optimizers"}[class_name]
    config = {"units": 2} if class_name == "Dense" else {}
    one = {"module": module, "class_name": class_name, "config": config, "registered_name": None}
    assert " model" in refusal(packed(**{"config.json": json.dumps(one)}))


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_ten_gigabytes_of_nothing_are_refused_in_a_moment(ending, tmp_path):
    path = tmp_path / f"hole{ending}"
    with path.open("wb") as file:
        file.truncate(10 << 30)
    assert " is corrupt or not a model: " in refusal(path)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_pipe_is_refused_and_not_waited_for(ending, tmp_path):
    path = tmp_path / f"pipe{ending}"
    os.mkfifo(path)
    assert refusal(path) == f"`model` must be a .keras, .h5 or .hdf5 file. Received: {path}, which is not a regular file."


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_picture_and_a_file_of_zeros_are_no_model_by_any_name(ending, tmp_path):
    path = tmp_path / f"picture{ending}"
    Image.new("L", (9, 9)).save(path, format="png")
    assert " is corrupt or not a model: " in refusal(path)
    path.write_bytes(bytes(1000))
    assert " is corrupt or not a model: " in refusal(path)


def test_an_hdf5_file_whose_configuration_is_a_number_is_refused(tmp_path):
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["model_config"] = 3
    assert "its model_config must be text. Received: int64." in refusal(tmp_path / "model.h5")


@pytest.mark.parametrize("name", ["../../up", "a/b"])
def test_a_layer_whose_name_is_a_path_is_refused(name, configured):
    path = configured(lambda layers: layers[1]["config"].update(name=name))
    assert "cannot contain character `/`" in refusal(path)


HOSTILE = [
    "<script>alert(1)</script>",
    "..",
    "a\x1b]0;owned\x07",
    "a\nb",
    "\u202egnp",
    "$x^2$",
    "x" * 100_000,
    "\udcff",
    "a>b\\",
]


def clean(result):
    return all(letter.isprintable() or letter == "\n" for letter in result.stdout + result.stderr)


@pytest.mark.parametrize("name", [one for one in HOSTILE if one[0] not in ".x"], ids=ascii)
def test_a_layer_of_a_name_that_no_graph_can_have_is_refused_in_one_clean_line(name, configured, tmp_path):
    path = configured(lambda layers: layers[1]["config"].update(name=name))
    result = CliRunner().invoke(main, ["summary", str(path), "--out", str(tmp_path / "out")], color=True)
    assert result.exit_code == 2, result.output
    assert clean(result)
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["..", "x" * 5000, "a.b-c_d"], ids=ascii)
def test_the_name_of_a_layer_leads_to_no_file_outside(name, configured, tmp_path):
    path, out = configured(lambda layers: layers[1]["config"].update(name=name)), tmp_path / "out"
    Image.new("L", (6, 6), 90).save(tmp_path / "some.png")
    asked = (
        ["layers", path],
        ["summary", path, "--out", out],
        ["gradcam", path, tmp_path / "some.png", "--layer", name, "--out", out],
    )
    for arguments in asked:
        result = CliRunner().invoke(main, [str(one) for one in arguments], color=True)
        assert result.exit_code == 0, (result.output[:300], result.exception)
        assert clean(result)
    assert all(path.parent == out and path.is_file() for path in out.iterdir())
    assert len(list(out.iterdir())) == 7
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.slow
def test_the_name_of_an_input_is_no_markup_in_a_report(configured, tmp_path):
    name = "<script>alert(1)<script>"  # an input is no operation of a graph: it may have any name without a slash
    path = configured(lambda layers: layers[0]["config"].update(name=name))
    result = CliRunner().invoke(main, ["report", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    content = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in content
    assert "&lt;script&gt;alert(1)&lt;script&gt;</td>" in content


@pytest.mark.parametrize("name", ["a\x1b]0;owned\x07\nb", "\u202egnp<script>../..", "x" * 100_000, "\udcff"], ids=range(4))
def test_the_name_of_a_class_reaches_neither_terminal_nor_file_system_raw(name, packed, tmp_path):
    path, out = packed(), tmp_path / "out"
    path.with_suffix(".json").write_text(json.dumps({"input_range": [0, 1], "class_names": [name, "b", "c"]}))
    Image.new("L", (6, 6), 90).save(tmp_path / "some.png")
    for target, status in (("0", 0), ("nobody", 2)):
        asked = ["saliency", str(path), str(tmp_path / "some.png"), "--target", target, "--out", str(out)]
        result = CliRunner().invoke(main, asked, color=True)
        assert result.exit_code == status, (result.output[:300], result.exception)
        assert clean(result)
        assert len(result.stderr) < 3000
    assert sorted(file.name for file in out.iterdir()) == [f"saliency-target-0-some{end}" for end in (".json", ".npz", ".png")]


def test_weights_that_are_not_numbers_give_a_map_that_says_so(weighted, tmp_path):
    path = weighted(lambda file: file["layers/dense/vars/0"].write_direct(np.full((32, 3), np.nan, "f4")))
    Image.new("L", (6, 6), 90).save(tmp_path / "some.png")
    asked = ["saliency", str(path), str(tmp_path / "some.png"), "--target", "1", "--out", str(tmp_path)]
    result = CliRunner().invoke(main, asked, color=True)
    assert result.exit_code == 0, result.output
    assert "Note: saliency of some.png holds values that are not finite numbers.\n" in result.stderr


def test_a_card_of_gigabytes_a_folder_or_a_pipe_is_no_card(packed, tmp_path):
    path = packed()
    with path.with_suffix(".json").open("wb") as file:
        file.truncate(1 << 30)
    assert refusal(path) == f"The card {tmp_path / 'model.json'} must have at most 16,777,216 bytes. Received: 1,073,741,824."
    path.with_suffix(".json").unlink()
    os.mkfifo(path.with_suffix(".json"))
    open_model(path)
    path.with_suffix(".json").unlink()
    path.with_suffix(".json").symlink_to("/dev/zero")
    open_model(path)


def test_a_message_repeats_but_the_ends_of_what_it_received(packed):
    path = packed()
    path.with_suffix(".json").write_text(json.dumps({"class_names": 10_000 * ["a"] + [3]}))
    assert refusal(path).endswith("'a', 'a', 3].")


def peak_of_opening(path):
    """Megabytes of memory that a program takes to open a model, or to see it refused."""
    code = """if True:
        import pathlib, sys, visualize
        try:
            visualize.open_model(sys.argv[1])
        except visualize.InputError:
            pass
        print(int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) >> 10)
    """
    ended = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    return int(ended.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process its own peak of memory")
def test_a_file_that_asks_for_much_takes_no_more_memory_than_another(configured):
    before = peak_of_opening(configured(lambda layers: None))
    assert peak_of_opening(configured(lambda layers: layers[-1]["config"].update(units=40_000_000))) < before + 300
    assert limits.memory() > 2**30


def ending_in_two_scores(shape, *layers):
    return keras.Sequential([keras.Input(shape), *layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)])


LARGE = {
    "upsampled": (
        (28, 28, 1),
        keras.layers.UpSampling2D(2000, name="large"),
        "56000 x 56000 x 1, which take 12,544,000,000.",
    ),
    "padded": ((28, 28, 1), keras.layers.ZeroPadding2D(20000, name="large"), "40028 x 40028 x 1, which take 6,408,963,136."),
    "resized": (
        (28, 28, 1),
        keras.layers.Resizing(40000, 40000, name="large"),
        "40000 x 40000 x 1, which take 6,400,000,000.",
    ),
    "taken": ((30000, 30000, 3), keras.layers.Conv2D(1, 1, name="large"), "30000 x 30000 x 1, which take 3,600,000,000."),
}


@pytest.fixture
def four_gigabytes(monkeypatch):
    """A machine on which one tensor of an image may take 256 MiB."""
    monkeypatch.setattr(limits, "memory", lambda: 4 << 30)


@pytest.mark.parametrize("way", LARGE)
def test_outputs_that_no_memory_holds_are_refused_before_they_are_made(way, tmp_path, four_gigabytes):
    shape, layer, received = LARGE[way]
    ending_in_two_scores(shape, layer).save(tmp_path / "model.keras")
    assert refusal(tmp_path / "model.keras") == (
        "The output of 'large' must take at most 268,435,456 bytes per image, a part of this machine's memory. "
        f"Received: {received}"
    )


METHODS = {
    "summary": lambda model, images: visualize.summary(model),
    "layer_facts": lambda model, images: visualize.layer_facts(model),
    "features": lambda model, images: visualize.features(model, images, layer="large"),
    "saliency": lambda model, images: visualize.saliency(model, images, 0),
    "smoothgrad": lambda model, images: visualize.smoothgrad(model, images, 0),
    "gradcam": lambda model, images: visualize.gradcam(model, images, 0, layer="large"),
    "scorecam": lambda model, images: visualize.scorecam(model, images, 0, layer="large"),
    "occlusion": lambda model, images: visualize.occlusion(model, images, 0),
    "rise": lambda model, images: visualize.rise(model, images, 0),
    "maximize": lambda model, images: visualize.maximize(model, 0, steps=2),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("way", ["upsampled", "padded", "resized"])
def test_a_model_of_a_program_is_not_run_on_what_no_memory_holds(way, method, four_gigabytes):
    shape, layer, _ = LARGE[way]
    model = ending_in_two_scores(shape, type(layer).from_config(layer.get_config()))
    with pytest.raises(InputError, match=r"^The output of .* must take at most 268,435,456 bytes per image") as caught:
        METHODS[method](model, np.zeros((1, *shape), "float32"))
    assert "\n" not in str(caught.value)


def test_a_picture_is_not_enlarged_to_a_size_that_no_memory_holds(tmp_path, four_gigabytes):
    ending_in_two_scores((30000, 30000, 3), keras.layers.AveragePooling2D(100)).save(tmp_path / "model.keras")
    assert "The input 'input_layer" in refusal(tmp_path / "model.keras")
    model = ending_in_two_scores((None, 20000, 3), keras.layers.AveragePooling2D(100))
    Image.fromarray(np.zeros((60, 2, 3), "uint8")).save(tmp_path / "tall.png")  # 600000 x 20000
    with pytest.raises(InputError, match=r"^A picture in the size of the model must take at most 268,435,456 bytes"):
        visualize.from_files(model, [tmp_path / "tall.png"])


def test_an_input_that_no_memory_holds_is_not_made_to_trace_a_model(four_gigabytes):
    model = ending_in_two_scores((30000, 30000, 3), keras.layers.Conv2D(1, 1))
    for method in ("summary", "layer_facts", "maximize"):
        with pytest.raises(InputError, match="Received: 30000 x 30000 x 3, which take 10,800,000,000"):
            METHODS[method](model, None)


def test_as_many_images_are_run_at_a_time_as_memory_holds_and_the_maps_are_the_same(monkeypatch):
    model = ending_in_two_scores((16, 16, 1), keras.layers.UpSampling2D(8), keras.layers.Conv2D(4, 3, activation="relu"))
    images = np.random.default_rng(0).random((6, 16, 16, 1), "float32")
    whole = visualize.saliency(model, images, 0, batch_size=6).values
    copied, batches = keras.models.clone_model(model), []
    copied.set_weights(model.get_weights())
    monkeypatch.setattr(limits, "ALWAYS_ALLOWED", 600_000)  # over twice 128 x 128 x 4 numbers
    monkeypatch.setattr(limits, "memory", lambda: 0)
    with visualize.engine.compile.progress(lambda done, total: batches.append((done, total))):
        again = visualize.saliency(copied, images, 0, batch_size=6).values
    assert batches == [(2, 6), (4, 6), (6, 6)]
    np.testing.assert_array_equal(again, whole)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process its own peak of memory")
@pytest.mark.parametrize("way", LARGE)
def test_a_model_of_large_outputs_takes_less_than_a_gigabyte(way, tmp_path):
    shape, layer, _ = LARGE[way]
    ending_in_two_scores(shape, layer).save(tmp_path / "model.keras")
    assert peak_of_opening(tmp_path / "model.keras") < 1000


@pytest.mark.slow
def test_a_model_that_needs_more_memory_than_there_is_to_run_is_one_line(tmp_path):
    layers = [keras.layers.UpSampling2D(10**6), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    keras.Sequential([keras.Input((6, 6, 1)), *layers]).save(tmp_path / "model.keras")
    Image.new("L", (6, 6), 90).save(tmp_path / "some.png")
    asked = ["saliency", str(tmp_path / "model.keras"), str(tmp_path / "some.png"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 2, result.exception
    assert "Error: The output of 'up_sampling2d" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture
def old_file(tmp_path):
    """`old_file(place, content)`: an HDF5 file of a model with some bytes replaced, `place` behind its `model_config`."""
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "model.h5")

    def written(place, changed):
        content = bytearray((tmp_path / "model.h5").read_bytes())
        start = place(content)
        content[start : start + len(changed)] = changed
        (tmp_path / "model.h5").write_bytes(content)
        return tmp_path / "model.h5"

    return written


def test_a_text_of_an_old_file_that_is_declared_to_have_gigabytes_is_refused_unread(old_file):
    path = old_file(lambda content: content.index(b"model_config\0") + 16 + 24 + 8, (3 << 30).to_bytes(4, "little"))
    assert refusal(path) == f"{path} is corrupt or not a model: it declares a text that is longer than the file."


def test_a_heap_of_an_old_file_in_which_hdf5_would_not_end_is_refused(old_file):
    path = old_file(lambda content: content.index(b"GCOL") + 24, (3 << 30).to_bytes(8, "little"))
    assert refusal(path) == f"{path} is corrupt or not a model: it declares a text that is longer than the file."


def test_a_list_of_varying_length_at_which_hdf5_may_crash_is_refused(tmp_path):
    with h5py.File(tmp_path / "model.h5", "w") as file:
        kind, shape = h5py.h5t.vlen_create(h5py.h5t.NATIVE_UINT8), h5py.h5s.create(h5py.h5s.SCALAR)
        h5py.h5a.create(file.id, b"model_config", kind, shape)
    assert "its attribute 'model_config' must hold text or numbers" in refusal(tmp_path / "model.h5")


def rewritten(path, change):
    """The archive at `path`, after `change` of the bytes of its weights."""
    with zipfile.ZipFile(path) as archive:
        members = {name: bytearray(archive.read(name)) for name in archive.namelist()}
    change(members["model.weights.h5"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, bytes(content))
    return path


PACKED = {
    "gzip": {"compression": "gzip"},
    "lzf": {"compression": "lzf", "shuffle": True},
    "checksum": {"fletcher32": True},
    "all": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "plain": {},
}


@pytest.mark.parametrize(
    ("way", "size"), [*itertools.product(PACKED, (0, 1 << 31)), ("gzip", 1), ("checksum", 1), ("plain", 99)]
)
def test_a_part_of_an_array_that_is_not_there_is_refused_before_hdf5_crashes_at_it(way, size, weighted):
    def change(content):
        start = content.index(b"TREE\x01\0") + 24  # the first key in the index of the parts, which begins with a size
        content[start : start + 4] = size.to_bytes(4, "little")

    path = weighted(lambda file: replaced(file, data=np.ones((64, 64), "f4"), chunks=(32, 64), **PACKED[way]))
    message = f"{path} is corrupt or not a model: a part of its array 'layers/conv2d/vars/0' is not in it."
    assert refusal(rewritten(path, change)) == message


def test_a_part_of_an_array_that_unpacks_to_less_than_a_part_is_refused(weighted):
    """HDF5 would take what lies behind it in the memory for weights."""

    def change(file):
        replaced(file, shape=(3, 3, 1, 2), dtype="f4", chunks=(3, 3, 1, 2), compression="gzip")
        file["layers/conv2d/vars/0"].id.write_direct_chunk((0, 0, 0, 0), zlib.compress(bytes(10)))

    path = weighted(change)
    assert refusal(path) == f"{path} is corrupt or not a model: a part of its array 'layers/conv2d/vars/0' is not in it."


def test_an_array_packed_by_another_filter_is_refused(weighted):
    path = weighted(lambda file: replaced(file, data=np.ones((3, 3, 1, 2), "i4"), chunks=(3, 3, 1, 2), scaleoffset=4))
    assert refusal(path) == (
        f"{path} must hold arrays that are plain or packed by gzip or LZF. "
        "Received: 'layers/conv2d/vars/0', packed by filter 6 of HDF5."
    )


@pytest.mark.parametrize("way", PACKED)
def test_packed_weights_are_read(way, weighted):
    kernel = np.random.default_rng(0).random((3, 3, 1, 2), "float32")
    path = weighted(lambda file: replaced(file, data=kernel, chunks=(2, 3, 1, 2), **PACKED[way]))
    np.testing.assert_array_equal(open_model(path).layers[0].get_weights()[0], kernel)


def test_texts_of_the_weights_in_an_archive_are_checked_too(weighted):
    def change(content):
        start = content.index(b"GCOL") + 24
        content[start : start + 8] = (3 << 30).to_bytes(8, "little")

    path = rewritten(weighted(lambda file: file.attrs.update(name="a" * 100)), change)
    assert refusal(path) == f"{path} is corrupt or not a model: it declares a text that is longer than the file."
