"""Checks of labelled pictures, before anything is computed from them."""

from __future__ import annotations

import numpy as np

from kerasdemos.demo import Pictures
from visualize.errors import InputError

SIDE, CLASSES = 28, 10  # what the networks of the articles take


def check_pair(images: np.ndarray, labels: np.ndarray, name: str) -> None:
    """Refuse images and labels that do not belong together.

    Raises:
        InputError: their types, shapes or counts do not fit.
    """
    if images.dtype != np.uint8 or images.ndim != 3:
        raise InputError(
            f"The images of {name} must be uint8 of shape (count, height, width). "
            f"Received: {images.dtype} of shape {images.shape}."
        )
    if labels.ndim != 1 or labels.dtype.kind not in "ui":
        raise InputError(
            f"The labels of {name} must be whole numbers of shape (count,). Received: {labels.dtype} of shape {labels.shape}."
        )
    if len(images) != len(labels):
        raise InputError(
            f"The images and labels of {name} must be equally many. Received: {len(images)} images and {len(labels)} labels."
        )


def check_digits(pictures: Pictures) -> None:
    """Refuse pictures that the networks cannot take.

    Raises:
        InputError: other sizes, other classes, or too few.
    """
    parts = {
        "train": (pictures.train_images, pictures.train_labels),
        "test": (pictures.test_images, pictures.test_labels),
    }
    for part, (images, labels) in parts.items():
        name = f"{pictures.name} ({part})"
        if len(images) < CLASSES:
            raise InputError(f"{name} must hold at least {CLASSES} images. Received: {len(images)}.")
        if images.shape[1:] != (SIDE, SIDE):
            height, width = images.shape[1:]
            raise InputError(f"The images of {name} must be {SIDE} x {SIDE} pixels. Received: {height} x {width}.")
        lowest, highest = int(labels.min()), int(labels.max())
        if lowest < 0 or highest >= CLASSES:
            raise InputError(f"The labels of {name} must be from 0 to {CLASSES - 1}. Received: {lowest} to {highest}.")
        if not images.any():
            raise InputError(f"The images of {name} must not all be black. Received: only zeros.")
