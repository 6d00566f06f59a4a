"""The module `utils` of keras-vis: find a layer by its name, apply a changed activation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visualize.errors import InputError
from visualize.models.layers import check_model, listed

if TYPE_CHECKING:
    import keras


def find_layer_idx(model: keras.Model, layer_name: str) -> int:
    """The index of a layer in `model.layers`.

    Args:
        model: Keras model.
        layer_name: name of one of its own layers; the layers of a nested model have no number here.

    Returns:
        The index, from 0.

    Raises:
        InputError: no layer has this name.
    """
    check_model(model)
    names = [layer.name for layer in model.layers]
    if layer_name not in names:
        raise InputError(f"`layer_name` must be one of {listed(names)}. Received: {layer_name!r}.")
    return names.index(layer_name)


def apply_modifications(model: keras.Model) -> keras.Model:
    """Apply changes of a model's layers to the functions that Keras has compiled.

    In the articles `model.layers[layer_idx].activation = activations.linear` comes before, so that a class is explained by its
    logit rather than by its softmax. The maps of visualize need no such step: they explain the logit whether or not the
    softmax was removed, and use a changed activation at once. But the functions that Keras has compiled for `model.predict`,
    `model.evaluate` and `model.fit` still use the old activation, and are compiled again.

    Args:
        model: Keras model.

    Returns:
        The same model, with unchanged weights.

    Raises:
        InputError: `model` is not a Keras model.
    """
    check_model(model)
    for name in ("predict", "test", "train"):
        if getattr(model, f"{name}_function", None) is not None:
            getattr(model, f"make_{name}_function")(force=True)
    return model
