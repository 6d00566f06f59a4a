"""Input structure: in which lists and dicts a model takes its inputs, and which inputs it can do without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from visualize._utils.lazy import keras
from visualize.errors import InputError

# The name of an input; None for one that is left out; or ("list" or "dict", keys, parts). Hashable, so that it can be a key.
Structure = str | None | tuple[str, tuple[Any, ...], tuple["Structure", ...]]


def structure_of(model: keras.Model) -> Structure:
    """The structure in which a model declares its inputs, with their names as leaves; None where it does not declare it."""
    tensors = _declared(model)
    return None if tensors is None else _structure(tensors, with_keys=True)


def tensors_by_name(model: keras.Model) -> dict[str, Any]:
    """The symbolic tensor of each input by its name; empty where the model does not declare its inputs."""
    arrays = arrays_by_name(_declared(model), structure_of(model))
    return arrays or {}


def arrays_by_name(values: Any, structure: Structure) -> dict[str, Any] | None:
    """The arrays of a structure by the names of the inputs; None where they do not stand in this structure.

    Args:
        values: arrays in lists and dicts.
        structure: of the model.
    """
    if not isinstance(structure, tuple):
        is_container = isinstance(values, Mapping)
        return None if structure is None or is_container else {structure: values}
    kind, keys, parts = structure
    if kind == "dict":
        if not isinstance(values, Mapping) or set(values) != set(keys):
            return None
        values = [values[key] for key in keys]
    if not isinstance(values, Sequence) or isinstance(values, str | bytes) or len(values) != len(parts):
        return None
    arrays: dict[str, Any] = {}
    for value, part in zip(values, parts, strict=True):
        inner = arrays_by_name(value, part)
        if inner is None:
            return None
        arrays.update(inner)
    return arrays


def without(structure: Structure, absent: Sequence[str]) -> Structure:
    """The same structure with None in place of some inputs."""
    if isinstance(structure, tuple):
        kind, keys, parts = structure
        return kind, keys, tuple(without(part, absent) for part in parts)
    return None if structure in absent else structure


def packed(tensors: Mapping[str, Any], structure: Structure) -> Any:
    """Tensors by name as the model is called on them."""
    if isinstance(structure, tuple):
        kind, keys, parts = structure
        values = [packed(tensors, part) for part in parts]
        return values if kind == "list" else dict(zip(keys, values, strict=True))
    return None if structure is None else tensors[structure]


def optional_inputs(model: keras.Model) -> list[str]:
    """The names of the inputs that the model can do without: `keras.Input(..., optional=True)`."""
    tensors = tensors_by_name(model)
    return [name for name, tensor in tensors.items() if getattr(tensor._keras_history.operation, "optional", False)]


def fixed_batch_size(model: keras.Model) -> int | None:
    """The number of rows that a model takes at once, `keras.Input(..., batch_size=4)`; None where it takes any number."""
    sizes = {tensor.shape[0] for tensor in tensors_by_name(model).values()} - {None}
    return max(sizes, default=None)


def check_stateless(layers: Mapping[str, keras.Layer]) -> None:
    """Refuse layers that keep their state from batch to batch: a map would depend on what was explained before.

    Raises:
        InputError: there is one.
    """
    for path, layer in layers.items():
        if getattr(layer, "stateful", False) is True:
            raise InputError(
                f"The model must not keep a state from one batch to the next. Received: {path!r}, built with stateful=True; "
                "build the model with stateful=False and copy the weights."
            )


def _declared(model: keras.Model) -> Any:
    """The symbolic tensors of a model's inputs in their structure; None where it does not declare them."""
    flat = getattr(model, "inputs", None)
    if not flat:
        return None
    tensors = getattr(model, "input", None)  # a Sequential that no other model calls has none
    return (flat if len(flat) > 1 else flat[0]) if tensors is None else tensors


def _structure(tensors: Any, *, with_keys: bool = False) -> Structure:
    """The names of symbolic tensors in their structure: those of their layers, or, of a flat dict, its keys."""
    if isinstance(tensors, Mapping):
        keys = tuple(tensors)
        is_flat = with_keys and all(hasattr(tensor, "_keras_history") for tensor in tensors.values())
        return "dict", keys, keys if is_flat else tuple(_structure(tensor) for tensor in tensors.values())
    if isinstance(tensors, list | tuple):
        return "list", tuple(range(len(tensors))), tuple(_structure(tensor) for tensor in tensors)
    return tensors._keras_history.operation.name
