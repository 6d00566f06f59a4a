"""The digest of a model: the same for the same model, another for any change."""

import keras
import numpy as np

from visualize.models.digest import model_digest

L = keras.layers


def branches(swapped):
    """Two models of the same layers and weights, connected in another way."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,), name="inputs")
    first, second = L.Dense(6, name="first"), L.Dense(6, name="second")
    order = (second, first) if swapped else (first, second)
    [layer.build((None, 6)) for layer in (first, second)]
    return keras.Model(inputs, L.Dense(2, name="head")(order[1](order[0](inputs))))


def test_a_reloaded_model_has_the_digest_of_the_saved_one(tmp_path):
    model = branches(False)
    model.save(tmp_path / "model.keras")
    assert model_digest(keras.models.load_model(tmp_path / "model.keras")) == model_digest(model)


def test_how_layers_are_connected_counts():
    plain, swapped = branches(False), branches(True)
    by_path = [{weight.path: np.asarray(weight) for weight in model.weights} for model in (plain, swapped)]
    assert by_path[0].keys() == by_path[1].keys()
    assert all((by_path[0][path] == by_path[1][path]).all() for path in by_path[0] if "head" not in path)
    assert model_digest(plain) != model_digest(swapped)


def test_a_weight_and_an_activation_count():
    model = branches(False)
    before = model_digest(model)
    model.get_layer("head").bias.assign([0.0, 1e-7])
    after = model_digest(model)
    model.get_layer("head").activation = keras.activations.softmax
    assert len({before, after, model_digest(model)}) == 3
