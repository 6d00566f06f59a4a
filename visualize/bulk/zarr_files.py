"""Zarr files: the arrays of a plan as Zarr v3, whose shard files are those of the plan.

One shard of a plan is one shard file of each array, `gradcam/maps/c.3.0.0`, made in memory and written whole. All metadata
follow from the plan, so they are written first, and a reader sees an array of the final shape whose missing shards are empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize.bulk.plan import VERSION, Plan
from visualize.bulk.shard import EACH, NO_CLASS

CHUNK_BYTES = 2**18  # that are read to see one map
IMAGE, AXES = "image", {1: ("position",), 2: ("row", "column"), 3: ("depth", "row", "column")}


@dataclass(frozen=True)
class ArrayKind:
    """What a Zarr array holds of each image.

    Attributes:
        shape: of one image's part.
        dtype: of its numbers; "str" for texts.
        in_chunks: whether a shard is cut into chunks that can be read alone.
    """

    shape: tuple[int, ...]
    dtype: str
    in_chunks: bool = False


def array_kinds(plan: Plan) -> dict[str, ArrayKind]:
    """The arrays of a plan, by their path in the folder."""
    settings = plan.settings
    if settings["maps"] == "none":
        return {}
    kinds = {"ids": ArrayKind((), "str"), **({"labels": ArrayKind((), "int32")} if settings["labeled"] else {})}
    for name in settings["methods"]:
        kinds[f"{name}/maps"] = ArrayKind(plan.layout(name).shape, settings["maps"], in_chunks=True)
        if settings["maps"] == "float16":
            kinds[f"{name}/scales"] = ArrayKind((), "float32")
        kinds |= {f"{name}/{each}": ArrayKind((), dtype) for each, dtype in EACH.items()}
    return kinds


def metadata(plan: Plan) -> dict[str, bytes]:
    """The `zarr.json` of the root, of each method and of each array, by their paths in the folder."""
    kinds = array_kinds(plan)
    if not kinds:
        return {}
    import zarr
    from zarr.storage import MemoryStore

    stored: dict[str, Any] = {}
    store = MemoryStore(stored)
    root = {"visualize": {"version": VERSION, "key": plan.key, "input_range": plan.settings["input_range"]}}
    zarr.create_group(store, zarr_format=3, attributes={**root, "class_names": plan.settings["class_names"]})
    for name in plan.settings["methods"]:
        zarr.create_group(store, path=name, zarr_format=3, attributes=dict(plan.layout(name).settings))
    for path, kind in kinds.items():
        _create(store, path, kind, plan.count, plan.settings["shard_size"])
    return {path: value.to_bytes() for path, value in stored.items() if path.endswith("zarr.json")}


def shard_files(plan: Plan, number: int, arrays: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    """The content of a shard's file of each array, by its path in the folder."""
    files, size = {}, plan.settings["shard_size"]
    for path, kind in array_kinds(plan).items():
        from zarr.storage import MemoryStore

        stored: dict[str, Any] = {}
        _create(MemoryStore(stored), "array", kind, size, size)[: len(arrays[path])] = arrays[path]
        zeros = ".0" * len(kind.shape)
        files[f"{path}/c.{number}{zeros}"] = stored[f"array/c.0{zeros}"].to_bytes()
    return files


def _create(store: Any, path: str, kind: ArrayKind, count: int, size: int) -> Any:
    """An empty array of so many images, in shards of a size."""
    import zarr
    from zarr.codecs import Crc32cCodec, ZstdCodec

    shard, chunk = (size, *kind.shape), (_images_in_chunk(kind, size), *kind.shape)
    fill: Any = {"str": "", "int32": NO_CLASS}.get(kind.dtype, np.nan)
    return zarr.create_array(
        store,
        name=path,
        shape=(count, *kind.shape),
        chunks=chunk if kind.in_chunks else shard,
        shards=shard if kind.in_chunks else None,
        dtype=str if kind.dtype == "str" else kind.dtype,
        fill_value=fill,
        compressors=[ZstdCodec(level=1), Crc32cCodec()],  # a damaged chunk is refused by whoever reads it
        chunk_key_encoding={"name": "default", "separator": "."},
        dimension_names=[IMAGE, *AXES.get(len(kind.shape), ())],
        zarr_format=3,
        config={"write_empty_chunks": True},  # a shard of unreadable images is a file like the others
    )


def _images_in_chunk(kind: ArrayKind, size: int) -> int:
    """How many images of a shard are compressed together: a divisor of its size."""
    most = max(1, CHUNK_BYTES // max(1, int(np.prod(kind.shape)) * 4))
    return next(count for count in range(min(most, size), 0, -1) if size % count == 0)
