"""Files of Keras 2: read where Keras 3 differs only in words, else told apart from damaged ones, with what to do."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from visualize import InputError, open_model

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


def as_keras_2(path, change=lambda config: None, version="2.15.0"):
    """An HDF5 file as if Keras 2 had written it, after `change` of its configuration."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = version
    return path


def with_old_arguments(config):
    for layer in config["config"]["layers"]:
        if layer["class_name"] in ("DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"):
            layer["config"]["groups"] = 1
        if layer["class_name"] in ("LSTM", "GRU"):
            layer["config"]["time_major"] = False


def refusal(path):
    with pytest.raises(InputError) as caught:
        open_model(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


layers = keras.layers
STACKS = {
    "depthwise": ((6, 6, 3), [layers.DepthwiseConv2D(3), layers.SeparableConv2D(2, 3), layers.Flatten(), layers.Dense(2)]),
    "transposed": ((6, 6, 3), [layers.Conv2DTranspose(2, 3), layers.Flatten(), layers.Dense(2)]),
    "recurrent": ((5, 2), [layers.LSTM(3, return_sequences=True), layers.GRU(3), layers.Dense(2)]),
}


@pytest.mark.parametrize("stack_name", STACKS)
def test_arguments_that_keras_3_no_longer_takes_are_left_out_at_their_default(stack_name, tmp_path):
    shape, stack = STACKS[stack_name]
    model = keras.Sequential([keras.Input(shape), *stack])
    model.save(tmp_path / "model.h5")
    path = as_keras_2(tmp_path / "model.h5", with_old_arguments)
    content, images = path.read_bytes(), np.random.default_rng(0).random((2, *shape), "float32")
    np.testing.assert_array_equal(open_model(path)(images), model(images))
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_argument_of_another_value_is_not_left_out(tmp_path):
    keras.Sequential([keras.Input((6, 6, 4)), layers.DepthwiseConv2D(3), layers.Flatten()]).save(tmp_path / "model.h5")
    path = as_keras_2(tmp_path / "model.h5", lambda config: config["config"]["layers"][1]["config"].update(groups=2))
    assert refusal(path).startswith(f"{path} was saved by Keras 2.15.0, and Keras {keras.__version__} cannot read it. ")


def test_the_calls_of_a_nested_sequential_are_counted_from_zero(tmp_path):
    inputs = keras.Input((6, 6, 3))
    base = keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(2, 3)], name="base")
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(base(inputs))))
    model.save(tmp_path / "model.h5")

    def counted_from_one(config):
        (flatten,) = (layer for layer in config["config"]["layers"] if layer["class_name"] == "Flatten")
        flatten["inbound_nodes"] = [[["base", 1, 0, {}]]]

    images = np.random.default_rng(0).random((2, 6, 6, 3), "float32")
    path = as_keras_2(tmp_path / "model.h5", counted_from_one)
    np.testing.assert_array_equal(open_model(path)(images), model(images))


def test_an_operation_that_is_a_layer_in_keras_2_alone_leads_to_its_weights(tmp_path):
    keras.Sequential([keras.Input((4,)), layers.Dense(2)]).save(tmp_path / "model.h5")
    path = as_keras_2(tmp_path / "model.h5", lambda config: config["config"]["layers"][1].update(class_name="TFOpLambda"))
    assert refusal(path) == (
        f"{path} was saved by Keras 2.15.0, and Keras {keras.__version__} cannot read it. Build the same layers with Keras 3 "
        "as `model`, and give them its weights, after `pip install tf_keras`, with two lines: `import tf_keras` and "
        f"`model.set_weights(tf_keras.models.load_model({str(path)!r}, compile=False).get_weights())`."
    )


@pytest.fixture
def archive(tmp_path):
    """A `.keras` file as Keras 2.13 to 2.15 wrote it: `archive(module)` names this module of its model."""
    inputs = keras.Input((6, 6, 3))
    keras.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs))).save(tmp_path / "new.keras")

    def written(module):
        path = tmp_path / "model.keras"
        with zipfile.ZipFile(tmp_path / "new.keras") as new, zipfile.ZipFile(path, "w") as old:
            config = json.loads(new.read("config.json"))
            config["module"] = module
            old.writestr("config.json", json.dumps(config))
            old.writestr("metadata.json", json.dumps({"keras_version": "2.15.0", "date_saved": "2024-01-01@00:00:00"}))
            old.writestr("model.weights.h5", new.read("model.weights.h5"))
        return path

    return written


@pytest.mark.parametrize(
    "module", ["keras.src.engine.functional", "keras.engine.functional", "tf_keras.src.engine.functional"]
)
def test_an_archive_of_keras_2_is_to_be_saved_again_as_hdf5(module, archive):
    path = archive(module)
    assert refusal(path) == (
        f"{path} was saved by Keras 2.15.0, and Keras {keras.__version__} cannot read it. Save it again as HDF5, after "
        "`pip install tf_keras`, with two lines: `import tf_keras` and "
        f"`tf_keras.models.load_model({str(path)!r}, compile=False).save({str(path.with_suffix('.h5'))!r})`."
    )


def test_a_damaged_file_of_keras_2_is_called_corrupt(archive, tmp_path):
    keras.Sequential([keras.Input((6, 6, 3)), layers.Flatten(), layers.Dense(200)]).save(tmp_path / "model.h5")
    path = as_keras_2(tmp_path / "model.h5")
    path.write_bytes(path.read_bytes()[:-4000])
    assert " is corrupt" in refusal(path)
    path = archive("keras.src.engine.functional")
    path.write_bytes(path.read_bytes()[:-400])
    assert " is corrupt" in refusal(path)
