"""TensorFlow, imported when it is first used: `--help` must not cost four seconds."""

import importlib
import os
from typing import Any


class LazyModule:
    """A module that is imported when one of its names is first asked for."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no word on instruction sets: what fails raises
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)  # the next look-up is a plain attribute
        return value


keras = LazyModule("keras")
tf = LazyModule("tensorflow")
