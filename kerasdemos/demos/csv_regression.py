"""Linear regression on a file of points, and how long a step may be.

Article 4 ("【深度學習Pytorch入門】") reads a CSV file of two columns, x and y, and finds the line through the
points by gradient descent: b = m = 0 at the start, 1000 full-batch steps with a learning rate of .0001. The
first steps do nearly all of the work that can be seen, and the error hardly changes after them.

Why so small a rate? The error is a parabola in (m, b), and a step that is too long overshoots further each
time. The limit is 2 / (the largest curvature), which for points with x near 49 is 4.0e-4: above it the original
prints nan. Here `fit` computes the limit first, and refuses a larger rate. The same number explains why b stays
near 0. The smallest curvature is some 60,000 times smaller than the largest, and along it b would need hundreds
of thousands of steps.

The article's file may not be redistributed, so by default the demo generates 100 points like it: x with mean 49
and standard deviation 9.7, y = 8 + 1.3 x with noise of standard deviation 10. `--data points.csv` reads a file
(two columns, no header). On the article's own file the error falls from 5565.107834483211 to
112.61481011613473, at b = .08893651993741346 and m = 1.4777440851894448. Keras computes in float64 here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from kerasdemos.demos._shared.descent import Descent, descend
from kerasdemos.demos._shared.points import read_points
from kerasdemos.demos._shared.straight_line import best_line, line, mean_squared_error
from visualize.errors import InputError

if TYPE_CHECKING:
    import keras

RATE = 0.0001
COUNT = 100
FIRST_STEPS = 25  # that the picture of the error shows


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """Fit a line to the points in the file `data`, or to 100 points generated from `seed`.

    Raises:
        InputError: the file cannot be read, or its x are too large for the article's rate.
    """
    x, y = generated_points(seed) if data is None else read_points(data)
    _check_size(x, data)
    model, descent = fit(x, y, rate=RATE, steps=steps)
    slopes, biases = descent.paths[0][:, 0, 0], descent.paths[1][:, 0]
    slope, bias = best_line(x, y)
    smallest = float(mean_squared_error(line(slope, bias), x, y))
    return Outcome(
        lines=(
            f"{len(x)} points; start: b = 0, m = 0, error = {descent.losses[0]:.12g}",
            f"after {steps} steps: b = {biases[-1]:.16g}, m = {slopes[-1]:.16g}, error = {descent.losses[-1]:.14g}",
            f"least squares: b = {bias:.6f}, m = {slope:.6f}, error = {smallest:.6f}",
            f"the rate is {RATE:g}; above {rate_limit(x):.1e} the descent diverges on these points",
        ),
        measures={
            "error at the start": float(descent.losses[0]),
            "error at the end": float(descent.losses[-1]),
            "b": float(biases[-1]),
            "m": float(slopes[-1]),
            "error over the smallest": float(descent.losses[-1] / smallest) if smallest else float("inf"),
            "largest rate": rate_limit(x),
        },
        panels=(
            _lines(model, x, y, slope, bias),
            _error(descent.losses[:FIRST_STEPS], smallest),
            _bias(biases, bias),
        ),
        history={"step": np.arange(steps + 1), "b": biases, "m": slopes, "error": descent.losses},
        model=model,
    )


def fit(x: np.ndarray, y: np.ndarray, *, rate: float, steps: int) -> tuple[keras.Model, Descent]:
    """The line after `steps` full-batch steps from b = m = 0, and the path of the descent.

    Raises:
        InputError: at this rate the descent would diverge.
    """
    limit = rate_limit(x)
    if not 0 < rate < limit:
        raise InputError(
            f"`rate` must be between 0 and {limit:.1e} for these points, above which the descent diverges "
            f"(points with a smaller x allow a larger rate). Received: {rate:g}."
        )
    model = line(0.0, 0.0)
    descent = descend(lambda: mean_squared_error(model, x, y), model.trainable_variables, rate=rate, steps=steps)
    return model, descent


def rate_limit(x: np.ndarray) -> float:
    """The rate above which descent on the mean squared error of a line diverges: 2 / the largest curvature.

    The curvatures of the error in (m, b) are the eigenvalues of its matrix of second derivatives, which does not
    depend on y.
    """
    curvatures = 2 * np.array([[np.mean(x * x), np.mean(x)], [np.mean(x), 1.0]])
    return float(2 / np.linalg.eigvalsh(curvatures)[-1])


def _check_size(x: np.ndarray, data: Path | None) -> None:
    """Refuse x at which the article's rate diverges.

    The largest curvature is at most the sum of both, 2 (mean of x^2 + 1), and 2 / that must be above the rate.
    """
    largest = np.abs(x).max()
    size = largest * np.sqrt(np.mean((x / largest) ** 2))  # x^2 may be past the largest float
    limit = np.sqrt(1 / RATE - 1)
    if size >= limit:
        divisor = 10 ** (int(np.log10(size / limit)) + 1)
        raise InputError(
            f"x in {data} must have a root mean square below {limit:.2f}, or the descent diverges at the article's "
            f"rate, {RATE:g}. Received: {size:.6g}. Divide every x by {divisor:g}."
        )


def generated_points(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """100 points like the article's: the x and the y, each (100,)."""
    random = np.random.default_rng(seed)
    x = random.normal(49.0, 9.7, COUNT)
    return x, 8.0 + 1.3 * x + random.normal(0.0, 10.0, COUNT)


def _lines(model: keras.Model, x: np.ndarray, y: np.ndarray, slope: float, bias: float) -> Panel:
    ends = np.array([x.min(), x.max()])
    return Panel(
        title="The points and the line",
        x_label="x",
        y_label="y",
        curves=(
            Curve(ends, model(ends[:, None]).numpy()[:, 0], "descent"),
            Curve(ends, slope * ends + bias, "least squares"),
            Curve(x, y, "data", "points"),
        ),
    )


def _error(losses: np.ndarray, smallest: float) -> Panel:
    steps = np.arange(len(losses))
    return Panel(
        title="The first steps do nearly all of it",
        x_label="step",
        y_label="mean squared error",
        curves=(
            Curve(steps, losses, "descent"),
            Curve(steps[[0, -1]], np.array([smallest, smallest]), "least squares"),
        ),
        log_y=True,
    )


def _bias(biases: np.ndarray, best: float) -> Panel:
    steps = np.arange(len(biases))
    return Panel(
        title="b has hardly set out",
        x_label="step",
        y_label="b",
        curves=(
            Curve(steps, biases, "descent"),
            Curve(steps[[0, -1]], np.array([best, best]), "least squares"),
        ),
    )


DEMO = Demo(
    name="csv_regression",
    article="4",
    idea="a line through the points of a file, and how long a step may be",
    data="100 made points, or --data points.csv",
    parameters=2,
    expected=(
        # Means over 3000 seeds; the tolerances are three deviations, as the points depend on the seed.
        Expected("error at the end", 101.7, 43.0, "computed"),
        Expected("m", 1.456, 0.061, "computed"),
        Expected("b", 0.088, 0.12, "computed"),
        Expected("error over the smallest", 1.035, 0.11, "computed"),
        Expected("largest rate", 4.01e-4, 0.46e-4, "computed"),
    ),
    run=Program(compute, steps=1000, takes_data=True),
)
