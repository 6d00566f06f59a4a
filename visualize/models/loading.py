"""Loading: a saved Keras model, read without running code that its file may carry."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from visualize._utils.lazy import keras, start_tensorflow
from visualize._utils.text import shortened
from visualize._utils.validation import checked_path, received
from visualize.errors import InputError
from visualize.models.card import read_card
from visualize.models.keras_2 import advice, is_only_of_keras_2, readable, version_of_keras_2
from visualize.models.layers import Origin, check_output_sizes, remember
from visualize.models.safe_config import check_config, objects_in
from visualize.models.safe_loading import check_file, limited_weights, read_config, weights_size

MANY_LAYERS = 500  # in a Sequential, they take about half a minute


def open_model(path: str | Path, *, unsafe: bool = False, custom_objects: str | Sequence[str] = ()) -> keras.Model:
    """The Keras model in a file, to be explained, not trained.

    Args:
        path: a `.keras`, `.h5` or `.hdf5` file that holds a whole model. A card of the same name (`model.json` beside
            `model.keras`) states its input range and class names.
        unsafe: let the file run code of its own (Lambda layers). Only for files whose author you trust.
        custom_objects: name of a Python module to import first, or a list of names; importing them registers their Keras
            classes. Modules that an installed package announces under the entry-point group `visualize.custom_objects` are
            imported without being named.

    Returns:
        The uncompiled `keras.Model`. Methods take its input range and class names from the card.

    Raises:
        InputError: the file does not exist, is corrupt, holds weights without a model or a class that nobody registered, has
            a Lambda layer while `unsafe` is False, names a module to import, keeps weights in another file or asks for much
            more memory than it has bytes or a single image may take; or its card is not a card.
    """
    path = checked_path("path", path)
    check_file(path)
    card = read_card(path.with_suffix(".json"))
    start_tensorflow()  # before a module of custom objects imports it
    _import_custom_objects(custom_objects)
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"`visualize` needs Keras' TensorFlow backend. Received: {keras.backend.backend()!r}. "
            "Set the environment variable KERAS_BACKEND=tensorflow."
        )
    try:
        config, version = read_config(path), version_of_keras_2(path)
        if version is not None and is_only_of_keras_2(config):
            raise InputError(advice(path, version))
        check_config(path, config)
        _warn_of_many_layers(path, config)
        with readable(path, config) as file, warnings.catch_warnings(), limited_weights(path, weights_size(path)):
            warnings.simplefilter("ignore")  # Keras' advice on compiling does not matter here
            model = keras.saving.load_model(file, compile=False, safe_mode=not unsafe)
    except (InputError, Warning):  # a warning of ours, where warnings are errors
        raise
    except Exception as error:  # Keras has no error class of its own: only the text says what happened
        raise InputError(_refusal(path, error)) from error
    if not isinstance(model, keras.Model):
        raise InputError(f"{path} must hold a whole model. Received: a {type(model).__name__}.")
    check_output_sizes(model)  # and names of layers that no graph can have
    remember(model, Origin(path, _sha256(path)), card)
    return model


def _warn_of_many_layers(path: Path, config: object) -> None:
    """Say beforehand that Keras takes long: it builds a Sequential model again for each of its layers."""
    layers = [entry.get("layers") for entry in objects_in(config)]
    most = max((len(names) for names in layers if isinstance(names, list)), default=0)
    if most >= MANY_LAYERS:
        warnings.warn(f"{path} has a model of {most:,} layers: Keras may take minutes to load it.", stacklevel=3)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _import_custom_objects(modules: str | Sequence[str]) -> None:
    for name in modules if isinstance(modules, list | tuple) else [modules]:
        if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
            raise InputError(f"`custom_objects` must name modules, such as package.layers. Received: {received(name)}.")
        try:
            importlib.import_module(name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a module may raise anything, even SystemExit
            reason = shortened(" ".join(str(error).split()))
            kind = "" if isinstance(error, ImportError) else f"{type(error).__name__}: "
            raise InputError(
                f"`custom_objects` must name modules that Python can import. Received: {name!r} ({kind}{reason})."
            ) from error
    for entry in importlib.metadata.entry_points(group="visualize.custom_objects"):
        try:
            entry.load()
        except Exception as error:
            warnings.warn(f"The custom objects of {entry.value!r} could not be imported: {error}", stacklevel=3)


def _refusal(path: Path, error: Exception) -> str:
    """What Keras' error means for the user, in one line."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # Keras prints some words in bold
    reason = " ".join(text.rpartition("Exception encountered: ")[2].split()) or type(error).__name__
    reason, lowered = shortened(reason, 400), text.lower()
    if "lambda" in lowered and ("safe_mode" in lowered or "unsafe" in lowered):
        return (
            f"{path} holds a Lambda layer, which is Python code that would run on loading. "
            "If you trust its author, open it with --unsafe (in Python: unsafe=True)."
        )
    harmful = "not a modeling function" in lowered  # Keras never loads these, in safe mode or not
    if not harmful and ("safe_mode" in lowered or "unsafe_deserialization" in lowered):
        return (
            f"{path} needs unsafe loading: {reason} If you trust its author, open it with --unsafe (in Python: unsafe=True)."
        )
    unregistered = re.search(r"(?:could not locate \w+|unknown \w+:) '([^']+)'", text, re.IGNORECASE)
    if unregistered:
        return (
            f"{path} uses {shortened(unregistered[1].split('>')[-1])!r}, which is not registered. "
            "Name the module that registers it: --custom-objects MODULE (in Python: custom_objects=[...])."
        )
    version = version_of_keras_2(path)
    if version is not None and isinstance(error, TypeError | ValueError):  # a damaged file raises others
        return advice(path, version)
    return f"{path} is corrupt, or not a model that Keras {keras.__version__} can read: {reason}"
