"""The noise floor: how small can the error get, and what does noise with a mean do to the line?

Article 4 ("【深度學習Pytorch入門】") fits y = w x + b + e, where the noise e is drawn with mean .01 and
standard deviation 1. It shows two things. First, no line explains noise: the error falls to the variance of the
noise, 1, and stays there, however long it is trained. An error below it would mean that the noise was
memorized. Second, noise whose mean is not zero cannot be distinguished from a bias: the line that fits best has
the bias b + .01.

It takes many points to *see* the .01: the bias is known to 1 / sqrt(points), which is .1 for a hundred points,
ten times too coarse. Here are 250,000, x uniform in [-1, 1), w = 2 and b = 1, and 200 full-batch steps with a
rate of .1 of a Keras `Dense(1)` in float64.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from kerasdemos.demos._shared.descent import descend
from kerasdemos.demos._shared.straight_line import line, mean_squared_error

if TYPE_CHECKING:
    import keras

COUNT = 250_000
SLOPE, BIAS = 2.0, 1.0
NOISE_MEAN, NOISE_DEVIATION = 0.01, 1.0
RATE = 0.1
DRAWN = 400  # points that the picture shows


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """Generate noisy points from `seed`, and fit a line to them in `steps` steps."""
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, COUNT)
    noise = random.normal(NOISE_MEAN, NOISE_DEVIATION, COUNT)
    y = SLOPE * x + BIAS + noise
    model = line(0.0, 0.0)
    descent = descend(lambda: mean_squared_error(model, x, y), model.trainable_variables, rate=RATE, steps=steps)
    slopes, biases = descent.paths[0][:, 0, 0], descent.paths[1][:, 0]
    error, absorbed = float(descent.losses[-1]), float(biases[-1] - BIAS)
    return Outcome(
        lines=(
            f"after {steps} steps: w = {slopes[-1]:.4f} (made with {SLOPE:g}), b = {biases[-1]:.4f} (made with {BIAS:g})",
            f"the error is {error:.4f}, the variance of the noise {noise.var():.4f}: no line is better",
            f"the bias is off by {absorbed:+.4f}, the mean of the noise is {noise.mean():+.4f}: it went there",
        ),
        measures={
            "error at the end": error,
            "error minus noise variance": float(error - noise.var()),
            "what the bias absorbed": absorbed,
            "what the bias absorbed minus noise mean": float(absorbed - noise.mean()),
            "w": float(slopes[-1]),
        },
        panels=(
            _points(model, x[:DRAWN], y[:DRAWN]),
            _error(descent.losses, float(noise.var())),
            _bias(biases, float(noise.mean())),
        ),
        history={"step": np.arange(steps + 1), "w": slopes, "b": biases, "error": descent.losses},
        model=model,
    )


def _points(model: keras.Model, x: np.ndarray, y: np.ndarray) -> Panel:
    ends = np.array([-1.0, 1.0])
    return Panel(
        title=f"{len(x)} of {COUNT:,} points",
        x_label="x",
        y_label="y",
        curves=(
            Curve(x, y, "data", "points"),
            Curve(ends, model(ends[:, None]).numpy()[:, 0], "descent"),
        ),
    )


def _error(losses: np.ndarray, variance: float) -> Panel:
    steps = np.arange(len(losses))
    return Panel(
        title="The error stops at the noise",
        x_label="step",
        y_label="mean squared error",
        curves=(
            Curve(steps, losses, "descent"),
            Curve(steps[[0, -1]], np.array([variance, variance]), "variance of the noise"),
        ),
    )


def _bias(biases: np.ndarray, noise_mean: float) -> Panel:
    late = np.arange(len(biases) // 8, len(biases))  # before that it is still rising from 0
    ends = late[[0, -1]]
    return Panel(
        title="The bias absorbs the noise's mean",
        x_label="step",
        y_label="b",
        curves=(
            Curve(late, biases[late], "descent"),
            Curve(ends, np.array([BIAS, BIAS]), "b of the line"),
            Curve(ends, np.array([BIAS, BIAS]) + NOISE_MEAN, "b + .01"),
            Curve(ends, np.array([BIAS, BIAS]) + noise_mean, "b + mean of these noises"),
        ),
    )


DEMO = Demo(
    name="noisy_line",
    article="4",
    idea="the error stops at the noise, and the bias absorbs its mean",
    data="250,000 made points",
    parameters=2,
    # The tolerances are three standard errors of 250,000 points.
    expected=(
        Expected("error at the end", 1.0, 0.009, "computed"),
        Expected("error minus noise variance", 0.0, 1e-4, "computed"),
        Expected("what the bias absorbed", 0.01, 0.006, "computed"),
        Expected("w", 2.0, 0.0104, "computed"),
    ),
    run=Program(compute, steps=200),
)
