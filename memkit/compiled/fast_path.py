"""Whether memkit's engines can train a compiled model, and what they need to know for it."""

import dataclasses
import importlib.util
from typing import Any

import numpy as np
from etils import epy

from memkit import models, optimizers, recipe, rules
from memkit.compiled.examples import Part
from memkit.compiled.objectives import BINARY, Objective
from memkit.errors import InputError
from memkit.training import engines
from memkit.typing import Json

with epy.lazy_imports():  # The user's program has chosen the backend.
    import cloudpickle
    import keras

# Arguments of Keras's classes that are not options of a section, and those that the engines lack.
_NOT_OPTIONS = ("name", "learning_rate", "ema_momentum", "ema_overwrite_frequency")
_LACKING = ("use_ema", "loss_scale_factor", "gradient_accumulation_steps")


class NotSupported(Exception):
    """The engines cannot train a model; the message says why, as the end of a sentence."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The recipe of a compiled model as sections of a config.

    Attributes:
      optimizer: the `optimizer` section.
      schedule: the `schedule` section.
    """

    optimizer: Json
    schedule: Json


def recipe_of(model: "keras.Model") -> Recipe:
    """Returns the Recipe of a compiled model: names of classes of Keras with their options."""
    rate = model.optimizer._learning_rate
    if not isinstance(rate, keras.Variable):
        return Recipe(_section(model.optimizer), _section(rate))
    schedule = {"name": "constant", "peak": float(rate), "warmup_epochs": 0.0}
    return Recipe(_section(model.optimizer), schedule)


def _section(described: Any) -> Json:
    """Returns the class and the options of an optimizer or schedule, as far as they are plain."""
    try:
        options = described.get_config()
    except Exception:  # A user's own class or function need not have a config.
        options = {}
    return {
        "name": type(described).__name__,
        **{
            option: value
            for option, value in options.items()
            if value is not None and rules.is_plain(value) and option not in _NOT_OPTIONS
        },
    }


def for_engines(model: "keras.Model", objective: Objective, train: Part, *, epochs: int) -> Recipe:
    """Returns the Recipe with which memkit's engines train a model as `Model.fit` would.

    Raises:
      NotSupported: they cannot.
    """
    backend = keras.backend.backend()
    if backend not in engines.ENGINES or not importlib.util.find_spec(backend):
        raise NotSupported(f"memkit has no engine for the backend {backend}")
    _check_settings()
    _check_training(model, objective)
    _check_inputs(model, train)
    found = recipe_of(model)
    schedule = _schedule(model.optimizer._learning_rate, found.schedule)
    optimizer = _optimizer(model.optimizer, found.optimizer)
    try:
        optimizers.check(**optimizer)
        if optimizer["name"] != optimizers.SGD:
            optimizers.create(model.trainable_variables, **optimizer)
        recipe.check_schedule(schedule, epochs=epochs, is_stored=False)
    except InputError as error:
        raise NotSupported(f"of {error}") from error
    return Recipe(optimizer, schedule)


def serialized(
    build: models.compiled.Build, *, input_shape: tuple[int, ...], num_classes: int
) -> bytes:
    """Returns a function as bytes for worker processes, which build the model that it returns.

    Raises:
      NotSupported: it cannot be sent to them, or the engines cannot train its model.
    """
    try:
        models.compiled.check(build, input_shape=input_shape, num_classes=num_classes)
    except InputError as error:
        raise NotSupported(f"of {error}") from error
    try:
        return cloudpickle.dumps(build)
    except Exception as error:  # Objects refuse to be pickled with errors of any type.
        raise NotSupported(f"`build` cannot be sent to worker processes ({error})") from error


def _check_settings() -> None:
    """Checks that layers compute as in worker processes, which have the default settings."""
    settings = {
        "dtype policy": (keras.config.dtype_policy().name, "float32"),
        "floatx": (keras.config.floatx(), "float32"),
        "epsilon": (keras.config.epsilon(), 1e-7),
        "image_data_format": (keras.config.image_data_format(), "channels_last"),
    }
    for name, (value, default) in settings.items():
        if value != default:
            raise NotSupported(f"the {name} of Keras is {value}, not {default}")


def _check_training(model: "keras.Model", objective: Objective) -> None:
    for name in ("train_step", "compute_loss"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            raise NotSupported(f"the model has a method {name} of its own")
    if model.run_eagerly:
        raise NotSupported("the model was compiled with run_eagerly")
    if objective.kind == BINARY or "focal" in objective.loss.lower():
        raise NotSupported(f"the loss is {objective.loss}")
    if not objective.from_logits and not models.compiled.ends_in_softmax(model):
        raise NotSupported("the loss takes probabilities, and the last layer has no softmax")
    loss = model.loss
    if isinstance(loss, keras.losses.Loss):
        options = loss.get_config()
        usual = {"reduction": "sum_over_batch_size", "ignore_class": None, "axis": -1}
        for name, value in usual.items():
            if name in options and options[name] != value:
                raise NotSupported(f"the loss has {name}={options[name]!r}")
    if model._compile_loss._user_loss_weights is not None:
        raise NotSupported("the model was compiled with loss_weights")


def _check_inputs(model: "keras.Model", train: Part) -> None:
    if not isinstance(train.inputs, np.ndarray) or train.inputs.dtype.kind not in "uif":
        raise NotSupported("the inputs are not one array of numbers")
    dtypes = [tensor.dtype for tensor in getattr(model, "inputs", None) or []]
    if dtypes != ["float32"]:
        raise NotSupported("the model has no single float32 input")


def _schedule(rate: Any, section: Json) -> Json:
    """Returns the `schedule` section with which the engines do what a compiled one does."""
    if isinstance(rate, keras.Variable):
        return section
    if getattr(keras.optimizers.schedules, section["name"], None) is not type(rate):
        raise NotSupported("the learning rate is a schedule of your own")
    return section | {"name": section["name"].lower()}


def _optimizer(optimizer: Any, section: Json) -> Json:
    """Returns the `optimizer` section with which the engines do what a compiled one does."""
    name, given = section["name"], dict(section)
    if getattr(keras.optimizers, name, None) is not type(optimizer):
        raise NotSupported("the optimizer is a class of your own")
    for option in _LACKING:
        if given.pop(option, None):
            raise NotSupported(f"the optimizer has {option}")
    if hasattr(optimizer, "_exclude_from_weight_decay"):
        raise NotSupported("the optimizer excludes variables from weight decay")
    given["name"] = name.lower()
    if given["name"] != optimizers.SGD:
        return {**given, "decay_all": True}
    options = {"name", "momentum", "nesterov"}
    others = sorted(given.keys() - options)
    if others:
        raise NotSupported(f"memkit's SGD has no {others[0]}")
    return {key: given[key] for key in options} | {"weight_decay": 0.0, "decay_all": False}
