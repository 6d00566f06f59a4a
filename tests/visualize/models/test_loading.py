"""Loading models: what loads, what is refused and in which words, which layers there are."""

import gc
import importlib
import shutil
import struct
import subprocess
import sys
import textwrap
import weakref
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from visualize import InputError, describe, layer_facts, open_model, saliency
from visualize.models import layers as models
from visualize.models import loading

CHOICES = "`model` must be a .keras, .h5 or .hdf5 file. Received: "


@pytest.fixture(scope="module")
def legacy(build, tmp_path_factory):
    """The softmax model in HDF5, as Keras 2 wrote it."""
    path = tmp_path_factory.mktemp("legacy") / "model.h5"
    build("softmax").save(path)
    return path


def refusal(path, **options):
    with pytest.raises(InputError) as caught:
        open_model(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("ending", [".keras", ".h5", ".hdf5"])
def test_every_format_opens_with_the_weights_that_were_saved(ending, build, saved, legacy, images_for, tmp_path):
    path = tmp_path / f"model{ending}"
    shutil.copy(saved("softmax") if ending == ".keras" else legacy, path)
    model = open_model(path)
    images = images_for(model)
    np.testing.assert_allclose(model(images), build("softmax")(images), rtol=1e-5)
    assert not model.compiled
    assert models.origin_of(model).path == path
    assert len(models.origin_of(model).sha256) == 64


def test_a_model_of_a_program_has_no_origin(build):
    assert models.origin_of(build("linear")) is None


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_lambda_layer_is_refused_until_it_is_allowed(ending, tmp_path):
    path = tmp_path / f"lambda{ending}"
    double = keras.layers.Lambda(lambda x: 2 * x, output_shape=(4,))
    keras.Sequential([keras.Input((4,)), double, keras.layers.Dense(2)]).save(path)
    assert refusal(path) == (
        f"{path} holds a Lambda layer, which is Python code that would run on loading. "
        "If you trust its author, open it with --unsafe (in Python: unsafe=True)."
    )
    assert open_model(path, unsafe=True)(np.ones((1, 4))).shape == (1, 2)


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """A folder with models whose layer is registered nowhere, and the module that would register it."""
    source = """
        import keras

        @keras.saving.register_keras_serializable(package="elsewhere")
        class Doubled(keras.layers.Layer):
            def call(self, inputs):
                return 2 * inputs
    """
    (tmp_path / "stranger_layers.py").write_text(textwrap.dedent(source))

    def forget():
        sys.modules.pop("stranger_layers", None)
        keras.saving.get_custom_objects().pop("elsewhere>Doubled", None)

    with monkeypatch.context() as patched:
        patched.syspath_prepend(tmp_path)
        layer = importlib.import_module("stranger_layers").Doubled()
        model = keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(2)])
        model.save(tmp_path / "m.keras")
        model.save(tmp_path / "m.h5")
    forget()
    yield tmp_path
    forget()


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_an_unregistered_class_is_named_until_its_module_is_given(stranger, monkeypatch):
    for name in ("m.keras", "m.h5"):
        assert refusal(stranger / name) == (
            f"{stranger / name} uses 'Doubled', which is not registered. "
            "Name the module that registers it: --custom-objects MODULE (in Python: custom_objects=[...])."
        )
    monkeypatch.syspath_prepend(stranger)
    for name in ("m.keras", "m.h5"):
        model = open_model(stranger / name, custom_objects=["stranger_layers"])
        assert [type(layer).__name__ for layer in model.layers] == ["Doubled", "Dense"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "no_such_module",
            "`custom_objects` must name modules that Python can import. "
            "Received: 'no_such_module' (No module named 'no_such_module').",
        ),
        ("", "`custom_objects` must name modules, such as package.layers. Received: ''."),
        (".layers", "`custom_objects` must name modules, such as package.layers. Received: '.layers'."),
    ],
)
def test_custom_objects_must_be_modules(name, message, saved):
    assert refusal(saved("softmax"), custom_objects=[name]) == message


@pytest.mark.slow
def test_a_layer_that_a_package_announces_needs_no_word(tmp_path):
    from kerasdemos.layers import LocalResponseNormalization

    path = tmp_path / "announced.keras"
    keras.Sequential([keras.Input((4, 4, 8)), LocalResponseNormalization(), keras.layers.Flatten()]).save(path)
    code = "import sys, visualize; assert 'kerasdemos' not in sys.modules; print(visualize.open_model(sys.argv[1]).layers[0])"
    found = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
    assert "LocalResponseNormalization" in found.stdout


