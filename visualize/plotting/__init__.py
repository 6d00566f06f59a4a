"""Results as pictures. The only package that imports matplotlib: import it where something is drawn."""

from visualize.plotting.render import draw, write_film, write_gif, write_png

__all__ = ["draw", "write_film", "write_gif", "write_png"]
