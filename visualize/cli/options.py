"""Options: what the commands ask of a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from visualize.cli import commands
from visualize.engine.precision import PRECISIONS
from visualize.errors import InputError


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
        click.Option(
            ["--data"], metavar="NAME:PART", help="A named data set such as mnist:test or idx:DIR, or a .npz or .npy file."
        ),
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
        click.Option(["--input-name"], metavar="INPUT", help="Name of the input to explain, for a model of several inputs."),
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


def of_a_comparison() -> list[click.Parameter]:
    """Everything that `compare` asks."""
    return [
        *of_the_model(),
        *(one for one in of_the_images() if one.name != "sheet"),
        click.Option(
            ["--method"],
            type=click.Choice(commands.explaining()),
            multiple=True,
            help="A column of the figure. Repeat it for several; by default eight that show the families.",
        ),
        of_the_target("Class to explain; by default the model's own choice."),
        *of_the_score(),
        *of_every_method(),
        *of_the_run(),
    ]


def of_a_command(name: str) -> list[click.Parameter]:
    """Everything that a command asks; a report asks what a comparison does."""
    return of_a_comparison() if name in ("compare", "report") else of_a_method(name)


def checked(name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The options, with what can be told to be wrong told before TensorFlow is imported.

    Raises:
        InputError: options that exclude each other, that choose from what was not named, or whose values are none.
    """
    low_high = asked.get("input_range")
    if low_high and not low_high[0] < low_high[1]:
        raise InputError(f"`--input-range` must be LOW HIGH, low < high. Received: {low_high[0]:g} {low_high[1]:g}.")
    if "images" not in asked:
        return asked
    if name == "report" and not asked["images"] and not asked["data"]:
        return _without_images(asked)
    if bool(asked["images"]) == bool(asked["data"]):
        given = "both" if asked["data"] else "neither"
        raise InputError(f"`{name}` needs either IMAGES or --data, such as --data mnist:test. Received: {given}.")
    if asked["data"] is None and (asked["index"] is not None or asked["per_class"]):
        raise InputError("`--index` and `--per-class` choose from a data set: name it with --data.")
    if asked["index"] is not None and asked["per_class"]:
        raise InputError("`--index` and `--per-class` exclude each other: both choose the images.")
    try:
        index = tuple(int(part) for part in asked["index"].split(",")) if asked["index"] is not None else None
    except ValueError:
        raise InputError(f"`--index` must be whole numbers with commas between. Received: {asked['index']!r}.") from None
    return {**asked, "index": index}


def _without_images(asked: dict[str, Any]) -> dict[str, Any]:
    """The options of a report on a model alone."""
    idle = {**asked, "precision": asked["precision"] != "float32"}
    for one in ("index", "per_class", "method", "target", "output", "region", "precision"):
        if idle[one]:
            raise InputError(f"`--{one.replace('_', '-')}` needs images: name IMAGES or --data. Received: neither.")
    return asked
