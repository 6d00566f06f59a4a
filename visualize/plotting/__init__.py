"""Figures: results as pictures. The only package that imports matplotlib."""

from visualize.plotting.films import write_film
from visualize.plotting.render import draw, write_gif, write_png

__all__ = ["draw", "write_film", "write_gif", "write_png"]
