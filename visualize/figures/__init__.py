"""Figures: results as pictures. The only package that imports matplotlib."""

from visualize.figures.drawing import draw, write_gif, write_png

__all__ = ["draw", "write_gif", "write_png"]
