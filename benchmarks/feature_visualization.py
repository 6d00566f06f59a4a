"""Feature visualization of an ImageNet network, judged by another one: the table of docs/maximize.md.

    python -m benchmarks.feature_visualization lite0/model.keras lite1/model.keras --parametrization fourier --out outputs

Both models need a card with the class names of ImageNet. For ten classes that were chosen before anything was measured: for
how many the judge names the class first, the probability that it gives them, and the total variation, the mean absolute
difference of neighbors as a part of the input range, beside that of photographs of scikit-image. The ratio to the floor is the
time of steps over that of as many bare gradients of the model at the same batch, measured in turns in one process.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import skimage.data
import tensorflow as tf
from PIL import Image

import visualize
from visualize.models.layers import card_of

CLASSES = (
    *("cheetah", "daisy", "espresso", "flamingo", "goldfinch"),
    *("jellyfish", "school bus", "pizza", "volcano", "king penguin"),
)
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
TURNS = 5  # of the measurement of the ratio
TURN_STEPS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("explained", type=Path)
    parser.add_argument("judge", type=Path)
    parser.add_argument("--parametrization", default="auto")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path())
    chosen = parser.parse_args()
    explained, judge = (visualize.open_model(path) for path in (chosen.explained, chosen.judge))
    options = {"parametrization": chosen.parametrization, "steps": chosen.steps, "seed": chosen.seed}
    started, processor = time.perf_counter(), time.process_time()
    tiles = visualize.maximize(explained, CLASSES, **options)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    low, high = tiles.settings.input_range
    parts = (tiles.pictures - low) / (high - low)
    probabilities = judged(judge, parts)
    own = probabilities[range(len(CLASSES)), tiles.settings.targets]
    print(f"first {(probabilities.argmax(1) == tiles.settings.targets).sum()} of {len(CLASSES)}")
    print("probability " + ", ".join(f"{name} {value:.2f}" for name, value in zip(CLASSES, own, strict=True)))
    print(f"mean probability {own.mean():.3f}")
    photographs = [total_variation(cut(getattr(skimage.data, name)(), parts.shape[1:3])) for name in PHOTOGRAPHS]
    print(f"total variation {total_variation(parts):.4f}, of photographs {statistics.mean(photographs):.4f}")
    ratio = ratio_to_floor(explained, tiles.settings.targets, options)
    print(f"{seconds:.0f} s, {processor:.0f} s of processor time, {ratio:.2f} of the bare gradients")
    chosen.out.mkdir(parents=True, exist_ok=True)
    visualize.save(chosen.out / "maximize-imagenet.npz", tiles)
    print(visualize.write_png(visualize.draw(tiles), chosen.out / "maximize-imagenet.png"))


def judged(judge, parts: np.ndarray) -> np.ndarray:
    """What another network says of pictures in 0..1, brought to its size."""
    size, (low, high) = judge.input_shape[1:3], card_of(judge).input_range
    return np.concatenate([np.asarray(judge(low + (high - low) * tf.image.resize(part[None], size))) for part in parts])


def total_variation(parts: np.ndarray) -> float:
    """The mean absolute difference of neighbors of (..., height, width, channels) in 0..1."""
    return float(np.abs(np.diff(parts, axis=-3)).mean() + np.abs(np.diff(parts, axis=-2)).mean()) / 2


def cut(photograph: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The square in the middle of a photograph, brought to size, in 0..1."""
    side = min(photograph.shape[:2])
    top, left = ((length - side) // 2 for length in photograph.shape[:2])
    square = Image.fromarray(photograph[top : top + side, left : left + side])
    return np.asarray(square.resize(size[::-1], Image.Resampling.BICUBIC)) / 255


def ratio_to_floor(model, targets: list[int], options: dict) -> float:
    """The time of steps over that of bare gradients of the scores, the median of several turns."""
    logits = tf.one_hot(targets, model.output_shape[-1])

    @tf.function(autograph=False)
    def gradients(images):
        for _ in range(TURN_STEPS):
            score = tf.reduce_sum(model(images, training=False) * logits)
            images += tf.gradients(score, images)[0]
        return images

    images = tf.random.uniform((len(targets), *model.input_shape[1:]))

    def steps():
        visualize.maximize(model, targets, **{**options, "steps": TURN_STEPS})

    def more_steps():
        visualize.maximize(model, targets, **{**options, "steps": 3 * TURN_STEPS})

    def floor():
        gradients(images)

    for function in (steps, floor):
        function()  # traced
    ratios = []
    for _ in range(TURNS):
        # what a call costs besides its steps is left out: 20 more steps over 20 gradients
        few, bare, many, again = (_seconds(function) for function in (steps, floor, more_steps, floor))
        ratios.append((many - few) / (bare + again))
    return statistics.median(ratios)


def _seconds(function) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
