"""The command line: visualize METHOD MODEL [IMAGES...]."""

from __future__ import annotations

import difflib
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from visualize._utils.atomic import check_writable_folder
from visualize._utils.text import printable, shortened
from visualize.cli import commands, options
from visualize.cli.console import OneLineGroup, once, one_line_errors, say
from visualize.errors import InputError
from visualize.models.layers import cam_layer, listed
from visualize.models.safe_loading import check_file

HELP = """Show what a saved Keras model learned, and why it says what it says.

\b
  visualize layers model.keras                     every layer by its path
  visualize saliency model.keras cat.png           which pixels matter
  visualize gradcam model.keras cat.png dog.png    which places speak for the class
  visualize maximize model.keras --target 3        what the model wants to see
  visualize compare model.keras cat.png            eight methods side by side
  visualize gallery model.keras --data mnist:test  the figures of seven methods at once
  visualize report model.keras --data mnist:test   all of it in one page

Each figure is written as METHOD-*.png, with its raw values beside it (.npz) and a record of how it was made (.json). The paths
that were written go to standard output, all else to standard error. Exit status: 0, or 2 for a mistake in what was asked.
"""
GALLERY = ("summary", "filters", "features", "maximize", "occlusion", "saliency", "gradcam")


class Commands(OneLineGroup):
    """The fixed commands and one for each method, imported when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        """All of them, the methods last."""
        return [*super().list_commands(context), *sorted(commands.method_names())]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """One command by its name."""
        found = super().get_command(context, name)
        if found is None and name in commands.method_names():
            found = method_command(name)
        return found

    def resolve_command(self, context: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, the nearest names with the refusal of an unknown one."""
        near = difflib.get_close_matches(args[0], self.list_commands(context), n=5)
        if near and self.get_command(context, args[0]) is None:
            context.fail(f"No such command {args[0]!r}. Nearest: {listed(near)}.")
        return super().resolve_command(context, args)


@click.group(
    cls=Commands,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="kerasdemos", prog_name="visualize")
def main() -> None:
    """Run one command."""


def command(**settings: Any) -> Callable:
    """A fixed command, whose help is its docstring, its example included, as that of a method is."""

    def made(function: Callable) -> click.Command:
        return main.command(help=commands.long_help(function), **settings)(one_line_errors(function))

    return made


def method_command(name: str) -> click.Command:
    """The command of one method, read off its function."""
    run = one_line_errors(functools.partial(run_method, name))
    text = commands.long_help(commands.method(name))
    return click.Command(name, callback=run, params=options.of_a_method(name), help=text, short_help=text.split("\n")[0])


def run_method(name: str, model: Path, *, out: Path, unsafe: bool, custom_objects: Sequence[str], **asked: Any) -> None:
    """One method on one model: open, gather, compute, write."""
    asked = options.checked(name, asked)
    opened = _opened(model, out, unsafe, custom_objects, asked)
    from visualize.cli import run as running

    source = running.source_of(opened, asked) if "images" in asked else None
    for path in running.run(name, opened, out, asked, source):
        click.echo(path)


@command(params=options.of_a_comparison())
def compare(model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], **asked: Any) -> None:
    """Draw several methods on the same images: a row an image, a column a method.

    The maps of one method share one scale, so that images can be compared too.

    Example:
        visualize compare model.keras cat.png dog.png --method saliency --method gradcam
    """
    asked = options.checked("compare", asked)
    opened = _opened(model, out, unsafe, custom_objects, asked)
    from visualize.cli import run as running

    for path in running.run_comparison(opened, out, asked, running.source_of(opened, asked)):
        click.echo(path)


@command(
    params=[
        *options.of_the_model(),
        *options.of_the_images(),
        options.of_the_target("The first class; by default the model's own choice."),
        click.Option(
            ["--against"],
            metavar="T",
            multiple=True,
            help="The second class; by default the likeliest beside the first. Repeat it for several.",
        ),
        click.Option(
            ["--method"],
            type=click.Choice(commands.explaining()),
            default="integrated_gradients",
            show_default=True,
            help="That explains both.",
        ),
        *options.of_the_score(),
        *options.of_every_method(),
        *options.of_the_run(),
    ]
)
def contrast(model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], **asked: Any) -> None:
    """Draw why one class rather than another: the evidence for the first minus the evidence for the second.

    Example:
        visualize contrast model.keras --data mnist:test --index 18 --target 3 --against 5
    """
    asked = options.checked("contrast", asked)
    opened = _opened(model, out, unsafe, custom_objects, asked)
    from visualize.cli import run as running

    for path in running.run_contrast(opened, out, asked, running.source_of(opened, asked)):
        click.echo(path)


@command(params=options.of_the_model())
def layers(model: Path, unsafe: bool, custom_objects: Sequence[str]) -> None:
    """List every layer by its path, and the layer that Grad-CAM reads by default.

    Example:
        visualize layers model.keras
    """
    check_file(model)
    from rich.console import Console
    from rich.table import Table

    from visualize.cli.run import opened_model
    from visualize.inspection.summary import layer_facts

    facts = layer_facts(opened_model(model, unsafe, custom_objects))
    table = Table("layer", "class", "output", "parameters", "CAM", "kernels", box=None, header_style="bold")
    table.columns[0].no_wrap = True
    table.columns[3].justify = "right"
    for fact in facts:
        shape = " x ".join("?" if size is None else str(size) for size in fact.shape[1:])
        cam, kernels = ("yes" if mark else "" for mark in (fact.spatial and fact.within, fact.has_kernels))
        table.add_row(printable(fact.path), printable(fact.kind), shape, f"{fact.parameters:,}", cam, kernels)
    wide = None if sys.stdout.isatty() else 1000  # a pipe gets each layer on one line
    Console(width=wide, highlight=False, markup=False).print(table)
    try:
        path, reason = cam_layer(facts)
        click.echo(printable(f"Default CAM layer: {path} ({reason})."))
    except InputError as error:
        click.echo(printable(f"Default CAM layer: none. {error}"))


