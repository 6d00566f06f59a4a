"""Bulk: a run over a data set, reading and writing included, beside the bare passes of the same images.

    python -m benchmarks.bulk [--digits N] [--photographs N] [--rounds N]

The floor is the compiled gradient of one score with respect to the image, in batches of the best size that are on the device
already (`floor.py`). A run reads the pictures, explains them by `saliency`, and writes maps, scores and the table, from an
opened model to the closed folder. Both are done in turn, and the ratio is of the same round.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click
import numpy as np
from PIL import Image

import visualize
from benchmarks.floor import Floor
from benchmarks.report import Report, number
from benchmarks.timing import in_turn, ratio, seconds_of
from benchmarks.workloads import WORKLOADS
from visualize.models.layers import describe

SIDES = (300, 451)  # of a photograph


def report(digits: int = 10_000, photographs: int = 500, rounds: int = 3) -> Report:
    """The table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            _row("digits_cnn", _digits(digits), digits, rounds, Path(folder)),
            _row("mobilenet", _photographs(photographs, Path(folder)), photographs, rounds, Path(folder)),
        ]
    header = ("images", "passes, images/s", "run, images/s", "of the passes")
    return Report("A whole data set, saliency", header, tuple(row for row in rows if row))


def _row(network: str, data: object, count: int, rounds: int, folder: Path) -> tuple[str, ...]:
    """One network: the passes and the run in turn."""
    if not count:
        return ()
    workload = WORKLOADS[network]
    floor, model = Floor(workload), describe(workload.model(), input_range=(0, 1))
    runs = iter(range(100))

    def run() -> None:
        visualize.run_bulk(model, data, "saliency", folder / f"{network}-{next(runs)}")

    run()  # traces
    contenders: dict[str, Callable[[], float]] = {"floor": floor.seconds(backward=count), "run": lambda: seconds_of(run)}
    times = in_turn(contenders, rounds)
    best = {name: count / min(seconds) for name, seconds in times.items()}
    share = ratio(times["floor"], times["run"])
    return (f"{count:,}, {network}", number(best["floor"]), number(best["run"]), f"{share:.2f}")


def _digits(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28), "uint8")


def _photographs(count: int, folder: Path) -> Path:
    """JPEG files of smooth noise, as large as photographs on web pages."""
    photographs = folder / "photographs"
    photographs.mkdir()
    generator = np.random.default_rng(0)
    for index in range(count):
        small = Image.fromarray(generator.integers(0, 256, (30, 45, 3), "uint8"))
        small.resize(SIDES[::-1], Image.Resampling.BICUBIC).save(photographs / f"{index}.jpg", quality=90)
    return photographs


@click.command()
@click.option("--digits", default=10_000, show_default=True, help="Pictures of 28x28, from memory.")
@click.option("--photographs", default=500, show_default=True, help="JPEG files of 451x300.")
@click.option("--rounds", default=3, show_default=True, help="Medians of so many.")
def main(digits: int, photographs: int, rounds: int) -> None:
    """Print the table."""
    report(digits, photographs, rounds).show()


if __name__ == "__main__":
    main()
