"""What a demo is: its facts, how it runs, and what it returns.

Nothing here imports Keras, and a demo's file imports it inside its functions: `kerasdemos list` reads every demo without
importing TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    import keras

ARTICLES = (  # their titles, by the number that `Demo.article` begins with
    "Python深度学习算法实例分析",
    "深度学习初学的一些理解感悟",
    "怎样用python构建一个卷积神经网络模型",
    "用Python进行深度学习",
    "【深度學習Pytorch入門】",
)


@dataclass(frozen=True)
class Expected:
    """A number that a demo must reproduce, and where the number comes from."""

    measure: str  # "test accuracy"
    value: float
    tolerance: float  # it holds while |measured - value| <= tolerance
    source: str  # "article", "original source", "computed", "first measured here"


@dataclass(frozen=True)
class Demo:
    """One network or program of the articles."""

    name: str
    article: str  # its number in ARTICLES, and the part where there are parts: "2, part 5"
    idea: str  # one line for the table of demos
    data: str  # "MNIST", "synthetic", "none"
    parameters: int  # trainable numbers
    expected: tuple[Expected, ...]
    run: Network | Program

    @property
    def article_number(self) -> int:
        """The index in ARTICLES."""
        return int(self.article.partition(",")[0])

    @property
    def article_part(self) -> str:
        """Which part of the article it is, such as "part 5"; empty for an article without parts."""
        return self.article.partition(", ")[2]


@dataclass(frozen=True)
class Network:
    """A demo that is trained on labelled pictures with `model.fit`."""

    build: Callable[[], keras.Model]  # a fresh, compiled model
    split: Callable[[Pictures], Split]  # what it trains on, in the article's input range
    batch: int
    epochs: int


class Compute(Protocol):
    """The function of a program."""

    def __call__(self, *, steps: int, seed: int, data: Path | None) -> Outcome:
        """What comes out after so many steps."""
        ...


@dataclass(frozen=True)
class Program:
    """A demo that computes: a few numbers, a few points, a figure."""

    compute: Compute
    steps: int  # as in its article; `--epochs` changes it
    takes_data: bool = False  # whether it reads the file of `--data`


@dataclass(frozen=True)
class Pictures:
    """A labelled data set as it is on disk."""

    name: str
    train_images: np.ndarray  # (count, height, width) uint8
    train_labels: np.ndarray  # (count,) uint8
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Arrays ready for `fit`, and how a pixel from 0 to 255 became a number: pixel / scale - mean."""

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
    """One line, or one cloud of points, of a panel; curves with the same label have one color in all panels."""

    x: np.ndarray
    y: np.ndarray
    label: str = ""
    style: Literal["line", "points", "path"] = "line"  # a path is points joined in order, start and end marked


@dataclass(frozen=True)
class Panel:
    """One set of axes, as numbers; a panel with notes is a diagram, whose axes have no scale."""

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    log_y: bool = False
    notes: tuple[tuple[float, float, str], ...] = ()  # x, y and the text there


@dataclass(frozen=True)
class Outcome:
    """The result of a program: what it prints, what it measured, what it draws."""

    lines: tuple[str, ...]  # printed, as the article prints them
    measures: Mapping[str, float]  # by the `measure` of each Expected
    panels: tuple[Panel, ...]
    history: Mapping[str, np.ndarray] = field(default_factory=dict)  # column -> one value per step
    model: keras.Model | None = None
