"""Packaged studies, one per file; `memkit run --config=NAME[:variant]` finds them by name."""
