"""Errors: the only exception that a user of visualize should meet."""


class InputError(ValueError):
    """A mistake in what the user passed: what was expected, what was received and, when few, the choices."""
