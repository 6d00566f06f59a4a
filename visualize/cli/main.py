"""The command line: visualize METHOD MODEL [IMAGES...]."""

from __future__ import annotations

import difflib
import functools
import re
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from visualize._utils.atomic import check_writable_folder
from visualize._utils.text import printable, shortened
from visualize.cli import bulk as bulk_command
from visualize.cli import options
from visualize.cli.console import OneLineGroup, once, one_line_errors, progress_bar, say
from visualize.errors import InputError
from visualize.models.layers import cam_layer, listed
from visualize.models.safe_loading import check_file
from visualize.report.chooser import COLUMNS, MEANING
from visualize.report.methods import attribution_methods, help_text, method, method_names

if TYPE_CHECKING:
    import keras

    from visualize.plotting.style import Drawing

HELP = """Show what a saved Keras model learned, and why it says what it says.

\b
  visualize methods                                which method to choose
  visualize layers model.keras                     every layer by its path
  visualize saliency model.keras cat.png           which pixels matter
  visualize gradcam model.keras cat.png dog.png    which regions speak for the class
  visualize maximize model.keras --target 3        what the model wants to see
  visualize compare model.keras cat.png            eight methods side by side
  visualize trust model.keras --data mnist:test --index 0-31   which of them to believe
  visualize gallery model.keras --data mnist:test  the figures of seven methods at once
  visualize report model.keras --data mnist:test   everything on one page
  visualize bulk gradcam model.keras --data photos --out maps    the maps of a whole data set

Each figure is written as METHOD-*.png, with its raw values beside it (.npz) and a record of how it was made (.json). The paths
of the files go to standard output, everything else to standard error. Exit status: 0, or 2 for wrong arguments or files.
"""
DRAW_ID = "Of a folder that `visualize bulk` wrote, the image to draw. Repeat it for several in one figure."
DRAW_OUT = "Where to write; the ending says the format, unless --format does.  [default: beside it]"
OLD_OPTIONS = {"--explained": "--input-name"}


class Command(click.Command):
    """A command that takes options by their old names, too, with a note."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with the new names in place of the old ones."""
        end = args.index("--") if "--" in args else len(args)
        known = {flag for parameter in self.params for flag in parameter.opts}
        return super().parse_args(ctx, [*(_with_new_name(argument, known) for argument in args[:end]), *args[end:]])


class Commands(OneLineGroup):
    """The fixed commands and one for each method, imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, the methods last."""
        return [*super().list_commands(ctx), *sorted(method_names())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command by its name."""
        fixed = super().get_command(ctx, cmd_name)
        return method_command(cmd_name) if fixed is None and cmd_name in method_names() else fixed

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, the nearest names with the refusal of an unknown one."""
        near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=5)
        if near and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command {args[0]!r}. Nearest: {listed(near)}.")
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="kerasdemos", prog_name="visualize")
def main() -> None:
    """Run one command."""


def command(**settings: Any) -> Callable[[Callable[..., None]], click.Command]:
    """A fixed command, whose help is its docstring with the example, as that of a method is."""

    def decorated(function: Callable[..., None]) -> click.Command:
        return main.command(cls=Command, help=help_text(function), **settings)(one_line_errors(function))

    return decorated


def method_command(name: str) -> click.Command:
    """The command of one method: its signature as options, its docstring as help."""
    run = one_line_errors(functools.partial(call_method, name))
    text, params = help_text(method(name)), options.method_options(name)
    return Command(name, callback=run, params=params, help=text, short_help=text.split("\n")[0])


def call_method(name: str, model: Path, *, out: Path, unsafe: bool, custom_objects: Sequence[str], **chosen: Any) -> None:
    """Apply one method to one model: open it, load the images, compute and write."""
    chosen = options.check_options(name, chosen)
    opened, drawing = _opened(model, out, unsafe, custom_objects, chosen, maps=name in attribution_methods())
    from visualize.cli import run

    source = run.source_of(opened, chosen) if "images" in chosen else None
    for path in run.run_method(name, opened, out, chosen, source, drawing):
        click.echo(path)


@command(params=[*options.several_models_options(), *options.drawing_options(maps=True)])
def compare(model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], **chosen: Any) -> None:
    """Draw several methods on the same images: one row per image, one column per method.

    With --scale shared the maps of one method have one color scale, so that images can be compared too. With several models,
    named one after the other, there is one row per image and model; each model explains its own prediction, and each map has
    its own scale.

    Example:
        visualize compare model.keras cat.png dog.png --method saliency --method gradcam
        visualize compare small.keras large.keras cat.png --method gradcam
    """
    models, chosen["images"] = options.leading_models(model, chosen["images"])
    chosen = options.check_options("compare", chosen)
    if len(models) > 1:
        for path in models.values():
            check_file(path)
        check_writable_folder("--out", out)
        drawing = options.taken_drawing(chosen)
        from visualize.cli import run

        request = run.report_request(model, out, unsafe, custom_objects, chosen)
        for path in run.run_model_comparison(models, request, drawing):
            click.echo(path)
        return
    opened, drawing = _opened(model, out, unsafe, custom_objects, chosen)
    from visualize.cli import run

    request = run.report_request(model, out, unsafe, custom_objects, chosen)
    for path in run.run_comparison(opened, request, run.source_of(opened, chosen), drawing):
        click.echo(path)


