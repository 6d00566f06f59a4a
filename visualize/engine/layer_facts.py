"""What is known of each layer of a model, read off a forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from visualize._utils.lazy import keras, tf
from visualize.engine.attention import (
    attention_layers,
    attention_products,
    before_attention,
    is_attention,
    patch_embedding,
    split_tokens,
)
from visualize.engine.forward import ForwardPass, LayerCall
from visualize.engine.logits import PASS_THROUGH, behind_scores
from visualize.models.layers import LayerFact, has_kernels, is_convolution

REORDER = ("Transpose", "Moveaxis", "Swapaxes", "Reshape", "Flip", "Roll")  # operations whose positions are not the image's


def layer_facts(forward: ForwardPass) -> list[LayerFact]:
    """Every layer once, in the order of the calls: of several calls the last one between the images and the output.

    Operations that are no layers are among them, such as a sum `a + b`, where their output is a map of the image.
    """
    containers = {call.path.rsplit("/", 1)[0] for call in forward.calls if "/" in call.path}
    wholes = {call.path for call in forward.calls if is_convolution(call.layer)}  # what they hold sees one frame
    ends = scoring_operations(forward)  # an image output's own map cannot explain it
    numbers = {id(call): number for number, call in enumerate(forward.calls)}
    products = attention_products(forward)
    attention, before = attention_layers(forward, products), before_attention(products)
    embedding, split = (patch_embedding(forward, before) if products else None), split_tokens(forward)
    facts: list[tuple[float, LayerFact]] = []
    for call, tensor in _with_own_output(_last_calls(forward)):
        is_inside = tensor is not None and forward.is_between(tensor) and tensor.op not in ends
        leaf = call.path not in containers or call.path in wholes
        fact = replace(
            _fact(forward, call, within=is_inside, leaf=leaf),
            attention=call.path in attention,
            before_attention=call.outputs[0].op in before,
            patch_embedding=call.path == embedding,
        )
        is_split = call.outputs[0].op in split or _is_in_attention(forward, call.path)
        facts.append((numbers[id(call)], replace(fact, spatial_shape=()) if is_split else fact))
    facts += [(following - 0.5, fact) for following, fact in _facts_of_operations(forward, ends, split, before)]
    return [fact for _, fact in sorted(facts, key=lambda each: each[0])]


def is_part_of_attention(forward: ForwardPass, path: str) -> bool:
    """Whether the output of a layer has tokens and heads in the place of rows and columns, as the queries of attention do."""
    return _is_in_attention(forward, path) or forward.layer_output(path).op in split_tokens(forward)


def scoring_operations(forward: ForwardPass) -> set[tf.Operation]:
    """The operations that make the outputs of the model: the layer of the scores, and the activation behind it."""
    return {operation for output in keras.tree.flatten(forward.output) for operation in _making(output)}


def _is_in_attention(forward: ForwardPass, path: str) -> bool:
    return any(path.startswith(f"{call.path}/") for call in forward.calls if is_attention(call.layer))


def _facts_of_operations(
    forward: ForwardPass, ends: set[tf.Operation], split: set[tf.Operation], before: set[tf.Operation]
) -> Iterator[tuple[int, LayerFact]]:
    """The number of the layer call that follows, and the fact, of each operation that makes a new map of the image."""
    last = {call.path: call for call in forward.operations if forward.is_between(call.outputs[0])}
    for path, call in last.items():
        shape, kind = tuple(call.outputs[0].shape.as_list()), type(call.operation).__name__
        spatial_shape = _spatial_shape(forward, call.operation, shape)
        is_map = spatial_shape and kind not in REORDER and call.outputs[0].op not in ends | split
        if len(call.outputs) == 1 and is_map:
            common = {"parameters": 0, "has_kernels": False, "convolution": False, "spatial_shape": spatial_shape}
            mixed = call.outputs[0].op in before
            fact = LayerFact(path, kind, shape, within=True, leaf=True, is_layer=False, before_attention=mixed, **common)
            yield call.before, fact


def _making(output: tf.Tensor) -> Iterator[tf.Operation]:
    """The operations that make an output: those behind its scores, and the one that makes the scores."""
    operations = behind_scores(output)
    yield from operations
    operation = operations[-1].inputs[0].op if operations else output.op
    while operation.type in PASS_THROUGH:
        yield operation
        operation = operation.inputs[0].op
    yield operation


def _last_calls(forward: ForwardPass) -> list[LayerCall]:
    """For each layer its last call between the images and the output, else its last call; in the order of all calls."""
    last: dict[str, int] = {}
    for number, call in enumerate(forward.calls):
        before = last.get(call.path)
        if before is None or forward.is_between(call.outputs[0]) or not forward.is_between(forward.calls[before].outputs[0]):
            last[call.path] = number
    return [forward.calls[number] for number in sorted(last.values())]


def _with_own_output(calls: list[LayerCall]) -> Iterator[tuple[LayerCall, tf.Tensor | None]]:
    """Each call with its output; None where it has several, or only returns what it received, as dropout does."""
    known: set[int] = set()
    for call in calls:
        tensor = call.outputs[0] if len(call.outputs) == 1 else None
        yield call, None if tensor is None or id(tensor) in known else tensor
        known.update(id(output) for output in call.outputs)


def _fact(forward: ForwardPass, call: LayerCall, *, within: bool, leaf: bool) -> LayerFact:
    kind = type(call.layer).__name__
    tensor = call.outputs[0] if len(call.outputs) == 1 else None
    shape = tuple(tensor.shape.as_list()) if tensor is not None and tensor.shape.rank is not None else ()
    if frames := forward.frames(call.path):
        shape = (*shape[:1], len(frames), *shape[1:])
    return LayerFact(
        path=call.path,
        kind=kind,
        shape=shape,
        parameters=call.layer.count_params(),
        has_kernels=has_kernels(call.layer),
        convolution=is_convolution(call.layer),
        spatial_shape=_spatial_shape(forward, call.layer, shape),
        within=within,
        leaf=leaf,
    )


def _spatial_shape(
    forward: ForwardPass, layer: keras.Layer | keras.Operation, shape: tuple[int | None, ...]
) -> tuple[int | None, ...]:
    """The spatial axes of a feature map; () where the output has other axes than the image."""
    if len(shape) != forward.images.shape.rank:
        return ()
    return shape[2:] if forward.has_channels_first(layer) else shape[1:-1]
