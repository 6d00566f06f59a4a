"""Running: the shards of a plan that are missing, one after the other, in this process."""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from visualize._utils.atomic import check_writable_folder
from visualize._utils.validation import checked_path
from visualize.bulk.folder import Folder
from visualize.bulk.plan import Plan, Request, plan_of
from visualize.bulk.progress import Progress, Tracker
from visualize.bulk.shard import explain_shard
from visualize.bulk.sources import Piece
from visualize.errors import InputError

if TYPE_CHECKING:
    import keras

    from visualize.bulk.reading import Bulk

T = TypeVar("T")
AHEAD = 2  # pieces that are read while one is explained


def run_bulk(
    model: keras.Model | str | Path,
    data: Any,
    methods: str | Callable | Sequence[str | Callable] | Mapping[str, Mapping[str, Any]],
    out: str | Path,
    *,
    target: int | str | None = None,
    output: str | None = None,
    maps: Literal["float16", "float32", "none"] = "float16",
    at: Literal["image", "layer"] = "image",
    table: Literal["parquet", "csv"] | None = None,
    shard: tuple[int, int] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    shard_size: int | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
    input_name: str | None = None,
    resize: Literal["crop", "fit", "stretch"] | None = None,
    input_range: tuple[float, float] | None = None,
    unsafe: bool = False,
    custom_objects: Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
) -> Bulk:
    """Explain every image of a data set, and keep maps, scores and statistics in a folder.

    The work is cut into shards, and each appears in the folder whole or not at all. Where a run was interrupted, the same call
    does what is missing and nothing else, and the folder is the same, byte for byte, as if nothing had happened. Memory does
    not grow with the number of images. An image that cannot be read has a row with its error.

    Args:
        model: Keras model, or the path of a saved one; `workers` and `scheduler` need a path.
        data: a folder of pictures, with the folders in it; a pattern such as `photos/**/*.jpg`; a list of paths (`.txt`), a
            `.csv` of paths and labels; a `.npy`, which is never read whole, a `.npz`, a folder of Zarr; a named data set such
            as `mnist:test`. In Python also an array, a pair (images, labels), a `keras.utils.PyDataset`, a `tf.data.Dataset`,
            or anything with a length and items, or that can be iterated over more than once.
        methods: names such as "gradcam", or functions; a mapping gives each name its options,
            `{"gradcam": {"layer": "block_2"}, "smoothgrad": {"samples": 20}}`.
        out: folder to write to, and to go on in.
        target: class to explain, a number or a name, for all images; "label" for each image's own label; by default the
            model's own prediction.
        output: name of the output to explain, for a model of several.
        maps: numbers in which maps are kept: "float16" to three digits of the largest value of each map, "float32"; "none"
            keeps the table alone.
        at: "layer" keeps a class activation map at the resolution of its layer.
        table: format of the table; by default Parquet where pyarrow is installed, else CSV.
        shard: (number, of): do only the shards of one of several runs, numbered from 1, (3, 16) for the third of sixteen.
        workers: processes on this machine that share the work (extra `cluster`).
        scheduler: address of a Dask scheduler whose workers share the work, such as "tcp://10.0.0.1:8786"; they must see the
            same files.
        shard_size: images in a shard; by default 16 to 1,024 by the size of a map.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the layers compute, as for every method.
        input_name: name of the input, where the model has a name for it.
        resize: how photographs are brought to the model's size: "crop", "fit" or "stretch".
        input_range: values of a black and of a white pixel; by default those of the model's card.
        unsafe: let the model's file run code of its own.
        custom_objects: names of Python modules to import before the model is opened.
        progress: called after each shard.

    Returns:
        What `open_bulk(out)` returns; of a part of the shards, what is there.

    Raises:
        InputError: model, data or an option that does not fit, or a folder that holds another run.
        OSError: a file cannot be written; what was written is whole, and the same call goes on from there.

    Example:
        visualize.run_bulk("model.keras", "photos", ["gradcam", "saliency"], "maps")
    """
    folder = checked_path("out", out)
    check_writable_folder("out", folder)
    names = tuple([custom_objects] if isinstance(custom_objects, str) else custom_objects)
    request = Request(
        model, data, methods, target, output, maps, at, table, shard_size, batch_size, precision, input_name, resize,
        input_range, unsafe, names,
    )  # fmt: skip
    if workers is not None or scheduler is not None:
        from visualize.bulk.cluster import run_on_cluster

        if shard is not None or (workers is not None and scheduler is not None):
            raise InputError("`shard`, `workers` and `scheduler` exclude each other: each shares out the work. Received: two.")
        run_on_cluster(request, folder, workers=workers, scheduler=scheduler, progress=progress)
    else:
        run_here(Folder(folder, plan_of(request)), request.places, part=shard, progress=progress)
    from visualize.bulk.reading import open_bulk

    return open_bulk(folder)


def run_here(
    folder: Folder,
    places: Mapping[str, Any],
    *,
    part: tuple[int, int] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> bool:
    """Do the shards that are missing, and finish the folder if it is complete.

    Args:
        folder: of the plan.
        places: where model and data are.
        part: (number, of), numbered from 1: only every n-th shard.
        progress: called after each shard.

    Returns:
        Whether the whole run is complete.
    """
    plan, tracker = folder.plan, Tracker(folder.plan, shards_of(folder.plan, part), progress)
    folder.begin(places)
    order = list(tracker.numbers)
    if not plan.source.in_order:
        random.SystemRandom().shuffle(order)  # two runs on one folder seldom meet at one shard
    reads = _reads(folder, order, tracker)
    with ThreadPoolExecutor(1, "write") as pool:
        writing: Future[None] | None = None
        for number, group in itertools.groupby(_ahead(reads), key=lambda read: read[0]):
            shard = explain_shard(plan, number, (piece for _, piece in group))
            if writing is not None:
                writing.result()
            writing = pool.submit(_write, folder, shard, tracker)
        if writing is not None:
            writing.result()
    return folder.finish()


def shards_of(plan: Plan, part: tuple[int, int] | None) -> range:
    """The shards of one of several runs: every n-th, so that all have about the same number.

    Raises:
        InputError: there is no such part.
    """
    if part is None:
        return range(plan.shards)
    number, of = part
    if not 1 <= number <= of:
        raise InputError(f"`shard` must be NUMBER/OF with a number from 1 to OF, such as 3/16. Received: {number}/{of}.")
    return range(number - 1, plan.shards, of)


def _write(folder: Folder, shard: Any, tracker: Tracker) -> None:
    folder.write(shard)
    tracker.add(shard.number, computed=True)


def _reads(folder: Folder, order: Iterable[int], tracker: Tracker) -> Iterator[Callable[[], tuple[int, Piece]]]:
    """What reads each piece of the shards that are missing when it is their turn."""
    plan = folder.plan

    def read(number: int, first: int, stop: int) -> tuple[int, Piece]:
        return number, plan.source.read(first, stop, plan.picture_format)

    for number in order:
        if folder.is_done(number):
            tracker.add(number, computed=False)
            continue
        for first, stop in plan.pieces(number):
            yield lambda number=number, first=first, stop=stop: read(number, first, stop)


def _ahead(reads: Iterable[Callable[[], T]]) -> Iterator[T]:
    """What each of these returns, in their order; the next ones run in a thread meanwhile."""
    with ThreadPoolExecutor(1, "read") as pool:
        pending: deque[Future[T]] = deque()
        for read in reads:
            pending.append(pool.submit(read))
            if len(pending) > AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
