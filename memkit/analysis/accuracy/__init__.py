"""Accuracy and mean memorization by size."""
