"""Defaults by measure: what deletion and insertion say of the settings of occlusion, integrated gradients, relevance and RISE.

    kerasdemos pretrained efficientnet_lite0 --out outputs && kerasdemos train digits_cnn --out outputs --if-missing
    python -m benchmarks.defaults --markdown defaults.md

Deletion and insertion are those of Petsiuk, Das & Saenko (2018), arXiv:1806.07421, section 4: the probability of the class
while the highest pixels of the map are replaced (by gray, in a digit by black; low is good), or shown on a blurred image (high
is good), in 50 steps. The curves are those of `visualize.metrics`; the tables have the means of their 51 points, which count
the two ends in full where the area under the curve counts half of each. Photographs are square crops of those that come with
scikit-image and matplotlib.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import skimage
from PIL import Image

import visualize
from visualize import metrics
from visualize.models.layers import card_of
from visualize.results import Attribution

STEPS = 50
PHOTOGRAPHS = ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png", "motorcycle_left.png", "hubble_deep_field.jpg")
PORTRAIT = "grace_hopper.jpg"  # of matplotlib
SHARES = (1.0, 0.8, 0.6)  # of the shorter side: how large a crop is
CROPS_PER_PHOTOGRAPH = 6
LEAST_PROBABILITY = 0.25  # of a crop that the network is sure enough of

Setting = tuple[str, Callable[..., Attribution], dict[str, Any]]


def photographs() -> Iterator[np.ndarray]:
    """The photographs, (height, width, 3) uint8."""
    folder = Path(skimage.__file__).parent / "data"
    for path in [*(folder / name for name in PHOTOGRAPHS), Path(matplotlib.get_data_path()) / "sample_data" / PORTRAIT]:
        yield np.asarray(Image.open(path).convert("RGB"))


def crops_of(photograph: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """Square parts of a photograph in several sizes and places, (side, side, 3) uint8."""
    height, width = photograph.shape[:2]
    for share in SHARES:
        length = round(share * min(height, width))
        corners = {(round(y * (height - length)), round(x * (width - length))) for y in (0, 0.5, 1) for x in (0, 0.5, 1)}
        for top, left in sorted(corners):
            part = Image.fromarray(photograph[top : top + length, left : left + length])
            yield np.asarray(part.resize((side, side), Image.Resampling.BILINEAR))


def crops_for(model: Any) -> np.ndarray:
    """The crops of each photograph that the model is surest of, in its range: (batch, side, side, 3)."""
    low, high = card_of(model).input_range
    chosen = []
    for photograph in photographs():
        crops = np.stack(list(crops_of(photograph, model.input_shape[1])))
        images = (low + (high - low) / 255 * crops.astype("float64")).astype("float32")
        surest = model.predict(images, verbose=0).max(axis=1)
        order = np.argsort(-surest)[:CROPS_PER_PHOTOGRAPH]
        chosen.extend(images[order[surest[order] >= LEAST_PROBABILITY]])
    return np.stack(chosen)


def settings_for(side: int) -> list[Setting]:
    """What is compared, for pictures of this side."""
    v, settings = visualize, []
    for part, overlap in ((7, 2), (5, 2), (3.5, 2), (3.5, 4)):
        patch = max(1, round(side / part))
        for fill in ("gray", "mean", "blur"):
            settings.append(("occlusion", v.occlusion, {"patch": patch, "stride": max(1, patch // overlap), "fill": fill}))
    for baseline in (None, "gray", "mean", "blur"):
        settings.append(("integrated_gradients", v.integrated_gradients, {"baseline": baseline, "steps": 50}))
    settings += [("relevance", v.relevance, {"rule": rule}) for rule in ("composite", "zplus", "gamma", "epsilon")]
    for cells in (5, 7, 10):
        for fill in (None, "mean", "blur"):
            settings.append(("rise", v.rise, {"masks": 500, "cells": cells, "fill": fill}))
    for masks in (250, 1000):
        settings.append(("rise", v.rise, {"masks": masks, "cells": 7, "fill": "blur"}))
    return settings


def measure(model: Any, images: np.ndarray, deleted: float, only: list[str]) -> list[str]:
    """A line of a table for each setting."""
    gray = sum(card_of(model).input_range) / 2
    rows = []

    def add(name: str, options: dict[str, Any], maps: Attribution, seconds: float) -> None:
        deletion = metrics.deletion(model, maps, fill=deleted, steps=STEPS, baselines=()).curves.mean(axis=1)
        insertion = metrics.insertion(model, maps, steps=STEPS, baselines=()).curves.mean(axis=1)
        told = ", ".join(f"{key} {'default' if value is None else value}" for key, value in options.items())
        error = (insertion - deletion).std() / len(images) ** 0.5
        rows.append(
            f"| {name} | {told} | {deletion.mean():.3f} | {insertion.mean():.3f} | "
            f"{(insertion - deletion).mean():.3f} ± {error:.3f} | {seconds / len(images):.2f} |"
        )
        print(rows[-1], flush=True)

    gradients = visualize.saliency(model, images)  # whose maps are replaced by the noise
    add("random pixels", {}, replace(gradients, values=metrics.baseline_maps(images)["random pixels"]), 0.0)
    for name, method, options in settings_for(images.shape[1]):
        if only and name not in only:
            continue
        passed = {key: gray if value == "gray" else value for key, value in options.items()}
        started = time.monotonic()
        maps = method(model, images, **passed)
        add(name, options, maps, time.monotonic() - started)
    return rows


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), help="folder of the two models")
    parser.add_argument("--only", action="append", default=[], help="a method; repeat it for several")
    parser.add_argument("--images", choices=["photographs", "digits"], help="by default both")
    parser.add_argument("--markdown", type=Path, help="file to write the tables to")
    arguments = parser.parse_args()
    lite0 = visualize.open_model(arguments.outputs / "efficientnet_lite0" / "model.keras")
    digits = visualize.open_model(arguments.outputs / "digits_cnn" / "model.keras")
    sources = {
        "photographs": (lite0, crops_for(lite0), sum(card_of(lite0).input_range) / 2),
        "digits": (digits, visualize.from_data(digits, "mnist:test", range(30)).images, 0.0),
    }
    text = []
    for name, (model, images, deleted) in sources.items():
        if arguments.images not in (None, name):
            continue
        head = (
            f"\n{len(images)} {name}\n\n| method | setting | deletion | insertion | insertion - deletion | s |\n"
            + "|---" * 6
            + "|"
        )
        print(head, flush=True)
        text += [head, *measure(model, images, deleted, arguments.only)]
    if arguments.markdown:
        arguments.markdown.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
