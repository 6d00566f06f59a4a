"""Probe: watch a model while it is traced, read scores and slopes off its graph.

The only file that runs a model or differentiates. A method hands over a Python function of tensors; inside it, `look` calls
the model once and notes what every layer produced. Because the taps sit on the *calls*, not on `layer.output`, it makes no
difference whether the model was built by add(), reloaded from disk, nested or subclassed. Python runs while TensorFlow traces;
each later call is one compiled graph, and nothing stays behind on the model.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from visualize._utils.lazy import keras, tf
from visualize.engine.logits import ACTIVATIONS, UNCHANGED, behind_scores, makers, picked, scores_of
from visualize.engine.precision import lowered
from visualize.engine.relu_gradients import RELUS, checked_modifier, modifiable, passing
from visualize.engine.taps import Call, inlined, watched
from visualize.errors import InputError
from visualize.models import layers as models


@dataclass(frozen=True, eq=False)
class Look:
    """One call of the model on the graph being traced.

    Attributes:
        images: the explained input, (batch, height, width, channels).
        output: the output that was chosen, or what the chosen layer made; all that the model returned, where there are several
            outputs and none was.
        answers, scores, probabilities: what it says, as in `logits.Scores`.
        score_kind: what the scores are: "logit", "output", "mean logit" and the like, or "activation of PATH" for a layer.
        calls: every layer's calls, in the order in which they ended.
        modifier: how its ReLUs pass gradients back.
        channels_first: whether the layers have the channels of their maps first.
        outputs: the names of all outputs.
    """

    images: Any
    output: Any
    answers: Any
    scores: Any | None
    probabilities: Any | None
    score_kind: str
    calls: tuple[Call, ...]
    modifier: str | None
    channels_first: bool
    outputs: tuple[str, ...]

    def score(self, targets: Any) -> tuple[Any, Any]:
        """Each image's score for its target, (batch,), and the targets; target -1 is the model's own choice."""
        chosen = tf.where(targets < 0, tf.argmax(self.scores, axis=-1, output_type=tf.int32), targets)
        return picked(self.scores, chosen), chosen

    def modified(self, modifier: str) -> Look:
        """The same look, whose ReLUs pass gradients back in another way."""
        return replace(self, modifier=modifier)

    def gradient(self, score: Any, tensor: Any, name: str) -> Any:
        """Each image's d score / d tensor, in the shape of the tensor.

        Raises:
            InputError: the score does not depend on the tensor, or only through something without a gradient; or there is a
                modifier, and no ReLU between the tensor and the score for it to modify.
        """
        with passing(self.modifier):
            (slope,) = tf.gradients(score, [tensor])
        if slope is None:
            raise InputError(
                f"The score has no gradient with respect to {name}: it does not depend on it, or only through an operation "
                "that has none (a cast to integers, argmax, rounding). Choose another layer; occlusion needs no gradient."
            )
        between = _reached(tensor.consumers(), _consumers) & _reached([score.op], _producers)
        if self.modifier is not None and not any(operation.type in RELUS for operation in between):
            raise InputError(
                f"`modifier` must be None here: no ReLU stands between {name} and the score, so it would change nothing. "
                f"Received: {self.modifier!r}."
            )
        return tf.convert_to_tensor(slope)

    def layer(self, path: str) -> Any:
        """What a layer produced, in float32 or finer: of several calls the last between the images and the output.

        Raises:
            InputError: the model never calls it.
        """
        ends = [call.outputs[0] for call in self.calls if call.path == path]
        if not ends:
            raise InputError(f"`layer` must be a layer that the model calls. Received: {path!r}, which it never does.")
        within = [tensor for tensor in ends if self.within(tensor)]
        return (within or ends)[-1]

    def facts(self) -> list[models.LayerFact]:
        """Every layer once, in the order of the calls: of several calls the last between the images and the output."""
        containers = {call.path.rsplit("/", 1)[0] for call in self.calls if "/" in call.path}
        last: dict[str, Call] = {}
        for call in self.calls:
            if call.path not in last or self.within(call.outputs[0]) or not self.within(last[call.path].outputs[0]):
                last[call.path] = call
        made: set[int] = set()
        facts = []
        for call in sorted(last.values(), key=self.calls.index):
            tensor = call.outputs[0] if len(call.outputs) == 1 else None
            shape = tuple(tensor.shape.as_list()) if tensor is not None and tensor.shape.rank is not None else ()
            fresh = tensor is not None and id(tensor) not in made  # dropout hands on the tensor that it was given
            made.update(id(output) for output in call.outputs)
            kind = type(call.layer).__name__
            facts.append(
                models.LayerFact(
                    path=call.path,
                    kind=kind,
                    shape=shape,
                    parameters=call.layer.count_params(),
                    has_kernels=models.has_kernels(call.layer),
                    convolution=kind in models.CONVOLUTIONS or isinstance(call.layer, _convolution_classes()),
                    places=self._places(call.layer, shape),
                    within=fresh and self.within(tensor) and tensor.op not in self._ends,
                    leaf=call.path not in containers,
                )
            )
        return facts

    def with_channels_last(self, path: str, tensor: Any) -> Any:
        """What a layer produced, its channels behind its places."""
        layer = next(call.layer for call in self.calls if call.path == path)
        if tensor.shape.rank is None or tensor.shape.rank < 3 or not self.has_channels_first(layer):
            return tensor
        return tf.transpose(tensor, [0, *range(2, tensor.shape.rank), 1])

    def has_channels_first(self, layer: Any) -> bool:
        """Whether the maps of a layer are (batch, channels, height, width)."""
        own = getattr(layer, "data_format", None)
        return self.channels_first if own is None else own == "channels_first"

    def _places(self, layer: Any, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The axes of a map that are places of the image; none where it has other axes than the image."""
        if len(shape) != self.images.shape.rank:
            return ()
        return shape[2:] if self.has_channels_first(layer) else shape[1:-1]

    def hides_scores(self, tensor: Any) -> bool:
        """Whether a tensor is made of the scores, by the activation behind them: whoever has it alone cannot tell them."""
        return tf.is_tensor(self.output) and tensor.op in behind_scores(self.output)

    def within(self, tensor: Any) -> bool:
        """Whether a tensor stands between the explained images and the output."""
        return tensor.op in self._downstream and tensor.op in self._upstream

    @functools.cached_property
    def _ends(self) -> set[Any]:
        """The operations that make the output of the scores, and the scores: an image output's map cannot explain itself."""
        outputs = keras.tree.flatten(self.output)
        return {operation for output in outputs for operation in makers(output, (*UNCHANGED, *ACTIVATIONS))}

    @functools.cached_property
    def _downstream(self) -> set[Any]:
        return _reached([self.images.op], _consumers)

    @functools.cached_property
    def _upstream(self) -> set[Any]:
        return _reached([tensor.op for tensor in keras.tree.flatten(self.output)], _producers)


