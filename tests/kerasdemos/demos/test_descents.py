"""The descents of a curve and the loop under them, against arithmetic by hand."""

import keras
import numpy as np
import pytest

from kerasdemos.demos import gradient_descent, sine_descent
from kerasdemos.demos._shared.descent import descend


def by_hand(x, slope, *, rate, steps):
    path = [x]
    for _ in range(steps):
        path.append(path[-1] - rate * slope(path[-1]))
    return np.array(path)


def test_a_descent_of_a_parabola_is_a_geometric_series():
    x = keras.Variable([3.0, -1.0], dtype="float64")
    descent = descend(lambda: keras.ops.sum(keras.ops.square(x)), [x], rate=0.1, steps=40)
    expected = 0.8 ** np.arange(41)[:, None] * [3.0, -1.0]
    np.testing.assert_allclose(descent.paths[0], expected, rtol=1e-14)
    np.testing.assert_allclose(descent.losses, (expected**2).sum(axis=1), rtol=1e-14)


def test_the_rate_is_not_rounded_to_float32():
    x = keras.Variable(0.0, dtype="float64")
    descent = descend(lambda: -x, [x], rate=0.01, steps=1)
    assert descent.paths[0][-1] == 0.01


def test_a_descent_moves_the_variables_to_its_last_row():
    x = keras.Variable(1.0, dtype="float64")
    descent = descend(lambda: keras.ops.square(x), [x], rate=0.3, steps=7)
    assert float(x.numpy()) == descent.paths[0][-1]


def test_a_descent_of_no_steps_stays_where_it_is():
    x = keras.Variable(1.5, dtype="float64")
    descent = descend(lambda: keras.ops.square(x), [x], rate=0.3, steps=0)
    assert descent.paths[0].tolist() == [1.5]
    assert descent.losses.tolist() == [2.25]


def test_gradient_descent_walks_as_the_hand_derived_slope_says():
    history = gradient_descent.compute(steps=60, seed=0).history
    expected = by_hand(0.5, lambda x: 5 * x**4 - 6 * x**2, rate=0.01, steps=60)
    np.testing.assert_allclose(history["x"], expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(history["f"], expected**5 - 2 * expected**3 - 2, rtol=1e-14)
    assert [f"{x:.6f}" for x in history["x"][:3]] == ["0.500000", "0.511875", "0.524163"]
    assert history["x"][-1] == pytest.approx(1.09283743265539, rel=0, abs=5e-15)


def test_gradient_descent_says_that_it_has_not_converged():
    outcome = gradient_descent.compute(steps=60, seed=0)
    assert outcome.lines[-2:] == (
        "the minimum is at x = sqrt(6/5) = 1.0954451",
        "not converged: after 60 steps x = 1.0928374326554 is still 2.6e-03 away",
    )


def test_gradient_descent_says_when_it_has_converged():
    outcome = gradient_descent.compute(steps=600, seed=0)
    assert outcome.lines[-1].startswith("converged: ")
    assert outcome.measures["x at the end"] == pytest.approx(np.sqrt(1.2), rel=0, abs=1e-12)


def test_sine_descent_walks_as_the_hand_derived_slope_says():
    history = sine_descent.compute(steps=1000, seed=0).history
    for start in (-1, 1, 3):
        expected = by_hand(float(start), lambda x: 2 * x * np.sin(x) + x * x * np.cos(x), rate=0.01, steps=1000)
        np.testing.assert_allclose(history[f"x_from_{start}"], expected, rtol=0, atol=1e-13)


def test_sine_descent_finds_the_two_minima_to_all_their_digits():
    measures = sine_descent.compute(steps=1000, seed=0).measures
    assert f"{measures['x from 3']:.6f}" == "5.086985"
    assert f"{measures['f from 3']:.5f}" == "-24.08296"
    assert f"{measures['x from -1']:.6f}" == "-2.288930"
    assert f"{measures['f from -1']:.6f}" == "-3.945302"
    for minimum in (measures["x from 3"], measures["x from -1"]):
        assert np.tan(minimum) == pytest.approx(-minimum / 2, rel=1e-12)  # where 2 sin x + x cos x = 0


@pytest.mark.parametrize("steps", [1000, 10_000])
def test_sine_descent_creeps_to_zero_as_one_over_the_steps(steps):
    x = sine_descent.compute(steps=steps, seed=0).measures["x from 1"]
    assert x > 0
    assert x == pytest.approx(1 / (3 * 0.01 * steps), rel=0.04)


def test_sine_descent_shows_all_three_starts():
    outcome = sine_descent.compute(steps=1000, seed=0)
    assert [line.split(":")[0] for line in outcome.lines[:3]] == ["from -1", "from +1", "from +3"]
    assert [curve.style for curve in outcome.panels[0].curves] == ["line", "path", "path", "path"]
