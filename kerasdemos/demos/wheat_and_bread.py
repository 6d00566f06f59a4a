"""Linear regression by gradient descent: the price of bread, given the price of wheat.

The third snippet of article 0 ("Python深度学习算法实例分析") joins the first two. The guess is a line y = m x +
b, its error is the mean squared error, and gradient descent makes the error small: it starts at b = m = 1 and
takes 100 steps with a rate of .01, each along the gradient of the error of all five points (a full batch). This
is already how a network learns. The line *is* a network: one input, one output, one weight, one bias.

The article writes the two derivatives out; here `tf.GradientTape` derives them from a Keras `Dense(1)`. The
article does not say how far it gets. The error falls from 17.67 to .117, which looks finished, while least
squares reaches .035 with quite another line. The prices lie in a narrow range far from zero, so m can rise
while b falls and the error hardly changes: the error is a narrow valley whose floor is nearly level, and small
steps along it take very long. `--epochs 10000` gets there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from kerasdemos.demos._shared.descent import descend
from kerasdemos.demos._shared.straight_line import best_line, line, mean_squared_error

if TYPE_CHECKING:
    import keras

WHEAT = np.array([0.5, 0.6, 0.8, 1.1, 1.4])  # price of a kilogram
BREAD = np.array([5.0, 5.5, 6.0, 6.8, 7.0])  # average price
START = 1.0  # of m and of b
RATE = 0.01


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """The article's descent in `steps` steps, beside least squares; nothing in it is random."""
    model = line(START, START)
    descent = descend(lambda: mean_squared_error(model, WHEAT, BREAD), model.trainable_variables, rate=RATE, steps=steps)
    slopes, biases = descent.paths[0][:, 0, 0], descent.paths[1][:, 0]
    slope, bias = best_line(WHEAT, BREAD)
    smallest = float(mean_squared_error(line(slope, bias), WHEAT, BREAD))
    return Outcome(
        lines=(
            f"start: b = {biases[0]:g}, m = {slopes[0]:g}, error = {descent.losses[0]:.6f}",
            f"after {steps} steps: b = {biases[-1]:.14f}, m = {slopes[-1]:.15f}, error = {descent.losses[-1]:.6f}",
            f"least squares: b = {bias:.6f}, m = {slope:.6f}, error = {smallest:.7f}",
            f"the descent is still {abs(biases[-1] - bias):.6f} away from that in b and "
            f"{abs(slopes[-1] - slope):.6f} in m; its error is "
            f"{descent.losses[-1] / smallest:.4g} times the smallest",
        ),
        measures={
            "b": float(biases[-1]),
            "m": float(slopes[-1]),
            "error at the start": float(descent.losses[0]),
            "error at the end": float(descent.losses[-1]),
            "b of least squares": bias,
            "m of least squares": slope,
            "error of least squares": smallest,
        },
        panels=(
            _lines(model, slope, bias),
            _error(descent.losses, smallest),
            _valley(slopes, biases, slope, bias),
        ),
        history={"step": np.arange(steps + 1), "b": biases, "m": slopes, "error": descent.losses},
        model=model,
    )


def _lines(model: keras.Model, slope: float, bias: float) -> Panel:
    x = np.array([0.4, 1.5])
    return Panel(
        title="Bread by wheat",
        x_label="price of wheat",
        y_label="price of bread",
        curves=(
            Curve(x, START * x + START, "start"),
            Curve(x, model(x[:, None]).numpy()[:, 0], "descent"),
            Curve(x, slope * x + bias, "least squares"),
            Curve(WHEAT, BREAD, "data", "points"),
        ),
    )


def _error(losses: np.ndarray, smallest: float) -> Panel:
    steps = np.arange(len(losses))
    return Panel(
        title="The error falls fast, then hardly",
        x_label="step",
        y_label="mean squared error",
        curves=(
            Curve(steps, losses, "descent"),
            Curve(steps[[0, -1]], np.array([smallest, smallest]), "least squares"),
        ),
        log_y=True,
    )


def _valley(slopes: np.ndarray, biases: np.ndarray, slope: float, bias: float) -> Panel:
    return Panel(
        title="The way of the line",
        x_label="m",
        y_label="b",
        curves=(
            Curve(slopes, biases, "descent", "path"),
            Curve(np.array([slope]), np.array([bias]), "least squares", "points"),
        ),
    )


DEMO = Demo(
    name="wheat_and_bread",
    article="0",
    idea="a line learns by descent, and is not yet the best line after 100 steps",
    data="five points",
    parameters=2,
    expected=(
        Expected("b", 3.30446237250121, 1e-13, "computed"),
        Expected("m", 2.966062687410304, 1e-13, "computed"),
        Expected("error at the start", 17.67, 1e-13, "computed"),
        Expected("error at the end", 0.117058, 5e-7, "computed"),
        Expected("b of least squares", 4.107299, 5e-7, "computed"),
        Expected("m of least squares", 2.218978, 5e-7, "computed"),
        Expected("error of least squares", 0.0347445, 5e-8, "computed"),
    ),
    run=Program(compute, steps=100),
)
