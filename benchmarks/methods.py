"""What each method costs, beside the bare passes that it cannot do without.

    python benchmarks/methods.py [--model digits_cnn|mobilenet] [--images N] [--rounds N]

The floor of a method is the time of the compiled forward, or forward and backward, passes that its definition asks for, at the
best batch size of this machine, and nothing else: no target, no check, no map. Method and floor are timed in turn, in one
process, and the medians compared, so that what else the machine does counts for both.
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
import tensorflow as tf
from rich.console import Console
from rich.table import Table

import visualize

MODELS = {"digits_cnn": (28, 28, 1), "mobilenet": (224, 224, 3)}
BEST_BATCH = {"digits_cnn": 128, "mobilenet": 10}
LAYERS = {"digits_cnn": "conv2d_1", "mobilenet": "out_relu"}
STEPS, SAMPLES, MASKS, ASCENT = 10, 10, 200, 200  # fewer than the defaults: a ratio needs no more


def model_of(name: str) -> keras.Model:
    """The network, with random weights: they cost what trained ones cost."""
    keras.utils.set_random_seed(0)
    if name == "mobilenet":
        return keras.applications.MobileNetV2(weights=None, input_shape=MODELS[name], classifier_activation=None)
    from kerasdemos.demos.digits_cnn import build

    model = build()
    model.layers[-1].activation = keras.activations.linear
    return model


class Floor:
    """Bare compiled passes of one model."""

    def __init__(self, model: keras.Model, layer: str, best: int):
        self.best, self.shape = best, model.input_shape[1:]
        maps = model.get_layer(layer).output
        below, above = keras.Model(model.inputs, maps), keras.Model(maps, model.outputs)
        self.channels = int(maps.shape[-1])
        self.map_shape = tuple(maps.shape[1:])

        @tf.function
        def forward(images):
            return model(images, training=False)

        @tf.function
        def backward(images):
            with tf.GradientTape() as tape:
                tape.watch(images)
                score = model(images, training=False)[:, 3]
            return tape.gradient(score, images)

        @tf.function
        def to_layer(images):
            features = below(images, training=False)
            with tf.GradientTape() as tape:
                tape.watch(features)
                score = above(features, training=False)[:, 3]
            return tape.gradient(score, features)

        @tf.function
        def head(features):
            return above(features, training=False)

        self.forward, self.backward, self.to_layer, self.head = forward, backward, to_layer, head

    def run(self, pass_: Callable, images: np.ndarray, times: int = 1) -> Callable[[], float]:
        """A function that times `times` x images passes at the best batch size, by one batch of them: seconds."""
        count = len(images) * times
        size = min(count, self.best) if times > 1 else len(images)
        shape = self.map_shape if pass_ is self.head else self.shape
        batch = tf.constant(np.random.default_rng(1).random((size, *shape)), tf.float32)

        def seconds() -> float:
            began = time.perf_counter()
            pass_(batch).numpy()
            return (time.perf_counter() - began) * count / size

        return seconds


def timed(function: Callable) -> Callable[[], float]:
    """A function that calls the function and returns the seconds that it took."""

    def seconds() -> float:
        began = time.perf_counter()
        function()
        return time.perf_counter() - began

    return seconds


@click.command()
@click.option("--model", "name", type=click.Choice(list(MODELS)), default="digits_cnn", show_default=True)
@click.option("--images", "count", type=int, default=64, show_default=True)
@click.option("--rounds", type=int, default=7, show_default=True)
def main(name: str, count: int, rounds: int) -> None:
    """Print one table."""
    model, layer = model_of(name), LAYERS[name]
    floor = Floor(model, layer, BEST_BATCH[name])
    images = np.random.default_rng(0).random((count, *MODELS[name])).astype("float32")
    side = MODELS[name][0]
    positions = len(visualize.occlusion(model, images[:1], 3, patch=side // 4, stride=side // 4).settings["tops"]) ** 2

    def method(function, **options):
        return timed(lambda: function(model, images, 3, **options))

    rows = {
        "saliency": (method(visualize.saliency), floor.run(floor.backward, images)),
        "input_times_gradient": (method(visualize.input_times_gradient), floor.run(floor.backward, images)),
        "integrated_gradients": (
            method(visualize.integrated_gradients, steps=STEPS),
            floor.run(floor.backward, images, STEPS),
        ),
        "smoothgrad": (method(visualize.smoothgrad, samples=SAMPLES), floor.run(floor.backward, images, SAMPLES)),
        "vargrad": (method(visualize.vargrad, samples=SAMPLES), floor.run(floor.backward, images, SAMPLES)),
        "gradcam": (method(visualize.gradcam, layer=layer), floor.run(floor.to_layer, images)),
        "gradcam_plus_plus": (method(visualize.gradcam_plus_plus, layer=layer), floor.run(floor.to_layer, images)),
        "layercam": (method(visualize.layercam, layer=layer), floor.run(floor.to_layer, images)),
        "hirescam": (method(visualize.hirescam, layer=layer), floor.run(floor.to_layer, images)),
        "scorecam": (method(visualize.scorecam, layer=layer), floor.run(floor.forward, images, floor.channels)),
        "ablationcam": (method(visualize.ablationcam, layer=layer), floor.run(floor.head, images, floor.channels)),
        "occlusion": (
            method(visualize.occlusion, patch=side // 4, stride=side // 4),
            floor.run(floor.forward, images, positions),
        ),
        "rise": (method(visualize.rise, masks=MASKS), floor.run(floor.forward, images, MASKS)),
    }
    if count >= 10:
        ascent = timed(lambda: visualize.maximize(model, range(10), steps=ASCENT))
        rows["maximize, 10 units"] = (ascent, floor.run(floor.backward, images[:10], ASCENT))
    if name == "mobilenet":  # 1280 channels: minutes a round
        del rows["scorecam"]
    table = Table("method", "milliseconds", "floor", "ratio", title=f"{name}, {count} images, medians of {rounds}")
    for row, (ours, bare) in rows.items():
        first = ours()  # traces
        bare()
        both = [(ours(), bare()) for _ in range(rounds)]
        seconds, least = (statistics.median(column) for column in zip(*both, strict=True))
        ratio = statistics.median(one / other for one, other in both)
        table.add_row(row, f"{1000 * seconds:.1f}", f"{1000 * least:.1f}", f"{ratio:.2f}")
        del first
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