@command(params=options.contrast_options())
def contrast(model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], **chosen: Any) -> None:
    """Draw why one class rather than another: the evidence for the first minus the evidence for the second.

    Example:
        visualize contrast model.keras --data mnist:test --index 18 --target 3 --against 5
    """
    chosen = options.check_options("contrast", chosen)
    opened, drawing = _opened(model, out, unsafe, custom_objects, chosen)
    from visualize.cli import run

    for path in run.run_contrast(opened, out, chosen, run.source_of(opened, chosen), drawing):
        click.echo(path)


@command(params=options.trust_options())
def trust(model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], **chosen: Any) -> None:
    """Measure how far the maps of several methods can be believed, and say which one to believe, or none.

    Each method is measured on the same images beside random pixels, random blocks, the distance to the center and edges: how
    the score falls and rises as its pixels are hidden and shown; whether its map belongs to the class; whether it changes
    when the weights of the model are shuffled, and how much under slight noise. The numbers of a finished method are kept in
    the folder trust-measures and are not computed again. Needs at least six images; better 32.

    Example:
        visualize trust model.keras --data mnist:test --index 0-31 --out trust
        visualize trust model.keras photos/*.jpg --method gradcam --method integrated_gradients
    """
    chosen = options.check_options("trust", chosen)
    opened, drawing = _opened(model, out, unsafe, custom_objects, chosen, maps=False)
    from visualize.cli import run

    for path in run.run_trust(opened, out, chosen, run.source_of(opened, chosen), drawing):
        click.echo(path)


@command(params=options.model_options())
def layers(model: Path, unsafe: bool, custom_objects: Sequence[str]) -> None:
    """List every layer by its path, the attention layers among them, and the layer that Grad-CAM reads by default.

    Example:
        visualize layers model.keras
    """
    check_file(model)
    from rich.console import Console

    from visualize.cli import run
    from visualize.inspection.summary import layer_facts

    facts = layer_facts(run.opened_model(model, unsafe, custom_objects))
    wide = None if sys.stdout.isatty() else 1000  # a pipe gets each layer on one line
    Console(width=wide, highlight=False, markup=False).print(run.layer_table(facts))
    try:
        path, reason = cam_layer(facts)
        click.echo(printable(f"Default CAM layer: {path} ({reason})."))
    except InputError as error:
        click.echo(printable(f"Default CAM layer: none. {error}"))


@command()
@click.option(
    "--by", type=click.Choice(list(COLUMNS.values())), default="CNN", show_default=True, help="The number to sort by."
)
def methods(by: str) -> None:
    """List every method: what it explains a score by, its cost, what it needs, and what it found where the truth is known.

    The first row is chance. `visualize METHOD --help` says when a method misleads.

    Example:
        visualize methods --by ViT
    """
    from rich.console import Console

    from visualize.cli import run

    wide = None if sys.stdout.isatty() else 1000  # a pipe gets each method on one line
    Console(width=wide, highlight=False, markup=False).print(run.choices_table(by))
    say(MEANING)


@command(
    params=[
        click.Argument(["file"], metavar="FILE.npz|DIR", type=click.Path(path_type=Path)),
        click.Option(["--id", "ids"], metavar="ID", multiple=True, help=DRAW_ID),
        click.Option(["--method"], metavar="NAME", help="Of a folder with the maps of several methods, the one to draw."),
        *options.drawing_options(maps=True),
        click.Option(["--out"], metavar="FILE.png|svg|pdf", type=click.Path(path_type=Path), help=DRAW_OUT),
    ]
)
def draw(file: Path, out: Path | None, ids: Sequence[str], method: str | None, **chosen: Any) -> None:
    """Draw the figure of a .npz again, without the model, in the same or another style; or maps of a folder of `bulk`.

    Example:
        visualize draw maps/gradcam-cat.npz --beside --format svg
    """
    from visualize import plotting, results
    from visualize.plotting.render import draw_styled, write_figure_as
    from visualize.plotting.style import FORMATS

    if out is not None and chosen["format"] is None and out.suffix[1:] in FORMATS:
        chosen["format"] = out.suffix[1:]
    drawing = options.taken_drawing(chosen)
    if not file.is_dir() and (ids or method):
        raise InputError(f"`--id` and `--method` choose from a folder of `visualize bulk`. Received: {file}, which is none.")
    loaded = [bulk_command.attribution_of(file, ids, method)] if file.is_dir() else results.load(file)
    own = f"{file.resolve().name}-{loaded[0].method}-{re.sub(r'[^A-Za-z0-9]+', '-', '-'.join(ids))[:80].strip('-')}"
    picture = _picture_name(out, file.with_name(f"{own}.npz") if file.is_dir() else file, drawing.formats)
    try:
        figure = draw_styled(loaded, drawing.style)
        for kind in drawing.formats:
            click.echo(write_figure_as(figure, picture.with_suffix(f".{kind}")))
        if isinstance(loaded[0], results.Tiles) and loaded[0].frames is not None:
            click.echo(plotting.write_gif(loaded[0], picture.with_suffix(".gif")))
    except (InputError, OSError):
        raise
    except Exception as error:  # anybody may have written the file: its parts need not fit together
        raise InputError(
            f"`file` must be a .npz that visualize wrote. Received: {file}, which cannot be drawn: "
            f"{type(error).__name__} {shortened(str(error))}"
        ) from error


