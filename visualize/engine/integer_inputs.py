"""Integer inputs: floats for the equations of a method, whole numbers for the model.

A model of uint8 pictures casts them to floats inside. Images stay floats up to its input, where `InputSignature.pack` rounds
and clips them to its type. Integers have no gradient: it is taken at the cast back to floats, where pixels have their values.
"""

from __future__ import annotations

from collections.abc import Iterator

from visualize._utils.lazy import tf
from visualize.engine.shapes import only_reorders, reordered


def float_casts(integers: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Where a model casts the integers that `InputSignature.pack` made back to floats.

    Returns:
        (the float image before it was rounded, in the order and shape of the cast, the result of the cast) of each cast.
        Empty where the model does something else with the integers, such as looking them up in an embedding.
    """
    operation = integers.op
    while operation.type != "Round":
        operation = operation.inputs[0].op
    return list(_casts(integers, operation.inputs[0]))


def _casts(integers: tf.Tensor, floats: tf.Tensor) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    for operation in integers.consumers():
        if operation.inputs[0] is not integers:  # it reads them as a shape, or as indices
            continue
        if operation.type == "Cast" and operation.outputs[0].dtype.is_floating:
            yield floats, operation.outputs[0]
        elif operation.type in ("Cast", "Identity"):
            yield from _casts(operation.outputs[0], floats)
        elif only_reorders(operation):
            yield from _casts(operation.outputs[0], reordered(floats, operation))
