"""Results: arrays and what they mean; written to files and read back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from visualize._utils.atomic import atomic_file
from visualize._utils.validation import checked_path
from visualize.data.arrays import load_arrays
from visualize.errors import InputError
from visualize.settings import AttributionSettings, Display, Settings, StructureSettings, TilesSettings


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each pixel of each image contributes to a score.

    Attributes:
        values: (batch, height, width), in the unit that `settings.unit` names; `settings.signed` where they can be
            below zero. Of a sequence (batch, length), of a volume (batch, depth, height, width).
        images: (batch, height, width, channels), in the model's range; channels last, whatever the model takes.
        targets: (batch,) the class that was explained; -1 where a function of the scores was.
        scores: (batch,) the score that was explained.
        method: "saliency", "gradcam", "occlusion".
        settings: how it was made, plain JSON values; any mapping is taken and becomes a record.
        arrays: what else is known of each image, by name, (batch, ...): "predicted", the model's own prediction;
            "probability", the output that belongs to the score; "names" of the pictures; arrays of the method's own.
        display: how it is to be drawn.
    """

    values: np.ndarray
    images: np.ndarray
    targets: np.ndarray
    scores: np.ndarray
    method: str
    settings: AttributionSettings
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    display: Display = field(default_factory=Display)

    def __post_init__(self):
        settings, display = _without_hints(self.settings, self.display)
        object.__setattr__(self, "settings", AttributionSettings.of(settings))
        object.__setattr__(self, "display", display)

    def __repr__(self) -> str:
        count, *size = self.values.shape
        shape = "x".join(map(str, size))
        return f"Attribution({self.method}, {count} of {shape}, {self.values.min():.3g} to {self.values.max():.3g})"

    def of(self, index: int) -> Attribution:
        """The same for one image of the batch."""
        row = slice(index, index + 1)
        return replace(
            self,
            values=self.values[row],
            images=self.images[row],
            targets=self.targets[row],
            scores=self.scores[row],
            arrays={name: array[row] for name, array in self.arrays.items()},
        )


@dataclass(frozen=True, eq=False)
class Tiles:
    """Small pictures of one kind: kernels, channels, maximized inputs.

    Attributes:
        pictures: (tiles, height, width, 1 or 3).
        captions: one caption per tile.
        signed: whether zero is the middle of the scale (kernels) or black and white are given by `settings.input_range`.
        method: "filters", "features", "maximize".
        settings: how they were made, plain JSON values; any mapping is taken and becomes a record.
        frames: (frames, tiles, height, width, channels), the steps towards them, or None.
        source: (height, width, channels), the picture that they were made of, or None.
        saliency: (tiles, height, width) in 0..1, how much each pixel mattered to a maximized input, or None.
        display: how they are to be drawn.
    """

    pictures: np.ndarray
    captions: tuple[str, ...]
    signed: bool
    method: str
    settings: TilesSettings
    frames: np.ndarray | None = None
    source: np.ndarray | None = None
    saliency: np.ndarray | None = None
    display: Display = field(default_factory=Display)

    def __post_init__(self):
        settings, display = _without_hints(self.settings, self.display)
        object.__setattr__(self, "settings", TilesSettings.of(settings))
        object.__setattr__(self, "display", display)

    def __repr__(self) -> str:
        count, height, width = self.pictures.shape[:3]
        return f"Tiles({self.method}, {count} of {height}x{width}, {self.pictures.min():.3g} to {self.pictures.max():.3g})"


@dataclass(frozen=True, eq=False)
class Structure:
    """The layers of a model and the tensors between them.

    Attributes:
        rows: one dict per layer, in the order of the calls: path, kind, shape, parameters, depth (0 at the top).
        edges: pairs of paths, from the layer that made a tensor to the one that received it; top-level layers only.
        method: "summary".
        settings: total and trainable parameters, and the like; any mapping is taken and becomes a record.
    """

    rows: tuple[Mapping[str, Any], ...]
    edges: tuple[tuple[str, str], ...]
    method: str
    settings: StructureSettings

    def __post_init__(self):
        object.__setattr__(self, "settings", StructureSettings.of(self.settings))


