"""A user's own model: imports a function by `module:function` and checks the model it returns.

A study's files name such a function, and opening someone else's study must not execute code that
its author chose. Only functions that `allow` was called with are imported.
"""

import hashlib
import importlib
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from etils import epy

from memkit import output
from memkit.errors import expected
from memkit.models import initial_values, keras_settings

with epy.lazy_imports():
    import keras

_FIXED_ARGUMENTS = ("input_shape", "num_classes")  # Not options of a config.
_allowed: set[str] = set()


def is_own(name: object) -> bool:
    """Returns whether a model's name is that of a user's function."""
    return isinstance(name, str) and ":" in name


def allow(names: Iterable[str]) -> None:
    """Lets this process import and call users' functions until it ends.

    Call it with names that the user has given to this process, never with names from a study's
    files.

    Args:
      names: such as "my_package.my_module:build"; names of memkit's own models are ignored.
    """
    _allowed.update(name for name in names if is_own(name))


def allowed() -> tuple[str, ...]:
    """Returns the sorted names that are allowed, for the processes that this one starts."""
    return tuple(sorted(_allowed))


def check_name(name: str) -> None:
    """Checks that a name has the form `module:function`; imports nothing.

    Raises:
      InputError: it does not.
    """
    module, _, function = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), function)):
        raise expected("model.name", "my_package.my_module:my_function", repr(name))


def parameters(name: str) -> dict[str, inspect.Parameter]:
    """Returns the parameters of a user's function that are options of the config.

    Raises:
      InputError: no such module or function, or one that cannot be called with keyword arguments.
    """
    signature = dict(inspect.signature(_function(name)).parameters)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.values())
    if not takes_any and not set(_FIXED_ARGUMENTS) <= set(signature):
        arguments = " and ".join(_FIXED_ARGUMENTS)
        raise expected("model.name", f"arguments {arguments} of {name}", list(signature))
    for p in signature.values():
        if p.kind is p.POSITIONAL_ONLY:
            raise expected("model.name", f"only keyword arguments of {name}", f"{p}, /")
    return {
        key: p
        for key, p in signature.items()
        if key not in _FIXED_ARGUMENTS and p.kind is not p.VAR_POSITIONAL
    }


def code_fingerprint(name: str) -> str:
    """Returns the hash of the source of a user's module, since different code changes the model."""
    source = inspect.getsource(importlib.import_module(_function(name).__module__))
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def build(
    name: str, *, input_shape: tuple[int, ...], num_classes: int, **options: Any
) -> "keras.Model":
    """Returns the model of a user's function, see `memkit.models` for the requirements.

    Raises:
      InputError: the result is not a Keras model, takes images of another shape, does not return
        float32 logits [None, num_classes], draws random numbers from the global generator of Keras,
        names layers to keep that do not exist, or has variables that memkit can neither draw nor
        keep.
    """
    model = _function(name)(input_shape=input_shape, num_classes=num_classes, **options)
    if not isinstance(model, keras.Model):
        raise expected("model.name", f"a keras.Model from {name}", type(model).__name__)
    check(model, name, input_shape, num_classes)
    return model


def check(model: "keras.Model", name: str, input_shape: tuple[int, ...], num_classes: int) -> None:
    """Checks that the engines can train a model that a user's function has built.

    Args:
      name: name of the function, for messages.

    Raises:
      InputError: see `build`.
    """
    _check_output(model, name, input_shape, num_classes)
    _check_seeds(model, name, input_shape)
    initial_values.check(model)


def _function(name: str) -> Callable[..., Any]:
    check_name(name)
    if name not in _allowed:
        expectation = "a function that the user has named (memkit.models.allow)"
        raise expected("model.name", expectation, f"{name!r} from a study's files")
    module, _, function = name.partition(":")
    keras_settings.choose_backend()
    try:
        with output.without_startup_logs():  # Of TensorFlow, if the module imports it.
            attribute = getattr(importlib.import_module(module), function, None)
    except ModuleNotFoundError as error:
        # If the missing module is one that the user's module imports, the name is correct.
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise expected(
            "model.name", f"a module {module} that is installed or on PYTHONPATH", f"{error}"
        ) from error
    if not callable(attribute):
        raise expected("model.name", f"a function {function} in module {module}", repr(attribute))
    return attribute


def _check_output(
    model: "keras.Model", name: str, input_shape: tuple[int, ...], num_classes: int
) -> None:
    images = keras.KerasTensor((None, *input_shape), dtype="float32")
    try:
        output = model(images)
    except ValueError as error:
        shape = f"[None, {', '.join(map(str, input_shape))}]"
        expectation = f"a model of images {shape} from {name}"
        raise expected("model.name", expectation, str(error).splitlines()[0]) from error
    if not isinstance(output, keras.KerasTensor):
        raise expected("model.name", f"one output from {name}", type(output).__name__)
    if tuple(output.shape) != (None, num_classes):
        received = list(output.shape)
        raise expected("model.name", f"logits [None, {num_classes}] from {name}", received)
    if output.dtype != "float32":
        expectation = f"float32 logits from {name} (dtype='float32' in the last layer)"
        raise expected("model.name", expectation, output.dtype)
    logits = np.asarray(model(np.zeros((1, *input_shape), np.float32), training=False))
    if logits.min() >= 0 and abs(logits.sum() - 1) < 1e-3:
        expectation = f"logits from {name}, without softmax"
        raise expected("model.name", expectation, "outputs that sum to 1")


def _check_seeds(model: "keras.Model", name: str, input_shape: tuple[int, ...]) -> None:
    """Checks that a training step changes no variable outside of the model.

    The state of Keras's global generator, for example, is that of the process, not that of a run.
    """
    with keras.StatelessScope() as scope:  # Keeps the variables from changing.
        model(np.zeros((2, *input_shape), np.float32), training=True)
    if not {id(variable) for variable in model.variables}.issuperset(scope.state_mapping):
        expectation = f"a keras.random.SeedGenerator in each layer of {name} that draws numbers"
        raise expected("model.name", expectation, "a layer that uses a generator of the process")
