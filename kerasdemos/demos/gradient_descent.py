"""Gradient descent: find a minimum by stepping where the function falls.

The second snippet of article 0 ("Python深度学习算法实例分析"; Cauchy, 1847). Where no formula gives the
minimum, the derivative still tells in which direction the function falls: x <- x - rate * f'(x), again and
again. The article minimizes f(x) = x^5 - 2x^3 - 2 from x = 0.5 in 60 steps with a rate of .01.

The article derives f' = 5x^4 - 6x^2 by hand. Here `tf.GradientTape` computes it and Keras' SGD takes the step,
as for the networks of the later articles. The article does not say that its 60 steps end short of the minimum:
f' = 0 at x = sqrt(6/5), and near it each step leaves 1 - rate * f'' = 87 % of the remaining distance. A descent
never arrives exactly, it only gets near enough.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from kerasdemos.demos._shared.descent import descend

T = TypeVar("T")  # a number, an array or a Keras variable

START = 0.5
RATE = 0.01
MINIMUM = np.sqrt(6 / 5)
NEAR = 1e-6  # from here on it counts as converged


def function(x: T) -> T:
    """x^5 - 2x^3 - 2, of a number, an array or a Keras variable."""
    return x**5 - 2 * x**3 - 2  # pyright: ignore[reportOperatorIssue]


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """The article's descent in `steps` steps; nothing in it is random."""
    import keras

    x = keras.Variable(START, dtype="float64", name="x")
    descent = descend(lambda: function(x), [x], rate=RATE, steps=steps)
    path, values = descent.paths[0], descent.losses
    gap = float(abs(path[-1] - MINIMUM))
    verdict = "converged" if gap < NEAR else "not converged"
    shown = dict.fromkeys([*range(min(3, steps)), *range(10, steps, 10), steps])
    return Outcome(
        lines=(
            *(f"step {step:3d}: x = {path[step]:.6f}, f(x) = {values[step]:.6f}" for step in shown),
            f"the minimum is at x = sqrt(6/5) = {MINIMUM:.7f}",
            f"{verdict}: after {steps} steps x = {path[-1]:.14g} is still {gap:.1e} away",
        ),
        measures={"x at the end": float(path[-1]), "distance to the minimum": gap},
        panels=(_descent(path, values), _near_the_minimum(path, values), _distance(path)),
        history={"step": np.arange(steps + 1), "x": path, "f": values},
    )


def _descent(path: np.ndarray, values: np.ndarray) -> Panel:
    x = np.linspace(0.3, 1.4, 200)
    return Panel(
        title="f(x) = x⁵ - 2x³ - 2",
        x_label="x",
        y_label="f(x)",
        curves=(Curve(x, function(x), "f"), Curve(path, values, "descent", "path")),
    )


def _near_the_minimum(path: np.ndarray, values: np.ndarray) -> Panel:
    x = np.linspace(1.075, 1.115, 200)
    near = (path > x[0]) & (path < x[-1])
    steps = (Curve(path[near], values[near], "descent", "points"),) if near.any() else ()
    return Panel(
        title="The end, magnified",
        x_label="x",
        y_label="f(x)",
        curves=(
            Curve(x, function(x), "f"),
            *steps,
            Curve(np.array([MINIMUM]), np.array([function(MINIMUM)]), "true minimum", "points"),
        ),
    )


def _distance(path: np.ndarray) -> Panel:
    return Panel(
        title="The way that is left shrinks, never to nothing",
        x_label="step",
        y_label="distance from x to sqrt(6/5)",
        curves=(Curve(np.arange(len(path)), np.abs(path - MINIMUM), "descent"),),
        log_y=True,
    )


DEMO = Demo(
    name="gradient_descent",
    article="0",
    idea="follow the slope down a curve, one step at a time",
    data="none",
    parameters=1,
    expected=(
        Expected("x at the end", 1.09283743265539, 1e-14, "computed"),
        Expected("distance to the minimum", 0.0026077, 1e-7, "computed"),
    ),
    run=Program(compute, steps=60),
)
