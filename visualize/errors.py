"""The only exception that a user of visualize should meet."""


class InputError(ValueError):
    """What a person got wrong: what it is, what was expected, what was received."""
