"""The command line: list, train, evaluate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from kerasdemos import registry as catalogue
from kerasdemos.cli import progress_bar as display
from kerasdemos.cli import tables
from kerasdemos.demo import Network, Program
from kerasdemos.errors import InputError
from kerasdemos.files import whole
from kerasdemos.training import precision as precisions

EXAMPLES = """\b
Examples:
  kerasdemos list
  kerasdemos train digits_cnn
  kerasdemos train relu_mlp line_fit --seed 3 --out results
  kerasdemos train digits_cnn --data path/to/fashion-mnist --epochs 2
  kerasdemos train digits_cnn --precision auto
  kerasdemos train --all --resume
  kerasdemos evaluate outputs/digits_cnn/model.keras
"""


class Refusal(click.ClickException):
    """A mistake of the user: one line on stderr, exit status 2."""

    exit_code = 2

    def show(self, file=None):
        """Print the line."""
        click.echo(f"Error: {self.message}", err=True)


class Commands(click.Group):
    """A group whose wrong options and arguments are one line, like every other mistake."""

    def make_context(self, *args, **kwargs) -> click.Context:
        """As click does, a mistake in one line."""
        with _in_one_line():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context):
        """As click does, a mistake in one line."""
        with _in_one_line():
            return super().invoke(ctx)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except getattr(click.exceptions, "NoArgsIsHelpError", ()):  # click before 8.2 has none
        raise
    except click.UsageError as error:
        help_of = f" See: {error.ctx.command_path} --help" if error.ctx else ""
        raise Refusal(" ".join(error.format_message().split()) + help_of) from None


@click.group(cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="kerasdemos")
def main() -> None:
    """The networks and programs of five deep-learning tutorials, on Keras 3.

    Each demo is trained or computed as its article has it, and measured against the numbers it must show.
    """


@main.command("list")
def list_() -> None:
    """Show the demos: article, data, parameters, expected results."""
    console = _console()
    console.print(tables.demos(catalogue.load_all(), width=console.width))


@main.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "everything", is_flag=True, help="Every demo; ends with one table of results.")
@click.option("--epochs", type=int, help="Epochs of a network, steps of a program.  [default: the article's]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random choice.")
@click.option(
    "--data",
    help="A directory of IDX files named as MNIST's, a .npz of Keras' layout, or what a program reads, such as "
    "points.csv.  [default: MNIST, or what the article has]",
)
@click.option(
    "--precision",
    type=click.Choice(precisions.CHOICES),
    default="float32",
    show_default=True,
    help="What networks are trained in. auto is bfloat16 on a CPU with AVX512-BF16 or AMX and on a GPU that has it, and "
    "float32 elsewhere. The saved model is a float32 one, and the programs compute as ever.",
)
@click.option("--out", default="outputs", show_default=True, help="Folder that gets a folder for each demo.")
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from interrupted runs, leave finished ones alone; refuse where one of other settings is finished.",
)
@click.option(
    "--if-missing",
    is_flag=True,
    help="As --resume, but leave every finished run alone, whatever its settings.",
)
@click.option("--tensorboard", is_flag=True, help="Write a TensorBoard log too.")
def train(names, everything, epochs, seed, data, precision, out, resume, if_missing, tensorboard) -> None:
    """Train networks, run programs.

    Each writes to OUT/NAME: model.keras, model.json (the card), history.csv, and its picture. Ctrl-C loses at
    most one epoch; the same command with --resume goes on. Without --resume and --if-missing a run replaces
    the one that is there. --all also writes OUT/results.md.
    """
    with _refusals():
        if bool(names) == everything:
            raise InputError("`train` must get the names of demos, or --all. `kerasdemos list` shows them.")
        demos = catalogue.load_all() if everything else [catalogue.load(name) for name in dict.fromkeys(names)]

        from kerasdemos import quiet
        from kerasdemos.training import run as training

        asked = {"epochs": epochs, "seed": seed, "data": data, "out": out}
        again = {"resume": resume, "if_missing": if_missing}
        networks = [demo for demo in demos if isinstance(demo.run, Network)]
        # Beside networks a program computes as ever; without them it refuses the option, which would change nothing.
        wanted = {demo.name: precision if demo in networks or not networks else "float32" for demo in demos}
        for demo in demos:
            training.check(demo, **asked, precision=wanted[demo.name], tensorboard=tensorboard)
        if precision != "float32":
            quiet.import_tensorflow()  # which knows the GPUs
        finished = {demo.name for demo in demos if training.standing(demo, **asked, **again, precision=wanted[demo.name])}
        quiet.import_tensorflow()
        if precision != "float32" and any(demo.name not in finished for demo in networks):
            _say(str(precisions.resolve(precision)))
        runs = []
        for demo in demos:
            waiting = 0 if resume or if_missing else training.unfinished(demo, out)
            if waiting:
                _say(f"{demo.name}: starting afresh; --resume would go on after epoch {waiting}.")
            with display.training(demo.name) as report:
                try:
                    options = {**asked, **again, "precision": wanted[demo.name]}
                    run = training.train(demo, **options, tensorboard=tensorboard, report=report)
                except KeyboardInterrupt:
                    _stop(demo, training.unfinished(demo, out))
            runs.append(run)
            if run.found:
                _say(f"{demo.name}: a finished run ({_settings(demo, run.found)}) is there, left alone.")
            for line in run.lines:
                click.echo(line)
            for path in run.files:
                click.echo(path)
        measured = [(run.demo.name, run.results) for run in runs]
        _console().print(tables.results(measured))
        if everything:
            path = Path(out) / "results.md"
            with whole(path) as temporary:
                temporary.write_text(tables.markdown(measured), encoding="utf-8")
            click.echo(path)


@main.command()
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.option("--data", help="A directory of IDX files, or a .npz of Keras' layout.  [default: MNIST]")
def evaluate(model, data) -> None:
    """Measure a trained MODEL on test pictures.

    Prints loss, accuracy and confusion matrix. Reads the card beside MODEL, and draws confusion.png there.
    """
    with _refusals():
        from kerasdemos import plotting as figures
        from kerasdemos.training import evaluation

        found = evaluation.evaluate(model, data)
        click.echo(f"loss      {found.loss:.4f}")
        click.echo(f"accuracy  {found.accuracy:.4f} on {found.counts.sum()} pictures of {found.data}")
        _console().print(tables.confusion(found.counts, found.class_names))
        title = f"{model.parent.name}: {found.accuracy:.2%} of {found.counts.sum()} right"
        figure = figures.confusion(found.counts, found.class_names, title=title)
        click.echo(figures.save(figure, model.with_name("confusion.png")))


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (InputError, OSError) as error:
        raise Refusal(" ".join(str(error).split())) from None
    except KeyboardInterrupt:
        _say("Stopped.")
        raise SystemExit(130) from None


def _settings(demo, card) -> str:
    count, one = card.get("epochs"), "step" if isinstance(demo.run, Program) else "epoch"
    precision = f", {card['precision']}" if card.get("precision") else ""
    return f"seed {card.get('seed')}, {count} {one}{'s' * (count != 1)}, data {card.get('data')}{precision}"


def _stop(demo, epochs: int) -> None:
    kept = f"{epochs} epoch{'s' * (epochs != 1)} kept" if epochs else "no epoch was finished"
    _say(f"Stopped in {demo.name}, {kept}. The same command with --resume goes on.")
    raise SystemExit(130)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _console() -> Console:
    """As wide as the terminal; where there is none, wide enough for every table."""
    console = Console()
    return console if console.is_terminal else Console(width=160)