def test_a_file_that_is_no_archive_is_called_corrupt(saved, tmp_path):
    whole = saved("softmax").read_bytes()
    Image.new("L", (9, 9)).save(tmp_path / "picture.png")
    contents = {
        "cut in the middle": whole[: len(whole) // 2],
        "end lost": whole[:-10],
        "empty": b"",
        "picture": (tmp_path / "picture.png").read_bytes(),
    }
    for name, content in contents.items():
        path = tmp_path / f"{name}.keras"
        path.write_bytes(content)
        assert refusal(path) == f"{path} is corrupt or not a model: a .keras file is a zip archive, and this is not one."


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_an_archive_with_a_damaged_member_is_called_corrupt(member, saved, tmp_path):
    damaged = bytearray(saved("softmax").read_bytes())
    entry = zipfile.ZipFile(saved("softmax")).getinfo(member)
    middle = entry.header_offset + 30 + len(member) + entry.compress_size // 2
    damaged[middle] ^= 0xFF
    path = tmp_path / "damaged.keras"
    path.write_bytes(damaged)
    said = f"{path} is corrupt, or not a model that Keras {keras.__version__} can read: "
    assert refusal(path).startswith(said)  # what follows is zipfile's or Keras' word, by the version of Python


def test_an_archive_of_other_things_is_called_no_model(tmp_path):
    path = tmp_path / "other.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    assert refusal(path) == f"{path} is a zip archive but not a Keras model: it holds no metadata.json."


def test_an_archive_whose_weights_are_gone_is_called_corrupt(saved, tmp_path):
    path = tmp_path / "bare.keras"
    with zipfile.ZipFile(saved("softmax")) as whole, zipfile.ZipFile(path, "w") as bare:
        for name in ("config.json", "metadata.json"):
            bare.writestr(name, whole.read(name))
    assert refusal(path).startswith(f"{path} is corrupt, or not a model that Keras")


def test_an_hdf5_file_that_cannot_be_read_is_called_corrupt(legacy, tmp_path):
    for name, content in {"cut": legacy.read_bytes()[:9000], "empty": b"", "text": b"hello"}.items():
        path = tmp_path / f"{name}.h5"
        path.write_bytes(content)
        assert refusal(path) == f"{path} is corrupt or not a model: HDF5 cannot read it."


def test_an_hdf5_file_that_is_damaged_inside_is_called_corrupt(legacy, tmp_path):
    content = bytearray(legacy.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(byte ^ 0xFF for byte in content[middle : middle + 400])
    path = tmp_path / "damaged.h5"
    path.write_bytes(content)
    assert " is corrupt" in refusal(path)


@pytest.mark.parametrize("name", ["all.weights.h5", "weights.h5"])
def test_weights_without_a_model_are_told_apart(name, build, tmp_path):
    build("softmax").save_weights(tmp_path / "all.weights.h5")
    path = tmp_path / name
    shutil.copy(tmp_path / "all.weights.h5", tmp_path / "weights.h5")
    assert refusal(path) == (
        f"{path} holds weights only. Build the model, load them, and save it whole: model.save('model.keras')."
    )


def test_what_is_no_model_file_is_told_by_its_name(tmp_path):
    assert refusal(tmp_path) == f"{CHOICES}{tmp_path}, a directory."
    assert refusal(tmp_path / "no.keras") == f"{CHOICES}{tmp_path / 'no.keras'}, which does not exist."
    (tmp_path / "model.pt").write_bytes(b"")
    assert refusal(tmp_path / "model.pt") == f"{CHOICES}model.pt."


def test_opening_changes_nothing_of_the_caller(saved):
    before = keras.config.dtype_policy(), keras.config.floatx(), keras.config.image_data_format()
    content = saved("mixed_float16").read_bytes()
    open_model(saved("mixed_float16"))
    assert before == (keras.config.dtype_policy(), keras.config.floatx(), keras.config.image_data_format())
    assert saved("mixed_float16").read_bytes() == content


def test_a_model_goes_when_its_user_lets_it_go(saved, images_for):
    model = open_model(saved("softmax"))
    saliency(model, images_for(model), 1)
    layer_facts(model)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_describe_says_what_a_card_would_and_leaves_the_rest(saved):
    model = open_model(saved("softmax"))
    assert describe(model, input_range=(-1, 1)) is model
    describe(model, class_names=["a", "b", "c", "d"])
    assert models.card_of(model) == models.Card((-1.0, 1.0), ("a", "b", "c", "d"))
    assert saliency(model, np.zeros((1, 12, 12, 1)), "c").targets.tolist() == [2]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"input_range": (1, 0)}, "`input_range` must be [low, high], low < high. Received: [1, 0]."),
        ({"input_range": (0, float("nan"))}, "`input_range` must be [low, high], low < high. Received: [0, nan]."),
        ({"class_names": [1, 2]}, "`class_names` must be a list of strings. Received: [1, 2]."),
    ],
)
def test_describe_refuses_what_a_card_may_not_say(said, message, reloaded):
    with pytest.raises(InputError) as caught:
        describe(reloaded("softmax"), **said)
    assert str(caught.value) == message


def test_layers_are_named_by_path_and_a_shared_one_once(reloaded):
    assert list(models.layers_by_path(reloaded("nested"))) == [
        "picture",
        "base",
        "base/conv",
        "base/conv_2",
        "base/norm",
        "base/relu",
        "pool",
        "preds",
    ]
    assert list(models.layers_by_path(reloaded("shared_layer"))).count("conv") == 1


