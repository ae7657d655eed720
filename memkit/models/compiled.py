"""Models that a Python program builds and compiles, in place of those that a config names.

`memkit.measure` takes a function that returns a compiled Keras model. Here the model becomes one
that memkit's engines can train: from inputs to logits, with variables that can be drawn again.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from etils import epy

from memkit.models import imported

with epy.lazy_imports():
    import keras

COMPILED = "compiled"  # `model.name` in the config of a study of such a model

Build: TypeAlias = "Callable[[], keras.Model]"


def build(function: Build) -> "keras.Model":
    """Returns a new model without its last softmax, if it has one; see `check`."""
    return without_softmax(function())


def check(function: Build, *, input_shape: tuple[int, ...], num_classes: int) -> None:
    """Checks that memkit's engines can train the models of a function.

    Raises:
      InputError: they cannot, see `imported.build`.
    """
    imported.check(build(function), "build", input_shape, num_classes)


def without_softmax(model: "keras.Model") -> "keras.Model":
    """Replaces the softmax activation of a model's output layer, if it has one, by none.

    The cross-entropy of the probabilities is the same function of the weights as that of the
    logits, which the engines compute.
    """
    for layer in _softmax_layers(model):
        layer.activation = keras.activations.linear
    return model


def ends_in_softmax(model: "keras.Model") -> bool:
    """Returns whether `without_softmax` would replace an activation."""
    return bool(_softmax_layers(model))


def _softmax_layers(model: "keras.Model") -> list["keras.Layer"]:
    """Only the layers of functional and sequential models are known well enough for it."""
    outputs: Any = getattr(model, "outputs", None) or []
    layers = [output._keras_history.operation for output in outputs]
    return [
        layer
        for layer in layers
        if getattr(layer, "activation", None) is keras.activations.softmax
        and len(layer._inbound_nodes) == 1  # It is not used a second time elsewhere.
    ]
