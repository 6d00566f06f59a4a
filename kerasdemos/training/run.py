"""Run a demo, from its settings to its files."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.data.datasets import load_pictures
from kerasdemos.demo import Demo, Network, Program, Split
from kerasdemos.plotting import draw_curves, draw_panels
from kerasdemos.training.card import CARD, Card, InputFacts, Result, compare_results, library_versions
from kerasdemos.training.checkpoints import CHECKPOINT, RunIdentity, can_go_on, read_checkpoint
from kerasdemos.training.run_folder import CURVES, FIGURE, RunFiles, finished_card, write_run
from kerasdemos.training.settings import RunSettings, data_name, published_epochs, run_identity
from visualize._utils.text import printable, shortened
from visualize.errors import InputError

if TYPE_CHECKING:  # Keras is imported when a network is trained, and not before its data was checked
    import keras

    from kerasdemos.training.progress import Progress


@dataclass(frozen=True)
class Run:
    """A demo that ran: what it prints, what it measured, what it wrote."""

    demo: Demo
    results: tuple[Result, ...]
    files: tuple[Path, ...]
    lines: tuple[str, ...] = ()
    earlier: Card | None = None  # the card of the run that was finished before and was left alone

    @property
    def fresh(self) -> bool:
        """Whether it ran now."""
        return self.earlier is None


def train(
    demo: Demo,
    *,
    epochs: int | None = None,
    seed: int = 0,
    data: str | None = None,
    precision: str = "float32",
    out: Path | str = "outputs",
    resume: bool = False,
    if_missing: bool = False,
    tensorboard: bool = False,
    report: Callable[[Progress], None] | None = None,
) -> Run:
    """Run a demo and write its files to `out`/NAME.

    Every file appears whole or not at all, the card last: a folder that holds a card holds a finished run.

    Args:
        demo: what to run.
        epochs: of a network, or steps of a program; as in the article if None.
        seed: of every random choice. The same seed gives the same weights on the same machine.
        data: a directory of IDX files, a .npz file, or the file that a program reads; None for the demo's own data.
        precision: that a network computes in while it is trained: float32, bfloat16, or auto, which is bfloat16 where
            this machine is fast in it. The network that is measured and saved is a float32 one either way.
        out: folder in which a folder NAME is written.
        resume: leave a finished run of the same seed, epochs, data and precision alone, refuse to replace another, go on
            from an interrupted one.
        if_missing: leave a finished run alone, whatever its settings; go on from an interrupted one.
        tensorboard: also write a TensorBoard log.
        report: called with the progress of a network.

    Returns:
        Run: what was measured and written; or, where a finished run was left alone, its card.

    Raises:
        InputError: the settings or the data do not fit the demo, or a finished run of other settings would be
            replaced; nothing was written.
    """
    settings = RunSettings(epochs, seed, data, precision, Path(out), resume, if_missing, tensorboard)
    settings.check(demo)
    earlier = card_to_keep(demo, settings)
    if earlier:
        return _left_alone(demo, earlier, settings.folder(demo))
    identity = run_identity(demo, settings)
    began = time.perf_counter()
    if isinstance(demo.run, Program):
        computed = _compute(demo, demo.run, settings)
    else:
        computed = _fit(demo, demo.run, settings, identity, report)
    as_published = data is None and settings.epochs_of(demo) == published_epochs(demo)
    results = compare_results(demo, computed.measures, as_published=as_published)
    card: Card = {
        "demo": demo.name,
        "article": demo.article,
        "data": identity.data,
        **computed.inputs,
        "parameters": demo.parameters,
        "seed": seed,
        "epochs": settings.epochs_of(demo),
        "precision": identity.precision,
        "seconds": round(time.perf_counter() - began, 1),
        "versions": library_versions(),
    }
    paths = write_run(settings.folder(demo), card, results, computed.files)
    (settings.folder(demo) / CHECKPOINT).unlink(missing_ok=True)
    return Run(demo, results, paths, computed.lines)


def card_to_keep(demo: Demo, settings: RunSettings) -> Card | None:
    """The card of a finished run that must be left alone, None where there is something to run.

    Where a checkpoint of the same settings stands beside a finished run, it was begun to replace that run, so the training
    goes on from it.

    Raises:
        InputError: `resume` would replace a finished run of other settings.
    """
    folder = settings.folder(demo)
    card = finished_card(folder) if settings.keeps_finished_runs else None
    if card is None or settings.if_missing:
        return card
    identity, epochs = run_identity(demo, settings), settings.epochs_of(demo)
    wanted = {**asdict(identity), "epochs": epochs}
    others = [
        f"{key} {printable(shortened(str(card.get(key))))} (asked: {value})"
        for key, value in wanted.items()
        if card.get(key) != value
    ]
    if not others:
        return card
    if can_go_on(folder / CHECKPOINT, identity, epochs=epochs):
        return None
    raise InputError(
        f"`--resume` must find in {folder} a finished run of the settings asked for, or none. "
        f"Received: one of {', '.join(others)}. Choose another --out, or leave out --resume to replace it."
    )


def unfinished_epochs(folder: Path) -> int:
    """How many epochs of an interrupted training are kept in its folder; 0 for a damaged checkpoint."""
    try:
        checkpoint = read_checkpoint(folder / CHECKPOINT)
    except InputError:
        return 0
    return checkpoint.epochs if checkpoint else 0


@dataclass(frozen=True)
class _Computed:
    """What a network and a program have in common when they have run."""

    measures: Mapping[str, float]
    files: RunFiles
    inputs: InputFacts
    lines: tuple[str, ...] = ()


def _compute(demo: Demo, program: Program, settings: RunSettings) -> _Computed:
    data = None if settings.data is None else Path(settings.data)
    outcome = program.compute(steps=settings.epochs_of(demo), seed=settings.seed, data=data)
    figure = draw_panels(outcome.panels, title=_title(demo))
    return _Computed(
        measures=outcome.measures,
        files=RunFiles(outcome.model, outcome.history, {FIGURE: figure}),
        inputs={"input_range": None, "scale": None, "mean": None, "class_names": [], "loss": None},
        lines=tuple(outcome.lines),
    )


def _fit(
    demo: Demo,
    network: Network,
    settings: RunSettings,
    identity: RunIdentity,
    report: Callable[[Progress], None] | None,
) -> _Computed:
    from kerasdemos.training.fit import fit

    pictures, folder = load_pictures(settings.data), settings.folder(demo)
    split = network.split(pictures)
    folder.mkdir(parents=True, exist_ok=True)
    model, history = fit(
        network,
        split,
        epochs=settings.epochs_of(demo),
        identity=identity,
        checkpoint=folder / CHECKPOINT,
        resume=settings.keeps_finished_runs,
        callbacks=_tensorboard(folder) if settings.tensorboard else (),
        report=report,
    )
    watched = "test" if split.validation is split.test else "validation"
    figure = draw_curves(history, watched=watched, title=_title(demo))
    return _Computed(
        measures=_measures(model, split, history),
        files=RunFiles(model, history, {CURVES: figure}),
        inputs={
            "input_range": list(split.input_range),
            "scale": split.scale,
            "mean": split.mean,
            "class_names": list(pictures.class_names),
            "loss": str(model.loss),
        },
    )


def _measures(model: keras.Model, split: Split, history: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Accuracies of the saved model, after the last epoch, not the best one.

    The training accuracy is the mean over the last epoch, in the precision of the training.
    """
    loss, accuracy = _evaluate(model, split.test)
    measures = {"test accuracy": accuracy, "train accuracy": float(history["accuracy"][-1])}
    if split.validation is not split.test:
        measures["validation accuracy"] = _evaluate(model, split.validation)[1]
    return {**measures, "test loss": loss}


def _evaluate(model: keras.Model, examples: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Loss and accuracy."""
    loss, accuracy = model.evaluate(*examples, batch_size=256, verbose=0)  # pyright: ignore[reportArgumentType]
    return loss, accuracy


def _left_alone(demo: Demo, card: Card, folder: Path) -> Run:
    measures = {row["measure"]: row["measured"] for row in card.get("results", [])}
    files = tuple(folder / name for name in (*card.get("files", []), CARD))
    as_published = card.get("epochs") == published_epochs(demo) and card.get("data") == data_name(demo, None)
    return Run(demo, compare_results(demo, measures, as_published=as_published), files, earlier=card)


def _title(demo: Demo) -> str:
    return f"{demo.name}: {demo.idea}"


def _tensorboard(folder: Path) -> tuple[keras.callbacks.Callback, ...]:
    import keras

    return (keras.callbacks.TensorBoard(log_dir=str(folder / "tensorboard")),)
