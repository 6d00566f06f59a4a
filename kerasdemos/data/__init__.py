"""Labelled pictures: the packaged MNIST, directories of IDX files, Keras' .npz files."""

from kerasdemos.data.datasets import idx, mnist
from kerasdemos.data.datasets import load_pictures as load

__all__ = ["idx", "load", "mnist"]
