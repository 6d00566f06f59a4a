"""TensorFlow, Keras and h5py, imported when they are first used: `--help` must not take four seconds."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from visualize.errors import InputError

# A line of TensorFlow's C++ that is no fatal error, in the form before and after absl's logging is initialized.
NATIVE_LOG = re.compile(
    rb"[IWE]\d{4} \d\d:\d\d:|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] |"
    rb"WARNING: All log messages before absl::InitializeLog|To enable the following instructions:"
)


class LazyModule:
    """A module that is imported when one of its attributes is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if self._name != "h5py":
            start_tensorflow()
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)  # the next lookup is a plain attribute
        return value


def start_tensorflow() -> None:
    """Import TensorFlow and start its devices without its notices; TF_CPP_MIN_LOG_LEVEL=0 lets them through.

    TensorFlow 2.21 writes about its processor and its missing GPU before it reads TF_CPP_MIN_LOG_LEVEL, so its lines are taken
    out of standard error meanwhile. Where the user has imported it already, it has said what it says, and nothing is done.

    Raises:
        InputError: Keras was told to run on another backend.
    """
    if sys.modules.get("tensorflow") is not None:
        return
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise InputError(f"The environment variable KERAS_BACKEND must be tensorflow, or not set. Received: {backend!r}.")
    silent = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "0"  # errors are raised anyway
    with without_native_logs() if silent else contextlib.nullcontext():
        import tensorflow as tf

        tf.zeros(())  # with the first operation TensorFlow starts its devices and reports on them


@contextlib.contextmanager
def without_native_logs() -> Iterator[None]:
    """Take the lines that TensorFlow's C++ logs out of standard error; all other lines appear at the end of the block."""
    try:
        stderr = os.dup(2)
    except OSError:  # closed: nobody reads it
        yield
        return
    with tempfile.TemporaryFile() as written:
        _flush_stderr()
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            _flush_stderr()
            os.dup2(stderr, 2)
            os.close(stderr)
            written.seek(0)
            for line in written:
                if not NATIVE_LOG.match(line):
                    os.write(2, line)


def _flush_stderr() -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):  # it may be missing or closed
        sys.stderr.flush()


if TYPE_CHECKING:  # to editors and type checkers they are the modules themselves
    import h5py as h5py
    import keras as keras
    import tensorflow as tf
else:
    h5py = LazyModule("h5py")
    keras = LazyModule("keras")
    tf = LazyModule("tensorflow")
