"""What occlusion in windows costs, beside computing every hidden copy in full.

    python benchmarks/windows.py [--model digits_cnn|vgg|resnet|mobilenet]... [--rounds N]

Both are `visualize.occlusion`: with `path="auto"`, which computes in windows where it expects to win, and with `path="full"`,
at the batch size that suits this machine. They are timed in turn, in one process, after one call each that traces; the ratio
is the median of the rounds' ratios. "operations" are the multiply-adds of the full computation over those of the windows, as
counted from the shapes; "estimated" is the saving that the planner expected; "difference" the largest between two scores of
one position, in parts of the range of all scores.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click
import keras
import numpy as np
from rich.console import Console
from rich.table import Table

import visualize

SMALL, LARGE = (28, 28, 1), (224, 224, 3)
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
        return keras.applications.ResNet50(weights=None, input_shape=LARGE, classes=100, classifier_activation=None)
    if name == "mobilenet":
        return keras.applications.MobileNetV2(weights=None, input_shape=LARGE, classes=100, classifier_activation=None)
    from kerasdemos.demos.digits_cnn import build

    return build()


def timed(function: Callable) -> float:
    """The seconds that a function takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


@click.command()
@click.option("--model", "names", type=click.Choice(list(ROWS)), multiple=True, default=list(ROWS), show_default=True)
@click.option("--rounds", type=int, default=5, show_default=True, help="Of digits_cnn; the large networks get a third.")
def main(names: tuple[str, ...], rounds: int) -> None:
    """Print one table."""
    columns = (
        "model",
        "images",
        "patch",
        "stride",
        "path",
        "operations",
        "estimated",
        "seconds",
        "full",
        "ratio",
        "difference",
    )
    table = Table(*columns, title="occlusion in windows and in full")
    for name in names:
        model = model_of(name)
        times = rounds if name == "digits_cnn" else -(-rounds // 3)
        for count, patch, stride in ROWS[name]:
            images = np.random.default_rng(0).random((count, *model.input_shape[1:])).astype("float32")

            def occluded(path: str, images=images, model=model, patch=patch, stride=stride) -> visualize.Attribution:
                return visualize.occlusion(model, images, 3, patch=patch, stride=stride, path=path)

            found, full = occluded("auto"), occluded("full")  # traces
            pairs = [(timed(lambda: occluded("auto")), timed(lambda: occluded("full"))) for _ in range(times)]
            ours, whole = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(one / other for one, other in pairs)
            scores = [one.arrays["position_scores"] for one in (found, full)]
            difference = np.abs(scores[0] - scores[1]).max() / np.ptp(scores[1])
            told = found.settings
            saved = [f"{told[key]:.2f}" if key in told else "" for key in ("operations_saving", "estimated_saving")]
            row = (str(count), str(patch), str(stride), told["path"], *saved)
            table.add_row(name, *row, f"{ours:.3f}", f"{whole:.3f}", f"{ratio:.2f}", f"{difference:.0e}")
        del model
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
