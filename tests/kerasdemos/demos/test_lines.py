"""The programs that fit a line, against NumPy in float64."""

import os
from pathlib import Path

import numpy as np
import pytest

from kerasdemos.demos import csv_regression, least_squares, line_fit, noisy_line, wheat_and_bread
from kerasdemos.demos._shared import points, straight_line
from visualize.errors import InputError


def descent(x, y, *, slope, bias, rate, steps):
    """The articles' loop: slope, bias and mean squared error before each step and after the last."""
    rows = []
    for step in range(steps + 1):
        wrong = y - (slope * x + bias)
        rows.append((slope, bias, np.mean(wrong**2)))
        if step < steps:
            slope, bias = slope + rate * 2 * np.mean(wrong * x), bias + rate * 2 * np.mean(wrong)
    return np.array(rows)


def test_the_line_computes_in_float64():
    line = straight_line.line(0.1, 0.2)
    assert line(np.array([[0.7]])).numpy()[0, 0] == 0.1 * 0.7 + 0.2


def test_the_residuals_of_the_best_line_sum_to_zero_and_so_do_residuals_times_x():
    x, y = csv_regression.generated_points(3)
    slope, bias = straight_line.best_line(x, y)
    residuals = y - slope * x - bias
    assert np.sum(residuals) == pytest.approx(0, abs=1e-9)
    assert np.sum(residuals * x) == pytest.approx(0, abs=1e-7)


def test_least_squares_are_the_articles_22_and_the_fractions_of_the_normal_equations():
    measures = least_squares.compute(steps=0, seed=0).measures
    assert measures["error of y = 2x + 1"] == 22.0  # (1 + 16 + 49) / 3
    assert measures["best slope"] == pytest.approx(19 / 14, rel=1e-13)
    assert measures["best bias"] == pytest.approx(3 / 2, rel=1e-13)
    assert measures["error of the best line"] == pytest.approx(3 / 14, rel=1e-12)


def test_wheat_and_bread_walk_as_the_articles_loop_does():
    history = wheat_and_bread.compute(steps=100, seed=0).history
    expected = descent(wheat_and_bread.WHEAT, wheat_and_bread.BREAD, slope=1.0, bias=1.0, rate=0.01, steps=100)
    columns = np.stack([history["m"], history["b"], history["error"]], axis=1)
    np.testing.assert_allclose(columns, expected, rtol=0, atol=1e-13)


def test_wheat_and_bread_give_the_articles_digits():
    measures = wheat_and_bread.compute(steps=100, seed=0).measures
    assert measures["b"] == pytest.approx(3.30446237250121, rel=0, abs=5e-15)
    assert measures["m"] == pytest.approx(2.966062687410304, rel=0, abs=5e-15)
    assert f"{measures['error at the start']:.6f}" == "17.670000"
    assert f"{measures['error at the end']:.6f}" == "0.117058"


def test_wheat_and_bread_say_how_far_least_squares_is():
    assert wheat_and_bread.compute(steps=100, seed=0).lines[-2:] == (
        "least squares: b = 4.107299, m = 2.218978, error = 0.0347445",
        "the descent is still 0.802837 away from that in b and 0.747085 in m; its error is 3.369 times the smallest",
    )


def test_wheat_and_bread_get_to_least_squares_in_ten_thousand_steps():
    measures = wheat_and_bread.compute(steps=10_000, seed=0).measures
    assert measures["m"] == pytest.approx(measures["m of least squares"], abs=1e-4)
    assert measures["b"] == pytest.approx(measures["b of least squares"], abs=1e-4)


# The article's own file may not be copied, so its digits are not tested; the loop and the closed form are.
@pytest.mark.parametrize("seed", [0, 1])
def test_csv_regression_walks_as_the_articles_loop_does(seed):
    x, y = csv_regression.generated_points(seed)
    history = csv_regression.compute(steps=1000, seed=seed).history
    expected = descent(x, y, slope=0.0, bias=0.0, rate=0.0001, steps=1000)
    columns = np.stack([history["m"], history["b"], history["error"]], axis=1)
    np.testing.assert_allclose(columns, expected, rtol=1e-12)


