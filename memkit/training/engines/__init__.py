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
class Steps:
    """What T training steps with batches of B said, each before its update.

    Attributes:
      objective: [T] float32, the loss that was minimized, in nats.
      loss: [T, B] float32, cross-entropy of each example to its given label, in nats.
      margin: [T, B] float32, label's logit minus the largest other one.
      correct: [T, B] bool, the largest logit is the given label's.
    """

    objective: np.ndarray
    loss: np.ndarray
    margin: np.ndarray
    correct: np.ndarray


@dataclasses.dataclass(frozen=True)
class Program:
    """One point compiled once; executes many runs one after another.

    Attributes:
      reset: (draw, teacher=None) -> None; puts the values that draw(model) returns into the
        model's variables, those that were there after build where it returns None, and zeros into
        the velocity; `teacher` holds the values of the teacher's variables.
      train: (EpochPlan) -> Steps; one epoch.
      evaluate: () -> Evaluation.
      weights: () -> list of arrays, the values of the model's variables.
    """

    reset: collections.abc.Callable
    train: collections.abc.Callable
    evaluate: collections.abc.Callable
    weights: collections.abc.Callable


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
