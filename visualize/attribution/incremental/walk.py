"""Walk: go through the calls of a model's layers, and follow what a hidden patch changes.

The calls that a forward pass has noted are the functional graph of this very call of the model: nested models are flattened in
it, branches merge, and a shared layer stands in it once for each use. A call can be computed in windows where its layer has a
rule, and where everything that it reads is the image, or comes from calls that can be computed in windows themselves.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from visualize._utils.lazy import keras, tf
from visualize.attribution.incremental.layer_rules import FlattenRule, LayerRule, WindowRule, rule_of
from visualize.attribution.incremental.receptive_field import Span, Window, union
from visualize.attribution.incremental.sum_rules import SumRule
from visualize.engine.forward import ForwardPass, LayerCall


@dataclass(frozen=True, eq=False)
class ChangedMap:
    """A map of which a window changes.

    Attributes:
        tensor: the map of the unhidden images, (batch, height, width, channels).
        shape: (height, width, channels).
        rows: what changes, for each row of the grid of positions.
        columns: what changes, for each column of the grid.
        flat: the model has laid the map out as one row.
    """

    tensor: tf.Tensor
    shape: tuple[int, int, int]
    rows: Span
    columns: Span
    flat: bool = False

    @classmethod
    def of(cls, tensor: tf.Tensor, rows: Span, columns: Span) -> ChangedMap:
        """The map of a tensor of a fixed size, (batch, height, width, channels)."""
        height, width, channels = (size for size in tensor.shape.as_list()[1:] if size is not None)
        return cls(tensor, (height, width, channels), rows, columns)

    @property
    def axes(self) -> tuple[Span, Span]:
        """What changes, along rows and along columns."""
        return self.rows, self.columns

    @property
    def window(self) -> tuple[Window, Window]:
        """The window that is computed, along rows and along columns."""
        return self.rows.window, self.columns.window


@dataclass(frozen=True, eq=False)
class Step(abc.ABC):
    """One call of a layer that can be computed in windows.

    Attributes:
        number: of the call in the forward pass.
        call: the call.
        inputs: the maps that it reads.
        input_names: the names of their tensors.
    """

    number: int
    call: LayerCall
    inputs: tuple[ChangedMap, ...]
    input_names: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the tensor that the call returns."""
        return self.call.outputs[0].name

    @property
    def output(self) -> ChangedMap | None:
        """The map that it returns; None where it returns a row that is computed in full size."""
        return None


@dataclass(frozen=True, eq=False)
class WindowStep(Step):
    """A call that makes a map of maps.

    Attributes:
        rule: of its layer.
        changed: the map that it returns.
    """

    rule: WindowRule
    changed: ChangedMap

    @property
    def output(self) -> ChangedMap:
        """The map that it returns."""
        return self.changed

    @property
    def region_read(self) -> tuple[Window, Window]:
        """The pixels of its inputs that the window of its output reads, along rows and along columns."""
        rows, columns = self.changed.window
        if self.rule.reaches is None:
            return rows, columns
        return self.rule.reaches[0].inputs_read(rows), self.rule.reaches[1].inputs_read(columns)

    def reads_just(self, changed: ChangedMap) -> bool:
        """Whether the window of an input is just what the call reads, so that nothing need be cut."""
        return all(own.equals(read) for own, read in zip(changed.window, self.region_read, strict=True))


@dataclass(frozen=True, eq=False)
class FlattenStep(Step):
    """A call that lays its input out as one row."""

    @property
    def output(self) -> ChangedMap:
        """The same map, marked as flat."""
        (changed,) = self.inputs
        return ChangedMap(changed.tensor, changed.shape, changed.rows, changed.columns, flat=True)


@dataclass(frozen=True, eq=False)
class SumStep(Step):
    """A call that sums over its input.

    Attributes:
        rule: of its layer.
    """

    rule: SumRule


