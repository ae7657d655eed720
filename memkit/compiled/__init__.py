"""Measures a compiled Keras model: `memkit.measure`."""

from memkit.compiled.measuring import measure

__all__ = ["measure"]
