"""Shards: the maps of some hundred images and what is known of each, as a pure function of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize.bulk.plan import LABEL, Plan
from visualize.bulk.sources import Piece
from visualize.bulk.statistics import AXES, map_statistics
from visualize.results import Attribution

NO_CLASS = -1  # of an image that could not be read
EACH = {"scores": "float32", "targets": "int32", "predicted": "int32", "probability": "float32"}  # of one image


@dataclass(frozen=True, eq=False)
class Shard:
    """Everything that is known of the images of a shard.

    Attributes:
        number: of the shard.
        arrays: by the path of the array in the folder, such as "gradcam/maps"; the first axis is the images.
        table: the columns of its rows: one row for each image and method.
        errors: why images could not be read, by id.
    """

    number: int
    arrays: Mapping[str, np.ndarray]
    table: Mapping[str, np.ndarray]
    errors: Mapping[str, str]


def explain_shard(plan: Plan, number: int, pieces: Iterable[Piece] | None = None) -> Shard:
    """The maps of one shard. Nothing is written, and nothing but the plan and the number decides what comes out.

    Args:
        plan: what is computed of which images.
        number: of the shard, from 0.
        pieces: the images of `plan.pieces(number)`, where they were read already.
    """
    rows = [_Rows.empty(plan, name, number) for name in plan.methods]
    errors, (start, stop) = {}, plan.rows(number)
    for (first, _), piece in zip(plan.pieces(number), pieces or read_pieces(plan, number), strict=True):
        errors.update({first - start + place: error for place, error in piece.errors.items()})
        if len(piece.images):
            places = first - start + piece.readable
            labels = _labels(plan, first + piece.readable) if plan.settings["target"] == LABEL else None
            for each in rows:
                each.fill(places, plan.explain(each.name, piece.images, labels))
    ids = plan.source.ids(start, stop)
    arrays: dict[str, np.ndarray] = {}
    if plan.settings["maps"] != "none":
        arrays["ids"] = np.array(ids, dtype=object)
        if plan.source.labels is not None:
            arrays["labels"] = _labels(plan, np.arange(start, stop))
        for each in rows:
            arrays |= {f"{each.name}/{key}": array for key, array in each.kept(plan.settings["maps"]).items()}
    texts = [errors.get(place) for place in range(stop - start)]
    table = _table(plan, np.arange(start, stop), ids, texts, rows)
    return Shard(number, arrays, table, {ids[place]: error for place, error in errors.items()})


def read_pieces(plan: Plan, number: int) -> Iterator[Piece]:
    """The images of a shard, a few at a time."""
    return (plan.source.read(first, stop, plan.picture_format) for first, stop in plan.pieces(number))


def powers_of_two(maps: np.ndarray) -> np.ndarray:
    """By what to divide each map, (batch,) float32, so that its largest magnitude lies between a half and 1.

    Values in float16 then keep three digits down to 1/16,000 of the largest, however small or large all of them are. A power
    of two changes no digit.
    """
    largest = np.abs(maps.reshape(len(maps), -1)).max(axis=1)
    known = np.isfinite(largest) & (largest > 0)
    exponents = np.clip(np.frexp(np.where(known, largest, 0.5))[1], -126, 127)  # of normal numbers in float32
    return np.exp2(exponents.astype("float32"))


@dataclass(frozen=True, eq=False)
class _Rows:
    """What one method says of the images of a shard."""

    name: str
    maps: np.ndarray
    each: Mapping[str, np.ndarray]

    @classmethod
    def empty(cls, plan: Plan, name: str, number: int) -> _Rows:
        start, stop = plan.rows(number)
        count, layout = stop - start, plan.layout(name)
        each = {key: np.full(count, np.nan if kind == "float32" else NO_CLASS, kind) for key, kind in EACH.items()}
        extra = {key: np.full(count, np.nan, "float32") for key in _extra_columns(layout.arrays)}
        return cls(name, np.full((count, *layout.shape), np.nan, "float32"), {**each, **extra})

    def fill(self, places: np.ndarray, result: Attribution) -> None:
        """Take over what a method returned for the images of these places."""
        self.maps[places] = result.values
        known = {"scores": result.scores, "targets": result.targets, **result.arrays}
        for name in (*EACH, "gap"):
            if name in known and name in self.each:
                self.each[name][places] = known[name]
        if "standard_error" in self.each and "error" in known:
            error = known["error"].reshape(len(places), -1)
            self.each["standard_error"][places] = error.mean(axis=1)

    def kept(self, kind: str) -> dict[str, np.ndarray]:
        """The arrays that are written; maps in float16 divided by a power of two, which is kept beside them."""
        each = {key: self.each[key] for key in EACH}
        if kind == "float32":
            return {"maps": self.maps, **each}
        scales = powers_of_two(self.maps)
        maps = (self.maps / scales.reshape(-1, *[1] * (self.maps.ndim - 1))).astype("float16")
        return {"maps": maps, "scales": scales, **each}


def _extra_columns(arrays: Iterable[str]) -> list[str]:
    """The columns of the table that only some methods fill."""
    names = {"gap": "gap", "error": "standard_error"}
    return [names[name] for name in arrays if name in names]


def columns(plan: Plan) -> dict[str, str]:
    """The columns of the table and their types."""
    axes = {f"center_{name}": "float32" for name in AXES[max(len(plan.layout(name).shape) for name in plan.methods)]}
    extra = [column for name in plan.methods for column in _extra_columns(plan.layout(name).arrays)]
    labels = {"label": "int32"} if plan.source.labels is not None else {}
    singular = {"score": "float32", "target": "int32", "predicted": "int32", "probability": "float32"}
    spread = {"half_area": "float32", "entropy": "float32", **axes, "border": "float32"}
    own = dict.fromkeys(extra, "float32")
    return {"number": "int64", "id": "str", **labels, "method": "str", **singular, **spread, **own, "error": "str"}


def _table(plan: Plan, numbers: np.ndarray, ids: list[str], errors: list[str | None], rows: list[_Rows]) -> dict[str, Any]:
    """The columns of a shard: one row for each image and method, the methods of an image one after the other."""
    parts = []
    for each in rows:
        known: dict[str, Any] = {"number": numbers, "id": ids, "method": [each.name] * len(ids), "error": errors}
        if plan.source.labels is not None:
            known["label"] = _labels(plan, numbers)
        known |= {key.removesuffix("s") if key in ("scores", "targets") else key: array for key, array in each.each.items()}
        parts.append({**known, **map_statistics(each.maps)})
    table = {}
    for name, kind in columns(plan).items():
        missing = np.full(len(ids), np.nan, "float32")  # of a method that does not have it
        stacked = [np.asarray(part.get(name, missing), dtype=object if kind == "str" else kind) for part in parts]
        table[name] = np.stack(stacked, axis=1).reshape(-1)  # (images, methods)
    return table


def _labels(plan: Plan, numbers: np.ndarray) -> np.ndarray:
    """The labels of some images."""
    labels = plan.source.labels
    return np.full(len(numbers), NO_CLASS, "int32") if labels is None else labels[numbers].astype("int32")
