"""The settings of Keras that memkit needs, whatever the user's `keras.json` says.

Keras reads `~/.keras/keras.json` when it is imported, and its values get into every layer that
does not name its own: the order of an image's axes, the type of variables, the epsilon of
normalization. The numbers of a study must not depend on a file in somebody's home folder.
"""

import importlib.util
import os

from etils import epy

with epy.lazy_imports():  # The engine that is loaded decides its backend.
    import keras

_BACKENDS = ("tensorflow", "jax")


def choose_backend() -> None:
    """Names the backend of Keras in the environment, where no engine has named its own yet.

    Has to come before the import of code that imports Keras, which else takes what `keras.json`
    names, installed or not. The experimental NNX backend, which needs flax, is switched off.
    """
    os.environ["KERAS_NNX_ENABLED"] = "false"
    if os.environ.get("KERAS_BACKEND") not in _BACKENDS:
        installed = [name for name in _BACKENDS if importlib.util.find_spec(name)]
        os.environ["KERAS_BACKEND"] = installed[0] if installed else _BACKENDS[0]


def reset() -> None:
    """Gives Keras its defaults back; comes before a model is built.

    The dtype policy is that of the study's `training.precision` and is set by who knows it.
    """
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
