"""Judgment: from what was measured of some methods to which of them can be believed, in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from visualize.metrics.baselines import RANDOM
from visualize.metrics.bootstrap import FEWEST_IMAGES, mean_interval
from visualize.metrics.measured_method import MeasuredMethod
from visualize.metrics.record import Faithfulness
from visualize.results import Trust
from visualize.settings import Settings

WITHOUT_MODEL = ("distance to the center", "edges")
COLUMNS = (
    {"name": "deletion", "title": "deletion", "better": "low"},
    {"name": "insertion", "title": "insertion", "better": "high"},
    {"name": "own class", "title": "own class,\nnot another", "better": "high"},
    {"name": "head", "title": "unchanged by\na random head", "better": "low"},
    {"name": "all layers", "title": "unchanged by\nrandom weights", "better": "low"},
    {"name": "sensitivity", "title": "change under\nslight noise", "better": "low"},
    {"name": "area", "title": "area that\nholds 90 %", "better": ""},
)
# Rank correlations, from which on a map counts as unchanged. Maps of methods that are known to ignore the head, such as
# guided backpropagation and Eigen-CAM, have .97 to 1 with a random one; with all weights random an edge detector has 1,
# Eigen-CAM .75 on photographs, and the others up to .6, because zeros around a digit stay zeros.
UNCHANGED = {"head": 0.9, "all layers": 0.75}


def judgment(methods: Sequence[MeasuredMethod], settings: Mapping[str, Any]) -> Trust:
    """Say which of some methods can be believed.

    A method is believed if hiding or showing its pixels beats random pixels and random blocks, in deletion or in insertion,
    and is worse than them in neither; if the map of the class is more faithful to it than the map of another class; and if
    the map changes when the head is random and when all weights are. The believed ones are ranked by insertion minus deletion.

    Args:
        methods: what was measured, of the same images.
        settings: how, plain JSON values with a "seed".
    """
    seed = settings["seed"]
    rows = sorted((_row(method, seed) for method in methods), key=lambda row: (not row["believed"], -_rank(row)))
    baselines = [_baseline_row(methods[0], name, seed) for name in methods[0].baselines]
    answer = _answer(rows, len(methods[0].scores), seed)
    return Trust((*rows, *baselines), COLUMNS, answer, "trust", Settings.of({"unit": methods[0].unit, **settings}))


def _row(method: MeasuredMethod, seed: int) -> dict[str, Any]:
    records = [method.faithfulness("deletion", seed), method.faithfulness("insertion", seed)]
    passes = {record.metric: _beats_chance(record) for record in records}
    if "own class" in method.values:
        low = mean_interval(method.values["own class"], seed).low
        passes["own class"] = None if math.isnan(low) else low > 0
    for name, limit in UNCHANGED.items():
        passes[name] = bool(method.values[name].mean() < limit)
    few = len(method.scores) < FEWEST_IMAGES
    reasons = _reasons(records, passes, few)
    believed = False if reasons else (None if few else True)
    clauses = [_removed(method), *_clauses(passes, reasons), *([] if few else _caveats(records))]
    return {
        "name": method.name,
        "baseline": False,
        "believed": believed,
        "sentence": f"{method.name}: {'; '.join(clauses)}.",
        "reasons": reasons,
        "measures": {name: _measure(values, passes.get(name), seed) for name, values in method.values.items()},
    }


def _baseline_row(method: MeasuredMethod, name: str, seed: int) -> dict[str, Any]:
    measures = {measure: _measure(values, None, seed) for measure, values in method.baselines[name].items()}
    return {"name": name, "baseline": True, "believed": None, "sentence": "", "reasons": [], "measures": measures}


def _measure(values: np.ndarray, passes: bool | None, seed: int) -> dict[str, Any]:
    interval = mean_interval(values, seed)
    low, high = (None if math.isnan(end) else end for end in (interval.low, interval.high))
    return {"mean": interval.mean, "low": low, "high": high, "passes": passes, "values": values.tolist()}


def _beats_chance(record: Faithfulness) -> bool | None:
    """True for better than random pixels and blocks, False for worse than one of them, else None."""
    verdicts = {record.comparisons[name].verdict for name in RANDOM}
    return True if verdicts == {"better"} else False if "worse" in verdicts else None


def _reasons(records: Sequence[Faithfulness], passes: Mapping[str, bool | None], few: bool) -> list[str]:
    """Why a method is not believed; with few images only what they suffice to tell."""
    reasons = []
    faithful = [passes[record.metric] for record in records]
    if False in faithful:
        worse = [record.metric for record in records if passes[record.metric] is False]
        reasons.append(f"worse than random pixels or blocks in {_joined(worse)}")
    elif not few and True not in faithful:
        reasons.append("no better than random pixels and blocks, in deletion and in insertion")
    if passes.get("own class") is False:
        reasons.append("its map of another class explains this class about as well")
    if not passes["head"]:
        reasons.append("it hardly changes when the top layer is shuffled")
    if not passes["all layers"]:
        reasons.append("it hardly changes when all weights are shuffled")
    return reasons


def _caveats(records: Sequence[Faithfulness]) -> list[str]:
    """The maps that know the picture but not the model, and are as faithful as the method: no reason, but to be known."""
    as_good = [name for name in WITHOUT_MODEL if all(record.comparisons[name].verdict != "better" for record in records)]
    return [f"no better than {_joined(as_good)}".replace("distance", "the distance")] if as_good else []


def _clauses(passes: Mapping[str, bool | None], reasons: Sequence[str]) -> list[str]:
    """What follows in the sentence of a method: how it is faulty, else that it is not."""
    changes = "it changes when the weights do"
    if not reasons:
        return [f"{changes}, and with the class" if passes.get("own class") else changes]
    return [*reasons, *([changes] if passes["head"] and passes["all layers"] else [])]


def _removed(method: MeasuredMethod) -> str:
    """What hiding the highest fifth of the pixels does to the score, beside random blocks."""
    own, blocks = (each["left"].mean() for each in (method.values, method.baselines["random blocks"]))
    whole = method.scores.mean()
    if "probability" in method.unit and whole > 0:
        removed, by_blocks = (round(100 * (1 - left / whole)) for left in (own, blocks))
        change = f"removes {removed} % of" if removed >= 0 else f"adds {-removed} % to"
        return f"its top fifth {change} the {method.unit}, random blocks {'add ' * (by_blocks < 0)}{abs(by_blocks)} %"
    return f"without its top fifth the {method.unit} is {own:.3g} instead of {whole:.3g}, without random blocks {blocks:.3g}"


def _rank(row: Mapping[str, Any]) -> float:
    return float(_difference(row).mean())


def _difference(row: Mapping[str, Any]) -> np.ndarray:
    """Insertion minus deletion, (batch,)."""
    return np.array(row["measures"]["insertion"]["values"]) - np.array(row["measures"]["deletion"]["values"])


def _answer(rows: Sequence[Mapping[str, Any]], images: int, seed: int) -> str:
    """Which method to believe, or none."""
    believed = [row for row in rows if row["believed"]]
    if images < FEWEST_IMAGES:
        excluded = [row["name"] for row in rows if row["believed"] is False]
        but = f" But do not believe {_joined(excluded)}." if excluded else ""
        count = "1 image is" if images == 1 else f"{images} images are"
        return f"No answer: {count} too few to tell a method from chance; give at least {FEWEST_IMAGES}.{but}"
    if not believed:
        return f"Believe none of these methods for this model and these {images} images."
    best, *others = believed
    alike = [row["name"] for row in others if not mean_interval(_difference(best) - _difference(row), seed).low > 0]
    too = f"; on these {images} images {_joined(alike)} cannot be told from it" if alike else ""
    return f"Believe {best['name']}, the most faithful of {len(rows)} methods{too}."


def _joined(names: Sequence[str]) -> str:
    """Names in a sentence: "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
