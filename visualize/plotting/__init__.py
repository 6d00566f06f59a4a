"""Figures: results as pictures. The only package that imports matplotlib."""

from visualize.figures.drawing import draw, write_gif, write_png
from visualize.figures.films import write_film

__all__ = ["draw", "write_film", "write_gif", "write_png"]