def test_two_layers_of_one_name_have_two_paths():
    class Twins(keras.Model):
        def __init__(self):
            super().__init__()
            self.one, self.other = keras.layers.Dense(2, name="twin"), keras.layers.Dense(2, name="twin")

        def call(self, inputs):
            return self.other(self.one(inputs))

    model = Twins()
    model(np.zeros((1, 3)))
    assert models.layers_by_path(model) == {"twin": model.one, "twin:2": model.other}


def test_a_layer_is_found_by_path_or_by_an_ending_that_fits_one():
    paths = ["conv", "base/conv", "base/norm", "other/norm"]
    assert models.find_layer("conv", paths) == "conv"
    assert models.find_layer("base/norm", paths) == "base/norm"
    assert models.find_layer("conv", paths[1:]) == "base/conv"
    with pytest.raises(InputError) as caught:
        models.find_layer("norm", paths)
    assert str(caught.value) == "`layer` must name one layer. Received: 'norm', which fits 'base/norm', 'other/norm'."


def test_an_unknown_layer_is_answered_with_the_nearest_or_with_all():
    with pytest.raises(InputError) as caught:
        models.find_layer("conv3", ["conv1", "conv2", "flatten"])
    assert str(caught.value) == "`layer` must be a layer of the model. Received: 'conv3'. Nearest: 'conv2', 'conv1'."
    with pytest.raises(InputError) as caught:
        models.find_layer("xyz", [f"layer{number}" for number in range(20)])
    assert str(caught.value).endswith("Choices: " + ", ".join(f"'layer{n}'" for n in range(12)) + " and 8 more.")


def cam_choice(*layers, shape=(16, 16, 3)):
    model = keras.Sequential([keras.Input(shape), *layers])
    return models.cam_layer(layer_facts(model))


def test_the_cam_layer_is_the_last_map_of_the_last_convolution():
    conv = keras.layers.Conv2D(4, 3, name="conv")
    rest = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    assert cam_choice(conv, *rest) == ("conv", "the last convolution, a 14x14 map")
    finished = [conv, keras.layers.BatchNormalization(name="norm"), keras.layers.ReLU(name="out"), keras.layers.MaxPooling2D()]
    assert cam_choice(*finished, *rest) == ("out", "the last 14x14 map, which finishes the block of the last convolution conv")
    separable = keras.layers.SeparableConv2D(4, 5, name="separable")
    assert cam_choice(separable, *rest) == ("separable", "the last convolution, a 12x12 map")


def test_the_cam_layer_of_mobilenet_is_the_one_that_every_tutorial_names():
    model = keras.applications.MobileNetV2((96, 96, 3), weights=None, classes=4, alpha=0.35)
    path, reason = models.cam_layer(layer_facts(model))
    assert path == "out_relu"
    assert reason == "the last 3x3 map, which finishes the block of the last convolution Conv_1"


def test_without_a_map_the_choice_of_the_cam_layer_is_refused():
    none = "`layer` was left to choose, but no convolution of this model has a map of more than one position."
    with pytest.raises(InputError) as caught:
        cam_choice(keras.layers.Flatten(), keras.layers.Dense(2))
    assert str(caught.value) == none
    with pytest.raises(InputError) as caught:
        cam_choice(keras.layers.Conv2D(4, 16, name="whole"), keras.layers.Flatten(), keras.layers.Dense(2))
    assert str(caught.value) == none
    with pytest.raises(InputError) as caught:
        cam_choice(keras.layers.AveragePooling2D(2, name="mean"), keras.layers.Flatten(), keras.layers.Dense(2))
    assert str(caught.value) == none + " Maps that could be read by naming `layer`: 'mean'."


def test_that_keras_takes_long_for_many_layers_is_said_before(tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), *(keras.layers.Activation("relu") for _ in range(9))]).save(path)
    monkeypatch.setattr(loading, "MANY_LAYERS", 10)
    monkeypatch.setattr(keras.saving, "load_model", lambda *args, **options: pytest.fail("loaded first"))
    with pytest.raises(UserWarning, match="has a model of 10 layers: Keras may take minutes to load it"):
        open_model(path)


def test_the_warning_of_many_layers_points_to_the_caller(tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(path)
    monkeypatch.setattr(loading, "MANY_LAYERS", 2)
    with pytest.warns(UserWarning, match="has a model of 2 layers") as caught:
        open_model(path)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("length_of_shape", [8, 0x6100], ids=["usual", "its last byte is a letter"])
def test_a_text_of_an_h5_that_is_longer_than_its_file_is_refused(legacy, tmp_path, length_of_shape):
    """An attribute's message, version 1: lengths of name, type and shape, the three of them, then the length of the text."""
    message = struct.pack("<BxHHH8s16x", 1, 8, 16, length_of_shape, b"backend") + bytes(length_of_shape)
    for length, is_refused in ((100, False), (1 << 30, True)):
        path = tmp_path / "model.h5"
        path.write_bytes(legacy.read_bytes() + message + struct.pack("<I", length))
        if is_refused:
            assert refusal(path) == f"{path} is corrupt or not a model: it declares a text that is longer than the file."
        else:
            assert open_model(path)
