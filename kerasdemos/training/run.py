"""Run a demo from its data to its files."""

from __future__ import annotations

import importlib.util
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasdemos import plotting as figures
from kerasdemos.data import load as load_pictures
from kerasdemos.data import validation as checks
from kerasdemos.demo import Demo, Network, Outcome, Pictures, Program, Split
from kerasdemos.errors import InputError
from kerasdemos.training import card, checkpoints
from kerasdemos.training import precision as precisions
from kerasdemos.training import run_folder as folder

if TYPE_CHECKING:  # Keras is imported when a network is trained, and not before its data was checked
    import keras

    from kerasdemos.training.progress import Progress


@dataclass(frozen=True)
class Run:
    """A demo that ran: what it says, what it measured, what it wrote."""

    demo: Demo
    results: tuple[card.Result, ...]
    files: tuple[Path, ...]
    lines: tuple[str, ...] = ()
    found: Mapping[str, Any] | None = None  # the card of the run that was finished before and was left alone

    @property
    def fresh(self) -> bool:
        """Whether it ran now."""
        return self.found is None


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
        epochs: of a network, or steps of a program; as the article has it if None.
        seed: of every random choice. The same seed gives the same weights on the same machine.
        data: a directory of IDX files, a .npz file, or what a program reads; None for the demo's own data.
        precision: that a network computes in while it is trained: float32, bfloat16, or auto, which is bfloat16 where
            this machine is fast in it. The network that is measured and saved is a float32 one either way.
        out: folder that gets a folder NAME.
        resume: leave a finished run of the same seed, epochs, data and precision alone, refuse to replace another, go on
            from an interrupted one.
        if_missing: leave a finished run alone, whatever its settings; go on from an interrupted one.
        tensorboard: also write a TensorBoard log.
        report: gets to know the progress of a network.

    Returns:
        Run: what was measured and written; or, where a finished run was left alone, its card.

    Raises:
        InputError: the settings or the data do not fit the demo, or a finished run of other settings is not to
            be replaced; nothing was written.
    """
    check(demo, epochs=epochs, seed=seed, data=data, precision=precision, out=out, tensorboard=tensorboard)
    asked = {"epochs": epochs, "seed": seed, "data": data, "precision": precision, "out": out}
    if found := standing(demo, **asked, resume=resume, if_missing=if_missing):
        return _left_alone(demo, found, Path(out) / demo.name)
    as_published = data is None and epochs in (None, _published(demo))
    epochs = _published(demo) if epochs is None else epochs
    place = Path(out) / demo.name
    pictures = load_pictures(data) if isinstance(demo.run, Network) else None
    identity = _identity(demo, seed=seed, data=_data_name(demo, data, pictures), precision=precision)
    began = time.perf_counter()
    if pictures is None:
        done = _compute(demo, epochs=epochs, seed=seed, data=data)
    else:
        done = _fit(
            demo,
            pictures,
            place,
            epochs=epochs,
            identity=identity,
            resume=resume or if_missing,
            tensorboard=tensorboard,
            report=report,
        )
    results = card.results(demo, done.measures, as_published=as_published)
    facts = {
        "demo": demo.name,
        "article": demo.article,
        "data": identity["data"],
        **done.inputs,
        "parameters": demo.parameters,
        "seed": seed,
        "epochs": epochs,
        "precision": identity.get("precision"),
        "seconds": round(time.perf_counter() - began, 1),
        "versions": card.versions(),
    }
    drawn = {"picture": done.picture, "figure": done.figure}
    files = folder.save(place, facts, results, model=done.model, history=done.history, **drawn)
    (place / checkpoints.NAME).unlink(missing_ok=True)
    return Run(demo, results, files, done.lines)


def check(
    demo: Demo, *, epochs: int | None, seed: int, data: str | None, precision: str, out: Path | str, tensorboard: bool
) -> None:
    """Refuse settings that do not fit a demo, before anything is computed or written.

    Raises:
        InputError: they do not.
    """
    if epochs is not None and epochs < 1:
        raise InputError(f"`epochs` must be at least 1. Received: {epochs}.")
    if not 0 <= seed < 2**31:
        raise InputError(f"`seed` must be between 0 and {2**31 - 1}. Received: {seed}.")
    precisions.check(precision)
    folder.check(Path(out) / demo.name)
    if isinstance(demo.run, Program):
        if data is not None and not demo.run.takes_data:
            raise InputError(f"{demo.name} makes its own data: `--data` must be left out. Received: {data}.")
        if precision != "float32":
            raise InputError(
                f"{demo.name} trains no network on pictures: `--precision` must be left out. Received: {precision}."
            )
        return
    checks.digits(load_pictures(data))
    if tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise InputError(
            'A TensorBoard log needs the package tensorboard: pip install "kerasdemos[tensorboard]". '
            "Received: it is not installed."
        )


def standing(
    demo: Demo,
    *,
    epochs: int | None,
    seed: int,
    data: str | None,
    precision: str,
    out: Path | str,
    resume: bool,
    if_missing: bool,
) -> Mapping[str, Any] | None:
    """The card of a finished run that is to be left alone, None where there is something to run.

    A checkpoint of the settings asked for was begun to replace what stands beside it, and is gone on with.

    Raises:
        InputError: `resume` would replace a finished run of other settings.
    """
    place = Path(out) / demo.name
    found = folder.finished(place) if resume or if_missing else None
    if found is None or if_missing:
        return found
    pictures = load_pictures(data) if isinstance(demo.run, Network) else None
    identity = _identity(demo, seed=seed, data=_data_name(demo, data, pictures), precision=precision)
    asked = {**identity, "epochs": _published(demo) if epochs is None else epochs}
    others = [f"{key} {found.get(key)} (asked: {value})" for key, value in asked.items() if found.get(key) != value]
    if not others:
        return found
    if checkpoints.fits(place / checkpoints.NAME, identity, epochs=asked["epochs"]):
        return None
    raise InputError(
        f"`--resume` must find in {place} a finished run of the settings asked for, or none. "
        f"Received: one of {', '.join(others)}. Choose another --out, or leave out --resume to replace it."
    )


def unfinished(demo: Demo, out: Path | str) -> int:
    """How many epochs of an interrupted training wait in `out` to be gone on with; a damaged one has none."""
    try:
        found = checkpoints.read(Path(out) / demo.name / checkpoints.NAME)
    except InputError:
        return 0
    return found.epochs if found else 0


@dataclass(frozen=True)
class _Done:
    """What a network and a program have in common when they are through."""

    measures: Mapping[str, float]
    model: keras.Model | None
    history: Mapping[str, np.ndarray]
    picture: str
    figure: figures.Figure
    inputs: Mapping[str, Any]  # what the card says of the model's inputs
    lines: tuple[str, ...] = ()


def _compute(demo: Demo, *, epochs: int, seed: int, data: str | None) -> _Done:
    outcome: Outcome = demo.run.compute(steps=epochs, seed=seed, data=data)
    return _Done(
        measures=outcome.measures,
        model=outcome.model,
        history=outcome.history,
        picture="figure.png",
        figure=figures.panels(outcome.panels, title=_title(demo)),
        inputs={"input_range": None, "scale": None, "mean": None, "class_names": [], "loss": None},
        lines=tuple(outcome.lines),
    )


def _fit(
    demo: Demo,
    pictures: Pictures,
    place: Path,
    *,
    epochs: int,
    identity: Mapping[str, Any],
    resume: bool,
    tensorboard: bool,
    report: Callable[[Progress], None] | None,
) -> _Done:
    from kerasdemos.training import fit as fitting

    split = demo.run.split(pictures)
    place.mkdir(parents=True, exist_ok=True)
    model, history = fitting.fit(
        demo.run,
        split,
        epochs=epochs,
        identity=identity,
        checkpoint=place / checkpoints.NAME,
        resume=resume,
        callbacks=_tensorboard(place) if tensorboard else (),
        report=report,
    )
    watched = "test" if split.validation is split.test else "validation"
    return _Done(
        measures=_measures(model, split, history),
        model=model,
        history=history,
        picture="curves.png",
        figure=figures.curves(history, watched=watched, title=_title(demo)),
        inputs={
            "input_range": list(split.input_range),
            "scale": split.scale,
            "mean": split.mean,
            "class_names": list(pictures.class_names),
            "loss": model.loss,
        },
    )


def _measures(model: keras.Model, split: Split, history: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Accuracies of the model that is saved, after the last epoch, not the best one.

    The one in training is the mean over that epoch, in the precision of the training.
    """
    loss, accuracy = model.evaluate(*split.test, batch_size=256, verbose=0)
    measures = {"test accuracy": accuracy, "train accuracy": float(history["accuracy"][-1])}
    if split.validation is not split.test:
        measures["validation accuracy"] = model.evaluate(*split.validation, batch_size=256, verbose=0)[1]
    return {**measures, "test loss": loss}


