"""Allowance: the memory that the layers of a file may take while they are made."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from visualize._utils.lazy import keras, tf
from visualize._utils.limits import FLOOR
from visualize._utils.text import shortened
from visualize.errors import InputError

_one_at_a_time = threading.RLock()


@contextlib.contextmanager
def allowed(path: Path, stored: int) -> Iterator[None]:
    """Refuse weights, while a model is made from its configuration, that its file cannot fill.

    A configuration of a few bytes can ask for a layer of any size, and Keras makes its random weights before it looks at
    those in the file.

    Args:
        path: the file, for the message.
        stored: bytes of the arrays in it.

    Raises:
        InputError: the layers ask for more than twice as much, and a quarter of a gigabyte.
    """
    opener, asked, refusal = threading.get_ident(), 0, None

    def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal asked, refusal
        if threading.get_ident() == opener:
            asked += _size(self, *args, **kwargs)
        if asked > 2 * stored + FLOOR:
            needs = shortened(f"{asked:,}", 60)
            refusal = InputError(
                f"{path} must hold the weights of its layers. Received: {stored:,} bytes, and layers that ask for {needs}."
            )
            raise refusal
        return made(self, *args, **kwargs)

    with _one_at_a_time:
        made = keras.layers.Layer.add_weight
        keras.layers.Layer.add_weight = add_weight
        try:
            yield
        except Exception:
            if refusal is not None:  # Keras may have wrapped it in an error of its own
                raise refusal from None
            raise
        finally:
            keras.layers.Layer.add_weight = made


def _size(layer: Any, shape: Any = (), initializer: Any = None, dtype: Any = None, **_: Any) -> int:
    """Bytes of a weight; a shape that is none is left for Keras to refuse."""
    lengths = [length for length in shape or () if isinstance(length, int)] if isinstance(shape, Iterable) else []
    return math.prod(lengths) * tf.as_dtype(keras.backend.standardize_dtype(dtype or layer.variable_dtype)).size
