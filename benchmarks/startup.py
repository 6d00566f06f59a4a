"""Start-up: a cold `visualize gradcam MODEL IMAGE`, beside `import tensorflow`.

    python -m benchmarks.startup [--rounds N]

Each is a process of its own, all in turn. A first round, which compiles the bytecode, is not counted.
"""

from __future__ import annotations

import functools
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click
from PIL import Image

from benchmarks.report import Report, number
from benchmarks.timing import in_turn, seconds_of
from benchmarks.workloads import WORKLOADS

IMPORT = "import tensorflow"


def commands_in(folder: Path) -> dict[str, list[str]]:
    """What is timed, by name; models and pictures are written to the folder."""
    commands = {IMPORT: ["-c", IMPORT]}
    for name, workload in WORKLOADS.items():
        model, picture = folder / f"{name}.keras", folder / f"{name}.png"
        workload.model().save(model)
        pixels = (255 * workload.images(1)[0]).astype("uint8")
        Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[..., 0]).save(picture)
        commands[f"visualize gradcam, {name}"] = ["-m", "visualize", "gradcam", str(model), str(picture), "--out", str(folder)]
    return commands


def report(rounds: int) -> Report:
    """The table."""
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            name: functools.partial(seconds_of, functools.partial(_run, arguments))
            for name, arguments in commands_in(Path(folder)).items()
        }
        in_turn(runs, 1)
        times = in_turn(runs, rounds)
    rows = []
    for name, seconds in times.items():
        above = [own - bare for own, bare in zip(seconds, times[IMPORT], strict=True)]
        rows.append((f"`{name}`", number(statistics.median(seconds)), number(statistics.median(above))))
    return Report(f"Cold start, medians of {rounds}", ("command", "seconds", f"above `{IMPORT}`"), tuple(rows))


def _run(arguments: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)


@click.command()
@click.option("--rounds", type=int, default=7, show_default=True)
def main(rounds: int) -> None:
    """Print the table."""
    report(rounds).show()


if __name__ == "__main__":
    main()
