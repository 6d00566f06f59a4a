"""Summary: which layers a model has, in which order it calls them."""

from __future__ import annotations

from typing import Any

import numpy as np

from visualize.engine import compile as tracing
from visualize.engine import forward as probe
from visualize.engine.taps import Call
from visualize.models import layers as models
from visualize.models.inputs import example, input_shapes
from visualize.results import Structure

__all__ = ["summary"]


def summary(model: Any) -> Structure:
    """List a model's layers in the order in which it calls them, and what flows between those at its top level.

    Args:
        model: Keras model that tells its input shape.

    Returns:
        Structure with a row for each input and each layer: path, kind, shape of the output, parameters. Its edges are read off
        one traced call, so they are those of the model as it runs, subclassed models included.

    Raises:
        InputError: the model does not tell the shape of its input.

    Example:
        visualize summary model.keras --out pictures
    """
    traced = _survey(model)
    shapes = input_shapes(model)
    rows = [
        {"path": name, "kind": "Input", "shape": [None, *shape], "parameters": 0, "depth": 0} for name, shape in shapes.items()
    ]
    for fact in traced["facts"]:
        row = {"path": fact.path, "kind": fact.kind, "shape": list(fact.shape), "parameters": fact.parameters}
        rows.append({**row, "depth": fact.path.count("/")})
    trainable = int(sum(np.prod(weight.shape) for weight in model.trainable_weights))
    settings = {
        "name": model.name,
        "parameters": model.count_params(),
        "trainable": trainable,
        "layers": len(traced["facts"]),
        "precision": model.dtype_policy.name,
    }
    return Structure(tuple(rows), traced["edges"], "summary", settings)


def layer_facts(model: Any) -> list[models.LayerFact]:
    """What is known of each layer, in the order of the calls.

    Args:
        model: Keras model.

    Returns:
        For each layer its path, kind, output shape and parameters, whether it lies between images and scores and keeps the
        places of the image, and whether it has kernels. A layer that is called several times is in it once.

    Raises:
        InputError: `model` is no Keras model, or says nothing of the shape of its input.
    """
    return _survey(model)["facts"]


def _survey(model: Any) -> dict[str, Any]:
    inputs = example(model)

    def once(model, **tensors):
        seen = probe.look(model, inputs.packed(tensors), tensors[inputs.explained])
        edges = _edges(seen.calls, {id(tensor): name for name, tensor in tensors.items()})
        return {}, {"facts": seen.facts(), "edges": tuple(edges)}

    return tracing.trace(model, ("survey", str(inputs.structure)), once, inputs.specs()).notes


def _edges(calls: tuple[Call, ...], made: dict[int, str]) -> list[tuple[str, str]]:
    """From whom each top-level call has what it takes; operations that are no layers are passed through."""
    edges: dict[tuple[str, str], None] = {}
    for call in (call for call in calls if "/" not in call.path):
        for maker in _makers(call.inputs, made):
            edges[maker, call.path] = None
        made.update({id(tensor): call.path for tensor in call.outputs})
    return list(edges)


def _makers(tensors: tuple[Any, ...], made: dict[int, str]) -> list[str]:
    found: dict[str, None] = {}
    todo, seen = list(tensors), set()
    while todo:
        tensor = todo.pop(0)
        if id(tensor) in made:
            found[made[id(tensor)]] = None
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            todo.extend(tensor.op.inputs)
    return list(found)
