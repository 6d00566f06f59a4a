"""Bulk runs on the workers of Dask, one of which is killed."""

import logging
import os
import signal

import numpy as np
import pytest

import visualize
from visualize.bulk import cluster
from visualize.bulk.folder import Folder
from visualize.bulk.plan import Request, plan_of
from visualize.errors import InputError


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing_but_time(saved, tmp_path, pictures, content):
    import distributed

    np.savez(tmp_path / "many.npz", images=pictures(800), labels=np.arange(800) % 4)
    names = saved("softmax"), tmp_path / "many.npz", ["gradcam", "saliency"]
    options = {"input_range": (0, 1), "shard_size": 8}
    visualize.run_bulk(*names, tmp_path / "whole", **options)
    killed = []

    def kill(progress):
        if not killed and progress.done >= 160:
            killed.append(next(iter(workers.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    silent = {"silence_logs": logging.CRITICAL, "dashboard_address": None, "memory_limit": 0}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **silent) as workers:
        address = workers.scheduler_address
        bulk = visualize.run_bulk(*names, tmp_path / "maps", scheduler=address, progress=kill, **options)
    assert killed
    assert bulk.complete
    assert content(tmp_path / "maps") == content(tmp_path / "whole")


@pytest.mark.slow
def test_workers_of_this_machine_share_the_work(saved, data, tmp_path, content):
    names, options = (saved("softmax"), data, "gradcam"), {"input_range": (0, 1), "shard_size": 8}
    reports = []
    visualize.run_bulk(*names, tmp_path / "maps", workers=2, progress=reports.append, **options)
    assert (reports[-1].done, reports[-1].computed) == (40, 40)
    visualize.run_bulk(*names, tmp_path / "whole", **options)
    assert content(tmp_path / "maps") == content(tmp_path / "whole")


def test_a_worker_opens_the_model_once_and_does_what_is_missing(saved, data, tmp_path):
    request = Request(saved("softmax"), data, "gradcam", shard_size=16, input_range=(0, 1))
    folder = Folder(tmp_path / "maps", plan_of(request))
    folder.begin(request.places)
    key = folder.plan.key
    assert cluster.do_shard(request, folder.path, key, 1)
    opened = cluster._folder(request, folder.path, key)
    assert not cluster.do_shard(request, folder.path, key, 1)
    assert cluster.do_shard(request, folder.path, key, 0)
    assert cluster._folder(request, folder.path, key) is opened


def test_a_worker_with_other_data_refuses(saved, data, tmp_path, pictures):
    request = Request(saved("softmax"), data, "gradcam", shard_size=16, input_range=(0, 1))
    folder = Folder(tmp_path / "maps", plan_of(request))
    folder.begin(request.places)
    np.savez(tmp_path / "set.npz", images=pictures(seed=1), labels=np.arange(40) % 4)
    other = Request(saved("softmax"), tmp_path / "set.npz", "gradcam", shard_size=16, input_range=(0, 1))
    with pytest.raises(InputError, match="a run with other pictures"):
        cluster.do_shard(other, folder.path, folder.plan.key, 0)


def test_what_is_in_memory_cannot_be_sent(saved, pictures, tmp_path):
    with pytest.raises(InputError, match="need model, data and methods by name"):
        visualize.run_bulk(saved("softmax"), pictures(), "gradcam", tmp_path / "maps", workers=2)


def test_a_scheduler_that_does_not_answer_is_refused(saved, data, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "WAIT", 1)
    with pytest.raises(InputError, match="`scheduler` must be the address of a Dask scheduler"):
        visualize.run_bulk(saved("softmax"), data, "gradcam", tmp_path / "maps", scheduler="tcp://127.0.0.1:1")
