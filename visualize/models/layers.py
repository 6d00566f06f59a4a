"""Layers: the layers of a Keras model by path, and what is known of the model and of each of them."""

from __future__ import annotations

import difflib
import re
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.limits import check_tensor
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
    """One layer as the model calls it."""

    path: str  # "base/block_13_expand" inside a nested model
    kind: str  # class name
    shape: tuple[int | None, ...]  # of its output; () if it has several
    parameters: int
    has_kernels: bool  # its weights can be drawn as images
    convolution: bool
    spatial_shape: tuple[int | None, ...]  # (height, width) of its output as a map of the image; () if it is not a map
    within: bool  # it lies between the explained input and the output, and is not the output itself
    leaf: bool  # it contains no other layer
    is_layer: bool = True  # False for an operation such as the sum a + b
    attention: bool = False  # it mixes places by weights made of the picture
    before_attention: bool = False  # attention mixes the places of its output on the way to the score
    patch_embedding: bool = False  # the only convolution before attention, without a pooling beside it

    @property
    def spatial(self) -> bool:
        """Whether its output is a map of more than one position."""
        return any(length != 1 for length in self.spatial_shape)


_origins: weakref.WeakKeyDictionary[keras.Model, Origin] = weakref.WeakKeyDictionary()
_cards: weakref.WeakKeyDictionary[keras.Model, Card] = weakref.WeakKeyDictionary()

