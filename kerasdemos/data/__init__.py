"""Labelled pictures: the packaged MNIST, directories of IDX files, Keras' .npz files; and a few photographs."""

from kerasdemos.data.datasets import idx, mnist
from kerasdemos.data.datasets import load_pictures as load
from kerasdemos.data.photos import photos

__all__ = ["idx", "load", "mnist", "photos"]
