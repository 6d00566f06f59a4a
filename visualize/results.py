"""Results: arrays and what they mean; written to files and read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from visualize._utils.atomic import atomic_file
from visualize._utils.validation import checked_path
from visualize.data.arrays import load_arrays
from visualize.data.framing import Original, place
from visualize.data.loading import Source
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
        originals: the photograph of each image before it was brought to the model's size, and where the image lies on it; None
            for an image that was taken as it is; empty where nothing is known.
        display: how it is to be drawn.
    """

    values: np.ndarray
    images: np.ndarray
    targets: np.ndarray
    scores: np.ndarray
    method: str
    settings: AttributionSettings
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    originals: tuple[Original | None, ...] = ()
    display: Display = field(default_factory=Display)

    def __post_init__(self):
        settings, display = _without_hints(self.settings, self.display)
        object.__setattr__(self, "settings", AttributionSettings.of(settings))
        object.__setattr__(self, "display", display)

    def __repr__(self) -> str:
        count, *size = self.values.shape
        shape = "x".join(map(str, size))
        return f"Attribution({self.method}, {count} of {shape}, {self.values.min():.3g} to {self.values.max():.3g})"

    def labeled(self, source: Source) -> Attribution:
        """The same with the names of the images, and the photographs that they were made of.

        Args:
            source: what `from_files` or `from_data` returned for the explained images.

        Raises:
            InputError: it has another number of images.
        """
        if len(source.names) != len(self.values):
            raise InputError(f"`source` must have the {len(self.values)} explained images. Received: {len(source.names)}.")
        return replace(self, arrays={**self.arrays, "names": np.array(source.names)}, originals=source.originals)

    def on_original(self, index: int) -> np.ndarray:
        """The map of one image in the pixels of the photograph that it was made of.

        Args:
            index: number of the image.

        Returns:
            (height, width) of the photograph, float32, interpolated; NaN where the model saw nothing of it. The map itself
            where the image was taken as it is.

        Raises:
            InputError: the map is not (height, width), or there is no such image.
        """
        if self.values.ndim != 3 or not -len(self.values) <= index < len(self.values):
            raise InputError(f"`index` must be one of {len(self.values)} pictures. Received: {index}, of {self!r}.")
        original = self.originals[index] if self.originals else None
        return self.values[index] if original is None else place(self.values[index], original.size, original.box)

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
            originals=self.originals[row],
            settings=self.settings.with_values(remarks=_remarks_on(self.settings.remarks, index)),
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
        inner_edges: the same inside nested models; there ("base", "base/conv") is what the nested model receives, and
            ("base/relu", "base") what it returns.
        display: how it is to be drawn.
    """

    rows: tuple[Mapping[str, Any], ...]
    edges: tuple[tuple[str, str], ...]
    method: str
    settings: StructureSettings
    inner_edges: tuple[tuple[str, str], ...] = ()
    display: Display = field(default_factory=Display)

    def __post_init__(self):
        object.__setattr__(self, "settings", StructureSettings.of(self.settings))


@dataclass(frozen=True, eq=False)
class Trust:
    """How far the maps of several methods can be believed, for one model and some images.

    Attributes:
        rows: one dict per method, those that can be believed first, then one per baseline: name; baseline, whether it is
            one; believed, True, False, or None where there are too few images to tell; sentence, in plain words; reasons, why
            it is not believed; measures, by name, each with its mean, the ends low and high of the 95 % interval (None with
            fewer than six images), passes (True, False, or None where nothing is decided by it) and the values of the images.
        columns: one dict per measure, in the order in which they are drawn: name, title, and better, "low", "high" or "".
        answer: which method to believe for this model and these images, or none, in a sentence.
        method: "trust".
        settings: how it was measured, plain JSON values; any mapping is taken and becomes a record.
        display: how it is to be drawn.
    """

    rows: tuple[Mapping[str, Any], ...]
    columns: tuple[Mapping[str, Any], ...]
    answer: str
    method: str
    settings: Settings
    display: Display = field(default_factory=Display)

    def __post_init__(self):
        object.__setattr__(self, "settings", Settings.of(self.settings))

    def __repr__(self) -> str:
        return f"Trust({self.answer})"

    @property
    def believed(self) -> tuple[str, ...]:
        """The names of the methods that can be believed, the most faithful first."""
        return tuple(row["name"] for row in self.rows if row["believed"])

    @property
    def sentences(self) -> tuple[str, ...]:
        """A sentence for each method in plain words."""
        return tuple(row["sentence"] for row in self.rows if not row["baseline"])


Result = Attribution | Tiles | Structure | Trust
_KINDS = {"Attribution": Attribution, "Tiles": Tiles, "Structure": Structure, "Trust": Trust}


def save(path: str | Path, results: Result | Sequence[Result]) -> Path:
    """Write one result, or the results of one figure, to a `.npz` without pickle.

    The same results give the same bytes. `np.load(path)` has the arrays of one result by their names, such as "values"; names
    of several begin with the number of the result, "0.values".

    Args:
        path: of the file, with its suffix; it appears whole or not at all.
        results: an Attribution, Tiles, Structure or Trust, or a list of them.

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
            elif name == "originals":
                values[name], pixels = _plain_originals(value)
                arrays.update({f"{own}{key}": array for key, array in pixels.items()})
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
    if "originals" in values:
        values["originals"] = _rebuilt_originals(values["originals"], values)
    for name in ("captions", "rows", "columns"):
        if name in values:
            values[name] = tuple(values[name])
    for name in ("edges", "inner_edges"):
        if name in values:
            values[name] = tuple(tuple(edge) for edge in values[name])
    if "display" in values:
        values["display"] = Display(**values["display"])
    return kind(**values)


def _remarks_on(remarks: Sequence[str] | None, index: int) -> list[str] | None:
    """The remarks of a batch that hold for one of its images: "image 3: ..." is of that image alone."""
    parts = [re.fullmatch(r"(?:image (\d+): )?(.*)", remark, re.DOTALL) for remark in remarks or ()]
    return [part[2] for part in parts if part and part[1] in (None, str(index))] or None


def _plain_originals(originals: Sequence[Original | None]) -> tuple[list[dict[str, Any] | None], dict[str, np.ndarray]]:
    """Originals as JSON, and their pixels by the names of arrays."""
    plain = [None if each is None else {"size": each.size, "box": each.box, "mode": each.mode} for each in originals]
    return plain, {f"originals.{index}": each.pixels for index, each in enumerate(originals) if each is not None}


def _rebuilt_originals(plain: Sequence[Mapping[str, Any] | None], values: dict[str, Any]) -> tuple[Original | None, ...]:
    """The originals of a file; takes their pixels out of `values`."""
    return tuple(
        None
        if each is None
        else Original(values.pop(f"originals.{index}"), tuple(each["size"]), tuple(each["box"]), each["mode"])
        for index, each in enumerate(plain)
    )


def _without_hints(settings: Mapping[str, Any], display: Display) -> tuple[Mapping[str, Any], Display]:
    """Drawing hints, which earlier versions kept among the settings, are moved to the display."""
    if isinstance(settings, Settings):
        return settings, display
    settings = dict(settings)
    hints = {name: settings.pop(name) for name in ("columns", "epoch") if name in settings}
    if settings.get("scale") == "shared":
        hints["shared_scale"] = settings.pop("scale") == "shared"
    return settings, replace(display, **hints)