def steps_of(forward: ForwardPass, image: ChangedMap) -> tuple[list[Step], dict[int, str]]:
    """Every call that can be computed in windows, in order.

    Args:
        forward: the forward pass of the unhidden images.
        image: what changes of them.

    Returns:
        The steps; and by the number of a call, why it is none although the patch changes what it reads.
    """
    changed = {image.tensor.name: image}
    steps: list[Step] = []
    reasons: dict[int, str] = {}
    for number, call in leaf_calls(forward).items():
        if call.outputs[0].name in changed:  # it returns its input, as dropout does
            continue
        names = [_source_name(tensor, changed) for tensor in call.inputs]
        if not any(names):
            continue
        hides_scores = forward.hides_scores(call.outputs[0])
        step = "its activation hides the scores" if hides_scores else _step(number, call, names, changed)
        if isinstance(step, str):
            reasons[number] = f"{call.path}: {step}"
            continue
        steps.append(step)
        if step.output is not None:
            changed[step.name] = step.output
    return steps, reasons


def leaf_calls(forward: ForwardPass) -> dict[int, LayerCall]:
    """By number, the calls of layers that contain no other layer, between the images and the output."""
    containers = {call.path.rsplit("/", 1)[0] for call in forward.calls if "/" in call.path}
    numbered = ((number, call) for number, call in enumerate(forward.calls) if call.path not in containers)
    return {number: call for number, call in numbered if forward.is_between(call.outputs[0])}


def read_by_output(forward: ForwardPass, names: set[str]) -> set[str]:
    """Those of the named tensors that the model's output depends on otherwise than through another of them."""
    read: set[str] = set()
    visited: set[str] = set()
    waiting = list(keras.tree.flatten(forward.output))
    while waiting:
        tensor = waiting.pop()
        if tensor.name in names:
            read.add(tensor.name)
        elif tensor.name not in visited:
            visited.add(tensor.name)
            waiting.extend(tensor.op.inputs)
    return read


def _source_name(tensor: tf.Tensor, changed: Mapping[str, ChangedMap]) -> str | None:
    """The changed map that a tensor is, itself or cast once; None where it is something else."""
    casts = 0
    while tensor.name not in changed:
        casts += tensor.op.type == "Cast"
        if tensor.op.type not in ("Identity", "Cast") or casts > 1:
            return None
        tensor = tensor.op.inputs[0]
    return tensor.name


def _step(number: int, call: LayerCall, names: list[str | None], changed: Mapping[str, ChangedMap]) -> Step | str:
    """The step that a call is, or the reason why it is none."""
    known_names = tuple(name for name in names if name is not None)
    if len(known_names) < len(names):
        return "it also reads what is not computed in windows"
    if call.training or len(call.outputs) != 1:
        return "it is called in training mode" if call.training else "it makes more than one tensor"
    if call.outputs[0].dtype not in (tf.float32, tf.float64):
        return f"it computes in {call.outputs[0].dtype.name}, where round-off is no longer small"
    inputs = tuple(changed[name] for name in known_names)
    rule: LayerRule | str = rule_of(call.layer, [each.shape for each in inputs], flat=inputs[0].flat)
    if isinstance(rule, str):
        return rule
    if isinstance(rule, FlattenRule):
        return FlattenStep(number, call, inputs, known_names)
    if isinstance(rule, SumRule):
        return SumStep(number, call, inputs, known_names, rule)
    output = _output(call.outputs[0], rule, inputs)
    return output if isinstance(output, str) else WindowStep(number, call, inputs, known_names, rule, output)


def _output(tensor: tf.Tensor, rule: WindowRule, inputs: Sequence[ChangedMap]) -> ChangedMap | str:
    """What changes of the map that a layer returns, or the reason why that cannot be told."""
    if tensor.shape.rank != 4 or None in tensor.shape[1:]:
        return "its output is not a map of a fixed size"
    rows, columns = union([each.rows for each in inputs]), union([each.columns for each in inputs])
    if rule.reaches is not None:
        rows, columns = rule.reaches[0].changed_outputs(rows), rule.reaches[1].changed_outputs(columns)
    height, width = tensor.shape[1:3]
    if (rows.length, columns.length) != (height, width):
        return f"its output was expected to be {rows.length}x{columns.length} and is {height}x{width}"
    return ChangedMap.of(tensor, rows, columns)
