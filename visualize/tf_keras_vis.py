"""What users of tf-keras-vis already hold: its scores name targets, its regularizers and callbacks work in `maximize`.

The library is never imported here: whoever holds one of its objects has imported it.
"""

from __future__ import annotations

import sys
from typing import Any


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