def look(
    model: Any,
    inputs: Any,
    images: Any,
    *,
    modifier: str | None = None,
    instead: tuple[str, Any] | None = None,
    known: Mapping[tuple[int, str], Any] | None = None,
    output: str | None = None,
    layer: str | None = None,
    region: Any | None = None,
    precision: str = "float32",
) -> Look:
    """Call a model once on the graph being traced, and note what each layer made.

    Args:
        model: Keras model.
        inputs: what the model is called on: a tensor, or a list or dict of tensors.
        images: the tensor from which the explained one of `inputs` is made, (batch, height, width, channels).
        modifier: None, "guided" or "relu": how its ReLUs pass gradients back, as in `modifiers.passing`.
        instead: (path, tensor): what a layer is to hand on instead of what it makes, at each of its calls.
        known: (number, path) -> tensor: what a call is known to make, by its place in `Look.calls` and its layer. The tensor
            is handed on, and what nobody else asks for is never computed.
        output: name of the output that is asked about, of a model that has several.
        layer: path of the layer whose units are asked about, as if the model ended there.
        region: (batch, height, width), how much each place of the image counts in the mean of an image output.
        precision: "float32", or "bfloat16" for layers that compute in float32.

    Raises:
        InputError: `modifier` or `output` is unknown, or the output has no places for a `region` to choose from.
    """
    checked_modifier(modifier)
    graph = tf.compat.v1.get_default_graph()
    calls: list[Call] = []
    with modifiable(graph), lowered(model, precision), watched(model, graph, calls, instead, known or {}):
        try:
            with inlined():
                outputs = model(inputs, training=False)
        except tf.errors.OperatorNotAllowedInGraphError:  # it has a tf.function that only AutoGraph can trace
            calls.clear()
            outputs = model(inputs, training=False)
        except ValueError as error:
            if isinstance(error, InputError) or None not in _declared_shape(model):
                raise
            first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
            shape = tuple(images.shape[1:])
            raise InputError(f"The model must take images of shape {shape}. Received from Keras: {first}") from error
    named = _named_outputs(model, outputs)
    chosen = _chosen(outputs, named, output)
    first = models.channels_first(model)
    scores = scores_of(chosen, region if layer is None else None, first)
    whole = Look(images, chosen, *scores, tuple(calls), modifier, first, tuple(named))
    return whole if layer is None else _ending_at(whole, layer, models.layers(model)[layer], region)


