"""The interval of a mean, and what a record says of a method beside the baselines."""

import math

import numpy as np
import pytest

from visualize.metrics.bootstrap import FEWEST_IMAGES, mean_interval
from visualize.metrics.record import Faithfulness


def record(values, baselines, larger_is_better=True):
    return Faithfulness(
        "insertion", "gradcam", np.array(values), baselines, larger_is_better, "probability", {"seed": 0}, np.ones(len(values))
    )


@pytest.mark.parametrize("count", [6, 12, 40])
def test_the_interval_holds_the_true_mean_19_times_out_of_20(count):
    generator = np.random.default_rng(count)
    intervals = [mean_interval(generator.standard_normal(count)) for _ in range(600)]
    covered = np.mean([interval.low <= 0 <= interval.high for interval in intervals])
    assert 0.93 <= covered <= 0.97


def test_the_interval_is_about_the_mean_and_the_same_each_time():
    values = np.random.default_rng(0).random(30)
    interval = mean_interval(values)
    assert interval.mean == values.mean()
    assert interval == mean_interval(values)
    assert interval != mean_interval(values, seed=1)
    width = 2 * 2.045 * values.std(ddof=1) / math.sqrt(30)  # of Student's interval
    assert abs(interval.high - interval.low - width) < 0.1 * width


def test_fewer_than_six_images_have_no_interval_and_no_verdict():
    interval = mean_interval(np.ones(FEWEST_IMAGES - 1))
    assert interval.mean == 1
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    few = record(np.ones(5), {"random pixels": np.zeros(5)})
    assert few.comparisons["random pixels"].verdict == "too few images"
    assert few.beats_random is None
    assert few.as_json()["interval"] is None
    assert "with fewer than 6 images, with random pixels (0.000)" in few.sentence


def test_the_verdict_compares_image_by_image():
    generator = np.random.default_rng(1)
    level = generator.random(20)  # of each image: larger than what methods differ in
    close = level - 0.02 - 0.01 * generator.random(20)
    method = record(level, {"random pixels": close, "random blocks": level + 0.01 * generator.standard_normal(20)})
    assert method.comparisons["random pixels"].verdict == "better"
    assert method.comparisons["random blocks"].verdict == "inside"
    assert method.beats_random is False
    assert "better than random pixels" in method.sentence
    assert "inside the interval of random blocks" in method.sentence
    assert record(level, {"random pixels": close}).beats_random is True
    turned = record(level, {"random pixels": close, "edges": close}, larger_is_better=False)
    assert turned.comparisons["random pixels"].verdict == "worse"
    assert turned.comparisons["random pixels"].advantage.high < 0
    assert turned.beats_random is False
    assert record(level, {"edges": close}).beats_random is None


def test_a_record_states_everything_as_json():
    json = record(np.arange(8.0), {"edges": np.zeros(8)}).as_json()
    assert json["values"] == list(range(8))
    assert json["baselines"]["edges"] == {"mean": 0.0, "verdict": "better", "values": [0.0] * 8}
    assert json["interval"][0] < json["mean"] == 3.5 < json["interval"][1]
