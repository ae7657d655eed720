"""Measurements of speed against named peers; nothing in memkit imports this."""