def apply(layer: Any, tensors: Sequence[Any]) -> Any:
    """What one layer makes of these tensors at inference."""
    with inlined():
        return layer(tensors[0] if len(tensors) == 1 else list(tensors))


def slope(value: Any, tensor: Any) -> Any:
    """The gradient d value / d tensor on the graph being traced, where it is known to exist."""
    return tf.gradients(value, [tensor])[0]


def _chosen(outputs: Any, named: dict[str, Any], name: str | None) -> Any:
    """One output of a model by its name; what the model returned, where there are several and none is named."""
    if name is None:
        return next(iter(named.values())) if len(named) == 1 else outputs
    if name not in named:
        raise InputError(f"`output` must be an output of the model: {models.listed(list(named))}. Received: {name!r}.")
    return named[name]


def _named_outputs(model: Any, outputs: Any) -> dict[str, Any]:
    """The outputs by name: the keys of a dict, else the names of the layers that make them, else their numbers."""
    if isinstance(outputs, dict):
        return {str(name): output for name, output in outputs.items()}
    flat = keras.tree.flatten(outputs)
    names = list(getattr(model, "output_names", None) or [])
    if len(names) != len(flat) or len(set(names)) != len(names):
        names = [str(number) for number in range(len(flat))]
    return dict(zip(names, flat, strict=True))


def _ending_at(whole: Look, path: str, layer: Any, region: Any | None) -> Look:
    """A look at the model as if it ended with a layer, whose units take the place of the classes."""
    made = whole.layer(path)
    answers, scores, outputs, kind = scores_of(made, region, whole.has_channels_first(layer), as_classes=False)
    kind = kind.replace("output", f"activation of {path}")
    return replace(whole, output=made, answers=answers, scores=scores, probabilities=outputs, score_kind=kind)


def _reached(start: list[Any], neighbors: Callable[[Any], list[Any]]) -> set[Any]:
    found, todo = set(start), list(start)
    while todo:
        fresh = [operation for operation in neighbors(todo.pop()) if operation not in found]
        found.update(fresh)
        todo.extend(fresh)
    return found


def _declared_shape(model: Any) -> tuple[int | None, ...]:
    """The shape that a model gives for its input, without the batch; None where it takes any size; () where it gives none."""
    shape = getattr(model, "input_shape", None)
    return tuple(shape[1:]) if isinstance(shape, tuple) and len(shape) > 1 and not isinstance(shape[1], tuple) else ()


def _consumers(operation: Any) -> list[Any]:
    return [consumer for tensor in operation.outputs for consumer in tensor.consumers()]


def _producers(operation: Any) -> list[Any]:
    return [tensor.op for tensor in operation.inputs]


def _convolution_classes() -> tuple[type, ...]:
    return tuple(getattr(keras.layers, name) for name in models.CONVOLUTIONS)
