"""Results: arrays, and what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from visualize._utils.atomic import atomic_file
from visualize._utils.validation import checked_path
from visualize.data.arrays import load_arrays
from visualize.errors import InputError


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each pixel of each image does to a score.

    Attributes:
        values: (batch, height, width), in the unit that `settings["unit"]` names; `settings["signed"]` where they can be
            below zero. Of a sequence (batch, length), of a volume (batch, depth, height, width).
        images: (batch, height, width, channels), in the model's range; channels last, whatever the model takes.
        targets: (batch,) the class that was explained; -1 where a function of the scores was.
        scores: (batch,) the score that was explained.
        method: "saliency", "gradcam", "occlusion".
        settings: how it was made: plain JSON values.
        arrays: what else is known of each image, by name, (batch, ...): "predicted", the model's own choice;
            "probability", the output that belongs to the score; "names" of the pictures; a method's own findings.
    """

    values: np.ndarray
    images: np.ndarray
    targets: np.ndarray
    scores: np.ndarray
    method: str
    settings: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __repr__(self) -> str:
        count, *size = self.values.shape
        of = "x".join(map(str, size))
        return f"Attribution({self.method}, {count} of {of}, {self.values.min():.3g} to {self.values.max():.3g})"

    def of(self, index: int) -> Attribution:
        """The same for one image of the batch."""
        one = slice(index, index + 1)
        return replace(
            self,
            values=self.values[one],
            images=self.images[one],
            targets=self.targets[one],
            scores=self.scores[one],
            arrays={name: array[one] for name, array in self.arrays.items()},
        )


@dataclass(frozen=True, eq=False)
class Tiles:
    """Small pictures of one kind: kernels, channels, maximized inputs.

    Attributes:
        pictures: (tiles, height, width, 1 or 3).
        captions: one a tile.
        signed: whether zero is the middle of the scale (kernels) or black and white are given by `settings["input_range"]`.
        method: "filters", "features", "maximize".
        settings: how it was made: plain JSON values.
        frames: (frames, tiles, height, width, channels), the way there, or None.
        source: (height, width, channels), the picture that they were made of, or None.
    """

    pictures: np.ndarray
    captions: tuple[str, ...]
    signed: bool
    method: str
    settings: Mapping[str, Any]
    frames: np.ndarray | None = None
    source: np.ndarray | None = None

    def __repr__(self) -> str:
        count, height, width = self.pictures.shape[:3]
        return f"Tiles({self.method}, {count} of {height}x{width}, {self.pictures.min():.3g} to {self.pictures.max():.3g})"


@dataclass(frozen=True, eq=False)
class Structure:
    """The layers of a model and what flows between them.

    Attributes:
        rows: for each layer in the order of the calls a dict: path, kind, shape, parameters, depth (0 at the top).
        edges: pairs of paths, from the layer that made a tensor to the one that took it; top-level layers only.
        method: "summary".
        settings: total and trainable parameters, and the like.
    """

    rows: tuple[Mapping[str, Any], ...]
    edges: tuple[tuple[str, str], ...]
    method: str
    settings: Mapping[str, Any]


Result = Attribution | Tiles | Structure
_KINDS = {"Attribution": Attribution, "Tiles": Tiles, "Structure": Structure}


def save(path: str | Path, results: Result | Sequence[Result]) -> Path:
    """Write one result, or the several of one figure, to a `.npz` without pickle.

    The same results give the same bytes.

    Args:
        path: of the file, with its ending; it appears whole or not at all.
        results: an Attribution, Tiles or Structure, or a list of them.

    Returns:
        The path.

    Raises:
        InputError: `results` are none, or `path` is no path.
        OSError: the file cannot be written.
    """
    path = checked_path("path", path)
    results = list(results) if isinstance(results, list | tuple) else [results]
    if not results or not all(isinstance(one, Result) for one in results):
        kinds = ", ".join(type(one).__name__ for one in results) or "none"
        raise InputError(f"`results` must be a result, or a list of results. Received: {kinds}.")
    arrays: dict[str, np.ndarray] = {}
    plain = []
    for position, result in enumerate(results):
        values: dict[str, Any] = {"type": type(result).__name__}
        for name, value in vars(result).items():
            if isinstance(value, np.ndarray):
                arrays[f"{position}.{name}"] = value
            elif name == "arrays":
                arrays.update({f"{position}.arrays.{key}": array for key, array in value.items()})
            else:
                values[name] = value
        plain.append(values)
    arrays["results"] = np.array(json.dumps(plain))
    with atomic_file(path) as file:
        np.savez_compressed(file, **arrays)
    return path


def load(path: str | Path) -> list[Result]:
    """Read what `save` wrote; nothing is unpickled.

    Args:
        path: of the `.npz`.

    Returns:
        The results in their order, a list also where there is one.

    Raises:
        InputError: no such file, or one that `save` did not write.
    """
    path = checked_path("path", path)
    if not path.is_file():
        raise InputError(f"`file` must be a .npz that visualize wrote. Received: {path}, which does not exist.")
    try:
        arrays = load_arrays(path)
        return [_rebuilt(position, values, arrays) for position, values in enumerate(json.loads(str(arrays["results"])))]
    except Exception:  # zipfile, zlib, NumPy and json raise what they like
        raise InputError(f"`file` must be a .npz that visualize wrote. Received: {path}, which is none.") from None


def _rebuilt(position: int, values: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Result:
    values = dict(values)
    kind = _KINDS[values.pop("type")]
    own, extra = f"{position}.", f"{position}.arrays."
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
    return kind(**values)
