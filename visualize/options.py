"""Options: what the commands ask of a person."""

from __future__ import annotations

from pathlib import Path

import click

from visualize import commands
from visualize.precision import PRECISIONS


def of_the_model() -> list[click.Parameter]:
    """The model, and what opening it needs."""
    return [
        click.Argument(["model"], metavar="MODEL", type=click.Path(path_type=Path)),
        click.Option(
            ["--unsafe"], is_flag=True, help="Let the file run code of its own (Lambda layers). Only if you trust its author."
        ),
        click.Option(
            ["--custom-objects"],
            metavar="MODULE",
            multiple=True,
            help="Python module to import first: it registers the model's classes.",
        ),
    ]


def of_the_images() -> list[click.Parameter]:
    """The images, from files or from a data set."""
    return [
        click.Argument(["images"], metavar="[IMAGES]...", nargs=-1, type=click.Path(path_type=Path)),
        click.Option(["--data"], metavar="NAME:PART", help="A named data set such as mnist:test or idx:DIR, or a .npz file."),
        click.Option(["--index"], metavar="N,N,...", help="Which images of the data set.  [default: 0]"),
        click.Option(
            ["--per-class"],
            is_flag=True,
            help="The first image of each class, each explained for its own class, as one sheet.",
        ),
        click.Option(["--sheet"], is_flag=True, help="All images in one figure; by default each has its own."),
    ]


def of_the_target(text: str) -> click.Parameter:
    """The class to explain."""
    return click.Option(["--target"], metavar="T", multiple=True, help=f"{text} Repeat it for several.")


def of_the_score() -> list[click.Parameter]:
    """Which scores are meant, where a model has more than one row of them for an image."""
    return [
        click.Option(["--output"], metavar="NAME", help="Name of the output to explain, for a model of several outputs."),
        click.Option(
            ["--region"],
            type=int,
            nargs=4,
            metavar="TOP LEFT HEIGHT WIDTH",
            help="Which pixels of an output that is an image the score is the mean of; by default all.",
        ),
    ]


def of_every_method() -> list[click.Parameter]:
    """What every method that explains images takes, for a command that runs several."""
    return [
        click.Option(["--explained"], metavar="INPUT", help="Name of the input to explain, for a model of several inputs."),
        click.Option(["--batch-size"], type=int, help="Images at a time; by default as many as suit their size."),
        click.Option(
            ["--precision"],
            type=click.Choice(PRECISIONS),
            default="float32",
            show_default=True,
            help="In which the model computes: bfloat16 is faster where the hardware has it, and auto takes it there.",
        ),
    ]


def of_the_run() -> list[click.Parameter]:
    """What black and white are, and where to write."""
    return [
        click.Option(
            ["--input-range"],
            type=float,
            nargs=2,
            metavar="LOW HIGH",
            help="What black and white are for the model; by default its card says.",
        ),
        click.Option(
            ["--out"],
            type=click.Path(path_type=Path),
            default=Path(),
            metavar="DIR",
            help="Where to write.  [default: here]",
        ),
    ]


def of_a_method(name: str) -> list[click.Parameter]:
    """Everything that the command of one method asks, read off its function."""
    function = commands.method(name)
    found = of_the_model()
    if commands.takes(function, "images"):
        found += of_the_images()
    if commands.takes(function, "target"):
        found.append(of_the_target(commands.argument_help(function)["target"]))
        found += of_the_score() if commands.takes(function, "images") else []
    return found + commands.options_of(function) + of_the_run()
