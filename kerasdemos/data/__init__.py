"""Labelled pictures: the packaged MNIST, directories of IDX files, Keras' .npz files."""

from kerasdemos.data.named import idx, mnist
from kerasdemos.data.sources import load

__all__ = ["idx", "load", "mnist"]
