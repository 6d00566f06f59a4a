"""Methods: what each costs, beside the floor and the same method of its peers.

    python -m benchmarks.methods [--network NAME] [--images N] [--rounds N] [--only METHOD]

All of them run in one process and in turn, and medians are compared. What the floor counts is in each row of `rows_of`: the
passes of each image without which the method's definition cannot be answered. Occlusion and Ablation-CAM compare with the
image as it is, one pass more; Score-CAM needs the maps, one pass more. Guided Grad-CAM needs a plain gradient above the
layer too, counted as one pass more from the layer on. Not counted: that every result of ours tells the score of each image
and the class that the model chooses, which costs the methods of many samples one more forward pass of each image; and that
integrated gradients check their completeness, which costs two.
"""

from __future__ import annotations

import functools
import inspect
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click

import visualize
from benchmarks import peers
from benchmarks.floor import Floor
from benchmarks.peers import Contender
from benchmarks.report import Report, number
from benchmarks.timing import in_turn, ratio, seconds_of
from benchmarks.workloads import TARGET, WORKLOADS, Workload

NOISE, CELLS, KEEP = 0.15, 7, 0.5  # of SmoothGrad, and of RISE's masks
HEADER = (
    "method",
    "ms",
    "floor, ms",
    "of the floor",
    "tf-keras-vis, ms",
    "Xplique, ms",
    "faster than the best peer",
    "first call, s",
    "best peer's, s",
)
PEERS = (
    "A dash: the peer has no such method, or (guided, on MobileNetV2) it would change nothing. tf-keras-vis' "
    "SmoothGrad is the mean of |gradient|, ours and Xplique's the mean gradient. Xplique's occlusion adds the falls up "
    "where ours averages them, its maximization shifts by cropping, and its integral takes the ends of the steps, ours their "
    "middles: the same passes."
)


@dataclass(frozen=True)
class Row:
    """One method: ours, the floor, and the peers that have it."""

    name: str
    ours: Contender
    floor: Callable[[], float]
    keras_vis: Contender | None = None
    xplique: Contender | None = None


def rows_of(workload: Workload, floor: Floor, count: int) -> list[Row]:
    """Every method on so many images. To measure another method, add a line."""
    images, samples, masks, steps = workload.images(count), workload.samples, workload.masks, workload.steps
    patch, positions, units = workload.patch, 16, min(count, 10)
    layer, score_layer = {"layer": workload.layer}, {"layer": workload.score_layer}
    kv_layer = {"penultimate_layer": workload.layer, "seek_penultimate_conv_layer": False, "normalize_cam": False}
    kv_score = {**kv_layer, "penultimate_layer": workload.score_layer, "max_N": -1}

    def ours(function: Callable, **options) -> Contender:
        target = [TARGET] if "target" in inspect.signature(function).parameters else []
        return lambda model: lambda: function(model, images, *target, **options)

    def kv(kind: str, **options) -> Contender:
        return peers.keras_vis(kind, images, **options)

    def xp(kind: str, **options) -> Contender:
        return peers.xplique(kind, images, **options)

    def maximize(model):
        return lambda: visualize.maximize(model, range(units), steps=steps)

    def size(name: str, each: int) -> dict[str, int]:
        return {"batch_size": floor.best_size(name, each)}

    def passes(**each: int) -> Callable[[], float]:
        return floor.seconds(**{name: times * count for name, times in each.items()})

    v, kv_plain = visualize, {"normalize_map": False}
    kv_smooth = {"smooth_samples": samples, "smooth_noise": NOISE, **kv_plain}
    smooth, once, many = {"samples": samples, "noise": NOISE}, size("backward", count), size("backward", count * samples)
    xp_smooth, xp_cam = {"nb_samples": samples, "noise": NOISE, **many}, {"conv_layer": workload.layer, **once}
    hidden = {"patch_size": patch, "patch_stride": patch, **size("forward", positions)}
    rise = {"nb_samples": masks, "grid_size": CELLS, "preservation_probability": KEEP, **size("forward", masks)}
    guided = peers.guided() if workload.name == "digits_cnn" else None  # theirs reaches no ReLU layer of MobileNetV2
    kv_guided = kv("Saliency", modifier=guided, **kv_plain) if guided else None
    channels, few = floor.channels, floor.score_channels
    return [
        Row("saliency", ours(v.saliency), passes(backward=1), kv("Saliency", **kv_plain), xp("Saliency", **once)),
        Row(
            "saliency, guided",
            ours(v.saliency, modifier="guided"),
            passes(backward=1),
            kv_guided,
            xp("GuidedBackprop", **once),
        ),
        Row("input_times_gradient", ours(v.input_times_gradient), passes(backward=1), None, xp("GradientInput", **once)),
        Row(
            "integrated_gradients",
            ours(v.integrated_gradients, steps=samples),
            passes(backward=samples),
            None,
            xp("IntegratedGradients", steps=samples, **many),
        ),
        Row(
            "smoothgrad",
            ours(v.smoothgrad, **smooth),
            passes(backward=samples),
            kv("Saliency", **kv_smooth),
            xp("SmoothGrad", **xp_smooth),
        ),
        Row("squaregrad", ours(v.squaregrad, **smooth), passes(backward=samples), None, xp("SquareGrad", **xp_smooth)),
        Row("vargrad", ours(v.vargrad, **smooth), passes(backward=samples), None, xp("VarGrad", **xp_smooth)),
        Row("gradcam", ours(v.gradcam, **layer), passes(to_layer=1), kv("Gradcam", **kv_layer), xp("GradCAM", **xp_cam)),
        Row(
            "gradcam_plus_plus",
            ours(v.gradcam_plus_plus, **layer),
            passes(to_layer=1),
            kv("GradcamPlusPlus", **kv_layer),
            xp("GradCAMPP", **xp_cam),
        ),
        Row("layercam", ours(v.layercam, **layer), passes(to_layer=1), kv("Layercam", **kv_layer)),
        Row("hirescam", ours(v.hirescam, **layer), passes(to_layer=1)),
        Row("xgradcam", ours(v.xgradcam, **layer), passes(to_layer=1)),
        Row("guided_gradcam", ours(v.guided_gradcam, **layer), passes(backward=1, head=1)),
        Row("eigencam", ours(v.eigencam, **layer), passes(maps=1)),
        Row(
            "scorecam",
            ours(v.scorecam, **score_layer),
            passes(forward=few + 1),
            kv("Scorecam", **kv_score, **size("forward", count * few)),
        ),
        Row("ablationcam", ours(v.ablationcam, **layer), passes(head=channels, forward=1)),
        Row(
            "occlusion",
            ours(v.occlusion, patch=patch, stride=patch, fill=0.0),
            passes(forward=positions + 1),
            None,
            xp("Occlusion", **hidden),
        ),
        Row("rise", ours(v.rise, masks=masks, cells=CELLS, keep=KEEP), passes(forward=masks), None, xp("Rise", **rise)),
        Row(
            f"maximize, {units} unit{'s' * (units > 1)}",
            maximize,
            floor.steps(units, steps),
            peers.keras_vis_maximize(workload.shape, units, steps),
            peers.xplique_maximize(units, steps),
        ),
    ]


