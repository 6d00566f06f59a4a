"""Explanations for a metric that computes them itself: the same method on changed images, or with changed weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from visualize._utils.lazy import keras
from visualize.attribution.comparison import compare
from visualize.errors import InputError
from visualize.models.inputs import Inputs, inputs_of
from visualize.results import Attribution
from visualize.targets import Target


@dataclass(frozen=True, eq=False)
class Explanations:
    """A method, applied to the same images and classes again and again.

    Attributes:
        model: Keras model.
        images: as the user passed them.
        inputs: the arrays that the model is called on.
        target: one class for each image, those of `original`.
        method: such as `visualize.gradcam`.
        options: of the method.
        original: the maps of the images as they are, by the model as it is.
    """

    model: keras.Model
    images: Any
    inputs: Inputs
    target: Target
    method: Callable[..., Attribution]
    options: Mapping[str, Any]
    original: Attribution

    @classmethod
    def of(
        cls,
        model: keras.Model,
        images: Any,
        target: Any,
        method: Callable[..., Attribution],
        options: Mapping[str, Any],
    ) -> Explanations:
        """Explain the images, and keep their classes: what the model predicts of them is decided once.

        Raises:
            InputError: the method cannot be applied.
        """
        original = compare(model, images, target, methods=[method], **options)[0]
        target = target if isinstance(target, Target) else Target(target)
        if (original.targets >= 0).all():
            target = replace(target, classes=[int(each) for each in original.targets])
        return cls(model, images, inputs_of(model, images, options.get("input_name")), target, method, options, original)

    def again(self) -> Attribution:
        """The maps of the same images, with whatever weights are in use."""
        return self._explain(self._arrays(self.inputs.images, 1), self.target)

    def of_copies(self, images: np.ndarray, copies: int) -> np.ndarray:
        """The maps of changed copies of the images, each explained for the class of its image.

        Args:
            images: (copies x batch, height, width, channels), the whole batch once for each copy.
            copies: how many.

        Returns:
            (copies, batch, height, width).
        """
        target = self.target
        if isinstance(target.classes, list):
            target = replace(target, classes=target.classes * copies)
        if target.region is not None and np.ndim(target.region) == images.ndim - 1:  # a mask for each image
            target = replace(target, region=np.tile(target.region, (copies, *[1] * (images.ndim - 2))))
        values = self._explain(self._arrays(images, copies), target).values
        return values.reshape(copies, -1, *values.shape[1:])

    def _explain(self, arrays: Any, target: Target) -> Attribution:
        return compare(self.model, arrays, target, methods=[self.method], **self.options)[0]

    def _arrays(self, images: np.ndarray, copies: int) -> Any:
        """The inputs as a user passes them, with these images in the place of the explained ones."""
        signature = self.inputs.signature
        images = np.asarray(signature.channels.from_last(images))
        if signature.vector:
            images = images.reshape(len(images), -1)
        if signature.integers is not None:
            limits = np.iinfo(signature.integers)
            images = np.clip(np.round(images), limits.min, limits.max).astype(signature.integers)
        others = {name: np.concatenate([self.inputs.arrays[name]] * copies) for name in self.inputs.others}
        return {**others, self.inputs.input_name: images} if others else images


def check_changeable(inputs: Inputs) -> None:
    """Refuse images that cannot be changed a little.

    Raises:
        InputError: they are whole numbers, other than bytes of pixels.
    """
    integers = inputs.signature.integers
    if integers not in (None, "uint8"):
        raise InputError(
            f"`images` must be pixels, which can be changed a little. Received: {integers}, such as numbers of words."
        )
