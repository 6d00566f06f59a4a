"""Labelled pictures: the packaged MNIST, directories of IDX files, Keras' .npz files."""

from kerasdemos.data.mnist import load
from kerasdemos.data.named import idx, mnist

__all__ = ["idx", "load", "mnist"]