def measured(row: Row, workload: Workload, rounds: int) -> tuple[str, ...]:
    """The cells of one row."""
    row.floor()  # compiles what is common to all: a first call is to pay for itself alone
    runs: dict[str, Callable[[], float]] = {"floor": row.floor}
    firsts: dict[str, float] = {}
    for name in ("ours", "keras_vis", "xplique"):
        contender = getattr(row, name)
        if contender is not None:
            model = workload.model()  # its own, so that no contender uses what another has traced
            calls: list[Callable[[], object]] = []
            firsts[name] = seconds_of(lambda calls=calls, contender=contender, model=model: _first(calls, contender, model))
            runs[name] = functools.partial(seconds_of, calls[0])
    times = in_turn(runs, rounds)
    milliseconds = {name: 1000 * statistics.median(values) for name, values in times.items()}
    best = min((name for name in firsts if name != "ours"), key=lambda name: milliseconds[name], default=None)
    peers_first = min((seconds for name, seconds in firsts.items() if name != "ours"), default=None)
    cells = [milliseconds["ours"], milliseconds["floor"], ratio(times["ours"], times["floor"])]
    cells += [milliseconds.get("keras_vis"), milliseconds.get("xplique")]
    cells += [ratio(times[best], times["ours"]) if best else None, firsts["ours"], peers_first]
    return row.name, *(number(cell) for cell in cells)


def _first(calls: list, contender: Contender, model) -> None:
    calls.append(contender(model))
    calls[0]()


def report(name: str, count: int, rounds: int, only: tuple[str, ...] = ()) -> Report:
    """The table of one network and so many images."""
    workload = WORKLOADS[name]
    floor = Floor(workload)
    rows = [row for row in rows_of(workload, floor, count) if not only or row.name.split(",")[0] in only]
    title = f"{name}, {count} image{'s' * (count > 1)}, medians of {rounds}"
    with click.progressbar(rows, label=title) as waiting:
        cells = tuple(measured(row, workload, rounds) for row in waiting)
    counts = (
        f"{workload.samples} samples or steps, {workload.masks} masks, 16 patches, {workload.steps} steps of maximization; "
        f"CAM of `{workload.layer}` ({floor.channels} channels), Score-CAM of `{workload.score_layer}` "
        f"({floor.score_channels})."
    )
    return Report(title, HEADER, cells, (counts, PEERS))


@click.command()
@click.option("--network", type=click.Choice(list(WORKLOADS)), default="digits_cnn", show_default=True)
@click.option("--images", "count", type=int, default=64, show_default=True)
@click.option("--rounds", type=int, default=7, show_default=True)
@click.option("--only", multiple=True, help="Name of a method.")
def main(network: str, count: int, rounds: int, only: tuple[str, ...]) -> None:
    """Print one table."""
    report(network, count, rounds, only).show()


if __name__ == "__main__":
    main()
