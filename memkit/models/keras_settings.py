"""The settings of Keras that memkit needs, independent of the user's `keras.json`.

Keras reads `~/.keras/keras.json` when it is imported, and uses its values in every layer that does
not specify its own: the order of an image's axes, the type of variables, the epsilon of
normalization. The numbers of a study must not depend on a file in the user's home folder.
"""

import importlib.util
import os

from etils import epy

with epy.lazy_imports():  # The engine that is loaded chooses the backend.
    import keras

_BACKENDS = ("tensorflow", "jax")


def choose_backend() -> None:
    """Sets the backend of Keras in the environment, unless an engine has already set its own.

    Must come before the import of code that imports Keras; otherwise Keras uses the backend of
    `keras.json`, which may not be installed. The experimental NNX mode, which needs flax, is
    switched off, and so are the log messages of TensorFlow's import.
    """
    os.environ["KERAS_NNX_ENABLED"] = "false"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ.get("KERAS_BACKEND") not in _BACKENDS:
        installed = [name for name in _BACKENDS if importlib.util.find_spec(name)]
        os.environ["KERAS_BACKEND"] = installed[0] if installed else _BACKENDS[0]


def reset() -> None:
    """Restores the defaults of Keras; called before a model is built.

    The dtype policy follows `training.precision` and is set by the engines.
    """
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
