"""Readout: what a model responds to objectives, read off the graph being traced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from visualize._utils.lazy import keras, tf
from visualize.engine.forward import ForwardPass, forward_pass
from visualize.engine.logits import before_activation
from visualize.engine.relu_gradients import RELUS
from visualize.errors import InputError
from visualize.feature_visualization.objectives import Source, name_of_function
from visualize.models.inputs import Inputs, InputSignature
from visualize.models.layers import listed


@dataclass(frozen=True, eq=False)
class Readout:
    """The values of the objectives of a batch.

    Attributes:
        forward: the forward pass that they were read off.
        score: (batch,) float32, the weighted sum of the values that each objective reads.
        score_before_relu: the same of values before their ReLUs, whose gradient is not zero where the ReLU is; None where
            there is no ReLU.
        values: of each source, (batch, count) each.
        counts: how many values each source has.
        kind: what the scores are: "logit", "activation" and the like; "objective" for a mixture of kinds.
    """

    forward: ForwardPass
    score: tf.Tensor
    score_before_relu: tf.Tensor | None
    values: tuple[tf.Tensor, ...]
    counts: tuple[int, ...]
    kind: str


@dataclass(frozen=True)
class ReadoutSpec:
    """How a model is called on images, and where objectives read: what two graphs differ in.

    Attributes:
        signature: how the model is called.
        sources: where the objectives read.
        output: name of the output that the scores are of; None where the model has only one.
    """

    signature: InputSignature
    sources: tuple[Source, ...]
    output: str | None = None

    @property
    def user_functions(self) -> tuple[Callable[..., Any], ...]:
        """Functions of the scores, which have their programs traced at every call."""
        return tuple(source.function for source in self.sources if source.function is not None)

    def tensor_specs(self, inputs: Inputs) -> dict[str, tf.TensorSpec]:
        """What `bind` takes out of the tensors of a graph.

        These are `weights_0` and so on, the weight of each value of each source, (batch, count); and `held_` and its name for
        each input of the model that is not optimized, one row.
        """
        specs = {f"held_{name}": inputs.specs()[name] for name in inputs.others}
        weights = tf.TensorSpec([None, None], tf.float32)
        return {**specs, **{f"weights_{number}": weights for number in range(len(self.sources))}}

    def bind(self, tensors: Mapping[str, tf.Tensor], count: tf.Tensor) -> BoundReadout:
        """The readout of a batch of `count` images, with the weights and the other inputs among these tensors."""
        weights = tuple(tensors[f"weights_{number}"] for number in range(len(self.sources)))
        held = {
            name.removeprefix("held_"): tf.repeat(tensor, count, axis=0)
            for name, tensor in tensors.items()
            if name.startswith("held_")
        }
        return BoundReadout(self, weights, held)


@dataclass(frozen=True, eq=False)
class BoundReadout:
    """A readout with the tensors that it needs beside the images.

    Attributes:
        spec: how the model is called, and where objectives read.
        weights: of the values of each source, (batch, count) each.
        held: the other inputs of the model by name, (batch, ...).
    """

    spec: ReadoutSpec
    weights: tuple[tf.Tensor, ...]
    held: Mapping[str, tf.Tensor]

    def read(self, model: keras.Model, images: tf.Tensor) -> Readout:
        """Call the model on images, (batch, height, width, channels), and read the value of each objective.

        Raises:
            InputError: a source is not of the model.
        """
        signature, sources = self.spec.signature, self.spec.sources
        inputs = signature.pack({**self.held, signature.input_name: images})
        forward = forward_pass(model, inputs, images, output=self.spec.output)
        values = [_values(forward, source) for source in sources]
        after_relu = tuple(after for after, _ in values)
        score = self._weighted_sum(after_relu)
        has_relu = any(before is not None for _, before in values)
        before_relu = (
            self._weighted_sum([after if before is None else before for after, before in values]) if has_relu else None
        )
        kinds = {_kind_of(source, forward) for source in sources}
        counts = tuple(cast("int", after.shape[-1]) for after in after_relu)
        kind = kinds.pop() if len(kinds) == 1 else "objective"
        return Readout(forward, score, before_relu, after_relu, counts, kind)

    def _weighted_sum(self, values: Sequence[tf.Tensor]) -> tf.Tensor:
        """Values times weights, (batch,); a value of weight 0 adds nothing, even if it is infinite."""
        products = [
            tf.math.multiply_no_nan(value, tf.cast(weights, value.dtype))
            for value, weights in zip(values, self.weights, strict=True)
        ]
        return tf.add_n([tf.reduce_sum(product, axis=-1) for product in products])


def _values(forward: ForwardPass, source: Source) -> tuple[tf.Tensor, tf.Tensor | None]:
    """The values of a source, (batch, count), and the same before its ReLU; None where it has none.

    Raises:
        InputError: the source is not of the model.
    """
    if source.function is not None:
        return _function_values(forward, source.function), None
    if source.layer is None:
        if forward.scores is None and len(forward.output_names) > 1:
            raise InputError(
                f"`output` must name one of the model's outputs, {listed(forward.output_names)}, or `layer` a layer. "
                "Received: None."
            )
        if forward.scores is None:
            raise InputError("`layer` must be named: the model does not return one row of scores for each image.")
        return forward.scores, None
    output = forward.layer_output(source.layer)
    output = before_activation(output)[0] if source.kind == "units" else output
    if output.shape.rank is None or output.shape.rank < 2:
        raise InputError(f"`layer` must have units. Received: {source.layer!r}, whose output is {tuple(output.shape)}.")
    before, relu = before_activation(output, RELUS)
    output, before = (tf.cast(tensor, tf.float32) for tensor in (output, before))
    if source.kind == "squares":
        axes = list(range(1, output.shape.rank))
        squares = tf.reduce_mean(output**2, axes)[:, None]  # (batch, 1)
        return squares, tf.reduce_mean(before, axes)[:, None] if relu else None
    output, before = (forward.with_channels_last(source.layer, tensor) for tensor in (output, before))
    return _unit_values(output, source), _unit_values(before, source) if relu else None


def _unit_values(output: tf.Tensor, source: Source) -> tf.Tensor:
    """The activation of each unit, (batch, units): the mean of its map, or the map at one position."""
    shape = cast("list[int]", output.shape.as_list()[1:-1])
    position = source.position
    if position is None:
        return tf.reduce_mean(output, axis=list(range(1, 1 + len(shape))))
    fits = len(shape) == len(position) and all(0 <= index < size for index, size in zip(position, shape, strict=True))
    if not fits:
        size = " x ".join(map(str, shape)) or "a row of units"
        raise InputError(f"`position` must be on the map of {source.layer!r}, {size}. Received: {position}.")
    return output[(slice(None), *position)]


def _function_values(forward: ForwardPass, function: Callable[..., Any]) -> tf.Tensor:
    """What a user's function makes of the scores, (batch, 1)."""
    score = function(forward.logits)
    score = tf.stack(score) if isinstance(score, list | tuple) else score
    shape = f"shape {tuple(score.shape)}" if tf.is_tensor(score) else type(score).__name__
    if not tf.is_tensor(score) or score.shape.rank != 1:
        raise InputError(f"`target`, a function, must return one score for each image, (batch,). Received: {shape}.")
    return tf.cast(score, tf.float32)[:, None]


def _kind_of(source: Source, forward: ForwardPass) -> str:
    """What the values of a source are."""
    if source.function is not None:
        return f"{name_of_function(source.function)} of the {forward.score_kind}"
    if source.layer is None:
        return forward.score_kind
    return "activation" if source.kind == "units" else "mean squared activation"
