"""Optimizers by name: memkit's own SGD, and every optimizer of `keras.optimizers`.

The section `optimizer` of a config holds the name and the options. The learning rate is not an
option: it follows from the section `schedule`. Importing this module imports no engine. Keras is
imported only to check or create one of its own optimizers.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epy

from memkit import output, rules
from memkit.errors import expected, reason, unknown, unknown_field
from memkit.models import keras_settings
from memkit.recipe import check_options

with epy.lazy_imports():  # The engine that is loaded chooses the backend.
    import keras

SGD = "sgd"
# Arguments of Keras's optimizers that are not options: the rate has a section of its own, and the
# others would need variables or losses that belong to no run.
_NOT_OPTIONS = (
    "learning_rate",
    "name",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
    "kwargs",
)
# The base class, and classes that wrap other optimizers.
_WRAPPERS = ("optimizer", "lossscaleoptimizer", "multioptimizer")


def sgd(
    weights: Mapping[str, Any],
    velocity: Mapping[str, Any],
    gradient: Mapping[str, Any],
    rate: Any,
    *,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
    decay_all: bool,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Takes one step of stochastic gradient descent with momentum and coupled weight decay.

    g <- gradient + weight_decay * w (kernels only, unless decay_all), v <- momentum * v - rate * g,
    w <- w + v, or w + momentum * v - rate * g with Nesterov momentum (Sutskever et al. 2013), as
    keras.optimizers.SGD has it. Coupled decay is that of He et al. 2016: the gradient of
    weight_decay / 2 * |w|^2.

    Args:
      weights: {name: array}; a name ends in "kernel" if the variable multiplies inputs.
      velocity: {name: array}, zeros before the first step.
      gradient: {name: array}.
      rate: scalar, the learning rate of this step.
      momentum: float in [0, 1).
      weight_decay: float >= 0.
      decay_all: True decays biases and batch-norm parameters too.

    Returns:
      (weights, velocity) after the step; works on the arrays of any engine.
    """
    new_weights, new_velocity = {}, {}
    for name, weight in weights.items():
        slope = gradient[name]
        if weight_decay and (decay_all or name.endswith("kernel")):
            slope = slope + weight_decay * weight
        change = rate * slope
        speed = momentum * velocity[name] - change
        new_velocity[name] = speed
        new_weights[name] = weight + (momentum * speed - change if nesterov else speed)
    return new_weights, new_velocity


def check(*, name: str, is_stored: bool = False, **options: Any) -> None:
    """Checks the `optimizer` section of a config.

    Args:
      name: "sgd", or a class of `keras.optimizers` in lower case, such as "adamw".
      is_stored: True for a config that was read from a file, which is checked without Keras.
      **options: of memkit's SGD all options; of a Keras optimizer any of its arguments, and
        `decay_all`, see `create`, which also checks their values.

    Raises:
      InputError: an unknown optimizer, unknown or missing options, or values out of range.

    Examples:
      >>> check(name="sgd", momentum=0.9, nesterov=True, weight_decay=1e-4, decay_all=False)
    """
    if name == SGD:
        _check_sgd(options)
    elif is_stored:
        rules.check_plain("optimizer", {"name": name, **options})
    else:
        _keras_class(name, options)


def _check_sgd(options: dict[str, Any]) -> None:
    check_options("optimizer", SGD, {SGD: sgd}, options)
    if not 0 <= options["momentum"] < 1:
        raise expected("optimizer.momentum", "a number in [0, 1)", options["momentum"])
    if not options["weight_decay"] >= 0:
        raise expected("optimizer.weight_decay", "a number of at least 0", options["weight_decay"])


def create(
    variables: "Sequence[keras.Variable]", *, name: str, decay_all: bool = False, **options: Any
) -> "keras.optimizers.Optimizer":
    """Returns a Keras optimizer that is built for the variables of a model.

    Args:
      variables: trainable variables; the optimizer's weight decay changes those whose path ends in
        "kernel", which multiply inputs.
      name: a class of `keras.optimizers` in lower case.
      decay_all: True decays all variables, as Keras does.
      **options: arguments of the class.

    Raises:
      InputError: an unknown optimizer or option, a value that Keras refuses, or an optimizer whose
        variables start from the weights, which are those of a run only later.
    """
    optimizer_class = _keras_class(name, options)
    try:
        optimizer = optimizer_class(learning_rate=1.0, **options)
    except (TypeError, ValueError) as error:
        raise expected("optimizer", f"options that {name} accepts", reason(error)) from error
    if not decay_all:
        others = [variable for variable in variables if not variable.path.endswith("kernel")]
        optimizer.exclude_from_weight_decay(var_list=others)
    optimizer.build(list(variables))
    for variable in optimizer.variables:
        if np.ptp(np.asarray(variable)) > 0:
            expectation = "an optimizer whose variables start from constants"
            raise expected("optimizer.name", expectation, f"{name!r} with {variable.path}")
    return optimizer


def _keras_class(name: str, options: Mapping[str, Any]) -> "type[keras.optimizers.Optimizer]":
    """Returns the class of an optimizer that takes these options."""
    keras_settings.choose_backend()
    with output.without_startup_logs():
        members = vars(keras.optimizers)
    classes = {
        key.lower(): value
        for key, value in sorted(members.items())
        if inspect.isclass(value) and issubclass(value, keras.optimizers.Optimizer)
    }
    names = [SGD, *(key for key in classes if key not in (SGD, *_WRAPPERS))]
    if name not in names:
        raise unknown("optimizer.name", name, names, kind="optimizer")
    arguments = inspect.signature(classes[name]).parameters
    valid = ["decay_all", *(key for key in arguments if key not in _NOT_OPTIONS)]
    for option in options:
        if option not in valid:
            raise unknown_field("optimizer", option, valid)
    return classes[name]
