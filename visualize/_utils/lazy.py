"""TensorFlow and Keras, imported when they are first used: `--help` must not cost four seconds."""

import importlib
import os
from typing import TYPE_CHECKING, Any


class LazyModule:
    """A module that is imported when one of its attributes is first read."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no notices about instruction sets: what fails raises
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)  # the next look-up is a plain attribute
        return value


if TYPE_CHECKING:  # to editors and type checkers they are the modules themselves
    import keras as keras
    import tensorflow as tf
else:
    keras = LazyModule("keras")
    tf = LazyModule("tensorflow")
