"""TensorFlow, Keras and h5py, imported when they are first used: `--help` must not take four seconds."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any


class LazyModule:
    """A module that is imported when one of its attributes is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no notices about instruction sets: errors are raised anyway
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)  # the next lookup is a plain attribute
        return value


if TYPE_CHECKING:  # to editors and type checkers they are the modules themselves
    import h5py as h5py
    import keras as keras
    import tensorflow as tf
else:
    h5py = LazyModule("h5py")
    keras = LazyModule("keras")
    tf = LazyModule("tensorflow")
