"""The engine: the only code that runs a model, traces or differentiates."""
