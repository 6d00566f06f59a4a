"""Metrics: what each costs, beside the floor and the same metric of Xplique; and that both say the same.

    python -m benchmarks.metrics [--network NAME] [--images N] [--rounds N]

Timed as the methods are (`benchmarks.methods`), without baselines and with them. The floor of deletion in 50 steps is 51
passes of each image, and 49 more for each baseline, as the two ends of the curve are common to all maps. Ends with an error
where a figure is not Xplique's to a thousandth.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click
import numpy as np

import visualize
from benchmarks.floor import Floor
from benchmarks.methods import HEADER, Row, measured
from benchmarks.peers import Contender, xplique_metric
from benchmarks.report import Report
from benchmarks.workloads import TARGET, WORKLOADS, Workload
from visualize import metrics
from visualize.metrics.subsets import random_subsets
from visualize.results import Attribution

STEPS, CELLS, SAMPLES, SHARE = 50, 9, 100, 0.2
FILL = 0.5
AGREED = 1e-3


def maps_of(workload: Workload, count: int) -> Attribution:
    """A map of noise for each of some images, without equal values, which the two break in different ways."""
    attribution = visualize.saliency(workload.model(), workload.images(count), TARGET)
    values = np.random.default_rng(2).permutation(attribution.values.size).reshape(attribution.values.shape)
    return replace(attribution, values=(values / values.size).astype("float32"))


def rows_of(workload: Workload, floor: Floor, attribution: Attribution) -> list[Row]:
    """The metrics that have a peer, and deletion with its baselines."""
    count = len(attribution.values)

    def ours(metric: Callable, **options) -> Contender:
        return lambda model: lambda: metric(model, attribution, fill=FILL, **{"baselines": (), **options})

    def passes(each: int) -> Callable[[], float]:
        return floor.seconds(forward=each * count)

    def peer(kind: str, **options) -> Contender:
        size = floor.best_size("forward", (STEPS + 1) * count)
        return xplique_metric(kind, attribution, batch_size=size, baseline_mode=FILL, **options)

    subsets = {"grid_size": CELLS, "subset_percent": SHARE, "nb_samples": SAMPLES}
    spearman = {"cells": CELLS, "share": SHARE, "samples": SAMPLES, "correlation": "spearman"}
    return [
        Row("deletion", ours(metrics.deletion), passes(STEPS + 1), None, peer("Deletion", steps=STEPS)),
        Row("insertion", ours(metrics.insertion), passes(STEPS + 1), None, peer("Insertion", steps=STEPS)),
        Row("mu_fidelity", ours(metrics.mu_fidelity, **spearman), passes(SAMPLES + 1), None, peer("MuFidelity", **subsets)),
        Row(
            "deletion, four baselines",
            ours(metrics.deletion, baselines=metrics.BASELINES),
            passes(5 * (STEPS - 1) + 2),
        ),
    ]


def agreement(workload: Workload, attribution: Attribution) -> list[tuple[str, ...]]:
    """Each metric as we and as Xplique compute it, as a mean over the images: name, ours, theirs.

    µFidelity is given the same subsets of cells.
    """
    model = workload.model()
    spearman = {"cells": CELLS, "share": SHARE, "samples": SAMPLES, "correlation": "spearman"}
    hidden = round(SHARE * CELLS**2)
    subsets = random_subsets(CELLS**2, hidden, SAMPLES, np.random.default_rng(0))  # ours, with seed 0
    pairs = {
        "deletion": (metrics.deletion, {"steps": STEPS}, ("Deletion", {"steps": STEPS})),
        "insertion": (metrics.insertion, {"steps": STEPS}, ("Insertion", {"steps": STEPS})),
        "mu_fidelity": (
            metrics.mu_fidelity,
            spearman,
            ("MuFidelity", {"grid_size": CELLS, "nb_samples": SAMPLES, "subsets": subsets}),
        ),
    }
    rows = []
    for name, (metric, options, (kind, theirs)) in pairs.items():
        own = metric(model, attribution, fill=FILL, baselines=(), **options).values.mean()
        peer = xplique_metric(kind, attribution, batch_size=SAMPLES, baseline_mode=FILL, **theirs)(model)()
        rows.append((name, f"{own:.4g}", f"{peer:.4g}"))
        if not abs(own - peer) < AGREED * abs(peer):
            raise click.ClickException(f"{name} must be within {AGREED:.1%} of Xplique's. Received: {own} beside {peer}.")
    return rows


def report(name: str, count: int, rounds: int) -> Report:
    """The table of one network and so many images."""
    workload = WORKLOADS[name]
    floor, attribution = Floor(workload), maps_of(workload, count)
    rows = rows_of(workload, floor, attribution)
    title = f"Metrics: {name}, {count} images, medians of {rounds}"
    with click.progressbar(rows, label=title) as waiting:
        cells = tuple(measured(row, workload, rounds) for row in waiting)
    agreed = "; ".join(f"{each}: {own} and {peer}" for each, own, peer in agreement(workload, attribution))
    counts = f"{STEPS} steps; {SAMPLES} subsets of {CELLS} x {CELLS} cells."
    return Report(title, HEADER, cells, (counts, f"Ours and Xplique's figure on the same input, {agreed}."))


@click.command()
@click.option("--network", type=click.Choice(list(WORKLOADS)), default="digits_cnn", show_default=True)
@click.option("--images", "count", type=int, default=16, show_default=True)
@click.option("--rounds", type=int, default=7, show_default=True)
def main(network: str, count: int, rounds: int) -> None:
    """Print one table."""
    report(network, count, rounds).show()


if __name__ == "__main__":
    main()