SCOPE = re.compile(r"[A-Za-z0-9_.-]+")  # what TensorFlow allows in the name of an operation
CONVOLUTIONS = (
    *("Conv1D", "DepthwiseConv1D", "SeparableConv1D", "Conv1DTranspose"),
    *("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"),
    *("Conv3D", "Conv3DTranspose"),
    *("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
)


def check_model(model: object) -> None:
    """Refuse what is not a Keras model, or has no weights yet.

    Raises:
        InputError: it is not a built `keras.Model`.
    """
    if not isinstance(model, keras.Model):
        raise InputError(f"`model` must be a keras.Model. Received: {type(model).__name__}.")
    if not model.built:
        raise InputError("`model` must be built: call it once on a batch of its input, or load it from a file.")


def check_output_sizes(model: keras.Model) -> None:
    """Refuse a model whose layers need much memory for a single image, as far as it states the shapes of their outputs.

    Raises:
        InputError: an input, or the output of a layer, is larger than this machine can hold with those of other layers.
    """
    for path, layer in layers_by_path(model).items():
        for node in layer._inbound_nodes:
            for tensor in node.outputs:
                check_tensor(f"The output of {path!r}", tensor.shape[1:], tf.as_dtype(tensor.dtype).size)
    for tensor in getattr(model, "inputs", None) or ():  # a Sequential model does not list its InputLayer
        check_tensor(f"The input {tensor.name!r}", tensor.shape[1:], tf.as_dtype(tensor.dtype).size)


def describe(
    model: keras.Model, *, class_names: Sequence[str] | None = None, input_range: tuple[float, float] | None = None
) -> keras.Model:
    """State the class names of a model and the values of a black and a white pixel, as a card would.

    The model itself is not changed. What is left out stays as it was.

    Args:
        model: Keras model.
        class_names: one name for each class, in order.
        input_range: value of a black and of a white pixel, low < high.

    Returns:
        The same model.

    Raises:
        InputError: `input_range` is not a range, or `class_names` are not names.
    """
    known = card_of(model)
    if input_range is not None:
        known = replace(known, input_range=checked_range("`input_range`", _as_list(input_range)))
    if class_names is not None:
        known = replace(known, class_names=checked_names("`class_names`", _as_list(class_names)))
    _cards[model] = known
    return model


def remember(model: keras.Model, origin: Origin, card: Card) -> None:
    """Keep where a model came from and what its card says, for as long as the model exists."""
    _origins[model] = origin
    _cards[model] = card


def origin_of(model: keras.Model) -> Origin | None:
    """The file that `open_model` loaded this model from; None for a model that was built or loaded otherwise."""
    return _origins.get(model)


def card_of(model: keras.Model) -> Card:
    """What is known of a model's input and classes; an empty card if nothing was stated."""
    check_model(model)
    return _cards.get(model, Card())


def layers_by_path(model: keras.Model) -> dict[str, keras.Layer]:
    """Every layer of a model by its path, containers before what they contain, a shared layer once.

    Raises:
        InputError: `model` is not a built Keras model, or has a layer whose name TensorFlow refuses in any graph.
    """
    check_model(model)
    layers: dict[str, keras.Layer] = {}
    _collect(model, "", layers, set())
    named = [layer for layer in layers.values() if not isinstance(layer, keras.layers.InputLayer)]
    for name in (model.name, *(layer.name for layer in named)):
        if not SCOPE.fullmatch(name):
            raise InputError(
                f"`model` must have names of letters, digits, dot, dash and underscore, or TensorFlow cannot run it. "
                f"Received: {shortened(name)!r}."
            )
    return layers


def operations_by_path(model: keras.Model) -> dict[str, keras.Operation]:
    """The operations of a model that are no layers, such as a residual sum written as `a + b`, each by a path of its own.

    Only a model that was built of symbolic tensors knows them; those of nested models are among them.
    """
    layers = layers_by_path(model)
    operations: dict[str, keras.Operation] = {}
    seen: set[int] = set()
    for prefix, container in [("", model), *((f"{path}/", layer) for path, layer in layers.items())]:
        known = getattr(container, "operations", None) if isinstance(container, keras.Model) else None
        for operation in known if isinstance(known, list) else ():
            if isinstance(operation, keras.Layer) or not isinstance(operation, keras.Operation) or id(operation) in seen:
                continue
            seen.add(id(operation))
            operations[prefix + operation.name] = operation  # Keras has their names differ from those of layers
    return operations


def layer_paths(model: keras.Model) -> list[str]:
    """Everything whose output can be named as that of a layer: the layers, and the operations that are none."""
    return [*layers_by_path(model), *operations_by_path(model)]


def has_channels_first(model: keras.Model) -> bool:
    """Whether the feature maps of a model are (batch, channels, height, width)."""
    return any(getattr(layer, "data_format", None) == "channels_first" for layer in layers_by_path(model).values())


def find_layer(path: str, paths: Sequence[str]) -> str:
    """The full path of a layer, from the path itself or its unambiguous last part.

    Raises:
        InputError: it fits no layer, or more than one; the message names the nearest ones.
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
    choices = f" Nearest: {listed(near)}." if near else choices_among(paths)
    raise InputError(f"`layer` must be a layer of the model. Received: {path!r}.{choices}")


def cam_layer(facts: Sequence[LayerFact]) -> tuple[str, str]:
    """The layer whose maps class activation mapping reads by default, with the reason.

    It is the last map that has the size of the last convolution's output: the convolution itself, or the normalization,
    addition or ReLU that finishes its block (`out_relu` in MobileNetV2, `conv5_block3_out` in ResNet50), but not a pooling
    after it.

    In a vision transformer that is the patch embedding, its first layer. Attention mixes its places before the score is made,
    and class activation maps of it find little (docs/methods.md), so they are refused where the layer is left to choose. A
    hybrid is not: the rule asks for the only convolution before the attention, without a pooling beside it. Nor are maps that
    no attention follows.

    Args:
        facts: the model's layers in the order in which it calls them.

    Raises:
        InputError: no convolution has a map of more than one position, or none along the axes of the explained input; or the
            last one is the patch embedding of a transformer.
    """
    path, reason = last_map(facts)
    chosen = next(fact for fact in facts if fact.path == path)
    embedding = next((fact for fact in facts if fact.patch_embedding), None)
    if embedding is not None and chosen.before_attention and not _convolves_later(facts, embedding):
        raise InputError(
            f"`layer` was left to choose, but the map of {path!r} is from before the attention, where class activation maps "
            f"were measured to find little. Use `rise` or `occlusion`, or name the layer to read it all the same."
        )
    return path, reason


def last_map(facts: Sequence[LayerFact]) -> tuple[str, str]:
    """The last map of the last convolution's size, with the reason, wherever in the model it stands.

    Args:
        facts: the model's layers in the order in which it calls them.

    Raises:
        InputError: no convolution has a map of more than one position, or none along the axes of the explained input.
    """
    maps = [fact for fact in facts if fact.spatial and fact.within and fact.leaf]
    last = next((fact for fact in reversed(maps) if fact.convolution), None)
    if last is None:
        others = f" Maps that could be read by naming `layer`: {listed([m.path for m in maps])}." if maps else ""
        raise InputError(f"`layer` was left to choose, but {_without_map(facts)}.{others}")
    after = maps[maps.index(last) :]
    chosen = [fact for fact in after if fact.spatial_shape == last.spatial_shape][-1]
    size = "x".join(map(str, last.spatial_shape))
    if chosen is last:
        return chosen.path, f"the last convolution, a {size} map"
    return chosen.path, f"the last {size} map, which finishes the block of the last convolution {last.path}"


def _convolves_later(facts: Sequence[LayerFact], embedding: LayerFact) -> bool:
    """Whether a convolution with a map stands after the attention that reads the patch embedding."""
    later = facts[facts.index(embedding) + 1 :]
    return any(fact.convolution and fact.spatial and fact.within and fact.leaf for fact in later)


def is_convolution(layer: keras.Layer) -> bool:
    """Whether a layer convolves: itself, or as a wrapper that applies a convolution to each frame of a video."""
    if isinstance(layer, keras.layers.Wrapper):
        inner = layer.layer
        layers = [inner, *layers_by_path(inner).values()] if isinstance(inner, keras.Model) else [inner]
        return any(is_convolution(each) for each in layers)
    return type(layer).__name__ in CONVOLUTIONS or isinstance(
        layer, tuple(getattr(keras.layers, kind) for kind in CONVOLUTIONS)
    )


def has_kernels(layer: keras.Layer) -> bool:
    """Whether a layer holds two-dimensional kernels that `filters` can draw."""
    return kernels_of(layer) is not None


def kernels_of(layer: keras.Layer) -> keras.Variable | None:
    """The weight of rank 4 of a convolution, as the layer stores it; None for any other layer."""
    for name in ("kernel", "depthwise_kernel"):
        weight = getattr(layer, name, None)
        if weight is not None and len(getattr(weight, "shape", ())) == 4:
            return weight
    return None


def choices_among(names: Sequence[object]) -> str:
    """The end of a message that lists what may be chosen, " Choices: 'a', 'b'."; "" where there is nothing."""
    return f" Choices: {listed(names)}." if names else ""


def listed(names: Sequence[object], most: int = 12) -> str:
    """Names for an error message, the first few of many."""
    shown = ", ".join(repr(name) for name in list(names)[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _without_map(facts: Sequence[LayerFact]) -> str:
    """Why no convolution of a model can be read by default."""
    convolutions = [fact for fact in facts if fact.convolution and any(length != 1 for length in fact.shape[1:-1])]
    between = [fact for fact in convolutions if fact.within]
    if between and not any(fact.spatial for fact in between):
        outputs = ", ".join(f"that of {fact.path!r} is {fact.shape}" for fact in between[-3:])
        return f"the output of no convolution has the axes of the explained input: {outputs}"
    if convolutions and not between:
        paths = listed([fact.path for fact in convolutions])
        return f"no convolution stands between the explained input and the score. Elsewhere in the model: {paths}"
    return "no convolution of this model has a map of more than one position"


def _as_list(values: object) -> object:
    """An array or sequence as a list; a string or anything else unchanged, for the check to refuse."""
    return list(values) if isinstance(values, Sequence | np.ndarray) and not isinstance(values, str) else values


def _collect(parent: keras.Layer, prefix: str, layers: dict[str, keras.Layer], seen: set[int]) -> None:
    for layer in _children(parent):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        path, repeat = prefix + layer.name, 1
        while path in layers:  # two layers of one parent may have the same name
            repeat += 1
            path = f"{prefix}{layer.name}:{repeat}"
        layers[path] = layer
        _collect(layer, path + "/", layers, seen)


def _children(parent: keras.Layer) -> list[keras.Layer]:
    if isinstance(parent, keras.Model):
        return list(parent.layers)
    return parent._flatten_layers(include_self=False, recursive=False)
