"""Models: what is known of a Keras model, layer by layer."""

from __future__ import annotations

import difflib
import re
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from visualize._utils.lazy import keras
from visualize._utils.text import shortened
from visualize.errors import InputError
from visualize.models.card import Card, checked_names, checked_range


@dataclass(frozen=True)
class Origin:
    """Where a model came from: its file, and the SHA-256 of the file."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class LayerFact:
    """One layer as the model called it."""

    path: str  # "base/block_13_expand" inside a nested model
    kind: str  # class name
    shape: tuple[int | None, ...]  # of its output; () where it has several
    parameters: int
    has_kernels: bool  # its weights can be drawn as pictures
    convolution: bool
    places: tuple[int | None, ...]  # (height, width) of its output as a map of the image; () where it is none
    within: bool  # it stands between the explained input and the output, and is not the output itself
    leaf: bool  # it contains no other layer

    @property
    def spatial(self) -> bool:
        """Whether its output is a map of more than one place."""
        return any(length != 1 for length in self.places)


_origins: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_cards: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()

SCOPE = re.compile(r"[A-Za-z0-9_.-]*")  # what TensorFlow takes in the name of an operation
CONVOLUTIONS = (
    *("Conv1D", "DepthwiseConv1D", "SeparableConv1D", "Conv1DTranspose"),
    *("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"),
    *("Conv3D", "Conv3DTranspose"),
)


def check_model(model: Any) -> None:
    """Refuse what is no Keras model, or has no weights yet.

    Raises:
        InputError: it is not a built `keras.Model`.
    """
    if not isinstance(model, keras.Model):
        raise InputError(f"`model` must be a keras.Model. Received: {type(model).__name__}.")
    if not model.built:
        raise InputError("`model` must be built: call it once on a batch of its input, or load it from a file.")


def describe(model: Any, *, class_names: Sequence[str] | None = None, input_range: tuple[float, float] | None = None) -> Any:
    """Say what the classes of a model are called and what a black and a white pixel are for it, as a card would.

    Nothing is written on the model itself. What is left out stays as it was.

    Args:
        model: Keras model.
        class_names: one for each class, in order.
        input_range: value of a black and of a white pixel, low < high.

    Returns:
        The same model.

    Raises:
        InputError: `input_range` is no range, or `class_names` are no names.
    """
    known = card(model)
    if input_range is not None:
        known = replace(known, input_range=checked_range("`input_range`", _listed(input_range)))
    if class_names is not None:
        known = replace(known, class_names=checked_names("`class_names`", _listed(class_names)))
    _cards[model] = known
    return model


def remember(model: Any, origin: Origin, card: Card) -> None:
    """Note of a model where it came from and what its card says, for as long as there is the model."""
    _origins[model] = origin
    _cards[model] = card


def origin(model: Any) -> Origin | None:
    """Where `opening.open_model` found this model; None for one that was built or loaded otherwise."""
    return _origins.get(model)


def card(model: Any) -> Card:
    """What is known of a model's input and classes; an empty card where nobody said anything."""
    check_model(model)
    return _cards.get(model, Card())


def range_of(model: Any) -> tuple[tuple[float, float], str]:
    """The input range of a model's card and ""; without a card the range to assume, and why."""
    known = card(model).input_range
    if known is not None:
        return known, ""
    if any(isinstance(layer, keras.layers.Rescaling) for layer in layers(model).values()):
        return (0.0, 255.0), "it has a Rescaling layer"
    return (0.0, 1.0), "nothing says otherwise"


def layers(model: Any) -> dict[str, Any]:
    """Every layer of a model by its path, containers before what they contain, a shared layer once.

    Raises:
        InputError: `model` is no built Keras model, or has a layer of a name that TensorFlow refuses in every graph.
    """
    check_model(model)
    found: dict[str, Any] = {}
    _collect(model, "", found, set())
    run = [layer for layer in found.values() if not isinstance(layer, keras.layers.InputLayer)]
    for name in (model.name, *(layer.name for layer in run)):
        if not SCOPE.fullmatch(name):
            raise InputError(
                f"`model` must have names of letters, digits, dot, dash and underscore, or TensorFlow cannot run it. "
                f"Received: {shortened(name)!r}."
            )
    return found


