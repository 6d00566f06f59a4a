"""Least squares: how wrong is a line, and which line is the least wrong?

Article 0 ("Python深度学习算法实例分析", after E. Wallner, "The history of deep learning, explored through six
code snippets", 2017) begins in 1805 with Legendre. A guess about data has an error at each point, and the
squares of the errors add up to one number: too high and too low count alike, and large errors count more than
small ones. Every network in this package learns by making such a number small.

The article takes three points and the guess y = 2x + 1, whose mean squared error is 22, and stops there. Here
the guess is a Keras model with one weight and one bias, and the best line is shown beside it: where the network
is a line, calculus gives the smallest error directly, without any learning.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from kerasdemos.demos._shared.straight_line import best_line, line, mean_squared_error
from visualize.errors import InputError

if TYPE_CHECKING:
    import keras

X = np.array([3.0, 6.0, 12.0])
Y = np.array([6.0, 9.0, 18.0])
SLOPE, BIAS = 2.0, 1.0  # the article's guess


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """The error of the article's line, and the best line; nothing is random.

    Raises:
        InputError: `steps` is not 0, as there is nothing to iterate.
    """
    if steps:
        raise InputError(f"`epochs` means nothing to least_squares: it computes in one go. Received: {steps}.")
    guess = line(SLOPE, BIAS)
    slope, bias = best_line(X, Y)
    best = line(slope, bias)
    errors = {"guess": float(mean_squared_error(guess, X, Y)), "best": float(mean_squared_error(best, X, Y))}
    predictions = guess(X[:, None]).numpy()[:, 0]
    return Outcome(
        lines=(
            *(f"x = {x:2.0f}: y is {y:2.0f}, 2x + 1 says {p:2.0f}" for x, y, p in zip(X, Y, predictions, strict=True)),
            f"mean squared error of y = 2x + 1: {errors['guess']:.1f}",
            f"the best line is y = {slope:.6f} x + {bias:.6f}, with an error of {errors['best']:.7f}",
        ),
        measures={
            "error of y = 2x + 1": errors["guess"],
            "best slope": slope,
            "best bias": bias,
            "error of the best line": errors["best"],
        },
        panels=(_lines(guess, best), _residuals(guess, best)),
        model=best,
    )


def _lines(guess: keras.Model, best: keras.Model) -> Panel:
    x = np.array([0.0, 14.0])
    return Panel(
        title="A guess, and the best line",
        x_label="x",
        y_label="y",
        curves=(
            Curve(x, guess(x[:, None]).numpy()[:, 0], "y = 2x + 1"),
            Curve(x, best(x[:, None]).numpy()[:, 0], "least squares"),
            Curve(X, Y, "data", "points"),
        ),
    )


def _residuals(guess: keras.Model, best: keras.Model) -> Panel:
    return Panel(
        title="What each point adds to the error",
        x_label="x",
        y_label="(y - line)²",
        curves=(
            Curve(X, (Y - guess(X[:, None]).numpy()[:, 0]) ** 2, "y = 2x + 1", "points"),
            Curve(X, (Y - best(X[:, None]).numpy()[:, 0]) ** 2, "least squares", "points"),
        ),
    )


DEMO = Demo(
    name="least_squares",
    article="0",
    idea="the error of a line is one number, and one line makes it smallest",
    data="three points",
    parameters=2,
    expected=(
        Expected("error of y = 2x + 1", 22.0, 1e-12, "computed"),
        Expected("best slope", 1.357143, 5e-7, "computed"),
        Expected("best bias", 1.5, 5e-7, "computed"),
        Expected("error of the best line", 0.2142857, 5e-8, "computed"),
    ),
    run=Program(compute, steps=0),
)
