"""Outputs: a figure as PNG, its values beside it, and a record of how it was made."""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visualize._utils.atomic import atomic_file
from visualize._utils.text import printable
from visualize.models import layers as models
from visualize.plotting import draw, write_gif, write_png
from visualize.results import Attribution, Result, Structure, Tiles, save

PACKAGES = ("tensorflow", "keras", "numpy", "matplotlib", "kerasdemos")
MOST_BYTES = 60  # of a name that becomes part of a file's name


def write(
    results: Sequence[Result], folder: Path, stem: str, model: Any, asked: Mapping[str, Any], seconds: float
) -> list[Path]:
    """Write `stem.png`, `stem.npz` and `stem.json`; `stem.gif` where there are frames, `stem.txt` for a table of layers.

    The record is written last: where it stands, the others are whole.

    Args:
        results: what belongs in one figure.
        folder: made if it is not there.
        stem: name of the files.
        model: what was explained.
        asked: the options of the command, for the record.
        seconds: how long it took to compute.
    """
    paths = [write_png(draw(results), folder / f"{stem}.png")]
    if isinstance(results[0], Tiles) and results[0].frames is not None:
        paths.append(write_gif(results[0], folder / f"{stem}.gif"))
    if isinstance(results[0], Structure):
        with atomic_file(folder / f"{stem}.txt") as file:
            file.write(table(results[0]).encode())
        paths.append(folder / f"{stem}.txt")
    paths.append(save(folder / f"{stem}.npz", results))
    record = json.dumps(_strict(_record(results, model, asked, seconds)), indent=2, ensure_ascii=False) + "\n"
    with atomic_file(folder / f"{stem}.json") as file:
        file.write(record.encode(errors="backslashreplace"))  # a name may hold half a letter
    return [*paths, folder / f"{stem}.json"]


def table(structure: Structure) -> str:
    """The layers of a model as text: one a line, those of a nested model indented, then the totals."""
    rows = [("layer", "class", "output", "parameters")]
    for row in structure.rows:
        shape = " x ".join("?" if size is None else str(size) for size in row["shape"][1:])
        rows.append(("  " * row["depth"] + printable(row["path"]), printable(row["kind"]), shape, f"{row['parameters']:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{path:<{widths[0]}}  {kind:<{widths[1]}}  {shape:<{widths[2]}}  {parameters:>{widths[3]}}"
        for path, kind, shape, parameters in rows
    ]
    settings = structure.settings
    total = f"{settings['parameters']:,} parameters, {settings['trainable']:,} trainable, {settings['precision']}"
    return "\n".join([*lines, "", total, ""])


def plain_name(text: str) -> str:
    """A name that is safe in every file system: letters, digits, dot, dash and underscore, and not too long.

    What is cut off is replaced by a checksum, so that two long names stay two.
    """
    plain = re.sub(r"[^\w.-]+", "-", text).strip("-.") or "unnamed"
    data = plain.encode()
    if len(data) <= MOST_BYTES:
        return plain
    return data[: MOST_BYTES - 9].decode(errors="ignore").strip("-.") + f"-{zlib.crc32(data):08x}"


def _record(results: Sequence[Result], model: Any, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    origin = models.origin(model)
    return {
        "model": {"path": str(origin.path), "sha256": origin.sha256} if origin else {"name": model.name},
        "asked": dict(asked),
        "results": [_described(one) for one in results],
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "seconds": round(seconds, 3),
        "written": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _described(result: Result) -> dict[str, Any]:
    described: dict[str, Any] = {"method": result.method, "settings": dict(result.settings)}
    if isinstance(result, Attribution):
        described["images"] = [
            {
                "target": int(result.targets[index]),
                "score": float(result.scores[index]),
                "highest": float(result.values[index].max()),
                "lowest": float(result.values[index].min()),
                **{name: _plain(array[index]) for name, array in result.arrays.items() if array.ndim == 1},
            }
            for index in range(len(result.values))
        ]
    elif isinstance(result, Structure):
        described["layers"] = [dict(row) for row in result.rows]
    else:
        described["captions"] = list(result.captions)
    return described


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _strict(value: Any) -> Any:
    """The same for readers of JSON that know no nan and no infinity: null instead."""
    if isinstance(value, Mapping):
        return {key: _strict(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def version(name: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
