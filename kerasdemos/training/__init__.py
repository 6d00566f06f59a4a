"""Training: one run of a demo, from its settings to the files that it writes."""
