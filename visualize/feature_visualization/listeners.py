"""Listeners: callbacks of tf-keras-vis, told how a climb goes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from visualize._utils.lazy import tf
from visualize.engine.compile import CompiledGraph, Program, compiled
from visualize.engine.forward import forward_pass, gradient_of
from visualize.errors import InputError
from visualize.feature_visualization import regularizers as penalties
from visualize.feature_visualization.optimizer import Climb
from visualize.feature_visualization.readout import answer
from visualize.models.inputs import Inputs, InputSignature


def checked_callbacks(callbacks: Any) -> tuple[Any, ...]:
    """The callbacks, one or several.

    Raises:
        InputError: one of them has not what tf-keras-vis calls.
    """
    several = tuple(callbacks) if isinstance(callbacks, Sequence) else (callbacks,)
    for one in several:
        if not callable(one) or not hasattr(one, "on_begin") or not hasattr(one, "on_end"):
            raise InputError(f"`callbacks` must be callbacks of tf-keras-vis. Received: {one!r}.")
    return several


@contextlib.contextmanager
def told(
    callbacks: tuple[Any, ...],
    model: Any,
    inputs: Inputs,
    climb: Climb,
    arguments: Mapping[str, Any],
    tensors: Mapping[str, Any],
) -> Iterator[Callable[[int, Any], None]]:
    """Begin and end the callbacks around a climb; `tell(steps done, images)` within it calls them.

    They get what they get in tf-keras-vis: the number of the step, from 0; and in lists `values`, the images; `grads`, the
    slopes of what is made small, the regularizations less the score; `scores`; `model_outputs`; and `regularizations`, pairs
    of a name and a number for each image. All of it is of the images as they stand then, without transforms. After an
    exception they are ended too.

    Args:
        callbacks: of tf-keras-vis.
        model: Keras model.
        inputs: of the climb.
        climb: what a step weighs.
        arguments: what `on_begin` is told.
        tensors: `weights_0` and on, and the inputs that stay as they are, as the graph of the climb has them.
    """
    if not callbacks:
        yield lambda done, images: None
        return
    trace = _report_of(model, inputs, climb)
    names = [getattr(one, "name", type(one).__name__) for one in climb.regularizers]

    def tell(done, images):
        report = trace(images=images, **tensors)
        outputs = [report[f"output_{number}"] for number in range(trace.notes["outputs"])]
        paid = [(name, report[f"regularization_{number}"]) for number, name in enumerate(names)]
        overall = [-report["score"], *(value for _, value in paid)]
        for one in callbacks:
            # Lists of their own: tf-keras-vis' Progress adds to what it gets.
            one(done - 1, [images], [report["slope"]], [report["score"]], list(outputs),
                regularizations=list(paid), overall_score=list(overall))  # fmt: skip

    begun = []
    try:
        for one in callbacks:
            one.on_begin(**arguments)
            begun.append(one)
        yield tell
    except BaseException:
        for one in begun:
            with contextlib.suppress(Exception):  # the first mistake is the one to be seen
                one.on_end()
        raise
    for one in begun:
        one.on_end()


def _report_of(model: Any, inputs: Inputs, climb: Climb) -> CompiledGraph:
    """A graph from images to what a callback is told of them."""
    specs = {f"held_{name}": inputs.specs()[name] for name in inputs.others}
    specs["images"] = inputs.specs()[inputs.input_name]
    specs.update({f"weights_{number}": tf.TensorSpec([None, None], tf.float32) for number in range(len(climb.sources))})
    return compiled(model, Report(climb, inputs.signature), specs)


@dataclass(frozen=True)
class Report(Program):
    """The graph of what a callback is told."""

    climb: Climb
    signature: InputSignature

    @property
    def user_functions(self) -> tuple[Callable, ...]:
        return self.climb.functions

    def trace(self, model, tensors):
        climb, tensors = self.climb, dict(tensors)
        images = tensors.pop("images")
        weights = [tensors.pop(f"weights_{number}") for number in range(len(climb.sources))]
        others = {name.removeprefix("held_"): tf.repeat(one, tf.shape(images)[0], axis=0) for name, one in tensors.items()}
        seen = forward_pass(model, self.signature.pack({**others, self.signature.input_name: images}), images)
        score = answer(seen, climb.sources, weights).score
        outputs = tf.nest.flatten(seen.output)
        paid = [penalties.regularization(one, images) for one in climb.regularizers]
        slope = gradient_of(tf.add_n([*paid, -tf.cast(score, images.dtype)]), images)
        found = {f"output_{number}": output for number, output in enumerate(outputs)}
        found.update({f"regularization_{number}": value for number, value in enumerate(paid)})
        return {**found, "score": score, "slope": slope}, {"outputs": len(outputs)}
