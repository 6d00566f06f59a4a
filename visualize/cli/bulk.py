"""visualize bulk METHOD MODEL: the maps of a whole data set, from the options to the folder."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from visualize._utils.atomic import check_writable_folder
from visualize.cli import options
from visualize.cli.console import busy, import_tensorflow, one_line_errors, say, uncollected, warnings_as_notes
from visualize.errors import InputError
from visualize.models.safe_loading import check_file
from visualize.report.methods import attribution_methods, help_text, method

if TYPE_CHECKING:
    from visualize.bulk.run import Progress
    from visualize.results import Attribution

HELP = """Explain every image of a data set, and keep maps, scores and statistics in a folder.

The work is cut into shards, and each appears in the folder whole or not at all: a run that was interrupted goes on with the
same command, and the folder is the same, byte for byte, as if nothing had happened. A picture that cannot be read is a row
with its error. One machine, its processes (--workers), several runs (--shard) or a Dask cluster (--scheduler) share the work.
The options of a method: visualize bulk gradcam --help. A map of the folder: visualize draw maps --id cats/7.png.

\b
Example:
  visualize bulk gradcam model.keras --data photos --out maps --method saliency
"""
OWN_HELP = """The maps of {name} for a whole data set. {line}

\b
Example:
  visualize bulk {name} model.keras --data photos --out maps
