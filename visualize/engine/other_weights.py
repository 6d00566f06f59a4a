"""Other weights: what a model computes with them, while the model itself keeps its own.

The graph reads variables of ours in the place of the model's, through a `keras.StatelessScope` that is open while it is
traced. No weight of the model is ever assigned, so nothing changes for another thread that uses the model meanwhile.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize.models.layers import check_model

_in_use: contextvars.ContextVar[OtherWeights | None] = contextvars.ContextVar("other_weights", default=None)


class OtherWeights:
    """A second set of weights for one model; at first a copy of its own.

    The set has compiled graphs of its own, traced once: when its values are assigned anew, the same graphs compute with them.

    Args:
        model: Keras model.

    Attributes:
        model: the same.
        graphs: the compiled graphs that read these weights, see `engine.compile`.
    """

    def __init__(self, model: keras.Model):
        check_model(model)
        self.model = model
        self.graphs: OrderedDict[Any, Any] = OrderedDict()
        self._variables = {id(weight): weight for weight in model.weights}
        self._values: dict[int, tf.Variable] = {}

    def assign(self, values: Mapping[int, np.ndarray]) -> None:
        """Set some of the weights; the others become the model's own.

        Args:
            values: the new value of each weight by the `id` of the model's variable, in its shape.
        """
        for key, weight in self._variables.items():
            value = values.get(key)
            if key not in self._values:
                self._values[key] = tf.Variable(tf.convert_to_tensor(weight), trainable=False)
            self._values[key].assign(tf.convert_to_tensor(weight if value is None else value, self._values[key].dtype))

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Within this context every method that explains the model, called from this thread, computes with these weights."""
        if not self._values:
            self.assign({})
        token = _in_use.set(self)
        try:
            yield
        finally:
            _in_use.reset(token)

    def mapping(self) -> list[tuple[Any, tf.Tensor]]:
        """Each weight of the model with the value that stands in its place, read on the graph being traced."""
        return [(weight, tf.convert_to_tensor(self._values[key])) for key, weight in self._variables.items()]


def weights_in_use(model: keras.Model) -> OtherWeights | None:
    """The other weights that this thread computes with, if they are those of this model."""
    weights = _in_use.get()
    return weights if weights is not None and weights.model is model else None


@contextlib.contextmanager
def stateless() -> Iterator[None]:
    """Keep the variables of a model from being updated while it is traced; read the other weights where they are in use."""
    weights = _in_use.get()
    mapping = [] if weights is None else weights.mapping()
    with keras.StatelessScope(state_mapping=mapping, initialize_variables=False):
        yield
