"""keras-vis' `utils`: find a layer by its name, let a changed activation take effect."""

from __future__ import annotations

from typing import Any

from visualize.errors import InputError
from visualize.models.layers import check_model, listed


def find_layer_idx(model: Any, layer_name: str) -> int:
    """The number of a layer in `model.layers`.

    Args:
        model: Keras model.
        layer_name: name of one of its own layers; those of a model within it have no number here.

    Returns:
        The number, from 0.

    Raises:
        InputError: no layer has this name.
    """
    check_model(model)
    names = [layer.name for layer in model.layers]
    if layer_name not in names:
        raise InputError(f"`layer_name` must be one of {listed(names)}. Received: {layer_name!r}.")
    return names.index(layer_name)


def apply_modifications(model: Any) -> Any:
    """Let what was changed on a model's layers take effect.

    In the articles `model.layers[layer_idx].activation = activations.linear` comes before, so that a class is explained by its
    logit rather than by its softmax. Nothing is rebuilt, for nothing needs to be: the maps of visualize explain the logit
    whether or not the softmax was taken away, and see a changed activation at once. But what Keras has compiled for
    `model.predict`, `model.evaluate` and `model.fit` still has the old one, and is made anew.

    Args:
        model: Keras model.

    Returns:
        The same model, with the weights that it had.

    Raises:
        InputError: `model` is no Keras model.
    """
    check_model(model)
    for name in ("predict", "test", "train"):
        if getattr(model, f"{name}_function", None) is not None:
            getattr(model, f"make_{name}_function")(force=True)
    return model