"""
LINE_EVERY = 30  # seconds, where standard error is no terminal
COMMON = ("input_name", "batch_size", "precision")  # of every method
RUN = ("target", "output", "maps", "at", "table", "shard", "workers", "scheduler", "shard_size", "resize", "input_range")


def attribution_of(folder: Path, ids: Sequence[str], method_name: str | None) -> Attribution:
    """The maps of some images of a bulk folder, to be drawn; the model is opened for the images.

    Raises:
        InputError: it is no such folder, or has no such image or method.
    """
    if not ids:
        raise InputError(f"`--id` must name an image of {folder}, as its table does. Received: none.")
    with warnings_as_notes(), busy("opening the model"), uncollected():
        import_tensorflow()
        from visualize.bulk.reading import open_bulk

        return open_bulk(folder).attribution(ids, method_name)


class BulkCommands(click.Group):
    """A command for each method that explains images."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the methods."""
        return attribution_methods()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of one method."""
        return _command(cmd_name) if cmd_name in attribution_methods() else None


def bulk_options(name: str) -> list[click.Parameter]:
    """All options of `visualize bulk` with one method."""
    source = "A folder of pictures, a pattern, a list (.txt, .csv), .npy, .npz, Zarr, or a data set: mnist:test, idx:DIR."
    target = "Class to explain in all images; label for each image's own; by default the model's own prediction."
    methods = "Another method over the same reading, with its defaults. Repeat it for several."
    maps = "Numbers in which maps are kept; none keeps the table alone."
    at = "layer keeps a class activation map at the resolution of its layer."
    table = "Format of the table.  [default: parquet where pyarrow is installed, else csv]"
    shard = "Do the N-th of OF parts, such as 3/16, one on each machine."
    scheduler = "A Dask scheduler whose workers share the work: tcp://HOST:8786."
    numbers, places = click.Choice(["float16", "float32", "none"]), click.Choice(["image", "layer"])
    (resize,) = (option for option in options.image_options() if option.name == "resize")
    (output,) = (option for option in options.score_options() if option.name == "output")
    folder = click.Path(path_type=Path)
    return [
        *options.model_options(),
        click.Option(["--data"], metavar="SOURCE", required=True, help=source),
        click.Option(["--out"], type=folder, required=True, metavar="DIR", help="Folder to write to, and to go on in."),
        click.Option(["--method"], type=click.Choice(attribution_methods()), multiple=True, help=methods),
        click.Option(["--target"], metavar="T", help=target),
        output,
        *map(_of_one_column, options.signature_options(method(name))),
        resize,
        *options.pixel_options(),
        click.Option(["--maps"], type=numbers, default="float16", show_default=True, help=maps),
        click.Option(["--at"], type=places, default="image", show_default=True, help=at),
        click.Option(["--table"], type=click.Choice(["parquet", "csv"]), help=table),
        click.Option(["--shard"], metavar="N/OF", help=shard),
        click.Option(["--workers"], type=int, metavar="N", help="Processes on this machine that share the work."),
        click.Option(["--scheduler"], metavar="ADDRESS", help=scheduler),
        click.Option(["--shard-size"], type=int, metavar="N", help="Images in a shard.  [default: 16 to 1024, by their size]"),
    ]


def _of_one_column(option: click.Option) -> click.Option:
    """An option that can be repeated for the columns of a figure, with the help of a run, which has one value."""
    option.help = (option.help or "").replace(" Repeat it for several columns in one figure.", "")
    return option


def run(name: str, model: Path, out: Path, data: str, unsafe: bool, custom_objects: Sequence[str], **chosen: Any) -> None:
    """Explain a data set by one method, and by those of --method.

    Raises:
        InputError: model, data or an option that does not fit.
    """
    check_file(model)
    check_writable_folder("--out", out)
    own = {key: _single(key, value) for key, value in chosen.items() if key not in (*RUN, *COMMON, "method")}
    others = {other: {} for other in chosen["method"]}
    if name in others:
        raise InputError(f"`--method` must name others than {name}, which is done anyway.")
    methods = {name: {key: value for key, value in own.items() if value is not None}, **others}
    keywords = {key: chosen[key] for key in (*RUN, *COMMON) if chosen.get(key) is not None}
    keywords["shard"] = _part(chosen["shard"])
    with warnings_as_notes(), _progress() as progress:
        with uncollected():
            import_tensorflow()
            from visualize.bulk.run import run_bulk
        bulk = run_bulk(model, data, methods, out, unsafe=unsafe, custom_objects=custom_objects, progress=progress, **keywords)
    errors = bulk.errors()
    if errors:
        first = next(iter(errors.items()))
        say(f"Note: {len(errors):,} of {len(bulk):,} images could not be read; the first, {first[0]}: {first[1]}")
    if not bulk.complete:
        say(f"Note: {out} lacks shards of other runs; it is complete when each of them is done.")
    for path in (out / "manifest.json", out / f"table.{bulk.settings['table']}"):
        if path.is_file():
            click.echo(path)


@functools.cache
def _command(name: str) -> click.Command:
    """The command of one method."""
    line = help_text(method(name)).split("\n")[0]
    callback = one_line_errors(functools.partial(run, name))
    return click.Command(
        name, callback=callback, params=bulk_options(name), help=OWN_HELP.format(name=name, line=line), short_help=line
    )


def _single(name: str, value: Any) -> Any:
    """The value of an option that a figure may have several of, and a bulk run one."""
    if not isinstance(value, tuple) or name not in ("layer", "modifier"):
        return value or None if isinstance(value, tuple) else value
    if len(value) > 1 and name != "layer":
        raise InputError(f"`--{name}` must be given once: a run has one {name}. Received: {', '.join(value)}.")
    chosen = list(value) if len(value) > 1 else (value[0] if value else None)
    return None if chosen == "none" else chosen


def _part(text: str | None) -> tuple[int, int] | None:
    """The numbers of "3/16".

    Raises:
        InputError: it is something else.
    """
    if text is None:
        return None
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal()):
        raise InputError(f"`--shard` must be N/OF, such as 3/16. Received: {text!r}.")
    return int(number), int(of)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """What shows how far a run is: a bar on a terminal, elsewhere a line now and then."""
    if not sys.stderr.isatty():
        last = [time.monotonic()]

        def write(progress: Progress) -> None:
            if time.monotonic() - last[0] >= LINE_EVERY:
                last[0] = time.monotonic()
                say(_line(progress))

        yield write
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(TextColumn("{task.description}"), BarColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("opening the model", total=None)
        yield lambda progress: bar.update(task, completed=progress.done, total=progress.total, description=_line(progress))


def _line(progress: Progress) -> str:
    """How far a run is, in words."""
    left = progress.left
    rate = "" if left is None else f", {progress.rate:,.3g} images/s, {_duration(left)} left"
    return f"{progress.done:,} of {progress.total:,} images{rate}"


def _duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
