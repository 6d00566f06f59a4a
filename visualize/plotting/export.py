"""The files of one figure: the PNG, its values, and a record of how it was made."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import math
import platform
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visualize._utils.atomic import atomic_file
from visualize._utils.text import printable
from visualize.models.layers import origin_of
from visualize.plotting.render import draw_styled, write_figure_as, write_gif
from visualize.plotting.strongest import drawn_part
from visualize.plotting.style import Drawing, Style
from visualize.results import Attribution, Result, Structure, Tiles, Trust, save

if TYPE_CHECKING:
    import keras

DEFAULT_DRAWING = Drawing()
PACKAGES = ("tensorflow", "keras", "numpy", "matplotlib", "kerasdemos")  # whose versions are recorded
MAX_BYTES = 60  # of a name that becomes part of a file's name


def write(
    results: Sequence[Result],
    folder: Path,
    stem: str,
    model: keras.Model,
    options: Mapping[str, object],
    seconds: float,
    drawing: Drawing = DEFAULT_DRAWING,
) -> list[Path]:
    """Write `stem.png`, `stem.npz` and `stem.json`; `stem.gif` if there are frames, `stem.txt` or `stem.csv` for a table.

    An older record of that name goes first and the new one comes last: if it is there, the others are complete and of its run.

    Args:
        results: what belongs in one figure.
        folder: created if it does not exist.
        stem: the name of the files, without an ending.
        model: what was explained.
        options: of the command, for the record; values that JSON has.
        seconds: how long the computation took.
        drawing: the formats of the picture, and its style.

    Returns:
        The paths of the files, pictures first, the record last.

    Raises:
        InputError: the results do not belong in one figure.
        OSError: a file cannot be written.
    """
    first = results[0]
    (folder / f"{stem}.json").unlink(missing_ok=True)
    figure = draw_styled(results, drawing.style)
    paths = [write_figure_as(figure, folder / f"{stem}.{kind}") for kind in drawing.formats]
    if isinstance(first, Tiles) and first.frames is not None:
        paths.append(write_gif(first, folder / f"{stem}.gif"))
    if isinstance(first, Structure):
        paths.append(_write_text(table(first), folder / f"{stem}.txt"))
    if isinstance(first, Trust):
        paths.append(_write_text(trust_csv(first), folder / f"{stem}.csv"))
    paths.append(save(folder / f"{stem}.npz", results))
    record = json.dumps(_strict(_record(results, model, options, seconds, drawing.style)), indent=2, ensure_ascii=False)
    return [*paths, _write_text(record + "\n", folder / f"{stem}.json")]


def table(structure: Structure) -> str:
    """The layers of a model as text: one line per layer, those of a nested model indented, then the totals."""
    rows = [("layer", "class", "output", "parameters")]
    for layer in structure.rows:
        name, kind = "  " * layer["depth"] + printable(layer["path"]), printable(layer["kind"])
        shape = " x ".join("?" if size is None else str(size) for size in layer["shape"][1:])
        rows.append((name, kind, shape, f"{layer['parameters']:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {shape:<{widths[2]}}  {parameters:>{widths[3]}}"
        for name, kind, shape, parameters in rows
    ]
    settings = structure.settings
    totals = f"{settings['parameters']:,} parameters, {settings['trainable']:,} trainable, {settings['precision']}"
    return "\n".join([*lines, "", totals, ""])


def trust_csv(trust: Trust) -> str:
    """The measures of each method and baseline as CSV: a row each, with mean and 95 % interval of each measure."""
    names = [column["name"] for column in trust.columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ends = ("mean", "low", "high")
    writer.writerow(["name", "kind", "believed", *(f"{name} {end}" for name in names for end in ends)])
    for row in trust.rows:
        measures = [row["measures"].get(name, {}) for name in names]
        numbers = ["" if measure.get(end) is None else f"{measure[end]:.6g}" for measure in measures for end in ends]
        believed = {True: "yes", False: "no", None: ""}[row["believed"]]
        writer.writerow([row["name"], "baseline" if row["baseline"] else "method", believed, *numbers])
    return text.getvalue()


def plain_name(text: str) -> str:
    """A name that is safe in every file system: letters, digits, dot, dash and underscore, at most 60 bytes.

    What is cut off is replaced by a checksum, so that two long names stay different.
    """
    plain = re.sub(r"[^\w.-]+", "-", text).strip("-.") or "unnamed"
    data = plain.encode()
    if len(data) <= MAX_BYTES:
        return plain
    return data[: MAX_BYTES - 9].decode(errors="ignore").strip("-.") + f"-{zlib.crc32(data):08x}"


def version(package: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _write_text(text: str, path: Path) -> Path:
    with atomic_file(path) as file:
        file.write(text.encode(errors="backslashreplace"))  # a name may hold half of a surrogate pair
    return path


def _record(
    results: Sequence[Result], model: keras.Model, options: Mapping[str, object], seconds: float, style: Style
) -> dict[str, object]:
    source = origin_of(model)
    described = [_described(result) for result in results]
    return {
        "model": {"path": str(source.path), "sha256": source.sha256} if source else {"name": model.name},
        "asked": dict(options),
        **_common_names(described),
        **({"drawn": style.changes} if style.changes else {}),
        "results": described,
        "versions": {package: version(package) for package in PACKAGES} | {"python": platform.python_version()},
        "seconds": round(seconds, 3),
        "written": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _described(result: Result) -> dict[str, Any]:
    """A result in values that JSON has, without its arrays."""
    described: dict[str, Any] = {"method": result.method, "settings": dict(result.settings)}
    if isinstance(result, Attribution):
        described["images"] = [_described_image(result, index) for index in range(len(result.values))]
    elif isinstance(result, Trust):
        described |= {"answer": result.answer, "believed": list(result.believed), "rows": [dict(row) for row in result.rows]}
    elif isinstance(result, Structure):
        described["layers"] = [dict(layer) for layer in result.rows]
    else:
        described["captions"] = list(result.captions)
        if left_out := drawn_part(result).left_out:
            described["drawn"] = left_out
    return described


def _common_names(described: Sequence[dict[str, Any]]) -> dict[str, object]:
    """The class names, taken out of the settings of results that all have the same: a record states them once."""
    names = [result["settings"].get("class_names") for result in described]
    if not names[0] or any(each != names[0] for each in names):
        return {}
    for result in described:
        del result["settings"]["class_names"]
    return {"class_names": list(names[0])}


def _described_image(attribution: Attribution, index: int) -> dict[str, object]:
    """The target and the score of one image, the range of its map, and whatever else is known of it as a single value."""
    per_image = {name: array[index] for name, array in attribution.arrays.items() if array.ndim == 1}
    return {
        "target": int(attribution.targets[index]),
        "score": float(attribution.scores[index]),
        "highest": float(attribution.values[index].max()),
        "lowest": float(attribution.values[index].min()),
        **({"largest_error": float(attribution.arrays["error"][index].max())} if "error" in attribution.arrays else {}),
        **{name: value.item() if isinstance(value, np.generic) else value for name, value in per_image.items()},
        **_described_original(attribution, index),
    }


def _described_original(attribution: Attribution, index: int) -> dict[str, object]:
    """The size of the photograph that an image was made of, how it was resized, and which part of it that shows."""
    original = attribution.originals[index] if attribution.originals else None
    if original is None:
        return {}
    box = dict(zip(("top", "left", "bottom", "right"), original.box, strict=True))
    return {"photograph": {"height": original.size[0], "width": original.size[1], "resize": original.mode, "box": box}}


def _strict(value: object) -> object:
    """The same for readers of standard JSON, which has no NaN and no infinity: null instead."""
    if isinstance(value, Mapping):
        return {key: _strict(element) for key, element in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(element) for element in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
