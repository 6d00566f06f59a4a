"""The methods by name: every function that a module of three packages lists in its `__all__`."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

from visualize import attribution, feature_visualization, inspection

PACKAGES = (attribution, feature_visualization, inspection)


@functools.cache
def method_names() -> dict[str, str]:
    """The name of every method, and of the module that holds it. The modules import neither TensorFlow nor Keras."""
    names: dict[str, str] = {}
    for package in PACKAGES:
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not module.ispkg:
                names.update(dict.fromkeys(getattr(importlib.import_module(module.name), "__all__", ()), module.name))
    return names


def method(name: str) -> Callable[..., Any]:
    """The function of a method."""
    return getattr(importlib.import_module(method_names()[name]), name)


def attribution_methods() -> list[str]:
    """The names of the methods that explain images, each with an Attribution."""
    names = sorted(method_names())
    return [name for name in names if inspect.signature(method(name)).return_annotation == "Attribution"]


def takes(function: Callable[..., Any], parameter: str) -> bool:
    """Whether a method has a parameter of that name."""
    return parameter in inspect.signature(function).parameters


def summary_line(name: str) -> str:
    """The first line of a method's docstring: what it gives."""
    return (inspect.getdoc(method(name)) or "").split("\n")[0]