@main.group(cls=bulk_command.BulkCommands, help=bulk_command.HELP, short_help="Explain every image of a data set.")
def bulk() -> None:
    """Explain every image of a data set."""


@command(params=options.gallery_options())
def gallery(model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], **chosen: Any) -> None:
    """Write the figures of seven methods at once, modifiers side by side.

    Example:
        visualize gallery model.keras --data mnist:test --per-class --out maps
    """
    chosen = options.check_options("gallery", chosen)
    opened, drawing = _opened(model, out, unsafe, custom_objects, chosen)
    from visualize.cli import run

    for path in run.run_gallery(opened, out, chosen, run.source_of(opened, chosen), drawing):
        click.echo(path)


@command(params=options.report_options())
def report(model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], **chosen: Any) -> None:
    """Write one page, report.html, that shows a model and why it says what it says of each image.

    The page shows the model's card, layers and training, its filters, an input for each class, and for each image the
    predictions and a figure of several methods; each with the command that draws the picture again. The page needs no other
    file and no internet, and is at most 10 MB. The pictures in full size, their values and records are written beside it.
    Without images the report is on the model alone. With --trust, and at least six images, it says which methods to believe.

    Example:
        visualize report model.keras cat.png dog.png --out report
        visualize report model.keras --data mnist:test --index 0-15 --trust --out report
    """
    chosen = options.check_options("report", chosen)
    opened, _ = _opened(model, out, unsafe, custom_objects, chosen)
    from visualize.cli import run
    from visualize.report.build import build_report

    request = run.report_request(model, out, unsafe, custom_objects, chosen)
    with once():
        for path in build_report(request, opened, note=run.note, progress=progress_bar):
            if path.name == "summary.txt" and sys.stderr.isatty():
                click.echo(path.read_text(encoding="utf-8"), err=True)
            click.echo(path)


@command()
@click.argument("history", metavar="HISTORY.csv", type=click.Path(path_type=Path))
@click.option("--out", metavar="FILE.png", type=click.Path(path_type=Path), help="Where to write.  [default: beside it]")
def curves(history: Path, out: Path | None) -> None:
    """Draw training curves, from a file such as Keras' CSVLogger writes.

    Example:
        visualize curves outputs/digits_cnn/history.csv
    """
    from visualize import plotting
    from visualize.data.history import read_history

    click.echo(plotting.write_png(plotting.draw(read_history(history)), _picture_name(out, history)))


def _picture_name(out: Path | None, source: Path, formats: Sequence[str] = ("png",)) -> Path:
    """The name of a picture: the one that was given, or that of the file it is drawn from."""
    if out is not None and (out.suffix[1:] not in formats or out.is_dir()):
        kinds = " or ".join(f".{kind}" for kind in formats)
        raise InputError(f"`--out` must be the name of a {kinds} file. Received: {out}.")
    return out or source.with_suffix(f".{formats[0]}")


def _with_new_name(argument: str, known: Collection[str]) -> str:
    """An argument of the command line, with a note and the new name if it is one of the known options by its old name."""
    old, equals, value = argument.partition("=")
    if OLD_OPTIONS.get(old) not in known:
        return argument
    say(f"Note: {old} is called {OLD_OPTIONS[old]} now.")
    return f"{OLD_OPTIONS[old]}{equals}{value}"


def _opened(
    model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], chosen: dict[str, Any], *, maps: bool = True
) -> tuple[keras.Model, Drawing]:
    """The model, after everything that can be checked without TensorFlow; and the drawing, taken out of the options."""
    check_file(model)
    check_writable_folder("--out", out)
    drawing = options.taken_drawing(chosen, maps=maps)
    from visualize.cli import run

    return run.opened_model(model, unsafe, custom_objects, chosen.get("input_range")), drawing
