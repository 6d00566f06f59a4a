"""Inspection: what a model consists of, and what its layers compute."""
