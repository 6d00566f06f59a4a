"""Safe configurations: what a model file may name, checked before Keras looks any of it up."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visualize._utils.lazy import keras
from visualize._utils.text import shortened
from visualize.errors import InputError

KERAS_PACKAGES = ("keras", "keras_hub", "keras_cv", "keras_nlp")  # Keras imports their modules if a file names them
TENSOR_FUNCTIONS = ("keras.activations", "keras.ops", "keras.losses", "keras.metrics")  # they compute, and do nothing else
LOOK_UPS = ("get", "serialize", "deserialize")  # in each of these modules, and no functions of tensors
NUMBER_TYPE = re.compile(r"[a-z_]+\d{0,3}")


def check_config(path: Path, config: object) -> None:
    """Refuse a configuration that names more than the parts of a model.

    Keras imports modules that a file names, calls any of its public functions that stands for an activation, and fills memory
    with an array of a few letters. Call this after the modules that the user named are imported: a module that is imported
    already can do no more harm.

    Args:
        path: the file, for the message.
        config: its configuration, parsed.

    Raises:
        InputError: it names a module of Keras' family that nobody imported, a function of Keras that is no activation or
            other function of tensors, or an array of overlong strings.
    """
    for entry in objects_in(config):
        _check_module(path, entry)
        function = _function_named(entry)
        if function is not None and not _is_of_tensors(function):
            raise InputError(
                f"{path} must name no functions of Keras but activations and other functions of tensors. "
                f"Received: {shortened(function)!r}."
            )
        _check_array(path, entry)


def objects_in(config: object) -> Iterator[dict[str, Any]]:
    """Every JSON object in a tree of JSON, however deep."""
    stack = [config]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack += node.values()
        elif isinstance(node, list):
            stack += node


def _check_module(path: Path, entry: dict[str, Any]) -> None:
    module = entry.get("module")
    if isinstance(module, str) and module.split(".")[0] in KERAS_PACKAGES and module not in sys.modules:
        raise InputError(
            f"{path} names the module {shortened(module)!r}, and nothing is imported because a file names it. "
            "If you trust its author, name it yourself: --custom-objects MODULE (in Python: custom_objects=[...])."
        )


def _check_array(path: Path, entry: dict[str, Any]) -> None:
    content = entry.get("config")
    if entry.get("class_name") == "__numpy__" and isinstance(content, dict):
        dtype = content.get("dtype")
        if not isinstance(dtype, str) or not NUMBER_TYPE.fullmatch(dtype):
            raise InputError(f"{path} must hold arrays of numbers. Received: an array of dtype {shortened(repr(dtype))}.")


def _function_named(entry: dict[str, Any]) -> str | None:
    """The full name of the Keras function that an object names, as a function or in place of a class; None for all else."""
    module, name = entry.get("module"), entry.get("class_name")
    as_function = name == "function"
    if as_function:
        name = entry.get("config")
    if not isinstance(name, str):
        return None
    if module is None and not as_function:
        module = "keras.layers"  # in which Keras looks up the classes of an HDF5 file
    if module == "builtins":
        return f"keras.activations.{name}"  # or of a module like it
    if not isinstance(module, str) or module.split(".")[0] != "keras":
        return None
    parts = [*module.split(".")[1:], *name.split(".")]
    value = functools.reduce(lambda part, attribute: getattr(part, attribute, None), parts, keras)
    is_function = as_function or (value is not None and not inspect.isclass(value))
    return f"{module}.{name}" if is_function else None


def _is_of_tensors(function: str) -> bool:
    """Whether a function of Keras, by its full name, computes tensors from tensors."""
    within = any(function.startswith(f"{module}.") for module in TENSOR_FUNCTIONS)
    return within and function.rpartition(".")[2] not in LOOK_UPS
