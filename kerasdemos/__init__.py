"""The networks and programs of five deep-learning tutorials, on Keras 3."""

__version__ = "0.1.0"
