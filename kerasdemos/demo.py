"""What a demo is: its facts, the way it runs, what it hands back.

Nothing here imports Keras, and a demo's file imports it inside its functions: `kerasdemos list` reads every demo and
costs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Expected:
    """A number that a demo must show, and who says so."""

    measure: str  # "test accuracy"
    value: float
    tolerance: float  # it holds while |measured - value| <= tolerance
    source: str  # "article", "original source", "computed", "first measured here"


@dataclass(frozen=True)
class Demo:
    """One network or program of the articles."""

    name: str
    article: str  # "2, part 5"
    idea: str  # one line for the table of demos
    data: str  # "MNIST", "synthetic", "none"
    parameters: int  # trainable numbers
    expected: tuple[Expected, ...]
    run: Network | Program


@dataclass(frozen=True)
class Network:
    """A demo that is trained on labelled pictures with `model.fit`."""

    build: Callable[[], Any]  # a fresh, compiled keras.Model
    split: Callable[[Pictures], Split]  # what it trains on, in the article's input range
    batch: int
    epochs: int


@dataclass(frozen=True)
class Program:
    """A demo that computes: a few numbers, a few points, a figure."""

    compute: Callable[..., Outcome]  # compute(steps=, seed=, data=) -> Outcome
    steps: int  # as its article has it; an "epoch" for --epochs
    takes_data: bool = False  # whether --data means something to it


@dataclass(frozen=True)
class Pictures:
    """A labelled data set as it is on disk."""

    name: str
    train_images: np.ndarray  # (n, height, width) uint8
    train_labels: np.ndarray  # (n,) uint8
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Arrays ready for `fit`, and how a pixel 0..255 became a number: pixel / scale - mean."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    scale: float
    mean: float

    @property
    def input_range(self) -> tuple[float, float]:
        """What a black and a white pixel are for the network."""
        return (0.0 - self.mean, 255.0 / self.scale - self.mean)


@dataclass(frozen=True)
class Curve:
    """One line, or one cloud of points, of a panel; curves of one label have one color in all panels."""

    x: np.ndarray
    y: np.ndarray
    label: str = ""
    style: str = "line"  # "line", "points", "path" (points joined in order, start and end marked)


@dataclass(frozen=True)
class Panel:
    """One set of axes, as numbers; one with notes is a diagram, whose axes have no scale."""

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    log_y: bool = False
    notes: tuple[tuple[float, float, str], ...] = ()  # x, y and what stands there


@dataclass(frozen=True)
class Outcome:
    """What a program found: what it says, what it measured, what it draws."""

    lines: tuple[str, ...]  # printed, as the article prints them
    measures: Mapping[str, float]  # by the `measure` of each Expected
    panels: tuple[Panel, ...]
    history: Mapping[str, np.ndarray] = field(default_factory=dict)  # column -> one value a step
    model: Any = None  # a keras.Model where there is one