def _left_alone(demo: Demo, found: Mapping[str, Any], place: Path) -> Run:
    measures = {row["measure"]: row["measured"] for row in found["results"]}
    files = tuple(place / name for name in (*found["files"], card.NAME))
    pictures = load_pictures() if isinstance(demo.run, Network) else None
    as_published = found.get("epochs") == _published(demo) and found.get("data") == _data_name(demo, None, pictures)
    return Run(demo, card.results(demo, measures, as_published=as_published), files, found=found)


def _published(demo: Demo) -> int:
    return demo.run.steps if isinstance(demo.run, Program) else demo.run.epochs


def _identity(demo: Demo, *, seed: int, data: str, precision: str) -> dict[str, Any]:
    """What must be equal for two runs to end with the same numbers, but for their epochs."""
    identity = {"demo": demo.name, "seed": seed, "data": data}
    return identity if isinstance(demo.run, Program) else {**identity, "precision": precisions.resolve(precision).name}


def _data_name(demo: Demo, data: str | None, pictures: Pictures | None) -> str:
    """What the data are called, and the sum by which other data of that name are told from them."""
    if pictures is None:
        if data is None:
            return demo.data
        path = Path(data)
        return f"{path.name} (crc32 {zlib.crc32(path.read_bytes()):08x})" if path.is_file() else path.name
    total = zlib.crc32(pictures.test_images, zlib.crc32(pictures.train_images))
    return f"{pictures.name} ({len(pictures.train_images)} + {len(pictures.test_images)}, crc32 {total:08x})"


def _title(demo: Demo) -> str:
    return f"{demo.name}: {demo.idea}"


def _tensorboard(place: Path) -> tuple[keras.callbacks.Callback, ...]:
    import keras

    return (keras.callbacks.TensorBoard(log_dir=str(place / "tensorboard")),)
