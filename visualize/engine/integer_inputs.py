"""Integer inputs: floats for the equations of a method, whole numbers for the model.

A model of uint8 pictures casts them to floats inside. Images stay floats up to its input, where `InputSignature.pack` rounds
and clips them to its type. Integers have no gradient: it is taken at the cast back to floats, where pixels have their values.
"""

from __future__ import annotations

from typing import Any

from visualize._utils.lazy import tf
from visualize.engine.shapes import only_reorders, reordered

# Operations on integers in front of the cast that mean the same for floats: a flip, 255 - x, padding, swapped channels.
SAME_FOR_FLOATS = (
    *("StridedSlice", "Slice", "Split", "SplitV", "Unpack", "Pack", "ConcatV2", "ReverseV2", "Tile", "BroadcastTo"),
    *("Pad", "PadV2", "MirrorPad", "Neg", "Sub", "AddV2", "Mul"),
)
LOOKUPS = ("GatherV2", "ResourceGather", "OneHot", "LookupTableFindV2", "DenseBincount", "Bincount")


def float_casts(integers: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Where a model casts the integers that `InputSignature.pack` made back to floats.

    Returns:
        (what the cast would be of the float image before it was rounded, the result of the cast) of each cast. Empty where
        the model does something else with the integers, such as looking them up in an embedding.
    """
    operation = integers.op
    while operation.type != "Round":
        operation = operation.inputs[0].op
    floats, casts = {integers.ref(): operation.inputs[0]}, []
    for operation in integers.graph.get_operations():  # in the order in which they were built
        if not any(tensor.ref() in floats for tensor in operation.inputs):
            continue
        if operation.type == "Cast" and operation.outputs[0].dtype.is_floating:
            casts.append((floats[operation.inputs[0].ref()], operation.outputs[0]))
            continue
        with integers.graph.as_default():  # a loop over copies has a graph of its own
            results = _of_floats(operation, floats)
        floats.update((output.ref(), result) for output, result in zip(operation.outputs, results, strict=False))
    return casts


def looks_up(integers: tf.Tensor) -> bool:
    """Whether a model looks integers up in a table, such as that of an embedding, perhaps after computing with them."""
    whole = {integers.ref()}
    for operation in integers.graph.get_operations():
        if any(tensor.ref() in whole for tensor in operation.inputs):
            if operation.type in LOOKUPS:
                return True
            whole.update(tensor.ref() for tensor in operation.outputs if tensor.dtype.is_integer)
    return False


def _of_floats(operation: tf.Operation, floats: dict[Any, tf.Tensor]) -> list[tf.Tensor]:
    """What an operation on integers returns of the floats that they stand for; [] where that is not the same."""
    if operation.type in ("Cast", "Identity"):
        return [floats[operation.inputs[0].ref()]]
    if only_reorders(operation):
        return [reordered(floats[operation.inputs[0].ref()], operation)]
    if operation.type not in SAME_FOR_FLOATS:
        return []
    dtype, inputs, waiting = next(iter(floats.values())).dtype, [], list(operation.inputs)
    for argument in operation.op_def.input_arg:
        for _ in range(operation.get_attr(argument.number_attr) if argument.number_attr else 1):
            tensor = waiting.pop(0)
            if argument.type_attr == "T":  # and not a position or a length
                tensor = floats[tensor.ref()] if tensor.ref() in floats else tf.cast(tensor, dtype)
            inputs.append(tensor)
    attributes = {name: value for name, value in operation.node_def.attr.items() if not name.startswith("_")}
    attributes["T"] = tf.compat.v1.AttrValue(type=dtype.as_datatype_enum)
    types = [dtype] * len(operation.outputs)
    return list(operation.graph.create_op(operation.type, inputs, types, attrs=attributes).outputs)
