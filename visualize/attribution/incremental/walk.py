"""Walk: go through the calls of a model, and follow what a hidden patch changes.

The calls that a look has noted are the functional graph of this very call of the model: nested models are flattened in it,
branches merge, a shared layer stands in it once for each use. A call can be computed in windows where its layer has a rule,
and all that it reads is the image, or was made by calls that can be computed in windows themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize.attribution.incremental.layer_rules import End, Flat, Rule, rule_of
from visualize.attribution.incremental.receptive_field import Span, union
from visualize.engine.forward import ForwardPass, LayerCall


@dataclass(frozen=True, eq=False)
class Changed:
    """A map of which a window changes.

    Attributes:
        tensor: the map of the unhidden images, (batch, height, width, channels).
        shape: (height, width, channels).
        rows: what changes, for each row of places of the patch.
        columns: what changes, for each column of places.
        flat: the model has laid it out as one row.
    """

    tensor: Any
    shape: tuple[int, int, int]
    rows: Span
    columns: Span
    flat: bool = False

    @property
    def axes(self) -> tuple[Span, Span]:
        """What changes, along rows and along columns."""
        return self.rows, self.columns


@dataclass(frozen=True, eq=False)
class Step:
    """One call of a layer that can be computed in windows.

    Attributes:
        number: of the call in the look.
        call: the call.
        rule: of its layer.
        inputs: the maps that it reads.
        names: of the tensors that these are.
        output: the map that it makes; None where it makes a row.
    """

    number: int
    call: LayerCall
    rule: Rule | Flat | End
    inputs: tuple[Changed, ...]
    names: tuple[str, ...]
    output: Changed | None

    @property
    def name(self) -> str:
        """Of the tensor that it makes."""
        return self.call.outputs[0].name

    def regions(self) -> list[tuple[np.ndarray, int]]:
        """Of rows and of columns: where that which the step reads begins at each place, and its size."""
        spans = (self.output.rows, self.output.columns)
        if self.rule.reaches is None:
            return [(span.start, span.size) for span in spans]
        return [reach.read(span) for reach, span in zip(self.rule.reaches, spans, strict=True)]

    def fits(self, one: Changed) -> bool:
        """Whether the window of an input is just what the step reads."""
        spans = zip((one.rows, one.columns), self.regions(), strict=True)
        return all(span.size == size and np.array_equal(span.start, start) for span, (start, size) in spans)


def steps_of(seen: ForwardPass, image: Changed) -> tuple[list[Step], dict[int, str]]:
    """Every call that can be computed in windows, in order.

    Args:
        seen: a look at the unhidden images.
        image: what changes of them.

    Returns:
        The steps; and by number, why a call is none although the patch changes what it reads.
    """
    changed = {image.tensor.name: image}
    steps: list[Step] = []
    reasons: dict[int, str] = {}
    for number, call in leaves(seen).items():
        if call.outputs[0].name in changed:  # it hands on what it was given, as dropout does
            continue
        names = [_name(tensor, changed) for tensor in call.inputs]
        if not any(names):
            continue
        found = (
            "its activation hides the scores" if seen.hides_scores(call.outputs[0]) else _step(number, call, names, changed)
        )
        if isinstance(found, str):
            reasons[number] = f"{call.path}: {found}"
            continue
        steps.append(found)
        if found.output is not None:
            changed[found.name] = found.output
    return steps, reasons


def leaves(seen: ForwardPass) -> dict[int, LayerCall]:
    """By number, the calls of layers that contain no other, and that stand between image and output."""
    containers = {call.path.rsplit("/", 1)[0] for call in seen.calls if "/" in call.path}
    numbered = ((number, call) for number, call in enumerate(seen.calls) if call.path not in containers)
    return {number: call for number, call in numbered if seen.is_between(call.outputs[0])}


def asked_for(seen: ForwardPass, names: set[str]) -> set[str]:
    """Those of the tensors that the model's output depends on otherwise than through another of them."""
    found: set[str] = set()
    done: set[str] = set()
    todo = list(keras.tree.flatten(seen.output))
    while todo:
        tensor = todo.pop()
        if tensor.name in names:
            found.add(tensor.name)
        elif tensor.name not in done:
            done.add(tensor.name)
            todo.extend(tensor.op.inputs)
    return found


def _step(number: int, call: LayerCall, names: list[str | None], changed: dict[str, Changed]) -> Step | str:
    if not all(names):
        return "it also reads what is not computed in windows"
    if call.training or len(call.outputs) != 1:
        return "it is called in training mode" if call.training else "it makes more than one tensor"
    if call.outputs[0].dtype not in (tf.float32, tf.float64):
        return f"it computes in {call.outputs[0].dtype.name}, where round-off is no longer small"
    inputs = tuple(changed[name] for name in names)
    rule = rule_of(call.layer, [one.shape for one in inputs], flat=inputs[0].flat)
    if isinstance(rule, str):
        return rule
    output = None if isinstance(rule, End) else _output(call.outputs[0], rule, inputs)
    if isinstance(output, str):
        return output
    return Step(number, call, rule, inputs, tuple(names), output)


def _output(tensor: Any, rule: Rule | Flat, inputs: tuple[Changed, ...]) -> Changed | str:
    if isinstance(rule, Flat):
        one = inputs[0]
        return Changed(one.tensor, one.shape, one.rows, one.columns, flat=True)
    if tensor.shape.rank != 4 or None in tensor.shape[1:]:
        return "its output is not a map of a fixed size"
    spans = [union([one.rows for one in inputs]), union([one.columns for one in inputs])]
    if rule.reaches is not None:
        spans = [reach.changed(span) for reach, span in zip(rule.reaches, spans, strict=True)]
    height, width, channels = tensor.shape[1:]
    if [span.length for span in spans] != [height, width]:
        return f"its output was expected to be {spans[0].length}x{spans[1].length} and is {height}x{width}"
    return Changed(tensor, (height, width, channels), *spans)


def _name(tensor: Any, changed: dict[str, Changed]) -> str | None:
    """The map that a tensor is, itself or cast once."""
    casts = 0
    while tensor.name not in changed:
        casts += tensor.op.type == "Cast"
        if tensor.op.type not in ("Identity", "Cast") or casts > 1:
            return None
        tensor = tensor.op.inputs[0]
    return tensor.name
