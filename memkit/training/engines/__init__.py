"""Engines: what compiles and executes programs. Importing this package imports none of them."""

import collections.abc
import dataclasses
import importlib
import importlib.util

import numpy as np

from memkit.errors import InputError, expected

# name -> (module, package it needs, extras that bring it)
ENGINES = {
    "tensorflow": ("memkit.training.engines.tensorflow", "tensorflow", "cpu, gpu or tpu"),
}


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What a model says of all N + T examples, train then test, un-augmented, inference mode.

    Attributes:
      logits: [N + T, C] float32.
      logodds: [N + T] float32, log p - log(1 - p) of the given label.
      predicted: [N + T] int, class of the largest logit.
    """

    logits: np.ndarray
    logodds: np.ndarray
    predicted: np.ndarray


@dataclasses.dataclass(frozen=True)
class Program:
    """One point compiled once; executes many runs one after another.

    Attributes:
      reset: (draw) -> None; puts the values that draw(model) returns into the model's variables,
        those that were there after build where it returns None, and zeros into the velocity.
      train: (EpochPlan) -> (loss [T], accuracy [T]); one epoch.
      evaluate: () -> Evaluation.
    """

    reset: collections.abc.Callable
    train: collections.abc.Callable
    evaluate: collections.abc.Callable


def check(name):
    """Refuses an unknown engine, or one whose package is not installed, without importing it.

    Raises:
      InputError: says which command installs the engine.
    """
    if name not in ENGINES:
        raise expected("--engine", f"one of {', '.join(ENGINES)}", repr(name))
    _, package, extras = ENGINES[name]
    if importlib.util.find_spec(package) is None:
        first = extras.split(",")[0]
        raise InputError(
            f"--engine: {name} is not installed; choose one of the extras {extras}: "
            f"pip install 'memkit[{first}]'"
        )


def load(name):
    """Returns the engine's module."""
    check(name)
    return importlib.import_module(ENGINES[name][0])
