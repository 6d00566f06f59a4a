"""What knows nothing of models."""