def test_csv_regression_ends_where_the_closed_form_says():
    x, y = csv_regression.generated_points(0)
    curvatures = 2 * np.array([[np.mean(x * x), np.mean(x)], [np.mean(x), 1]])
    best = np.polyfit(x, y, 1)
    shrink = np.linalg.matrix_power(np.eye(2) - 0.0001 * curvatures, 1000)
    slope, bias = best - shrink @ best  # each step multiplies the distance to the best line
    measures = csv_regression.compute(steps=1000, seed=0).measures
    assert measures["m"] == pytest.approx(slope, rel=1e-10)
    assert measures["b"] == pytest.approx(bias, rel=1e-8)


def test_csv_regression_ends_as_expected_over_seeds():
    measures = [csv_regression.compute(steps=1000, seed=seed).measures for seed in range(2, 8)]
    for expected in csv_regression.DEMO.expected:
        holds = [abs(each[expected.measure] - expected.value) <= expected.tolerance for each in measures]
        assert sum(holds) >= 5


def test_generated_points_are_like_the_articles():
    x, y = np.concatenate([np.array(csv_regression.generated_points(seed)) for seed in range(200)], axis=1)
    assert x.mean() == pytest.approx(49, abs=0.3)
    assert x.std() == pytest.approx(9.7, abs=0.2)
    slope, bias = np.polyfit(x, y, 1)
    assert slope == pytest.approx(1.3, abs=0.03)
    assert (y - slope * x - bias).std() == pytest.approx(10, abs=0.2)


def test_the_rate_limit_parts_the_rates_that_converge_from_those_that_do_not():
    x, y = csv_regression.generated_points(0)
    limit = csv_regression.rate_limit(x)
    below = descent(x, y, slope=0.0, bias=0.0, rate=0.99 * limit, steps=2000)[:, 2]
    above = descent(x, y, slope=0.0, bias=0.0, rate=1.01 * limit, steps=2000)[:, 2]
    assert below[-1] < below[0]
    assert above[-1] > 1e6 * above[0]


def test_a_rate_that_would_diverge_is_refused():
    x, y = csv_regression.generated_points(0)
    with pytest.raises(InputError) as refused:
        csv_regression.fit(x, y, rate=0.001, steps=10)
    assert str(refused.value) == (
        "`rate` must be between 0 and 3.9e-04 for these points, above which the descent diverges "
        "(points with a smaller x allow a larger rate). Received: 0.001."
    )


@pytest.mark.parametrize(("size", "divisor"), [(100.0, 10), (2010.0, 100), (5e6, 100_000), (1e200, 10.0**199)])
def test_x_that_are_too_large_for_the_rate_are_refused_with_what_would_do(tmp_path, size, divisor):
    path = tmp_path / "points.csv"
    path.write_text(f"{-size},1\n{size},2\n")
    with pytest.raises(InputError) as refused:
        csv_regression.compute(steps=5, seed=0, data=path)
    start = f"x in {path} must have a root mean square below 99.99, or the descent diverges at the article's rate, 0.0001. "
    assert str(refused.value).startswith(f"{start}Received: {size:.6g}. Divide every x by ")
    assert float(str(refused.value).split(" by ")[1].rstrip(".")) == pytest.approx(divisor)
    path.write_text(f"{-size / divisor},1\n{size / divisor},2\n")
    assert np.isfinite(csv_regression.compute(steps=5, seed=0, data=path).measures["error at the end"])


@pytest.mark.parametrize("rate", [0.0, -0.0001, float("nan")])
def test_a_rate_that_is_not_positive_is_refused(rate):
    with pytest.raises(InputError, match="`rate` must be between 0 and"):
        csv_regression.fit(*csv_regression.generated_points(0), rate=rate, steps=10)


