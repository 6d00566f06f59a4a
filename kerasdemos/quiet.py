"""Keep TensorFlow's start-up notices off the screen of a person who asked for something else.

TensorFlow 2.21 writes about its processor and its missing GPU before it reads TF_CPP_MIN_LOG_LEVEL.
"""

from __future__ import annotations

import os
import sys


def import_tensorflow() -> None:
    """Import TensorFlow and find its devices with stderr closed; TF_CPP_MIN_LOG_LEVEL=0 leaves it open.

    An exception passes as ever: only what TensorFlow's C++ writes is lost.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0" or "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    screen = os.dup(2)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        import tensorflow as tf

        tf.config.list_logical_devices()
        tf.get_logger().setLevel("ERROR")  # advice about retracing, which several models in a row set off
    finally:
        os.dup2(screen, 2)
        os.close(screen)
