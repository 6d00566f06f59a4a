"""Objects of tf-keras-vis that users already have: scores name targets, regularizers and callbacks work in `maximize`.

The library is never imported here: whoever has one of its objects has imported it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from visualize._utils.lazy import tf
from visualize.errors import InputError

Regularizer = Callable[..., Any]  # images, (1, height, width, channels) -> a number
CallCallbacks = Callable[[int, Any], None]  # steps done, images


class Callback(Protocol):
    """What `maximize` needs of a callback."""

    def on_begin(self, **arguments: Any) -> Any:
        """Called before the first step, with the arguments of the optimization."""

    def __call__(self, step: int, values: Any, grads: Any, scores: Any, model_outputs: Any, **more: Any) -> Any:
        """Called after a step."""

    def on_end(self) -> Any:
        """Called after the last step."""


@dataclass(frozen=True, eq=False)
class Report:
    """What callbacks receive of a batch of images.

    Attributes:
        gradients: (batch, height, width, channels), of the regularizations minus the score.
        scores: (batch,).
        outputs: what the model returns, a tensor for each of its outputs.
        regularizations: (batch,), of each regularizer.
    """

    gradients: tf.Tensor
    scores: tf.Tensor
    outputs: Sequence[tf.Tensor]
    regularizations: Sequence[tf.Tensor]


# Scores ---------------------------------------------------------------------------------------------------------------------


def classes_of_score(score: Any) -> int | list[int] | None:
    """The classes that a `CategoricalScore` or `BinaryScore` names; None for any other object."""
    scores = sys.modules.get("tf_keras_vis.utils.scores")
    if scores is None:
        return None
    if isinstance(score, scores.CategoricalScore):
        classes = list(score.indices)
    elif isinstance(score, scores.BinaryScore):
        classes = [int(value) for value in score.target_values]
    else:
        return None
    return classes[0] if len(classes) == 1 else classes


# Regularizers ---------------------------------------------------------------------------------------------------------------


def checked_regularizers(regularizers: Any) -> tuple[Regularizer, ...]:
    """The regularizers as a tuple, from a single one or a sequence.

    Raises:
        InputError: one of them cannot be called.
    """
    sequence = tuple(regularizers) if isinstance(regularizers, Sequence) else (regularizers,)
    for regularizer in sequence:
        if not callable(regularizer):
            raise InputError(
                f"`regularizers` must be functions of images, as those of tf-keras-vis are. Received: {regularizer!r}."
            )
    return sequence


def regularization_of_each(regularizer: Regularizer, images: tf.Tensor) -> tf.Tensor:
    """What a regularizer returns for each image when it is called on that image alone, (batch,).

    Args:
        regularizer: of tf-keras-vis, or any function of images. A `LegacyRegularizer` is called on a list.
        images: (batch, height, width, channels).

    Raises:
        InputError: it does not return one number for an image.
    """
    legacy = sys.modules.get("tf_keras_vis.utils.regularizers")
    takes_list = legacy is not None and isinstance(regularizer, legacy.LegacyRegularizer)

    def of_image(image: tf.Tensor) -> tf.Tensor:
        value = tf.convert_to_tensor(regularizer([image[None]] if takes_list else image[None]))
        if value.shape.num_elements() != 1:
            raise InputError(f"`regularizers` must return one number for each image. Received: shape {tuple(value.shape)}.")
        return tf.cast(tf.reshape(value, []), images.dtype)

    return tf.map_fn(of_image, images, fn_output_signature=tf.TensorSpec([], images.dtype))


# Callbacks ------------------------------------------------------------------------------------------------------------------


def checked_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """The callbacks as a tuple, from a single one or a sequence.

    Raises:
        InputError: one of them lacks a method of tf-keras-vis' callbacks.
    """
    sequence = tuple(callbacks) if isinstance(callbacks, Sequence) else (callbacks,)
    for callback in sequence:
        if not callable(callback) or not hasattr(callback, "on_begin") or not hasattr(callback, "on_end"):
            raise InputError(f"`callbacks` must be callbacks of tf-keras-vis. Received: {callback!r}.")
    return sequence


@contextlib.contextmanager
def begun_callbacks(
    callbacks: Sequence[Callback],
    arguments: Mapping[str, Any],
    regularizers: Sequence[Regularizer],
    report_of: Callable[[tf.Tensor], Report],
) -> Iterator[CallCallbacks]:
    """Begin the callbacks, and end them after the block, whether it fails or not.

    Within the block `call(steps done, images)` calls each of them with what tf-keras-vis passes: the number of the step, from
    0; as lists `values`, the images, `grads`, `scores` and `model_outputs`; and `regularizations`, pairs of a name and of
    numbers, (batch,). All of it is computed for these images, without transforms.

    Args:
        callbacks: as `checked_callbacks` returns them.
        arguments: the keywords of `on_begin`.
        regularizers: whose names are reported.
        report_of: what to report of images, (batch, height, width, channels).
    """
    names = [getattr(regularizer, "name", type(regularizer).__name__) for regularizer in regularizers]

    def call(steps_done: int, images: tf.Tensor) -> None:
        report = report_of(images)
        regularizations = list(zip(names, report.regularizations, strict=True))
        overall_score = [-report.scores, *report.regularizations]
        for callback in callbacks:
            # Each gets lists of its own: tf-keras-vis' Progress appends to them.
            callback(steps_done - 1, [images], [report.gradients], [report.scores], list(report.outputs),
                     regularizations=list(regularizations), overall_score=list(overall_score))  # fmt: skip

    begun: list[Callback] = []
    try:
        for callback in callbacks:
            callback.on_begin(**arguments)
            begun.append(callback)
        yield call
    except BaseException:
        for callback in begun:
            with contextlib.suppress(Exception):  # the first error is the one to be seen
                callback.on_end()
        raise
    for callback in begun:
        callback.on_end()
