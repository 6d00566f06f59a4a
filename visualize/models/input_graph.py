"""Input graph: which operations of a model read an input first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from visualize._utils.lazy import keras
from visualize.models.input_structure import tensors_by_name
from visualize.models.layers import layers_by_path

JOINS = ("Stack", "Concatenate")  # of channels that were taken apart, as from RGB to BGR
ELEMENTWISE = (  # what may stand between a vector and the picture that is made of it
    *("InputLayer", "Cast", "Identity", "Dropout", "GaussianNoise", "Activation", "Rescaling", "Normalization"),
    *("TrueDivide", "Divide", "Multiply", "Subtract", "Add"),
)


def first_operations(model: keras.Model, input_name: str | None) -> Iterator[tuple[Any, list[Any]]]:
    """The operations in a row behind an input, each with the constants that it takes; those of nested models among them.

    The constants end with None where the input comes after them, as in 255 - x.
    """
    if isinstance(model, keras.Sequential):
        for layer in model.layers:
            if isinstance(layer, keras.Model):
                yield from first_operations(layer, None)
            else:
                yield layer, []
        return
    nodes = [node for level in getattr(model, "_nodes_by_depth", {}).values() for node in level]
    tensor = input_tensor(model, input_name)
    while tensor is not None:
        readers = [node for node in nodes if any(each is tensor for each in node.input_tensors)]
        if not readers or not (len(readers) == 1 or all(_is(node, "GetItem") for node in readers)):
            return
        operation, arguments = readers[0].operation, readers[0].arguments
        if len(readers[0].output_tensors) != 1 or (len(readers[0].input_tensors) != 1 and not _is(readers[0], *JOINS)):
            return
        if isinstance(operation, keras.Model):
            yield from first_operations(operation, None)
        else:
            given = keras.tree.flatten((arguments.args, arguments.kwargs))
            constants = [each for each in given if each is not tensor]
            yield operation, [*constants, None] if given[-1] is tensor else constants
        tensor = readers[0].output_tensors[0]


def reshaped_vector(model: keras.Model, input_name: str | None) -> tuple[int, ...] | None:
    """The shape of the picture that a model makes of a flat vector, its input, before anything else reads it; else None."""
    tensor = input_tensor(model, input_name)
    if tensor is None or len(tensor.shape) != 2 or tensor.shape[1] is None:
        return None
    picture = None
    for operation, _ in first_operations(model, input_name):
        kind = type(operation).__name__
        if kind == "Reshape":
            target = operation.target_shape if isinstance(operation, keras.layers.Reshape) else operation.newshape[1:]
            picture = _reshaped(tensor.shape[1], target)
        elif picture is not None or kind not in ELEMENTWISE:
            break
    return picture if picture is not None and 2 <= len(picture) <= 4 else None


def moves_channels_last(model: keras.Model, input_name: str | None) -> bool:
    """Whether the picture that a model makes of a flat vector has its channels first, and the model then moves them last.

    So do models of CIFAR's files, whose rows are red, green and blue planes.
    """
    picture, reshaped = reshaped_vector(model, input_name), False
    for operation, _ in first_operations(model, input_name) if picture is not None and len(picture) > 2 else ():
        kind = type(operation).__name__
        if kind in ("Permute", "Transpose"):
            order = operation.dims if isinstance(operation, keras.layers.Permute) else (operation.axes or ())[1:]
            return reshaped and tuple(order) == (*range(2, len(picture or ()) + 1), 1)
        if kind != "Reshape" and kind not in ELEMENTWISE:
            return False
        reshaped = reshaped or kind == "Reshape"
    return False


def _reshaped(length: int, target: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of a vector that is reshaped, where one length may be -1; None where rows of the batch are mixed."""
    known = -int(np.prod(target)) if -1 in target else int(np.prod(target))
    if known <= 0 or length % known or (-1 not in target and known != length):
        return None
    return tuple(length // known if each == -1 else each for each in target)


def axes_of_first_reader(model: keras.Model, input_name: str | None) -> int | None:
    """Over how many axes the first convolutions or poolings go that an input reaches; None where it reaches none."""
    nodes = [node for level in getattr(model, "_nodes_by_depth", {}).values() for node in level]
    waiting, reached = [input_tensor(model, input_name)], set()
    while waiting:
        tensor = waiting.pop(0)
        for node in nodes:
            if id(node) in reached or not any(each is tensor for each in node.input_tensors):
                continue
            reached.add(id(node))
            operation = node.operation
            layers = layers_by_path(operation).values() if isinstance(operation, keras.Model) else [operation]
            for axes in (1, 2, 3):
                if any(f"{axes}D" in type(layer).__name__ for layer in layers):
                    return axes
            waiting.extend(node.output_tensors)
    return None


def input_tensor(model: keras.Model, input_name: str | None) -> Any:
    """The symbolic tensor of an input; of the first where none has that name; None where the model declares none."""
    tensors = tensors_by_name(model)
    return tensors.get(input_name or "", next(iter(tensors.values()), None))


def _is(node: Any, *kinds: str) -> bool:
    return type(node.operation).__name__ in kinds
