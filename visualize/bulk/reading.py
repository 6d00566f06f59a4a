"""Reading: the folder of a bulk run, of which nothing is read before it is needed."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visualize._utils.lazy import tf
from visualize._utils.validation import checked_path, received
from visualize.bulk.datasets import source_of
from visualize.bulk.folder import read_plan
from visualize.bulk.sources import BulkSource, PictureFiles
from visualize.bulk.table import read_table
from visualize.data.loading import from_files
from visualize.data.picture_format import PictureFormat
from visualize.errors import InputError
from visualize.models.layers import describe
from visualize.models.loading import open_model
from visualize.results import Attribution


@dataclass(frozen=True, eq=False)
class Maps:
    """The maps of one method, on the disk until some are read.

    `maps[7]`, `maps[0:100]` and `maps[[1, 5]]` are arrays of float32; NaN where an image could not be read or is still to be
    explained.

    Attributes:
        stored: the Zarr array of the numbers as they are kept.
        scales: the Zarr array of the power of two that each map is to be multiplied with; None for float32.
    """

    stored: Any
    scales: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """(images, height, width)."""
        return self.stored.shape

    def __len__(self) -> int:
        return self.stored.shape[0]

    def __getitem__(self, rows: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        if isinstance(rows, list | np.ndarray):
            values, scales = self.stored.oindex[rows], None if self.scales is None else self.scales.oindex[rows]
        else:
            values, scales = self.stored[rows], None if self.scales is None else self.scales[rows]
        values = np.asarray(values, "float32")
        if scales is None:
            return values
        scales = np.asarray(scales, "float32")
        return values * scales.reshape(*scales.shape, *[1] * (values.ndim - scales.ndim))


@dataclass(frozen=True, eq=False)
class Bulk:
    """What a bulk run wrote.

    Attributes:
        path: of the folder.
        settings: everything that the result depends on.
        places: where model and data were.
    """

    path: Path
    settings: Mapping[str, Any]
    places: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Bulk({self.path}, {len(self)} images by {', '.join(self.methods)}{'' if self.complete else ', incomplete'})"

    def __len__(self) -> int:
        return self.settings["count"]

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of the methods."""
        return tuple(self.settings["methods"])

    @property
    def complete(self) -> bool:
        """Whether every shard was done and the run was closed."""
        return (self.path / "manifest.json").is_file()

    @functools.cached_property
    def arrays(self) -> Any:
        """The Zarr group of all arrays.

        Raises:
            InputError: no maps were kept, or Zarr is not installed.
        """
        if self.settings["maps"] == "none":
            raise InputError(f"{self.path} has the table alone: it was made with maps='none'.")
        try:
            import zarr
        except ImportError:
            raise InputError("Maps need the extra bulk: pip install 'kerasdemos[bulk]'.") from None
        return zarr.open_group(self.path, mode="r")

    def maps(self, method: str | None = None) -> Maps:
        """The maps of a method, (images, height, width), read when they are indexed.

        Args:
            method: name of the method; it may be left out where there is one.
        """
        group = self.arrays[self._checked(method)]
        return Maps(group["maps"], group.get("scales"))

    def array(self, name: str, method: str | None = None) -> Any:
        """A Zarr array, (images,): "scores", "targets", "predicted" or "probability" of a method, "ids" or "labels".

        Raises:
            InputError: there is no such array or method.
        """
        group = self.arrays if name in ("ids", "labels") else self.arrays[self._checked(method)]
        if name not in group:
            raise InputError(f"`name` must be an array of the run. Received: {received(name)}. It has {sorted(group)}.")
        return group[name]

    def table(self, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """The columns of the table by name: one row for each image and method; of an unfinished run, the rows that are there.

        Args:
            columns: the names of those to read; by default all.
        """
        kind = self.settings["table"]
        whole = self.path / f"table.{kind}"
        paths = [whole] if self.complete else sorted((self.path / "table").glob(f"*.{kind}"))
        parts = [read_table(path, columns) for path in paths]
        return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}

    def errors(self) -> dict[str, str]:
        """Why images could not be read, by id."""
        records = sorted((self.path / "shards").glob("*.json"))
        return {name: error for path in records for name, error in json.loads(path.read_bytes())["errors"].items()}

    def numbers(self, ids: Sequence[str]) -> list[int]:
        """The numbers of images by their ids.

        Raises:
            InputError: there is no image of that id.
        """
        known = {name: number for number, name in enumerate(self.array("ids")[:].tolist()) if name}
        unknown = next((name for name in ids if name not in known), None)
        if unknown is not None:
            example = next(iter(known), "")
            raise InputError(f"`ids` must be ids of explained images, such as {example!r}. Received: {unknown!r}.")
        return [known[name] for name in ids]

    def attribution(
        self, ids: Sequence[str] | str, method: str | None = None, *, model: Any = None, data: Any = None
    ) -> Attribution:
        """The maps of some images as a method returned them, with the images, to be drawn.

        Args:
            ids: of the images.
            method: name of the method; it may be left out where there is one.
            model: the model, where it is not in its place any more, or was in memory.
            data: the data set, likewise.

        Raises:
            InputError: no such image or method, an image without a map, or model or data are not to be found.
        """
        ids, method = [ids] if isinstance(ids, str) else list(ids), self._checked(method)
        numbers = self.numbers(ids)
        values = self.maps(method)[numbers]
        missing = next((name for name, each in zip(ids, values, strict=True) if np.isnan(each).all()), None)
        if missing is not None:
            why = self.errors().get(missing, "it is still to be explained.")
            raise InputError(f"{missing} has no map: {why}")
        source, picture_format = self._source(model, data)
        if isinstance(source, PictureFiles):
            pictures = from_files(picture_format.model, [source.root / name for name in ids], **self._framing)
            images, originals = np.asarray(pictures.images), pictures.originals
        else:
            images = np.concatenate([source.read(number, number + 1, picture_format).images for number in numbers])
            originals = ()
        each = {name: self.array(name, method).oindex[numbers] for name in ("scores", "targets", "predicted", "probability")}
        settings = {**dict(self.arrays[method].attrs), "class_names": self.settings["class_names"]}
        return Attribution(
            _on_image(values, picture_format.channels.to_last(images).shape[1:-1]),
            picture_format.channels.to_last(images),
            each["targets"],
            each["scores"],
            method,
            settings,  # pyright: ignore[reportArgumentType]
            {"predicted": each["predicted"], "probability": each["probability"], "names": np.array(ids)},
            originals,
        )

    @property
    def _framing(self) -> dict[str, Any]:
        """Which input takes the pictures, and how they are brought to its size."""
        return {"input_name": self.places["input_name"], "resize": self.places["resize"]}

    def _source(self, model: Any, data: Any) -> tuple[BulkSource, PictureFormat]:
        """The data set and the format of its pictures."""
        model, data = model or self.places["model"], data if data is not None else self.places["data"]
        for name, value in (("model", model), ("data", data)):
            if value is None:
                raise InputError(f"`{name}` must be given: it was in memory when {self.path} was made.")
        if isinstance(model, str | Path):
            model = open_model(model, custom_objects=self.places["custom_objects"])
        describe(model, input_range=self.settings["input_range"])
        picture_format = PictureFormat.of(model, **self._framing)
        return source_of(data, picture_format), picture_format

    def _checked(self, method: str | None) -> str:
        if method is None and len(self.methods) == 1:
            return self.methods[0]
        if method not in self.methods:
            raise InputError(f"`method` must be {' or '.join(map(repr, self.methods))}. Received: {method!r}.")
        return method


def open_bulk(path: str | Path) -> Bulk:
    """What `run_bulk` or `visualize bulk` wrote, finished or not; arrays are read when they are indexed.

    Args:
        path: of the folder.

    Returns:
        `bulk.maps("gradcam")[0:10]`, `bulk.array("scores")[:]`, `bulk.table()` and `bulk.attribution(id)`, to be drawn.

    Raises:
        InputError: it is not such a folder.

    Example:
        bulk = visualize.open_bulk("maps")
        visualize.draw(bulk.attribution("cats/7.png", "gradcam"))
    """
    path = checked_path("path", path)
    plan = read_plan(path)
    return Bulk(path, plan["settings"], plan["places"])


def _on_image(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Maps at the positions of a layer, resized to the image as methods do."""
    if values.shape[1:] == size or len(size) != 2:
        return values
    return tf.image.resize(values[..., None], size).numpy()[..., 0]
