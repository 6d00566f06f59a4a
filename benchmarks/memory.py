"""Memory: the peak of a process while positions, masks, channels or samples grow.

    python -m benchmarks.memory

A method is called once on one 224x224 image of a small network, in a process of its own. What counts is by how much the call
raises the peak memory of the process, after the network has run on two batches. The layer whose channels grow has maps of
7x7, so that they need little memory beside the 224x224 masks that are made of them.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click

from benchmarks.report import Report, number

FACTORS = (1, 4, 16)
BATCH = 8  # images at a time, for all libraries
CASES = {  # what grows, its smallest count, and which libraries have the method
    "occlusion": ("positions", 16, ("ours", "xplique")),
    "rise": ("masks", 64, ("ours", "xplique")),
    "scorecam": ("channels", 16, ("ours", "keras_vis")),
    "smoothgrad": ("samples", 16, ("ours", "keras_vis", "xplique")),
}
NAMES = {"ours": "ours", "keras_vis": "tf-keras-vis", "xplique": "Xplique"}


def report() -> Report:
    """The table."""
    rows = []
    for method, (growing, least, contenders) in CASES.items():
        for contender in contenders:
            grown = [_in_a_process(method, contender, least * factor) for factor in FACTORS]
            counts = ", ".join(str(least * factor) for factor in FACTORS)
            rows.append((f"{method}, {NAMES[contender]}", f"{counts} {growing}", *map(number, grown)))
    header = ("method", "counts", *(f"MB at x{factor}" for factor in FACTORS))
    note = f"One 224x224 image, {BATCH} copies at a time; by how much the call raises the peak of its process."
    return Report("Peak memory", header, tuple(rows), (note,))


def _in_a_process(method: str, contender: str, count: int) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", "--call", method, contender, str(count)]
    process = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(process.stdout.split()[-1])


def megabytes_of(method: str, contender: str, count: int) -> float:
    """By how much one call raises the peak of this process."""
    import tensorflow as tf

    model = _network(count if method == "scorecam" else 16)
    images = _images(BATCH)
    forward = tf.function(lambda batch: model(batch, training=False))
    for _ in range(2):  # what the network itself needs is not the method's
        forward(tf.constant(images))
    call = _call(method, contender, count, images[:1])(model)
    before = _peak()
    call()
    return _peak() - before


def _peak() -> float:
    """In megabytes. Linux hands the `ru_maxrss` of a process on to its children; the status of a process is its own."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text(encoding="utf-8").split("VmHWM:")[1].split()[0]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes on a Mac, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _network(channels: int):
    import keras

    inputs = keras.Input((224, 224, 3))
    values = keras.layers.Conv2D(16, 3, strides=8, activation="relu")(inputs)
    values = keras.layers.Conv2D(channels, 3, strides=4, padding="same", activation="relu", name="maps")(values)  # 7x7
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(values)))


def _images(count: int):
    import numpy as np

    return np.random.default_rng(0).random((count, 224, 224, 3)).astype("float32")


def _call(method: str, contender: str, count: int, images) -> Callable:
    import visualize
    from benchmarks import peers

    side = 224 // int(count**0.5)  # of a patch, so that there are as many positions as `count`
    batch = {"batch_size": BATCH}
    ours = {
        "occlusion": {"patch": side, "stride": side, "fill": 0.0},
        "rise": {"masks": count},
        "scorecam": {"layer": "maps"},
        "smoothgrad": {"samples": count},
    }
    if contender == "ours":
        return lambda model: lambda: getattr(visualize, method)(model, images, 3, **batch, **ours[method])
    maps = {"penultimate_layer": "maps", "seek_penultimate_conv_layer": False, "max_N": -1}
    return {
        ("occlusion", "xplique"): lambda: peers.xplique("Occlusion", images, patch_size=side, patch_stride=side, **batch),
        ("rise", "xplique"): lambda: peers.xplique("Rise", images, nb_samples=count, **batch),
        ("scorecam", "keras_vis"): lambda: peers.keras_vis("Scorecam", images, **maps, **batch),
        ("smoothgrad", "keras_vis"): lambda: peers.keras_vis("Saliency", images, smooth_samples=count),
        ("smoothgrad", "xplique"): lambda: peers.xplique("SmoothGrad", images, nb_samples=count, **batch),
    }[method, contender]()


@click.command()
@click.option("--call", type=(str, str, int), help="METHOD CONTENDER COUNT: print the megabytes of a single call.")
def main(call: tuple[str, str, int] | None) -> None:
    """Print the table."""
    if call is None:
        report().show()
    else:
        click.echo(megabytes_of(*call))


if __name__ == "__main__":
    main()
