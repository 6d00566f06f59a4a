"""Run a demo from its data to its files: model, card, history, picture."""

from __future__ import annotations

import csv
import importlib.util
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasdemos import card, checkpoints, figures
from kerasdemos.data import checks
from kerasdemos.data import load as load_pictures
from kerasdemos.demo import Demo, Outcome, Pictures, Program, Split
from kerasdemos.errors import InputError
from kerasdemos.files import whole

if TYPE_CHECKING:  # Keras is imported when a network is trained, and not before its data was checked
    import keras

    from kerasdemos.progress import Progress

MODEL = "model.keras"


@dataclass(frozen=True)
class Run:
    """A demo that ran: what it says, what it measured, what it wrote."""

    demo: Demo
    results: tuple[card.Result, ...]
    lines: tuple[str, ...]
    files: tuple[Path, ...]
    seconds: float
    fresh: bool = True  # False: it was finished before, and was left alone


def train(
    demo: Demo,
    *,
    epochs: int | None = None,
    seed: int = 0,
    data: str | None = None,
    out: Path | str = "outputs",
    resume: bool = False,
    tensorboard: bool = False,
    report: Callable[[Progress], None] | None = None,
) -> Run:
    """Run a demo and write its files to `out`/NAME.

    Every file appears whole or not at all, the card last: a folder that holds a card holds a finished run.

    Args:
        demo: what to run.
        epochs: of a network, or steps of a program; as the article has it if None.
        seed: of every random choice. The same seed gives the same weights on the same machine.
        data: a directory of IDX files, a .npz file, or what a program reads; None for the demo's own data.
        out: folder that gets a folder NAME.
        resume: leave a finished run of the same seed, epochs and data alone, go on from an interrupted one.
        tensorboard: also write a TensorBoard log.
        report: gets to know the progress of a network.

    Raises:
        InputError: the settings or the data do not fit the demo; nothing was written.
    """
    check(demo, epochs=epochs, seed=seed, data=data, tensorboard=tensorboard)
    folder = Path(out) / demo.name
    began = time.perf_counter()
    if isinstance(demo.run, Program):
        return _run_program(demo, demo.run, epochs=epochs, seed=seed, data=data, folder=folder, resume=resume)
    network = demo.run
    epochs = network.epochs if epochs is None else epochs
    pictures = load_pictures(data)
    facts = {"demo": demo.name, "seed": seed, "data": _fingerprint(pictures)}
    if resume and (finished := _finished(demo, folder, {**facts, "epochs": epochs})):
        return finished

    from kerasdemos import fitting

    folder.mkdir(parents=True, exist_ok=True)
    split = network.split(pictures)
    model, history = fitting.fit(
        network,
        split,
        epochs=epochs,
        seed=seed,
        checkpoint=folder / checkpoints.NAME,
        identity=facts,
        resume=resume,
        callbacks=_tensorboard(folder) if tensorboard else (),
        report=report,
    )
    measures = _measures(model, split, history)
    as_published = data is None and epochs == network.epochs
    rows = card.results(demo, measures, as_published=as_published)
    seconds = round(time.perf_counter() - began, 1)
    files = _save(
        folder,
        {
            **_card(demo, seed=seed, epochs=epochs, data=facts["data"], seconds=seconds),
            **_about(split, pictures, model),
        },
        rows,
        model=model,
        history=history,
        picture=("curves.png", _curves(demo, split, history)),
    )
    (folder / checkpoints.NAME).unlink(missing_ok=True)
    return Run(demo, rows, (), files, seconds)


def check(demo: Demo, *, epochs: int | None, seed: int, data: str | None, tensorboard: bool) -> None:
    """Refuse settings that do not fit a demo, before anything is computed or written."""
    if epochs is not None and epochs < 1:
        raise InputError(f"`epochs` must be at least 1. Received: {epochs}.")
    if not 0 <= seed < 2**31:
        raise InputError(f"`seed` must be between 0 and {2**31 - 1}. Received: {seed}.")
    if isinstance(demo.run, Program) and data is not None and not demo.run.takes_data:
        raise InputError(f"{demo.name} makes its own data: `--data` must be left out. Received: {data}.")
    if isinstance(demo.run, Program):
        return
    checks.digits(load_pictures(data))
    if tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise InputError(
            'A TensorBoard log needs the package tensorboard: pip install "kerasdemos[tensorboard]". '
            "Received: it is not installed."
        )


def unfinished(demo: Demo, out: Path | str) -> int:
    """How many epochs of an interrupted training wait in `out` to be gone on with."""
    found = checkpoints.read(Path(out) / demo.name / checkpoints.NAME)
    return found.epochs if found else 0


