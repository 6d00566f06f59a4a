"""Commands: a method's signature becomes options, its docstring becomes help.

A method is added in one file. Whatever its function takes by keyword only is an option of the same name; a parameter
`images` asks for pictures, a parameter `target` for a class; the text of `--help` is the docstring's.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

import click

from visualize import attribution, feature_visualization, inspection

PACKAGES = (attribution, feature_visualization, inspection)  # that hold methods


def method_names() -> dict[str, str]:
    """Every method and the module that holds it."""
    found = {}
    for package in PACKAGES:
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not module.ispkg:
                found.update(dict.fromkeys(getattr(importlib.import_module(module.name), "__all__", ()), module.name))
    return found


def method(name: str) -> Callable:
    """The function of a method."""
    return getattr(importlib.import_module(method_names()[name]), name)


def explaining() -> list[str]:
    """The methods that explain images, each with an Attribution."""
    names = sorted(method_names())
    return [name for name in names if inspect.signature(method(name)).return_annotation == "Attribution"]


def takes(function: Callable, parameter: str) -> bool:
    """Whether a method has a parameter of that name."""
    return parameter in inspect.signature(function).parameters


def options_of(function: Callable) -> list[click.Option]:
    """A click option for each keyword-only parameter of a simple type; others are for Python only."""
    hints, help_texts = typing.get_type_hints(function), argument_help(function)
    options = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY or name == "input_range":
            continue  # --input-range is an option of every command
        option = _option(name, hints[name], parameter.default, help_texts.get(name, ""))
        if option is not None:
            options.append(option)
    return options


def choices_of(function: Callable) -> dict[str, tuple[str, ...]]:
    """The options of a method that are a choice among words or none of them; each can be repeated."""
    hints = {name: hint for name, hint in typing.get_type_hints(function).items() if _optional(hint)}
    kinds = {name: _kinds(hint) for name, hint in hints.items()}
    return {name: typing.get_args(kind) for name, (kind, *_) in kinds.items() if typing.get_origin(kind) is typing.Literal}


def argument_help(function: Callable) -> dict[str, str]:
    """The text of each entry of a docstring's Args section."""
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w|\Z)", _section(function, "Args"), re.MULTILINE | re.DOTALL)
    return {name: " ".join(body.split()) for name, body in entries}


def long_help(function: Callable) -> str:
    """The docstring up to its sections, what it returns, and its example."""
    head = re.split(r"^\w+:$", inspect.cleandoc(function.__doc__ or ""), maxsplit=1, flags=re.MULTILINE)[0].strip()
    returned = " ".join(_section(function, "Returns").split())
    example = inspect.cleandoc(_section(function, "Example"))
    parts = [head, f"Result: {returned}" if returned else "", f"\b\nExample:\n  {example}" if example else ""]
    return "\n\n".join(part for part in parts if part)


class _NumberOrWord(click.ParamType):
    """A number where it reads as one; else the word, for the method to judge."""

    name = "number or word"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        """As click asks."""
        try:
            return float(value)
        except ValueError:
            return value


def _section(function: Callable, name: str) -> str:
    """The body of a docstring's section, indented as it stands there; "" where there is none."""
    text = inspect.cleandoc(function.__doc__ or "")
    found = re.search(rf"^{name}:\n(.*?)(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def _option(name: str, hint: Any, default: Any, text: str) -> click.Option | None:
    flag = "--" + name.replace("_", "-")
    kinds = _kinds(hint)
    metavar = {"layer": "PATH", "whole_layer": "PATH", "input_name": "INPUT"}.get(name)
    if kinds == (str, Sequence[str]):
        return click.Option([flag], multiple=True, metavar=metavar, help=text)
    if kinds[:2] == (float, str):
        return click.Option([flag], type=_NumberOrWord(), default=default, help=text)
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal and not _optional(hint):
        return click.Option([flag], type=click.Choice(arguments), default=default, show_default=True, help=text)
    if origin is typing.Literal:
        choices = click.Choice([*arguments, "none"])
        return click.Option([flag], type=choices, multiple=True, help=f"{text} Repeat it for several columns in one figure.")
    if origin is tuple and all(one in (int, float) for one in arguments):
        metavar = "LOW HIGH" if arguments[0] is float else "HEIGHT WIDTH"
        return click.Option([flag], type=arguments[0], nargs=len(arguments), default=default, metavar=metavar, help=text)
    if kind in (int, float, str):
        return click.Option([flag], type=kind, default=default, show_default=default is not None, metavar=metavar, help=text)
    return None


def _optional(hint: Any) -> bool:
    """Whether an annotation allows None."""
    return type(None) in typing.get_args(hint)


def _kinds(hint: Any) -> tuple[Any, ...]:
    """The types of an annotation, without None."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return tuple(kind for kind in typing.get_args(hint) if kind is not type(None)) if union else (hint,)