@command()
@click.argument("file", metavar="FILE.npz", type=click.Path(path_type=Path))
@click.option("--out", metavar="FILE.png", type=click.Path(path_type=Path), help="Where to write.  [default: beside it]")
def draw(file: Path, out: Path | None) -> None:
    """Draw the figure of a .npz again, without the model.

    Example:
        visualize draw maps/gradcam-cat.npz
    """
    from visualize import plotting, results

    picture = _png_name(out, file)
    loaded = results.load(file)
    try:
        click.echo(plotting.write_png(plotting.draw(loaded), picture))
        if isinstance(loaded[0], results.Tiles) and loaded[0].frames is not None:
            click.echo(plotting.write_gif(loaded[0], picture.with_suffix(".gif")))
    except (InputError, OSError):
        raise
    except Exception as error:  # anybody can have written the file: its parts need not fit together
        raise InputError(
            f"`file` must be a .npz that visualize wrote. Received: {file}, which cannot be drawn: "
            f"{type(error).__name__} {shortened(str(error))}"
        ) from error


@command(
    params=[
        *options.of_the_model(),
        *options.of_the_images(),
        *(one for one in options.of_every_method() if one.name == "input_name"),
        *options.of_the_run(),
    ]
)
def gallery(model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], **asked: Any) -> None:
    """Write the figures of seven methods at once, modifiers side by side.

    Example:
        visualize gallery model.keras --data mnist:test --per-class --out maps
    """
    asked = options.checked("gallery", asked)
    opened = _opened(model, out, unsafe, custom_objects, asked)
    from visualize.cli import run as running

    everything = running.source_of(opened, asked)  # images that cannot be read are a mistake: nothing is drawn
    for name in GALLERY:
        choices = commands.choices_of(commands.method(name))
        wanted = {**asked, **{option: ("none", *values) for option, values in choices.items()}}
        source = everything
        if name == "features":  # one picture is enough where each gives a whole figure
            wanted, source = {**wanted, "images": asked["images"][:1], "per_class": False}, everything.first()
        try:
            paths = list(running.run(name, opened, out, wanted, source))
        except InputError as error:
            paths = _without(choices, name, opened, out, wanted, source, error)
        for path in paths:
            click.echo(path)


@command(params=options.of_a_command("report"))
def report(model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], **asked: Any) -> None:
    """Write one page, report.html, that shows a model and why it says what it says of each image.

    The model's card, layers and training, its filters, an input for each class, and for each image the predictions and a sheet
    of methods; with the command that draws each picture again. The page needs no other file, is at most 10 MB and asks nothing
    of the network. The pictures in full size, their values and records are written beside it. Without images it is of the
    model alone.

    Example:
        visualize report model.keras cat.png dog.png --out report
    """
    asked = options.checked("report", asked)
    opened = _opened(model, out, unsafe, custom_objects, asked)
    from visualize.report.build import report as written

    given = {**asked, "model": model, "out": out, "unsafe": unsafe, "custom_objects": custom_objects}
    with once():
        for path in written(opened, given):
            click.echo(path)


@command()
@click.argument("history", metavar="HISTORY.csv", type=click.Path(path_type=Path))
@click.option("--out", metavar="FILE.png", type=click.Path(path_type=Path), help="Where to write.  [default: beside it]")
def curves(history: Path, out: Path | None) -> None:
    """Draw what a training measured, from a file such as Keras' CSVLogger writes.

    Example:
        visualize curves outputs/digits_cnn/history.csv
    """
    from visualize import plotting
    from visualize.data.history import read_history

    click.echo(plotting.write_png(plotting.draw(read_history(history)), _png_name(out, history)))


def _png_name(out: Path | None, source: Path) -> Path:
    """The name of a picture that was asked for, or that of what it is drawn from."""
    if out is not None and (out.suffix != ".png" or out.is_dir()):
        raise InputError(f"`--out` must be the name of a .png file. Received: {out}.")
    return out or source.with_suffix(".png")


def _without(choices: Any, name: str, opened: Any, out: Path, wanted: dict, source: Any, error: InputError) -> list[Path]:
    """A figure of the gallery once more, without the choices that this model does not allow; and a word on what is missing."""
    from visualize.cli import run as running

    try:
        paths = list(running.run(name, opened, out, {**wanted, **dict.fromkeys(choices)}, source)) if choices else []
    except InputError:
        paths = []
    say(f"Note: no {name}{f' with a {next(iter(choices))}' if paths else ''}. {error}")
    return paths


def _opened(model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], asked: dict[str, Any]) -> Any:
    """The model, when all that can be told to be wrong without TensorFlow is right."""
    check_file(model)
    check_writable_folder("--out", out)
    from visualize.cli import run as running

    return running.opened_model(model, unsafe, custom_objects, asked["input_range"])