def _run_program(
    demo: Demo,
    program: Program,
    *,
    epochs: int | None,
    seed: int,
    data: str | None,
    folder: Path,
    resume: bool,
) -> Run:
    steps = program.steps if epochs is None else epochs
    facts = {"demo": demo.name, "seed": seed, "data": demo.data if data is None else str(data)}
    if resume and data is None and (finished := _finished(demo, folder, {**facts, "epochs": steps})):
        return finished
    began = time.perf_counter()
    outcome: Outcome = program.compute(steps=steps, seed=seed, data=data)
    as_published = data is None and steps == program.steps
    rows = card.results(demo, outcome.measures, as_published=as_published)
    seconds = round(time.perf_counter() - began, 1)
    folder.mkdir(parents=True, exist_ok=True)
    files = _save(
        folder,
        _card(demo, seed=seed, epochs=steps, data=facts["data"], seconds=seconds),
        rows,
        model=outcome.model,
        history=outcome.history,
        picture=("figure.png", figures.panels(outcome.panels, title=f"{demo.name}: {demo.idea}")),
    )
    return Run(demo, rows, tuple(outcome.lines), files, seconds)


def _save(
    folder: Path,
    facts: Mapping[str, Any],
    rows: tuple[card.Result, ...],
    *,
    model: keras.Model | None,
    history: Mapping[str, np.ndarray],
    picture: tuple[str, Any],
) -> tuple[Path, ...]:
    (folder / card.NAME).unlink(missing_ok=True)  # from here on the folder is unfinished
    files = []
    if model is not None:
        with whole(folder / MODEL) as temporary:
            model.save(temporary)
        files.append(folder / MODEL)
    if history:
        files.append(_write_history(folder / "history.csv", history))
    files.append(figures.save(picture[1], folder / picture[0]))
    files.append(card.write(folder, facts, rows))
    return tuple(files)


def _write_history(path: Path, history: Mapping[str, np.ndarray]) -> Path:
    with whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(history)
        rows.writerows(zip(*(np.asarray(column).tolist() for column in history.values()), strict=True))
    return path


def _measures(model: keras.Model, split: Split, history: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Accuracies after the last epoch, not the best one; the one in training is the mean over that epoch."""
    loss, accuracy = model.evaluate(*split.test, batch_size=256, verbose=0)
    measures = {"test accuracy": accuracy, "train accuracy": float(history["accuracy"][-1])}
    if split.validation is not split.test:
        measures["validation accuracy"] = float(history["val_accuracy"][-1])
    return {**measures, "test loss": loss}


def _curves(demo: Demo, split: Split, history: Mapping[str, np.ndarray]) -> figures.Figure:
    watched = "test" if split.validation is split.test else "validation"
    return figures.curves(history, watched=watched, title=f"{demo.name}: {demo.idea}")


def _card(demo: Demo, *, seed: int, epochs: int, data: str, seconds: float) -> dict[str, Any]:
    return {
        "demo": demo.name,
        "article": demo.article,
        "data": data,
        "input_range": None,
        "scale": None,
        "mean": None,
        "class_names": [],
        "loss": None,
        "parameters": demo.parameters,
        "seed": seed,
        "epochs": epochs,
        "seconds": seconds,
        "versions": card.versions(),
    }


def _about(split: Split, pictures: Pictures, model: keras.Model) -> dict[str, Any]:
    return {
        "input_range": list(split.input_range),
        "scale": split.scale,
        "mean": split.mean,
        "class_names": list(pictures.class_names),
        "loss": model.loss if isinstance(model.loss, str) else model.loss.name,
    }


def _finished(demo: Demo, folder: Path, facts: Mapping[str, Any]) -> Run | None:
    """The run that is finished in that folder, if it is the one that the facts describe."""
    path = folder / card.NAME
    if not path.exists():
        return None
    found = card.read(path)
    if any(found.get(key) != value for key, value in facts.items()):
        return None
    files = tuple(sorted(each for each in folder.iterdir() if each.is_file()))
    rows = tuple(card.Result(**row) for row in found["results"])
    return Run(demo, rows, (), files, found["seconds"], fresh=False)


def _fingerprint(pictures: Pictures) -> str:
    sum_ = zlib.crc32(pictures.test_images, zlib.crc32(pictures.train_images))
    return f"{pictures.name} ({len(pictures.train_images)} + {len(pictures.test_images)}, crc32 {sum_:08x})"


def _tensorboard(folder: Path) -> tuple[keras.callbacks.Callback, ...]:
    import keras

    return (keras.callbacks.TensorBoard(log_dir=str(folder / "tensorboard")),)
