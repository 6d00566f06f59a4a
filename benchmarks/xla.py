"""XLA: whether it makes the bare passes of a network faster on this machine.

python -m benchmarks.xla [--rounds N]
"""

from __future__ import annotations

import functools
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click
import tensorflow as tf

from benchmarks.report import Report, number
from benchmarks.timing import in_turn, ratio, seconds_of
from benchmarks.workloads import TARGET, WORKLOADS

BATCHES = {"digits_cnn": 64, "mobilenet": 8}


def report(rounds: int) -> Report:
    """The table, on the first GPU where there is one."""
    rows = []
    for name, workload in WORKLOADS.items():
        model, images = workload.model(), tf.constant(workload.images(BATCHES[name]))

        def gradient(images, model=model):
            score = model(images, training=False)[:, TARGET]
            return tf.gradients(score, [images])[0]

        runs = {}
        for kind, jit_compile in (("plain", None), ("XLA", True)):
            compiled = tf.function(gradient, jit_compile=jit_compile, autograph=False)
            compiled(images)
            runs[kind] = functools.partial(seconds_of, lambda compiled=compiled, images=images: compiled(images).numpy())
        times = in_turn(runs, rounds)
        plain, xla = (number(1000 * statistics.median(times[kind])) for kind in ("plain", "XLA"))
        rows.append((f"{name}, {BATCHES[name]} images", plain, xla, number(ratio(times["XLA"], times["plain"]))))
    device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    header = ("forward and backward", "plain graph, ms", "XLA, ms", "of the plain graph")
    return Report(f"XLA on the {device}, medians of {rounds}", header, tuple(rows))


@click.command()
@click.option("--rounds", type=int, default=7, show_default=True)
def main(rounds: int) -> None:
    """Print the table."""
    report(rounds).show()


if __name__ == "__main__":
    main()