Result = Attribution | Tiles | Structure
_KINDS = {"Attribution": Attribution, "Tiles": Tiles, "Structure": Structure}


def save(path: str | Path, results: Result | Sequence[Result]) -> Path:
    """Write one result, or the results of one figure, to a `.npz` without pickle.

    The same results give the same bytes. `np.load(path)` has the arrays of one result by their names, such as "values"; names
    of several begin with the number of the result, "0.values".

    Args:
        path: of the file, with its suffix; it appears whole or not at all.
        results: an Attribution, Tiles or Structure, or a list of them.

    Returns:
        The path.

    Raises:
        InputError: there is no result, or `path` is no path.
        OSError: the file cannot be written.
    """
    path = checked_path("path", path)
    several = list(results) if isinstance(results, list | tuple) else [results]
    if not several or not all(isinstance(result, Result) for result in several):
        kinds = ", ".join(type(result).__name__ for result in several) or "none"
        raise InputError(f"`results` must be a result, or a list of results. Received: {kinds}.")
    arrays: dict[str, np.ndarray] = {}
    plain = []
    for position, result in enumerate(several):
        own = "" if len(several) == 1 else f"{position}."
        values: dict[str, Any] = {"type": type(result).__name__}
        for name, value in vars(result).items():
            if isinstance(value, np.ndarray):
                arrays[f"{own}{name}"] = value
            elif name == "arrays":
                arrays.update({f"{own}arrays.{key}": array for key, array in value.items()})
            elif isinstance(value, Display):
                values[name] = asdict(value)
            else:
                values[name] = dict(value) if isinstance(value, Settings) else value
        plain.append(values)
    arrays["results"] = np.array(json.dumps(plain))
    with atomic_file(path) as file:
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
    return path


def load(path: str | Path) -> list[Result]:
    """Read what `save` wrote; nothing is unpickled.

    Args:
        path: of the `.npz`.

    Returns:
        The results in their order, a list also where there is only one.

    Raises:
        InputError: no such file, or one that `save` did not write.
    """
    path = checked_path("path", path)
    if not path.is_file():
        raise InputError(f"`file` must be a .npz that visualize wrote. Received: {path}, which does not exist.")
    try:
        arrays = load_arrays(path)
        if not isinstance(arrays, dict):
            raise ValueError(path)
        plain = json.loads(str(arrays.pop("results")))
        numbered = len(plain) > 1 or any(name.startswith("0.") for name in arrays)  # so was the only one once
        return [_rebuilt(f"{position}." if numbered else "", values, arrays) for position, values in enumerate(plain)]
    except Exception:  # zipfile, zlib, NumPy and json raise errors of many kinds
        raise InputError(f"`file` must be a .npz that visualize wrote. Received: {path}, another kind of file.") from None


def _rebuilt(own: str, values: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Result:
    values = dict(values)
    kind = _KINDS[values.pop("type")]
    extra = f"{own}arrays."
    for name, array in arrays.items():
        if name.startswith(extra):
            values.setdefault("arrays", {})[name.removeprefix(extra)] = array
        elif name.startswith(own):
            values[name.removeprefix(own)] = array
    for name in ("captions", "rows"):
        if name in values:
            values[name] = tuple(values[name])
    if "edges" in values:
        values["edges"] = tuple(tuple(edge) for edge in values["edges"])
    if "display" in values:
        values["display"] = Display(**values["display"])
    return kind(**values)


def _without_hints(settings: Mapping[str, Any], display: Display) -> tuple[Mapping[str, Any], Display]:
    """Drawing hints, which earlier versions kept among the settings, are moved to the display."""
    if isinstance(settings, Settings):
        return settings, display
    settings = dict(settings)
    hints = {name: settings.pop(name) for name in ("columns", "epoch") if name in settings}
    if settings.get("scale") == "shared":
        hints["shared_scale"] = settings.pop("scale") == "shared"
    return settings, replace(display, **hints)
