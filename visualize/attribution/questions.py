"""Questions: what is asked of a model, checked as far as it can be before the model is traced."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize import targets
from visualize._utils.lazy import tf
from visualize.engine import forward as probe
from visualize.engine.precision import settled
from visualize.errors import InputError
from visualize.models import layers as models
from visualize.models.inputs import Inputs, inputs_of
from visualize.results import Attribution
from visualize.targets import Target

REGION = "region_of_the_output"  # its name among the arrays of a question


@dataclass(frozen=True)
class Question:
    """A model, its input and a target.

    Attributes:
        target: class, name, one for each image, or None; None too where there is a function.
        function: the user's own score of the model's scores, or None.
        output: name of the output that is asked about; None where the model has one.
        layer: path of the layer whose units are asked about; None for the model's output.
        region: how much each place counts, (batch, height, width), of an image output; None for all alike.
        precision: in which the model's layers compute, "float32" (or as they are made) or "bfloat16".
        names: of the classes; empty where nobody named them.
        input_range: of the pixels; None where nobody told.
    """

    model: Any
    inputs: Inputs
    target: Any
    function: Callable | None
    output: str | None
    layer: str | None
    region: np.ndarray | None
    precision: str
    names: tuple[str, ...]
    input_range: tuple[float, float] | None

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What tells the graphs of two questions to one model apart."""
        return (self.inputs.explained, str(self.inputs.structure), self.function, self.output, self.layer, self.precision)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What goes through a graph image by image."""
        return {**self.inputs.arrays, **({} if self.region is None else {REGION: self.region})}

    @property
    def specs(self) -> dict[str, Any]:
        """A tensor specification for each of the arrays, whatever the size of the batch."""
        shapes = {REGION: tf.TensorSpec([None, *self.inputs.size], tf.float32)} if self.region is not None else {}
        return {**self.inputs.specs(), **shapes}

    def look(self, model: Any, tensors: Mapping[str, Any], **options: Any) -> probe.Look:
        """Look at tensors by the names of `arrays` on the graph being traced.

        Args:
            model: the question's own, which a trace must not hold.
            tensors: a batch of each.
            options: further options of `probe.look`.
        """
        region = None if self.region is None else tensors[REGION]
        chosen = {"output": self.output, "layer": self.layer, "region": region, "precision": self.precision}
        return probe.look(model, self.inputs.packed(tensors), tensors[self.inputs.explained], **chosen, **options)

    def classes(self, notes: Mapping[str, Any]) -> np.ndarray:
        """The class of each image, (batch,) int32, or `targets.OWN_CHOICE`; by the notes of a trace that used `score_of`.

        Raises:
            InputError: no such class, or another number of targets than of images.
        """
        if self.function is not None:
            return np.full(len(self.inputs.images), targets.OWN_CHOICE, "int32")
        targets.check_names(self.names, notes["classes"])
        return targets.indices(self.target, len(self.inputs.images), notes["classes"], self.names)

    def attribution(
        self,
        values: np.ndarray,
        found: Mapping[str, np.ndarray],
        method: str,
        settings: Mapping[str, Any],
        **arrays: np.ndarray,
    ) -> Attribution:
        """The result, with what `score_of` reported."""
        general = {
            "explained": self.inputs.explained,
            "output": self.output,
            "target_layer": self.layer,
            "region": "whole" if self.region is None else "chosen",
            "precision": self.precision,
            "class_names": list(self.names),
            "input_range": self.input_range,
        }
        arrays.update({name: found[name] for name in ("predicted", "probability") if name in found})
        return Attribution(
            values, self.inputs.images, found["target"], found["score"], method, {**settings, **general}, arrays
        )


def ask(model: Any, images: Any, target: Any, explained: str | None, precision: str = "float32") -> Question:
    """Check a question at the door.

    Raises:
        InputError: what `inputs_of` raises, an unknown precision, a layer that the model has not, or a region that is none of
            the images'.
    """
    inputs = inputs_of(model, images, explained)
    card = models.card(model)
    asked = target if isinstance(target, Target) else Target(target)
    plain, function = targets.split_target(asked.classes)
    region = targets.weights_of(asked.region, len(inputs.images), inputs.size)
    if function is not None and region is not None:
        raise InputError(
            "`region` must be left out where the target is a function, which is given every place. Received: both."
        )
    if asked.output is not None and asked.layer is not None:
        raise InputError("`output` must be left out where `layer` says whose units are meant. Received: both.")
    path = None if asked.layer is None else models.find_layer(asked.layer, list(models.layers(model)))
    names = card.class_names if asked.output is path is None else ()  # a card names the classes of the one output
    precision = settled(precision)
    return Question(model, inputs, plain, function, asked.output, path, region, precision, names, card.input_range)
