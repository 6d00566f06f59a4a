"""The input range: which values a black and a white pixel have for a model, where nothing states them.

A model says it by its input's type, or by what it does first: a model that divides by 127.5 and subtracts 1 takes 0 to 255.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras
from visualize.models.input_graph import JOINS, first_operations, input_tensor
from visualize.models.layers import card_of, check_model, layers_by_path

INTEGERS = {"uint8": (0.0, 255.0), "int8": (-128.0, 127.0), "uint16": (0.0, 65535.0)}  # others hold bytes in larger types
BYTES, FRACTIONS, SIGNED = (0.0, 255.0), (0.0, 1.0), (-1.0, 1.0)
CHANGES_NOTHING = (  # of the range of the pixels
    *JOINS,
    *("InputLayer", "Cast", "Identity", "GetItem", "Reshape", "Resizing", "CenterCrop", "ZeroPadding2D", "Permute", "Dropout"),
    *("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomCrop", "GaussianNoise", "Transpose", "Copy"),
)


def range_of(model: keras.Model, input_name: str | None = None) -> tuple[tuple[float, float], str]:
    """The input range that a model's card states and ""; without a card the range to assume, and why.

    Args:
        model: Keras model.
        input_name: the input that holds the pictures; None for the first.
    """
    known = card_of(model).input_range
    if known is not None:
        return known, ""
    dtype = input_dtype(model, input_name)
    if dtype == "bool":
        return FRACTIONS, ""
    if "int" in dtype:
        return INTEGERS.get(dtype, BYTES), "" if dtype in INTEGERS else f"its input is {dtype}"
    preprocessing = _preprocessing(model, input_name)
    expected = preprocessing.expected_range()
    if expected is not None:
        return expected, f"the model first {preprocessing.text}"
    if any(isinstance(layer, keras.layers.Rescaling) for layer in layers_by_path(model).values()) and not preprocessing.steps:
        return BYTES, "it has a Rescaling layer"
    return FRACTIONS, "nothing says otherwise"


@dataclass(frozen=True)
class Preprocessing:
    """What a model does first to its input: it becomes factor x input + offset.

    Attributes:
        factor, offset: of the mean channel.
        steps: in words, such as "divides {} by 127.5".
    """

    factor: float = 1.0
    offset: float = 0.0
    steps: tuple[str, ...] = ()

    def then(self, factor: float, offset: float, step: str) -> Preprocessing:
        """The same with one more step."""
        return Preprocessing(factor * self.factor, factor * self.offset + offset, (*self.steps, step))

    @property
    def text(self) -> str:
        """All steps: "divides its input by 127.5 and subtracts 1 from it"."""
        return " and ".join(step.format("it" if number else "its input") for number, step in enumerate(self.steps))

    def expected_range(self) -> tuple[float, float] | None:
        """The one of the three usual ranges that becomes one that networks learn from; None where none does for certain."""
        if not self.steps or not self.factor:
            return None
        matching = [
            each
            for each in (BYTES, FRACTIONS, SIGNED)
            if self._is_usual(*sorted(self.factor * end + self.offset for end in each))  # a negative: 1 - x / 255
        ]
        return matching[0] if len(matching) == 1 else None

    def _is_usual(self, low: float, high: float) -> bool:
        """Whether values are about 0..1, -1..1 or standardized; or bytes, as they are or less their mean."""
        width, center = high - low, (low + high) / 2
        if 0.7 <= width <= 8:
            return abs(center) <= 0.2 * width or abs(low) < 0.05
        return 200 <= width <= 300 and (abs(low) < 1 or abs(center) < 50)


def _preprocessing(model: keras.Model, input_name: str | None) -> Preprocessing:
    """The steps from the input on that tell its range, at most up to the first layer that computes something else."""
    preprocessing = Preprocessing()
    for operation, constants in first_operations(model, input_name):
        if type(operation).__name__ in CHANGES_NOTHING:
            continue
        step = _step(operation, constants)
        if step is None or preprocessing.expected_range() is not None:  # the first steps that tell are enough
            break
        preprocessing = preprocessing.then(*step)
    return preprocessing


def _step(operation: Any, constants: list[Any]) -> tuple[float, float, str] | None:
    """The factor, the offset and the words of an operation that is affine; None for any other."""
    kind = type(operation).__name__
    if isinstance(operation, keras.layers.Rescaling):
        scale, offset = _mean(operation.scale), _mean(operation.offset)
        return scale, offset, f"rescales {{}} by {scale:.4g}" + (f" and adds {offset:.4g}" if offset else "")
    if isinstance(operation, keras.layers.Normalization):
        mean, deviation = _mean(operation.mean), float(np.sqrt(np.maximum(_mean(operation.variance), 1e-12)))
        return 1 / deviation, -mean / deviation, f"normalizes {{}} by mean {mean:.4g} and deviation {deviation:.4g}"
    numbers = [_mean(each) for each in constants if _is_number(each)]
    if len(numbers) != 1:
        return None
    number = numbers[0]
    if constants[-1] is None and kind in ("TrueDivide", "Divide", "Subtract"):  # the input comes second, as in 255 - x
        return (-1.0, number, f"subtracts {{}} from {number:.4g}") if kind == "Subtract" else None
    return {
        "TrueDivide": (1 / number if number else 0.0, 0.0, f"divides {{}} by {number:.4g}"),
        "Divide": (1 / number if number else 0.0, 0.0, f"divides {{}} by {number:.4g}"),
        "Multiply": (number, 0.0, f"multiplies {{}} by {number:.4g}"),
        "Subtract": (1.0, -number, f"subtracts {number:.4g} from {{}}"),
        "Add": (1.0, number, f"adds {number:.4g} to {{}}"),
    }.get(kind)


def _is_number(value: Any) -> bool:
    try:
        return np.asarray(value).dtype.kind in "iuf" and np.size(value) in (1, 3)
    except (TypeError, ValueError, NotImplementedError):
        return False


def _mean(value: Any) -> float:
    return float(np.mean(np.asarray(value, "float64")))


def input_dtype(model: keras.Model, input_name: str | None) -> str:
    """The type of the numbers that a model takes; "float32" where it does not state it."""
    check_model(model)
    tensor = input_tensor(model, input_name)
    return "float32" if tensor is None else tensor.dtype
