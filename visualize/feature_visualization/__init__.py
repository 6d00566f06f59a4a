"""Feature visualization: inputs that a class, a unit or a layer responds to most."""
