"""Learning-rate schedules of Keras by name, beside memkit's own in `memkit.recipe`.

Importing this module imports no engine. Keras is imported only to create one of its schedules.
"""

import functools
import inspect
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from etils import epy

from memkit.errors import expected, missing, reason, unknown, unknown_field
from memkit.models import keras_settings
from memkit.typing import FloatArray

with epy.lazy_imports():  # The engine that is loaded chooses the backend.
    import keras

_NOT_OPTIONS = ("name", "kwargs")


def rates(name: str, *, num_steps: int, own: Iterable[str] = (), **options: Any) -> FloatArray:
    """Returns the learning rate of every step of a schedule of `keras.optimizers.schedules`.

    Args:
      name: name of the class in lower case, such as "cosinedecay".
      num_steps: number of training steps, at least 1.
      own: names that exist besides those of Keras, for the message about an unknown name.
      **options: arguments of the class; steps are training steps, not epochs.

    Returns:
      [num_steps] float32.

    Raises:
      InputError: an unknown schedule or option, a missing option, or a value that Keras refuses.

    Examples:
      >>> options = dict(initial_learning_rate=0.1, decay_steps=2, decay_rate=0.5)
      >>> rates("exponentialdecay", num_steps=3, **options).round(3).tolist()
      [0.10000000149011612, 0.07100000232458115, 0.05000000074505806]
    """
    return _rates(name, num_steps, tuple(own), json.dumps(options, sort_keys=True)).copy()


@functools.lru_cache(maxsize=8)  # All runs of a point have the same rates.
def _rates(name: str, num_steps: int, own: tuple[str, ...], options: str) -> FloatArray:
    schedule = _schedule(name, json.loads(options), own)
    try:
        values = np.array([np.asarray(schedule(step)) for step in range(num_steps)], np.float32)
    except (TypeError, ValueError) as error:
        raise _refused(name, error) from error
    if not np.isfinite(values).all() or values.min() < 0:
        raise expected("schedule", f"rates of at least 0 from {name}", values.min())
    return values


def _schedule(
    name: str, options: dict[str, Any], own: tuple[str, ...]
) -> "keras.optimizers.schedules.LearningRateSchedule":
    keras_settings.choose_backend()
    base = keras.optimizers.schedules.LearningRateSchedule
    classes = {
        key.lower(): value
        for key, value in sorted(vars(keras.optimizers.schedules).items())
        if inspect.isclass(value) and issubclass(value, base) and value is not base
    }
    if name not in classes:
        raise unknown("schedule.name", name, (*own, *classes), kind="schedule")
    parameters = inspect.signature(classes[name]).parameters
    valid = [key for key in parameters if key not in _NOT_OPTIONS]
    for option in options:
        if option not in valid:
            raise unknown_field("schedule", option, valid)
    for option in valid:
        if option not in options and parameters[option].default is inspect.Parameter.empty:
            raise missing(f"schedule.{option}", "value")
    try:
        return classes[name](**options)
    except (TypeError, ValueError) as error:
        raise _refused(name, error) from error


def _refused(name: str, error: Exception) -> Exception:
    return expected("schedule", f"options that {name} accepts", reason(error).splitlines()[0])
