"""The methods: every function that a module of three packages lists in its `__all__`, and what its docstring says."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import textwrap
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


def takes(function: Callable[..., object], parameter: str) -> bool:
    """Whether a method has a parameter of that name."""
    return parameter in inspect.signature(function).parameters


def summary_line(name: str) -> str:
    """The first line of a method's docstring: what it gives."""
    return (inspect.getdoc(method(name)) or "").split("\n")[0]


def argument_help(function: Callable[..., object]) -> dict[str, str]:
    """The text of each entry of a docstring's Args section, with a capital letter."""
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w|\Z)", section(function, "Args"), re.MULTILINE | re.DOTALL)
    return {name: " ".join((text[:1].upper() + text[1:]).split()) for name, text in entries}


def help_text(function: Callable[..., object]) -> str:
    """The docstring up to its sections, what it returns, what is to be known before it is believed, and its example."""
    head = re.split(r"^\w+:$", inspect.cleandoc(function.__doc__ or ""), maxsplit=1, flags=re.MULTILINE)[0].strip()
    titles = {"Result": "Returns", "Cost": "Cost", "Needs": "Needs", "Misleads": "Misleads"}
    told = {title: " ".join(section(function, name).split()) for title, name in titles.items()}
    example = inspect.cleandoc(section(function, "Example"))
    parts = [head, *(f"{title}: {text}" for title, text in told.items() if text)]
    parts.append("\b\nExample:\n" + textwrap.indent(example, "  ") if example else "")
    return "\n\n".join(part for part in parts if part)


def section(function: Callable[..., object], name: str) -> str:
    """The body of a docstring's section, indented as in the docstring; "" if there is none."""
    text = inspect.cleandoc(function.__doc__ or "")
    section = re.search(rf"^{name}:\n(.*?)(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL)
    return section.group(1) if section else ""
