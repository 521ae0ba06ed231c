"""Lead-score models."""
