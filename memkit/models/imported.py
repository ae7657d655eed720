"""A user's own model: a function found by `module:function`, and the checks of what it returns.

A study's files name such a function, and whoever opens a study of somebody else must not run code
that its author chose. Nothing is imported here that this process was not allowed to import.
"""

import collections.abc
import hashlib
import importlib
import inspect

import numpy as np
from etils import epy

from memkit.errors import expected
from memkit.models import initial_values, keras_settings

with epy.lazy_imports():
    import keras

_GIVEN = ("input_shape", "num_classes")
_allowed: set[str] = set()


def is_own(name: object) -> bool:
    """Returns whether a model's name stands for a user's function."""
    return isinstance(name, str) and ":" in name


def allow(names: collections.abc.Iterable[str]) -> None:
    """Lets this process import and call users' functions, for the rest of its life.

    Call it with names that the user gave in this process, never with names from a study's files.

    Args:
      names: such as "my_package.my_module:build"; names of memkit's own models are ignored.
    """
    _allowed.update(name for name in names if is_own(name))


def allowed() -> tuple[str, ...]:
    """Returns what `allow` was given, sorted: a process passes it on to those that it starts."""
    return tuple(sorted(_allowed))


def check_name(name: str) -> None:
    """Refuses a text that names no function; imports nothing.

    Raises:
      InputError: names the field model.name.
    """
    module, _, function = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), function)):
        raise expected("model.name", "my_package.my_module:my_function", repr(name))


def parameters(name):
    """Returns {option: inspect.Parameter} of a user's function, without those memkit gives.

    Raises:
      InputError: no such module or function, or one that memkit cannot call with names.
    """
    found = dict(inspect.signature(_function(name)).parameters)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in found.values())
    for given in _GIVEN:
        if given not in found and not takes_any:
            raise expected("model.name", f"{name} to take {', '.join(_GIVEN)}", list(found))
    for p in found.values():
        if p.kind is p.POSITIONAL_ONLY:
            raise expected("model.name", f"{name} to take its arguments by name", f"{p}, /")
    return {
        key: p for key, p in found.items() if key not in _GIVEN and p.kind is not p.VAR_POSITIONAL
    }


def code_fingerprint(name):
    """Returns the hash of the source of a user's module: other code trains other models."""
    module = inspect.getmodule(_function(name))
    return hashlib.sha256(inspect.getsource(module).encode()).hexdigest()[:16]


def build(name, *, input_shape, num_classes, **options):
    """Returns the model of a user's function; see the package for what it must be.

    Raises:
      InputError: it is no Keras model, takes other images, does not return float32 logits
        [None, num_classes], draws random numbers, adds losses, names layers to keep that it does
        not have, or has variables that memkit can neither draw nor keep.
    """
    model = _function(name)(input_shape=input_shape, num_classes=num_classes, **options)
    if not isinstance(model, keras.Model):
        raise expected("model.name", f"a keras.Model from {name}", type(model).__name__)
    _check_output(model, name, input_shape, num_classes)
    for layer in model._flatten_layers():
        if layer._seed_generators:
            raise expected(
                "model.name",
                f"{name} to leave out layers that draw random numbers, since memkit draws all "
                "chance on the host",
                f"layer {layer.name!r} ({type(layer).__name__})",
            )
    if model.losses:
        raise expected(
            "model.name",
            f"{name} to add no losses or regularizers (use optimizer.weight_decay)",
            f"{len(model.losses)} of them",
        )
    initial_values.check(model)
    return model


def _function(name):
    check_name(name)
    if name not in _allowed:
        wanted = "a function that the user has named (memkit.models.allow)"
        raise expected("model.name", wanted, f"{name!r} from a study's files")
    module, _, function = name.partition(":")
    keras_settings.choose_backend()
    try:
        found = getattr(importlib.import_module(module), function, None)
    except ModuleNotFoundError as error:
        # A module that is missing inside the user's module is not the name's fault.
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise expected(
            "model.name", f"module {module} to be installed or on PYTHONPATH", f"{error}"
        ) from error
    if not callable(found):
        raise expected("model.name", f"a function {function} in module {module}", repr(found))
    return found


def _check_output(model, name, input_shape, num_classes):
    images = keras.KerasTensor((None, *input_shape), dtype="float32")
    try:
        output = model(images)
    except ValueError as error:
        wanted = f"{name} to return a model of images [None, {', '.join(map(str, input_shape))}]"
        raise expected("model.name", wanted, str(error).splitlines()[0]) from error
    if not isinstance(output, keras.KerasTensor):
        raise expected("model.name", f"one output from {name}", type(output).__name__)
    if tuple(output.shape) != (None, num_classes):
        received = list(output.shape)
        raise expected("model.name", f"logits [None, {num_classes}] from {name}", received)
    if output.dtype != "float32":
        wanted = f"float32 logits from {name} (dtype='float32' in the last layer)"
        raise expected("model.name", wanted, output.dtype)
    logits = np.asarray(model(np.zeros((1, *input_shape), np.float32), training=False))
    if logits.min() >= 0 and abs(logits.sum() - 1) < 1e-3:
        wanted = f"logits from {name}, without softmax"
        raise expected("model.name", wanted, "outputs that sum to 1")
