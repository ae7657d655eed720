"""The multi-layer perceptron of Feldman and Zhang's MNIST demonstration (512-256)."""

from collections.abc import Sequence
from typing import Any

from etils import epy

from memkit.errors import expected

with epy.lazy_imports():
    import keras


MOST_WIDTH = 16_384
_MOST_LAYERS = 100

# Values of the options without a default in `check`, see `models.defaults`.
DEFAULTS = {"hidden": (512, 256)}


def check(*, hidden: Any) -> None:
    """Checks the options of a config.

    Args:
      hidden: widths of the hidden layers, in order.

    Raises:
      InputError: not a list or tuple of positive ints, or too large.
    """
    is_list = isinstance(hidden, (list, tuple)) and 0 < len(hidden) <= _MOST_LAYERS
    if not is_list or not all(type(width) is int and 1 <= width <= MOST_WIDTH for width in hidden):
        expectation = f"a tuple of at most {_MOST_LAYERS} ints in 1..{MOST_WIDTH}"
        raise expected("model.hidden", expectation, repr(hidden)[:80])


def build(
    *, input_shape: tuple[int, ...], num_classes: int, hidden: Sequence[int]
) -> "keras.Model":
    """Returns an MLP with ReLU layers of the widths `hidden`, in order, and a linear last layer."""
    check(hidden=hidden)
    images = keras.Input(input_shape, name="images")
    x = keras.layers.Flatten(name="flatten")(images)
    for i, width in enumerate(hidden):
        x = keras.layers.Dense(width, activation="relu", name=f"hidden{i}")(x)
    logits = keras.layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="mlp")
