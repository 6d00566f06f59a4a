"""Models: a Keras model as data."""
