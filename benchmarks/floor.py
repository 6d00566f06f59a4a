"""Floor: the bare compiled passes that a method cannot do without."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from benchmarks.timing import seconds_of
from benchmarks.workloads import TARGET, Workload

TRIED = 3  # batch sizes: powers of two, the largest that the passes fill; and all in one batch, where that is no larger


class Floor:
    """The passes of one network, by name, each the compiled call of the model and nothing else.

    No target is looked up, nothing is checked, no map is computed, and a batch is on the device before the clock starts.

    forward   images -> scores
    backward  images -> scores, and the gradient of one score of each with respect to its image
    to_layer  images -> scores, and the gradient with respect to the maps of the CAM layer
    maps      images -> the maps of the CAM layer
    head      maps of the CAM layer -> scores
    """

    def __init__(self, workload: Workload):
        self._model = model = workload.model()
        maps = model.get_layer(workload.layer).output
        below, above = keras.Model(model.inputs, maps), keras.Model(maps, model.outputs)
        self._shapes = {"head": tuple(maps.shape[1:])}
        self._shape, self._largest = workload.shape, workload.largest
        self.channels = int(maps.shape[-1])
        self.score_channels = int(model.get_layer(workload.score_layer).output.shape[-1])
        self._batches: dict[tuple, tf.Tensor] = {}
        self._times: dict[tuple[str, int], float] = {}

        def backward(images):
            with tf.GradientTape() as tape:
                tape.watch(images)
                score = model(images, training=False)[:, TARGET]
            return tape.gradient(score, images)

        def to_layer(images):
            features = below(images, training=False)
            with tf.GradientTape() as tape:
                tape.watch(features)
                score = above(features, training=False)[:, TARGET]
            return tape.gradient(score, features)

        passes = {
            "forward": lambda images: model(images, training=False),
            "backward": backward,
            "to_layer": to_layer,
            "maps": lambda images: below(images, training=False),
            "head": lambda features: above(features, training=False),
        }
        self._passes = {
            name: tf.function(function, input_signature=[tf.TensorSpec([None, *self._shapes.get(name, self._shape)])])
            for name, function in passes.items()
        }

    def seconds(self, **passes: int) -> Callable[[], float]:
        """A function that runs so many passes of each kind in batches of the best size, and returns the seconds.

        What does not fill a batch counts as its part of one.
        """
        sized = {name: (count, self.best_size(name, count)) for name, count in passes.items()}

        def run() -> float:
            total = 0.0
            for name, (count, size) in sized.items():
                whole = count // size
                total += (
                    seconds_of(lambda name=name, size=size, whole=whole: self._run(name, size, whole)) * count / whole / size
                )
            return total

        return run

    def steps(self, units: int, steps: int) -> Callable[[], float]:
        """As `seconds`, for passes that follow one another: all units in one batch, step by step."""
        self._time(("backward", units))
        return lambda: seconds_of(lambda: self._run("backward", units, steps))

    def best_size(self, name: str, count: int) -> int:
        """The batch size at which so many passes are fastest on this machine; measured once."""
        most = min(count, self._largest)
        sizes = {most, *(2**power for power in range(most.bit_length() - TRIED, most.bit_length()) if power >= 0)}
        return min(sorted(sizes), key=lambda size: self._time((name, size)) / size)

    def _time(self, key: tuple[str, int]) -> float:
        if key not in self._times:
            self._run(*key, 1)  # traces
            self._times[key] = min(seconds_of(lambda: self._run(*key, 1)) for _ in range(3))
        return self._times[key]

    def _run(self, name: str, size: int, times: int) -> None:
        shape = (size, *self._shapes.get(name, self._shape))
        if shape not in self._batches:
            self._batches[shape] = tf.constant(np.random.default_rng(1).random(shape), tf.float32)
        for _ in range(times):
            self._passes[name](self._batches[shape]).numpy()