def channels_first(model: Any) -> bool:
    """Whether the layers of a model have the channels of their maps first."""
    return any(getattr(layer, "data_format", None) == "channels_first" for layer in layers(model).values())


def find_layer(path: str, paths: Sequence[str]) -> str:
    """The full path of a layer that a person named: the path itself, or its unambiguous last part.

    Raises:
        InputError: it fits no layer, or several; the message names the nearest.
    """
    if not isinstance(path, str):
        raise InputError(f"`layer` must be a path such as {next(iter(paths), 'conv2d')!r}. Received: {path!r}.")
    if path in paths:
        return path
    endings = [known for known in paths if known.endswith("/" + path)]
    if len(endings) == 1:
        return endings[0]
    if endings:
        raise InputError(f"`layer` must name one layer. Received: {path!r}, which fits {listed(endings)}.")
    near = difflib.get_close_matches(path, paths, n=5, cutoff=0.4)
    choices = f"Nearest: {listed(near)}." if near else f"Choices: {listed(paths)}."
    raise InputError(f"`layer` must be a layer of the model. Received: {path!r}. {choices}")


def cam_layer(facts: Sequence[LayerFact]) -> tuple[str, str]:
    """The layer whose maps class activation mapping reads by default, with the reason.

    It is the last map of the size of the last convolution's output: the convolution itself, or the normalization, addition
    or ReLU that finishes its block (`out_relu` in MobileNetV2, `conv5_block3_out` in ResNet50), but not a pooling after it.

    Args:
        facts: the model's layers in the order in which it calls them.

    Raises:
        InputError: no convolution has a map of more than one position.
    """
    maps = [fact for fact in facts if fact.spatial and fact.within and fact.leaf]
    last = next((fact for fact in reversed(maps) if fact.convolution), None)
    if last is None:
        others = f" Maps that could be read by naming `layer`: {listed([m.path for m in maps])}." if maps else ""
        raise InputError(
            "`layer` was left to choose, but no convolution of this model has a map of more than one position." + others
        )
    after = maps[maps.index(last) :]
    chosen = [fact for fact in after if fact.places == last.places][-1]
    size = "x".join(map(str, last.places))
    if chosen is last:
        return chosen.path, f"the last convolution, a {size} map"
    return chosen.path, f"the last {size} map, which finishes the block of the last convolution {last.path}"


def has_kernels(layer: Any) -> bool:
    """Whether a layer holds two-dimensional kernels that `filters` can draw."""
    return kernels_of(layer) is not None


def kernels_of(layer: Any) -> Any | None:
    """A convolution's weight of rank 4, as the layer keeps it; None for a layer without."""
    for name in ("kernel", "depthwise_kernel"):
        weight = getattr(layer, name, None)
        if weight is not None and len(getattr(weight, "shape", ())) == 4:
            return weight
    return None


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names for an error message, the first few of many."""
    shown = ", ".join(repr(name) for name in list(names)[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _listed(values: Any) -> Any:
    """An array or sequence as a list; a string or anything else as it is, for its check to refuse."""
    return list(values) if isinstance(values, Sequence | np.ndarray) and not isinstance(values, str) else values


def _collect(parent: Any, prefix: str, found: dict[str, Any], seen: set[int]) -> None:
    for layer in _children(parent):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        path, again = prefix + layer.name, 1
        while path in found:  # two layers of one parent may bear one name
            again += 1
            path = f"{prefix}{layer.name}:{again}"
        found[path] = layer
        _collect(layer, path + "/", found, seen)


def _children(parent: Any) -> list[Any]:
    if isinstance(parent, keras.Model):
        return list(parent.layers)
    return parent._flatten_layers(include_self=False, recursive=False)
