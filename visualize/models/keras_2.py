"""Files of Keras 2: told apart from damaged ones, and rewritten where Keras 3 differs only in words."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visualize._utils.lazy import h5py, keras
from visualize._utils.text import shortened
from visualize.models.safe_config import objects_in

# Arguments that Keras 3 no longer takes, with the only values at which leaving them out changes nothing.
DROPPED_ARGUMENTS = {
    "groups": (1, ("Depthwise", "Separable", "Transpose")),  # Conv1D, Conv2D and Conv3D still take it
    "time_major": (False, ("LSTM", "GRU", "RNN")),
}
MODULES = ("keras.src.engine.", "keras.engine.", "tf_keras.")
OPERATIONS = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty")  # as layers


def version_of_keras_2(path: Path) -> str | None:
    """The version of Keras 2 that saved a model file, such as "2.15.0"; None if another Keras did, or none says so."""
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                version = json.loads(archive.read("metadata.json"))["keras_version"]
        else:
            with h5py.File(path, "r") as file:
                version = file.attrs.get("keras_version")
    except Exception:  # zipfile, json and h5py raise errors of many kinds
        return None
    version = version.decode("utf-8", "replace") if isinstance(version, bytes) else version
    return shortened(version, 20) if isinstance(version, str) and version.startswith("2.") else None


@contextlib.contextmanager
def readable(path: Path, config: Any) -> Iterator[Path]:
    """A file that Keras 3 reads: the file itself, or a temporary copy of an HDF5 file of Keras 2 in the words of Keras 3."""
    if path.suffix == ".keras" or version_of_keras_2(path) is None or not _in_words_of_keras_3(config):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"model{path.suffix}"
        shutil.copyfile(path, copy)
        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = json.dumps(config)
        yield copy


def is_only_of_keras_2(config: object) -> bool:
    """Whether a configuration names modules or classes that Keras 3 does not have."""
    return any(
        str(entry.get("module")).startswith(MODULES) or entry.get("class_name") in OPERATIONS for entry in objects_in(config)
    )


def advice(path: Path, version: str) -> str:
    """How to read a file of Keras 2 that Keras 3 cannot read."""
    load = f"tf_keras.models.load_model({str(path)!r}, compile=False)"
    if path.suffix == ".keras":
        goal = "Save it again as HDF5"
        line = f"{load}.save({str(path.with_suffix('.h5'))!r})"
    else:
        goal = "Build the same layers with Keras 3 as `model`, and give them its weights"
        line = f"model.set_weights({load}.get_weights())"
    return (
        f"{path} was saved by Keras {version}, and Keras {keras.__version__} cannot read it. "
        f"{goal}, after `pip install tf_keras`, with two lines: `import tf_keras` and `{line}`."
    )


def _in_words_of_keras_3(config: Any) -> bool:
    """Rewrite the configuration of an HDF5 file of Keras 2 in place; whether anything was to be rewritten."""
    changed = False
    for entry in list(objects_in(config)):
        name, arguments = entry.get("class_name"), entry.get("config")
        if isinstance(name, str) and isinstance(arguments, dict):
            changed |= _without_dropped(name, arguments) | _with_calls_from_zero(arguments)
    return changed


def _without_dropped(name: str, arguments: dict[str, Any]) -> bool:
    """Take out the arguments of a layer that Keras 3 no longer takes."""
    changed = False
    for argument, (default, kinds) in DROPPED_ARGUMENTS.items():
        if any(kind in name for kind in kinds) and arguments.get(argument, ...) == default:
            del arguments[argument]
            changed = True
    return changed


def _with_calls_from_zero(arguments: dict[str, Any]) -> bool:
    """Count the calls of a nested Sequential from 0: Keras 2 counted the call by which it built itself."""
    layers = arguments.get("layers")
    nested = {
        layer.get("name")
        for layer in (layers if isinstance(layers, list) else [])
        if isinstance(layer, dict) and layer.get("class_name") == "Sequential"
    }
    if not nested:
        return False
    ends = [arguments.get("input_layers"), arguments.get("output_layers")]
    nodes = [layer.get("inbound_nodes") for layer in layers if isinstance(layer, dict)]  # pyright: ignore[reportOptionalIterable]
    calls = [call for call in _calls([*ends, *nodes]) if call[0] in nested]
    if not calls or min(call[1] for call in calls) < 1:
        return False
    for call in calls:
        call[1] -= 1
    return True


def _calls(nodes: Any) -> Iterator[list[Any]]:
    """Every [layer, number of the call, number of the output, ...] in nested lists."""
    stack = [nodes]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            if len(node) >= 3 and isinstance(node[0], str) and isinstance(node[1], int):
                yield node
            else:
                stack += node
