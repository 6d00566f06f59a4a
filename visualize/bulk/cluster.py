"""Cluster: the shards of a plan on the workers of Dask distributed, on this machine or on many.

A task is the folder and the number of a shard. A worker opens model and data once, at its first task, computes the shard and
writes it itself, so nothing but a number goes back. A worker that dies loses the shard that it was at; Dask gives that to
another. Whatever ends the run, the same call goes on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visualize._utils.validation import checked_count, received
from visualize.bulk.folder import Folder
from visualize.bulk.plan import Request, plan_of
from visualize.bulk.progress import Progress, Tracker
from visualize.bulk.shard import explain_shard
from visualize.errors import InputError

WAIT = 20  # seconds for a scheduler to answer
_opened: dict[tuple[str, str], Folder] = {}  # of this worker, by key of the plan and path
_opening = threading.Lock()


def run_on_cluster(
    request: Request,
    path: Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> bool:
    """Do the missing shards on workers, and finish the folder.

    Args:
        request: what is wanted; model and data by name, so that each worker can open them.
        path: the folder, which all workers see.
        workers: how many to start on this machine, each with its share of the processors.
        scheduler: instead, the address of a scheduler that has workers.
        progress: called after each shard.

    Returns:
        Whether the run is complete.

    Raises:
        InputError: Dask is not installed, no scheduler answers, or model or data are in memory.
    """
    try:
        import distributed
    except ImportError:
        raise InputError("Workers need the extra cluster: pip install 'kerasdemos[cluster]'.") from None
    if not request.can_be_sent:
        raise InputError("`workers` and `scheduler` need model, data and methods by name. Received: an object in memory.")
    folder = Folder(path.absolute(), plan_of(request))
    folder.begin(request.places)
    if scheduler is None:
        count = checked_count("workers", 1 if workers is None else workers, 1)
        threads = str(max(1, (os.cpu_count() or 1) // count))
        environment = {"TF_NUM_INTRAOP_THREADS": threads, "OMP_NUM_THREADS": threads, "TF_CPP_MIN_LOG_LEVEL": "3"}
        with (
            distributed.LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                memory_limit=0,  # TensorFlow's memory is none of Dask's business
                dashboard_address=None,  # pyright: ignore[reportArgumentType]
                env=environment,
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            _run(client, request, folder, progress)
    else:
        with _connected(distributed, scheduler) as client:
            _run(client, request, folder, progress)
    return folder.finish()


def do_shard(request: Request, path: Path, key: str, number: int) -> bool:
    """A task: write one shard unless it is there. Returns whether it was computed.

    Raises:
        InputError: this machine has another model, data set or version than the one that made the plan.
    """
    folder = _folder(request, path, key)
    if folder.is_done(number):
        return False
    folder.write(explain_shard(folder.plan, number))
    return True


def _folder(request: Request, path: Path, key: str) -> Folder:
    """The folder with the plan, model and data opened, once in a process."""
    with _opening:
        if (key, str(path)) not in _opened:
            folder = Folder(path, plan_of(request))
            folder.check()
            _opened.clear()  # a worker holds one model
            _opened[key, str(path)] = folder
        return _opened[key, str(path)]


def _run(client: Any, request: Request, folder: Folder, progress: Callable[[Progress], None] | None) -> None:
    """Submit all shards, and report each that is done."""
    import distributed

    plan, tracker = folder.plan, Tracker(folder.plan, range(folder.plan.shards), progress)
    numbers = {
        client.submit(do_shard, request, folder.path, plan.key, number, key=f"{plan.key}-{number}", pure=False): number
        for number in tracker.numbers
    }
    try:
        for future, computed in distributed.as_completed(numbers, with_results=True):
            tracker.add(numbers[future], computed=computed)
    except distributed.KilledWorker as error:
        raise InputError(f"Workers died at one shard, one after the other: they may lack memory. Dask says: {error}") from None
    finally:
        client.cancel(list(numbers))


def _connected(distributed: Any, scheduler: str) -> Any:
    """A client of a scheduler.

    Raises:
        InputError: none answers.
    """
    try:
        return distributed.Client(scheduler, timeout=WAIT)
    except (OSError, ValueError) as error:
        raise InputError(
            f"`scheduler` must be the address of a Dask scheduler, such as tcp://10.0.0.1:8786. "
            f"Received: {received(scheduler)}, where none answers ({type(error).__name__})."
        ) from None