def test_csv_regression_says_above_which_rate_it_diverges():
    assert csv_regression.compute(steps=5, seed=0).lines[-1] == (
        "the rate is 0.0001; above 3.9e-04 the descent diverges on these points"
    )


def test_csv_regression_fits_the_points_of_a_file(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("1,2\n2,4.5\n\n 3 , 6\n4,8.25\n")
    measures = csv_regression.compute(steps=300, seed=0, data=str(path)).measures
    x, y = np.array([1.0, 2, 3, 4]), np.array([2.0, 4.5, 6, 8.25])
    slope, bias, error = descent(x, y, slope=0.0, bias=0.0, rate=0.0001, steps=300)[-1]
    assert measures["m"] == pytest.approx(slope, rel=1e-12)
    assert measures["b"] == pytest.approx(bias, rel=1e-12)
    assert measures["error at the end"] == pytest.approx(error, rel=1e-12)


def test_points_on_a_line_and_a_byte_order_mark_are_no_trouble(tmp_path):
    path = tmp_path / "points.csv"
    path.write_bytes("\ufeff0,0\r\n1,1\r\n2,2\r\n".encode())
    assert np.isfinite(csv_regression.compute(steps=3, seed=0, data=path).measures["error at the end"])
    assert points.read_points(path)[0].tolist() == [0, 1, 2]


EXPECTED = "must be two finite numbers with a comma between, such as 32.5,31.7 (there is no header)."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x,y\n1,2\n", f"FILE, line 1 {EXPECTED} Received: 'x,y'."),
        ("1,2\n3\n", f"FILE, line 2 {EXPECTED} Received: '3'."),
        ("1,2\n\n3,4,5\n", f"FILE, line 3 {EXPECTED} Received: '3,4,5'."),
        ("1,2\n3,four\n", f"FILE, line 2 {EXPECTED} Received: '3,four'."),
        ("1,2\n3;4\n", f"FILE, line 2 {EXPECTED} Received: '3;4'."),
        ("1,2\n3,nan\n", f"FILE, line 2 {EXPECTED} Received: '3,nan'."),
        ("1,inf\n", f"FILE, line 1 {EXPECTED} Received: '1,inf'."),
        (
            "",
            "FILE must hold at least two points with different x, or no line is the best one. Received: 0 points.",
        ),
        (
            "1,2\n",
            "FILE must hold at least two points with different x, or no line is the best one. Received: 1 point.",
        ),
        (
            "1,2\n1,3\n",
            "FILE must hold at least two points with different x, or no line is the best one. Received: 2 points.",
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path, content, message):
    path = tmp_path / "points.csv"
    path.write_text(content)
    with pytest.raises(InputError) as refused:
        csv_regression.compute(steps=5, seed=0, data=path)
    assert str(refused.value) == message.replace("FILE", str(path))


def test_a_file_that_is_not_there_or_not_a_file_or_not_text_is_refused(tmp_path):
    binary = tmp_path / "picture.png"
    binary.write_bytes(b"\x89PNG\xff\xfe")
    for path, problem in (
        (tmp_path / "nowhere.csv", "no such file"),
        (tmp_path, "a folder"),
        (binary, "which is not text"),
        (Path(os.devnull), "which is no regular file"),
    ):
        with pytest.raises(InputError) as refused:
            points.read_points(path)
        assert str(refused.value) == f"`data` must be a CSV file of two columns. Received: {path}, {problem}."


def test_a_file_of_gigabytes_is_refused_unread(tmp_path):
    path = tmp_path / "points.csv"
    with path.open("wb") as file:
        file.truncate(10 << 30)
    with pytest.raises(InputError) as refused:
        points.read_points(path)
    assert str(refused.value) == f"`data` must have at most 4,194,304 bytes. Received: {path}, of 10,737,418,240."


def test_the_error_reaches_the_noise_and_the_bias_absorbs_its_mean():
    outcome = noisy_line.compute(steps=200, seed=1)
    for expected in noisy_line.DEMO.expected:
        assert outcome.measures[expected.measure] == pytest.approx(expected.value, rel=0, abs=expected.tolerance)


def test_noisy_line_ends_at_least_squares():
    random = np.random.default_rng(4)
    x = random.uniform(-1, 1, noisy_line.COUNT)
    y = 2 * x + 1 + random.normal(0.01, 1, noisy_line.COUNT)
    slope, bias = np.polyfit(x, y, 1)
    outcome = noisy_line.compute(steps=300, seed=4)
    assert outcome.measures["w"] == pytest.approx(slope, abs=1e-7)
    assert outcome.history["b"][-1] == pytest.approx(bias, abs=1e-7)


def test_without_the_mean_of_the_noise_the_bias_would_be_plain():
    absorbed = [noise.mean() for seed in range(100) for noise in [np.random.default_rng(seed).normal(0.01, 1, 250_000)]]
    assert np.mean(absorbed) == pytest.approx(0.01, abs=0.0007)  # 1.5e-4 is one standard error
    assert max(abs(np.array(absorbed) - 0.01)) < 0.006


def minibatches(x, y, slope, bias, orders):
    """Stochastic descent in batches of 32 at rate .01; everything (seeds, ...)."""
    for order in orders:  # (seeds, points)
        for first in range(0, order.shape[1], 32):
            chosen = order[:, first : first + 32]
            xs, ys = np.take_along_axis(x, chosen, 1), np.take_along_axis(y, chosen, 1)
            wrong = slope[:, None] * xs + bias[:, None] - ys
            slope, bias = slope - 0.02 * (wrong * xs).mean(axis=1), bias - 0.02 * wrong.mean(axis=1)
    return slope, bias


@pytest.mark.slow
def test_line_fit_trains_as_minibatch_descent_by_hand_does():
    seed, epochs = 5, 30
    x, y = line_fit.generated_points(seed)
    slope = line_fit.build(seed).get_weights()[0][0]  # (1,)
    random = np.random.default_rng(seed)
    orders = [random.permutation(100)[None] for _ in range(epochs)]
    slope, bias = minibatches(x.T, y.T, slope, np.zeros(1), orders)
    weights = line_fit.compute(steps=epochs, seed=seed).model.get_weights()
    assert weights[0][0, 0] == pytest.approx(slope[0], abs=1e-5)
    assert weights[1][0] == pytest.approx(bias[0], abs=1e-5)


@pytest.mark.slow
def test_line_fit_has_not_converged_after_200_epochs_but_after_1000_over_300_seeds():
    x, y = np.array([line_fit.generated_points(seed) for seed in range(300)])[..., 0].swapaxes(0, 1)
    random = np.random.default_rng(0)
    slope, bias = random.uniform(-(3**0.5), 3**0.5, 300), np.zeros(300)  # Glorot uniform, one in, one out
    orders = (random.permuted(np.tile(np.arange(100), (300, 1)), axis=1) for _ in range(1000))
    first = [next(orders) for _ in range(200)]
    slope, bias = minibatches(x, y, slope, bias, first)
    at_one, error = slope + bias, ((slope[:, None] * x + bias[:, None] - y) ** 2).mean(axis=1)
    assert at_one.mean() == pytest.approx(0.883, abs=0.02)
    assert at_one.std() == pytest.approx(0.121, abs=0.02)
    assert error.mean() == pytest.approx(0.021, abs=0.003)
    assert error.std() == pytest.approx(0.013, abs=0.003)
    slope, bias = minibatches(x, y, slope, bias, orders)
    at_one, error = slope + bias, ((slope[:, None] * x + bias[:, None] - y) ** 2).mean(axis=1)
    assert at_one.mean() == pytest.approx(0.999, abs=0.004)
    assert at_one.std() == pytest.approx(0.018, abs=0.004)
    assert error.mean() == pytest.approx(0.0098, abs=0.0003)
