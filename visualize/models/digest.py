"""Digest: a hash of a model as it is now, by which what was computed of it is found again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from visualize._utils.lazy import keras
from visualize.models.layers import layers_by_path


def model_digest(model: keras.Model) -> str:
    """SHA-256 of a model: how its layers are connected, the configuration of each, and all weights.

    The same file gives the same hash in every process. Of a layer without a configuration, as a user's own may be, only the
    name, the type and the weights count.
    """
    digest = hashlib.sha256(_config(model).encode())
    for path, layer in layers_by_path(model).items():
        digest.update(f"{path} {type(layer).__qualname__} {_config(layer)}\n".encode(errors="backslashreplace"))
    for weight in model.weights:
        digest.update(weight.path.encode(errors="backslashreplace"))
        add_array(digest, np.asarray(keras.ops.convert_to_numpy(weight)))
    return digest.hexdigest()


def add_array(digest: Any, array: np.ndarray) -> None:
    """Add the type, the shape and the numbers of an array to a hash."""
    digest.update(f"{array.dtype} {array.shape}".encode())
    digest.update(repr(array.tolist()).encode() if array.dtype == object else np.ascontiguousarray(array).tobytes())


def _config(layer: keras.Layer) -> str:
    """The configuration of a layer or a model as JSON; "" where it states none."""
    try:
        return json.dumps(layer.get_config(), sort_keys=True, default=lambda value: type(value).__name__)
    except (NotImplementedError, TypeError, ValueError):
        return ""
