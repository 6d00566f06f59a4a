"""Attention: where a model mixes the places of a picture by weights that it makes of the picture itself.

It is read off the traced graph, so it makes no difference whether a model has Keras' layers or computes attention itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from visualize._utils.lazy import keras, tf
from visualize.engine.forward import ForwardPass, LayerCall, reachable
from visualize.engine.operations import CARRYING, REARRANGING
from visualize.models.layers import is_convolution

PRODUCTS = {"BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
STEPS = {  # what reads a neighborhood of the picture
    *("Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3DBackpropInputV2"),
    *("MaxPool", "MaxPoolV2", "MaxPool3D", "AvgPool", "AvgPool3D"),
}
BETWEEN = CARRYING | REARRANGING | {"Mul", "SelectV2"}  # what may stand between weights and what they weigh, such as a mask
TOKENS = 3  # axes of tokens, (batch, tokens, channels)


def attention_products(forward: ForwardPass) -> list[tf.Operation]:
    """The products by which places are mixed: of weights that a softmax made of the picture with numbers made of it.

    A softmax over all places at once, which pools them into one vector, is none.
    """
    return [
        operation
        for operation in forward.images.graph.get_operations()
        if operation.type in PRODUCTS
        and len(operation.inputs) == 2
        and all(forward.is_between(tensor) for tensor in operation.inputs)
        and any(_is_made_by_softmax(tensor) for tensor in operation.inputs)
    ]


def attention_layers(forward: ForwardPass, products: Iterable[tf.Operation]) -> set[str]:
    """The paths of Keras' attention layers that the model calls, and of the innermost layers that hold other attention."""
    paths = {call.path for call in forward.calls if is_attention(call.layer)}
    for product in products:
        holding = forward.layer_holding(product)
        if not any(holding.startswith(f"{path}/") for path in paths):
            paths.add(holding)
    return paths


def is_attention(layer: keras.Layer) -> bool:
    """Whether a layer is one of Keras' attention layers."""
    kinds = ("MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention")
    return isinstance(layer, tuple(getattr(keras.layers, kind) for kind in kinds))


def before_attention(products: Iterable[tf.Operation]) -> set[tf.Operation]:
    """The operations whose outputs attention still mixes."""
    return reachable([tensor.op for product in products for tensor in product.inputs], lambda op: [t.op for t in op.inputs])


def patch_embedding(forward: ForwardPass, before: set[tf.Operation]) -> str | None:
    """The path of the convolution that cuts the picture into the tokens of a transformer; None where there is none.

    It is the only convolution before the attention, without a pooling beside it. Of several convolutions, or a convolution
    and a pooling, as in a hybrid network or behind a stem of convolutions, none is.

    Args:
        forward: the forward pass.
        before: what `before_attention` returned.
    """
    rank = forward.images.shape.rank
    calls = [
        call
        for call in forward.calls
        if is_convolution(call.layer) and call.outputs[0].shape.rank == rank and _stands_in(forward, call, before)
    ]
    outer = [call for call in calls if not any(call.path.startswith(f"{other.path}/") for other in calls)]
    if len(outer) != 1:
        return None
    (convolution,) = outer
    inside = set().union(*(_inside(call) for call in forward.calls if call is convolution or _reads_tokens(call)))
    steps = (operation for operation in before if operation.type in STEPS and operation not in inside)
    return None if any(forward.is_between(operation.outputs[0]) for operation in steps) else convolution.path


def split_tokens(forward: ForwardPass) -> set[tf.Operation]:
    """The operations whose outputs have more axes than tokens, (batch, tokens, channels), though their places are tokens.

    Attention splits its channels into heads, (batch, tokens, heads, channels), or moves these in front, (batch, heads,
    tokens, channels): numbers in as many axes as a map of the picture has. Tokens that are put back on the grid of the
    picture, (batch, rows, columns, channels), are a map.
    """
    split: set[tf.Operation] = set()
    if forward.images.shape.rank <= TOKENS:
        return split
    for operation in forward.images.graph.get_operations():
        if operation.outputs and forward.is_between(operation.outputs[0]):
            output = operation.outputs[0]
            inputs = [tensor for tensor in operation.inputs if forward.is_between(tensor)]
            if (output.shape.rank or 0) > TOKENS and any(
                tensor.op in split or _splits(tensor, output, forward.channels_first) for tensor in inputs
            ):
                split.add(operation)
    return split


def _is_made_by_softmax(tensor: tf.Tensor) -> bool:
    """Whether weights for several places come out of a softmax, with nothing but a mask or another order between."""
    waiting, seen = [tensor.op], set()
    while waiting:
        operation = waiting.pop()
        if operation in seen:
            continue
        seen.add(operation)
        if operation.type == "Softmax" or _is_softmax_by_hand(operation):
            return math.prod(size or 2 for size in operation.outputs[0].shape.as_list()[1:-1]) > 1
        if operation.type in BETWEEN:
            waiting.extend(each.op for each in operation.inputs)
    return False


def _is_softmax_by_hand(operation: tf.Operation) -> bool:
    """Whether an operation is exp(x) / sum(exp(x))."""
    return operation.type == "RealDiv" and operation.inputs[0].op.type == "Exp" and operation.inputs[1].op.type == "Sum"


def _splits(tokens: tf.Tensor, output: tf.Tensor, channels_first: bool) -> bool:
    """Whether an operation gives tokens further axes, and does not put them back on a grid."""
    if tokens.shape.rank != TOKENS:
        return False
    count, channels = tokens.shape.as_list()[1:]
    first, *middle, last = output.shape.as_list()[1:]
    if channels_first and first == count:  # (batch, channels, tokens) on the grid of (batch, channels, rows, columns)
        return False
    return last != channels or (output.shape.rank == TOKENS + 1 and 1 in (first, *middle))


def _stands_in(forward: ForwardPass, call: LayerCall, before: set[tf.Operation]) -> bool:
    return any(tensor.op in before and forward.is_between(tensor) for tensor in call.outputs)


def _reads_tokens(call: LayerCall) -> bool:
    """Whether a call is that of a convolution along the tokens."""
    return is_convolution(call.layer) and call.outputs[0].shape.rank == TOKENS


def _inside(call: LayerCall) -> Iterator[tf.Operation]:
    """The operations between the inputs and the outputs of a call."""
    known = {tensor.op for tensor in call.inputs}
    waiting = [tensor.op for tensor in call.outputs]
    while waiting:
        operation = waiting.pop()
        if operation not in known:
            known.add(operation)
            yield operation
            waiting.extend(tensor.op for tensor in operation.inputs)
