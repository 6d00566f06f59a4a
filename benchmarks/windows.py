"""What occlusion in windows costs, beside computing every hidden copy in full.

python -m benchmarks.windows [--model digits_cnn|vgg|resnet|mobilenet]... [--rounds N]

Both are `visualize.occlusion`: with `path="auto"`, which computes in windows where they are estimated to be faster, and with
`path="full"`, at the batch size that suits this machine. They are timed in turn, in one process, after one call each that
traces; the ratio is the median of the rounds' ratios. "operations" are the multiply-adds of the full computation over those
of the windows, counted from the shapes; "estimated" is the saving that the planner expected; "difference" is the largest
difference between the two scores of a position, in parts of the range of all scores.
"""

from __future__ import annotations

import functools
import os
import statistics
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click
import keras
import numpy as np

import visualize
from benchmarks.report import Report, number
from benchmarks.timing import in_turn, ratio, seconds_of
from benchmarks.workloads import TARGET

LARGE = (224, 224, 3)
UNTRAINED: dict[str, Any] = {"weights": None, "input_shape": LARGE, "classes": 100, "classifier_activation": None}
ROWS = {  # images, patch, stride
    "digits_cnn": [(1, 4, 4), (1, 4, 2), (1, 4, 1), (16, 4, 4), (16, 4, 2), (16, 4, 1)],
    "vgg": [(1, 32, 16), (1, 16, 8)],
    "resnet": [(1, 32, 16), (1, 16, 8)],
    "mobilenet": [(1, 32, 16), (1, 16, 8)],
}


def vgg() -> keras.Model:
    """The thirteen convolutions of VGG16 (Simonyan & Zisserman 2014, arXiv:1409.1556) at half its width."""
    layers = [keras.Input(LARGE)]
    for filters, depth in ((32, 2), (64, 2), (128, 3), (256, 3), (256, 3)):
        layers += [keras.layers.Conv2D(filters, 3, padding="same", activation="relu") for _ in range(depth)]
        layers.append(keras.layers.MaxPooling2D())
    layers += [keras.layers.Flatten(), keras.layers.Dense(512, activation="relu"), keras.layers.Dense(100)]
    return keras.Sequential(layers, name="vgg")


def model_of(name: str) -> keras.Model:
    """The network, with random weights: they cost what trained ones cost."""
    keras.utils.set_random_seed(0)
    if name == "vgg":
        return vgg()
    if name == "resnet":
        return keras.applications.ResNet50(**UNTRAINED)
    if name == "mobilenet":
        return keras.applications.MobileNetV2(**UNTRAINED)
    from kerasdemos.demos.digits_cnn import build

    return build()


def report(rounds: int, names: Sequence[str] = tuple(ROWS)) -> Report:
    """The table; the large networks take minutes per round, and get a third of the rounds."""
    rows = []
    for name in names:
        model = model_of(name)
        for count, patch, stride in ROWS[name]:
            images = np.random.default_rng(0).random((count, *model.input_shape[1:])).astype("float32")
            explain = functools.partial(visualize.occlusion, model, images, TARGET, patch=patch, stride=stride)
            auto, full = explain(path="auto"), explain(path="full")  # traces
            runs = {path: functools.partial(seconds_of, functools.partial(explain, path=path)) for path in ("auto", "full")}
            times = in_turn(runs, rounds if name == "digits_cnn" else -(-rounds // 3))
            scores = [result.arrays["position_scores"] for result in (auto, full)]
            difference = np.abs(scores[0] - scores[1]).max() / np.ptp(scores[1])
            savings = [number(auto.settings.get(key)) for key in ("operations_saving", "estimated_saving")]
            seconds = [number(statistics.median(times[path])) for path in ("auto", "full")]
            row = (f"{name}, {count} x {patch}/{stride}", auto.settings["path"], *savings, *seconds)
            rows.append((*row, number(ratio(times["auto"], times["full"])), f"{difference:.0e}"))
    header = ("images x patch/stride", "path", "operations", "estimated", "seconds", "in full", "of the full", "difference")
    notes = ("operations, estimated: times saved, as counted and as predicted. difference: in parts of the scores' range.",)
    return Report(f"occlusion in windows, medians of {rounds}", header, tuple(rows), notes)


@click.command()
@click.option("--model", "names", type=click.Choice(list(ROWS)), multiple=True, default=list(ROWS), show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
def main(names: tuple[str, ...], rounds: int) -> None:
    """Print the table."""
    report(rounds, names).show()


if __name__ == "__main__":
    main()
