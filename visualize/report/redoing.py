"""Redoing: a figure is drawn from the words of the very command line that draws it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from visualize.cli import options
from visualize.cli import run as running
from visualize.data.loading import Source
from visualize.models.layers import describe

OF_THE_COMMAND = ("model", "out", "unsafe", "custom_objects")  # what a command settles before its method is asked


@dataclass(frozen=True)
class Given:
    """What a command line said, for other commands to be made of it.

    Attributes:
        model: the open model.
        values: every option by its name.
        names: of the classes as the model's card has them: a data set names them only in a command that reads it.
    """

    model: Any
    values: Mapping[str, Any]
    names: tuple[str, ...]

    @property
    def out(self) -> Path:
        """The folder to write to."""
        return self.values["out"]

    @property
    def asked(self) -> dict[str, Any]:
        """The options but for those that every command has."""
        return {name: value for name, value in self.values.items() if name not in OF_THE_COMMAND}

    def words(self, name: str, **instead: Any) -> list[str]:
        """The words of one command: all that was said and that it knows, but for what is said instead."""
        values, arguments, flags = {**self.values, **instead}, [], []
        for parameter in options.of_a_command(name):
            value = values.get(parameter.name)
            if isinstance(value, tuple) and parameter.nargs == 1 and not parameter.multiple:  # --index 0,1
                value = ",".join(map(str, value))
            if isinstance(parameter, click.Argument):
                arguments += [argument(one) for one in (value if parameter.nargs == -1 else [value])]
            elif value not in (None, (), False, parameter.default):
                for one in value if parameter.multiple else [value]:
                    flags.append(parameter.opts[0])
                    flags += [] if parameter.is_flag else [str(part) for part in (one if parameter.nargs > 1 else [one])]
        return [name, *arguments, *flags]

    def parsed(self, words: Sequence[str]) -> dict[str, Any]:
        """The options that a command gets from such words."""
        name, *rest = words
        context = click.Command(name, params=options.of_a_command(name)).make_context(name, rest)
        return options.checked(name, context.params)

    def source(self, words: Sequence[str]) -> Source:
        """The images of a command."""
        self._forget()
        return running.source_of(self.model, self.parsed(words))

    def draw(self, words: Sequence[str]) -> list[Path]:
        """Do what the command line of these words does, with the open model; the paths that it wrote, the figure's first.

        Raises:
            InputError: what the command says that was asked wrongly.
        """
        self._forget()
        name, asked = words[0], self.parsed(words)
        out = asked["out"]
        asked = {key: value for key, value in asked.items() if key not in OF_THE_COMMAND}
        if name == "compare":
            return list(running.run_comparison(self.model, out, asked, running.source_of(self.model, asked)))
        return list(running.run(name, self.model, out, asked, None))

    def _forget(self) -> None:
        """Take back the class names that another command's data set gave."""
        describe(self.model, class_names=self.names)


def shell(words: Sequence[str]) -> str:
    """The words as one line for a shell, whatever they hold."""
    return shlex.join(["visualize", *words])


def argument(value: Any) -> str:
    """An argument that cannot be taken for an option."""
    return f"./{value}" if str(value).startswith("-") else str(value)
