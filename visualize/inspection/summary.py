"""Summary: which layers a model has, and in which order it calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import received
from visualize.engine.compile import Program, compiled
from visualize.engine.forward import LayerCall, forward_pass
from visualize.engine.layer_facts import layer_facts as facts_of
from visualize.errors import InputError
from visualize.models.inputs import InputSignature, example_inputs, input_shapes
from visualize.models.layers import LayerFact
from visualize.results import Structure
from visualize.settings import Display, StructureSettings

__all__ = ["summary"]


def summary(model: keras.Model, *, full: bool = False) -> Structure:
    """List a model's layers in the order in which it calls them, and the tensors between those at its top level.

    Args:
        model: Keras model that declares its input shape.
        full: whether the diagram has a box for every layer. By default the layers of a model of more than 32 are folded into
            its blocks, those of the same kinds into one box. The rows are always all.

    Returns:
        Structure with one row per input and layer: path, kind, shape of the output, parameters. Its edges are read off
        one traced call, so they are those of the model as it runs, subclassed models included.

    Raises:
        InputError: the model does not declare the shape of its input.

    Example:
        visualize summary model.keras --out pictures
    """
    if not isinstance(full, bool):
        raise InputError(f"`full` must be True or False. Received: {received(full)}.")
    notes = _survey(model)
    rows = [
        {"path": name, "kind": "Input", "shape": [None, *shape], "parameters": 0, "depth": 0}
        for name, shape in input_shapes(model).items()
    ]
    layers = [fact for fact in notes["facts"] if fact.is_layer]
    for fact in layers:
        row = {"path": fact.path, "kind": fact.kind, "shape": list(fact.shape), "parameters": fact.parameters}
        rows.append({**row, "depth": fact.path.count("/")})
    settings = StructureSettings(
        name=model.name,
        parameters=model.count_params(),
        trainable=int(sum(np.prod(weight.shape) for weight in model.trainable_weights)),
        layers=len(layers),
        precision=model.dtype_policy.name,
    )
    edges, inner_edges = notes["edges"], notes["inner_edges"]
    return Structure(tuple(rows), edges, "summary", settings, inner_edges=inner_edges, display=Display(full=full))


def layer_facts(model: keras.Model) -> list[LayerFact]:
    """What is known of each layer, in the order of the calls.

    Args:
        model: Keras model.

    Returns:
        For each layer its path, kind, output shape and parameters, whether it stands between images and scores and keeps
        the spatial axes of the image, and whether it has kernels. A layer that is called several times is listed once.
        Operations that are no layers, such as `a + b`, are listed where their output is a map.

    Raises:
        InputError: `model` is no Keras model, or does not declare the shape of its input.
    """
    return _survey(model)["facts"]


def _survey(model: keras.Model) -> dict[str, Any]:
    """The facts of all layers, and the edges between those at the top level."""
    inputs = example_inputs(model)
    return compiled(model, _Survey(inputs.signature), inputs.specs()).notes


@dataclass(frozen=True)
class _Survey(Program):
    """A graph that computes nothing: what is wanted of it are its notes."""

    signature: InputSignature

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        forward = forward_pass(model, self.signature.pack(tensors), tensors[self.signature.input_name])
        edges = _edges(forward.calls, "", {id(tensor): name for name, tensor in tensors.items()})
        inner_edges = [edge for call in forward.calls for edge in _inner_edges(forward.calls, call)]
        notes = {"edges": tuple(edges), "inner_edges": tuple(dict.fromkeys(inner_edges))}
        return {}, {"facts": facts_of(forward), **notes}


def _edges(calls: tuple[LayerCall, ...], container: str, makers: dict[int, str]) -> list[tuple[str, str]]:
    """Which call inside a container ("" is the top) receives tensors of which other one, also through other operations."""
    edges: dict[tuple[str, str], None] = {}
    for call in (call for call in calls if call.path.rpartition("/")[0] == container):
        for maker in _makers(call.inputs, makers):
            edges[maker, call.path] = None
        makers.update({id(tensor): call.path for tensor in call.outputs})
    return list(edges)


def _inner_edges(calls: tuple[LayerCall, ...], container: LayerCall) -> list[tuple[str, str]]:
    """The edges inside a nested model, from what it receives to what it returns; none of another layer."""
    path = container.path
    if not isinstance(container.layer, keras.Model) or not any(call.path.startswith(path + "/") for call in calls):
        return []
    makers = {id(tensor): path for tensor in container.inputs}
    edges = _edges(calls, path, makers)
    return edges + [(maker, path) for maker in _makers(container.outputs, makers) if maker != path]


def _makers(tensors: tuple[tf.Tensor, ...], known: dict[int, str]) -> list[str]:
    """The inputs and layers that tensors were made of, the nearest ones."""
    makers: dict[str, None] = {}
    waiting, seen = list(tensors), set()
    while waiting:
        tensor = waiting.pop(0)
        if id(tensor) in known:
            makers[known[id(tensor)]] = None
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            waiting.extend(tensor.op.inputs)
    return list(makers)
