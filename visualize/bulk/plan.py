"""Plan: what a bulk run computes, cut into shards that never change; it knows nothing of machines or of what is done."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visualize._utils.lazy import keras
from visualize._utils.validation import checked_count, checked_path, checked_word, received
from visualize.attribution.comparison import name_of
from visualize.attribution.request import at_layer_resolution
from visualize.bulk.datasets import source_of
from visualize.bulk.sources import BulkSource, digest_of_ids
from visualize.data.picture_format import PictureFormat
from visualize.errors import InputError
from visualize.models.digest import model_digest
from visualize.models.input_range import range_of
from visualize.models.layers import card_of, check_model, describe
from visualize.models.loading import open_model
from visualize.results import Attribution
from visualize.targets import Target

VERSION = 1  # of the folder's layout
MAPS, AT, TABLES = ("float16", "float32", "none"), ("image", "layer"), ("parquet", "csv")
LABEL = "label"  # as a target: each image's own
SHARD_BYTES, MOST_IN_SHARD = 2**24, 1024
PIECE_BYTES = 2**23
PACKAGES = ("kerasdemos", "tensorflow", "keras", "numpy", "zarr", "numcodecs", "pyarrow")  # whose versions can change a bit


@dataclass(frozen=True)
class Layout:
    """What the arrays of one method look like.

    Attributes:
        shape: of a map.
        arrays: which of "predicted", "probability", "gap" and "error" the method reports of each image.
        settings: of its Attribution.
    """

    shape: tuple[int, ...]
    arrays: tuple[str, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Request:
    """What a caller wants of a bulk run, before a model is opened. Everything but `data` and a model object can be pickled.

    Attributes:
        model: a `keras.Model`, or the path of a saved one.
        data: see `visualize.bulk.datasets.source_of`.
        methods: name, function or several of them; a mapping gives each its options.
        target: class to explain, for all images: a number or a name; "label" for each image's own label; None for the model's
            own prediction.
        output: name of the output, for a model of several.
        maps: how maps are kept: "float16", "float32", or "none" for their statistics alone.
        at: "layer" keeps a class activation map at the resolution of its layer; "image" has it resized to the image.
        table: "parquet" or "csv"; None for Parquet where the package for it is installed.
        shard_size: images in a shard; None for as many as suit the size of a map.
        batch_size: images at a time; None for as many as suit their size.
        precision: in which the layers compute.
        input_name: the input that holds the pictures, for a model of several.
        resize: how photographs are brought to the model's size.
        input_range: values of a black and of a white pixel; None for those of the model's card.
        unsafe: let the model's file run code of its own.
        custom_objects: names of Python modules to import before the model is opened.
    """

    model: Any
    data: Any
    methods: Any
    target: Any = None
    output: str | None = None
    maps: str = "float16"
    at: str = "image"
    table: str | None = None
    shard_size: int | None = None
    batch_size: int | None = None
    precision: str = "float32"
    input_name: str | None = None
    resize: str | None = None
    input_range: tuple[float, float] | None = None
    unsafe: bool = False
    custom_objects: tuple[str, ...] = ()

    @property
    def can_be_sent(self) -> bool:
        """Whether another process can open the same model and data: both are named, and so are the methods."""
        names = all(isinstance(method, str) for method in (self.methods if isinstance(self.methods, Sequence) else ()))
        named = isinstance(self.methods, str | Mapping) or names
        return named and isinstance(self.model, str | Path) and isinstance(self.data, str | Path)

    @property
    def places(self) -> dict[str, Any]:
        """Where model and data are, for those who read the folder; None for what is in memory."""
        named = isinstance(self.model, str | Path), isinstance(self.data, str | Path)
        return {
            "model": str(Path(self.model).absolute()) if named[0] else None,
            "data": str(self.data) if named[1] else None,
            "folder": str(Path.cwd()),
            "input_name": self.input_name,
            "resize": self.resize,
            "input_range": None if self.input_range is None else [float(value) for value in self.input_range],
            "custom_objects": list(self.custom_objects),
        }


@dataclass(frozen=True, eq=False)
class Plan:
    """What is computed of which images, and in which shards.

    Attributes:
        settings: everything that the result depends on, plain JSON values; two plans with the same settings give the same
            bytes.
        key: SHA-256 of the settings.
        model: the model, opened.
        source: the images.
        picture_format: how the model takes them.
        methods: the function and the options of each method, by the name of its results.
        target: as a method takes it; None for the model's own prediction.
    """

    settings: Mapping[str, Any]
    key: str
    model: keras.Model
    source: BulkSource
    picture_format: PictureFormat
    methods: Mapping[str, tuple[Callable[..., Attribution], Mapping[str, Any]]]
    target: Target

    @property
    def count(self) -> int:
        """The number of images."""
        return self.settings["count"]

    @property
    def shards(self) -> int:
        """The number of shards."""
        return -(-self.count // self.settings["shard_size"])

    def rows(self, number: int) -> tuple[int, int]:
        """The first image of a shard, and the first one after it."""
        size = self.settings["shard_size"]
        return number * size, min(self.count, (number + 1) * size)

    def pieces(self, number: int) -> list[tuple[int, int]]:
        """The rows of a shard that are read and explained at a time."""
        (start, stop), size = self.rows(number), self.settings["piece_size"]
        return [(first, min(stop, first + size)) for first in range(start, stop, size)]

    def shard_key(self, number: int) -> str:
        """SHA-256 of what a shard depends on: the settings, and the ids and labels of its images."""
        start, stop = self.rows(number)
        labels = [] if self.source.labels is None else self.source.labels[start:stop].tolist()
        return _digest([self.key, number, self.source.ids(start, stop), labels])

    def layout(self, name: str) -> Layout:
        """What the arrays of a method look like."""
        layout = self.settings["layouts"][name]
        return Layout(tuple(layout["shape"]), tuple(layout["arrays"]), layout["settings"])

    def explain(self, name: str, images: np.ndarray, labels: np.ndarray | None) -> Attribution:
        """The maps of one method, on the image or at its layer."""
        target = Target(labels.tolist(), output=self.target.output) if labels is not None else self.target
        return _explained(self.methods[name], self.model, images, target, self.settings["at"])


def plan_of(request: Request) -> Plan:
    """Open the model and the data set, check everything, and lay down what is to be computed.

    Raises:
        InputError: a model, data or an option that does not fit.
    """
    checked_word("maps", request.maps, MAPS)
    checked_word("at", request.at, AT)
    table = _checked_table(request.table, request.maps)
    model = _opened(request)
    picture_format = PictureFormat.of(model, request.input_name, request.resize)
    if len(picture_format.input_shapes) > 1:
        raise InputError(f"`model` must have one input. Received: {sorted(picture_format.input_shapes)}.")
    source = source_of(request.data, picture_format)
    if source.class_names and not card_of(model).class_names:
        describe(model, class_names=source.class_names)
    if request.target == LABEL and source.labels is None:
        raise InputError("`target` 'label' needs data with labels. Received: data without.")
    methods = checked_methods(request.methods, _common_options(request))
    target = Target(None if request.target == LABEL else _checked_target(request.target), output=request.output)
    example = _example(source, picture_format)
    layouts = {name: _layout(method, model, example, target, request.at, name) for name, method in methods.items()}
    most = max(int(np.prod(layout.shape)) for layout in layouts.values())
    shard_size = request.shard_size or max(16, min(MOST_IN_SHARD, SHARD_BYTES // (2 * most)))
    settings = {
        "version": VERSION,
        "packages": {name: _version(name) for name in PACKAGES},
        "model": model_digest(model),
        "input_range": [float(value) for value in range_of(model, request.input_name)[0]],
        "class_names": list(card_of(model).class_names),
        "framing": asdict(picture_format.framing),
        "methods": {name: [name_of(function), options] for name, (function, options) in methods.items()},
        "target": request.target if isinstance(request.target, str | None) else int(request.target),
        "output": request.output,
        "maps": request.maps,
        "at": request.at,
        "table": table,
        "labeled": source.labels is not None,
        "count": source.count,
        "ids": digest_of_ids(source),
        "labels": None if source.labels is None else hashlib.sha256(source.labels.astype("<i8").tobytes()).hexdigest(),
        "pictures": source.fingerprint(),
        "shard_size": checked_count("shard_size", shard_size, 1),
        "piece_size": max(1, min(shard_size, PIECE_BYTES // max(1, example.nbytes))),
        "layouts": {name: asdict(layout) for name, layout in layouts.items()},
    }
    settings = json.loads(json.dumps(settings))
    return Plan(settings, _digest(settings), model, source, picture_format, methods, target)


def checked_methods(methods: Any, common: Mapping[str, Any]) -> dict[str, tuple[Callable[..., Attribution], dict[str, Any]]]:
    """The function and the options of each method, by name.

    Raises:
        InputError: no method of that name, one that does not explain images, or an option that it does not have.
    """
    own = dict(methods) if isinstance(methods, Mapping) else {}
    several = methods if isinstance(methods, list | tuple | Mapping) else [methods]
    checked: dict[str, tuple[Callable[..., Attribution], dict[str, Any]]] = {}
    for method in several:
        function = _function(method)
        name, known = name_of(function), inspect.signature(function).parameters
        options = {**{key: value for key, value in common.items() if key in known}, **(own.get(method) or {})}
        unknown = next((key for key in options if key not in known or key in ("model", "images", "target")), None)
        if unknown is not None:
            raise InputError(f"`{unknown}` is no option of {name}.")
        if name in checked:
            raise InputError(f"`methods` must name each method once. Received: {name} twice.")
        checked[name] = function, options
    if not checked:
        raise InputError("`methods` must name at least one method. Received: none.")
    return checked


def _function(method: Any) -> Callable[..., Any]:
    """The function of a method, given itself or by name."""
    import visualize

    function = method
    if isinstance(method, str):
        function = getattr(visualize, method, None) if method in visualize.__all__ else None
    if not callable(function) or isinstance(function, type) or "images" not in inspect.signature(function).parameters:
        raise InputError(
            f"`methods` must be methods that explain images, such as gradcam or saliency. Received: {received(method)}."
        )
    return function


def _explained(
    method: tuple[Callable[..., Attribution], Mapping[str, Any]],
    model: keras.Model,
    images: np.ndarray,
    target: Target,
    at: str,
) -> Attribution:
    """What a method says of a few images."""
    function, options = method
    targets = (target,) if "target" in inspect.signature(function).parameters else ()
    if at == "image":
        return function(model, images, *targets, **options)
    with at_layer_resolution():
        return function(model, images, *targets, **options)


def _layout(
    method: tuple[Callable[..., Attribution], Mapping[str, Any]],
    model: keras.Model,
    example: np.ndarray,
    target: Target,
    at: str,
    name: str,
) -> Layout:
    """What the arrays of a method look like, found out on one image."""
    result = _explained(method, model, example, target, at)
    if not isinstance(result, Attribution):
        raise InputError(f"`methods` must return an Attribution. Received: {name}, which returns a {type(result).__name__}.")
    settings = {key: value for key, value in result.settings.items() if key not in ("remarks", "class_names")}
    if at == "layer" and not (settings.get("coarse") and isinstance(settings.get("layer"), str)):
        raise InputError(f"`at` 'layer' needs class activation maps of one layer. Received: {name}.")
    arrays = [key for key in ("predicted", "probability", "gap", "error") if key in result.arrays]
    return Layout(result.values.shape[1:], tuple(arrays), json.loads(json.dumps(settings, default=str)))


def _example(source: BulkSource, picture_format: PictureFormat) -> np.ndarray:
    """One image as the model takes it: black where the model says which size, else the first."""
    shape = next(iter(picture_format.input_shapes.values()), (None,))
    lengths = [length for length in shape if length]
    if len(lengths) == len(shape):
        low = range_of(picture_format.model, picture_format.input_name)[0][0]
        return np.full((1, *lengths), low, "float32")
    if hasattr(source, "names"):
        raise InputError(f"`model` must take pictures of one size for a bulk run of files. Received: one of {shape}.")
    return source.read(0, 1, picture_format).images


def _common_options(request: Request) -> dict[str, Any]:
    options = {"input_name": request.input_name, "batch_size": request.batch_size, "precision": request.precision}
    return {name: value for name, value in options.items() if value is not None}


def _opened(request: Request) -> keras.Model:
    model = request.model
    if isinstance(model, str | Path):
        model = open_model(checked_path("model", model), unsafe=request.unsafe, custom_objects=request.custom_objects)
    check_model(model)
    return model if request.input_range is None else describe(model, input_range=request.input_range)


def _checked_table(table: str | None, maps: str) -> str:
    """The kind of the table; and whether the packages for it and for the maps are there."""
    if table is not None:
        checked_word("table", table, TABLES)
    if maps != "none" and not _installed("zarr"):
        raise InputError("Maps need the extra bulk: pip install 'kerasdemos[bulk]'. Without it: --maps none.")
    if table == "parquet" and not _installed("pyarrow"):
        raise InputError("`table` 'parquet' needs the extra bulk: pip install 'kerasdemos[bulk]'. Without it: csv.")
    return table or ("parquet" if _installed("pyarrow") else "csv")


def _checked_target(target: Any) -> Any:
    if isinstance(target, bool) or not isinstance(target, int | np.integer | str | None):
        raise InputError(f"`target` must be one class for all images, 'label' or None. Received: {received(target)}.")
    return target


@functools.cache
def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
