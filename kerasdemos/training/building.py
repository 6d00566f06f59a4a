"""Build a network from a seed, to compute in a precision."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import keras

from kerasdemos.demo import Network

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def build(network: Network, *, seed: int, precision: str) -> keras.Model:
    """The compiled network with its initial weights, its optimizer ready.

    In bfloat16 the layers compute in bfloat16; the weights, the optimizer, the last layer, the loss and the accuracy
    stay in float32 (Micikevicius et al. (2017), arXiv:1710.03740, section 3.1, with bfloat16 in place of float16).

    Args:
        network: what to build.
        seed: of the initial weights and of dropout. They are the same in either precision.
        precision: float32 or bfloat16, whatever the caller's Keras policy is; that one is put back.
    """
    with _seeded(seed), _policy(POLICIES[precision]):
        model = network.build()
    model.layers[-1].dtype_policy = "float32"  # no bfloat16 lies between 0.9961 and 1, where probabilities end
    model.optimizer.build(model.trainable_variables)
    return model


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Keras draws the seeds of initializers and dropouts from Python's random numbers; put those back."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


@contextmanager
def _policy(name: str) -> Iterator[None]:
    """Layers take the policy that is set while they are built; put back the one that was set before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
