"""Engines: what compiles and executes programs. Importing this package imports none of them."""

import collections.abc
import dataclasses
import importlib
import importlib.util

import numpy as np
from etils import epy

from memkit.errors import InputError, expected

with epy.lazy_imports():  # The engine that is loaded decides its backend.
    import keras

# name -> (module, package it needs, extras that bring it)
ENGINES = {
    "tensorflow": ("memkit.training.engines.tensorflow", "tensorflow", "cpu, gpu or tpu"),
    "jax": ("memkit.training.engines.jax", "jax", "jax, jax-gpu or jax-tpu"),
}
STRATEGIES = ("one_device", "mirrored", "multi_worker", "tpu")
PACKINGS = ("none", "map", "vmap")


@dataclasses.dataclass(frozen=True)
class Setup:
    """How one worker process computes.

    On a CPU none of it changes a number beyond the order of sums, that is beyond the last bits,
    which training then enlarges. A GPU or TPU also rounds the inputs of float32 matrix products and
    convolutions, to 10 bits (TF32) or 7 bits (bfloat16) of their 23, unless that is switched off.

    Attributes:
      engine: key of ENGINES.
      strategy: one of STRATEGIES.
      kind: of its devices: "cpu", "gpu" or "tpu".
      num_devices: devices it holds.
      packing: one of PACKINGS; how the runs of one program share a device: one run, one after
        another in one call, or side by side in batched operations.
      runs_per_program: runs on one device in one program.
    """

    engine: str = "tensorflow"
    strategy: str = "one_device"
    kind: str = "cpu"
    num_devices: int = 1
    packing: str = "none"
    runs_per_program: int = 1


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Blueprint:
    """What the runs of one point have in common, whatever computes them.

    Attributes:
      build: () -> keras.Model from normalized images to logits; every run reuses its variables.
      mean: normalization, C floats.
      std: normalization, C floats.
      optimizer: keyword arguments of the update rule, with its `name`.
      pad: pixels of padding before the plan's crops and flips, or None to leave them out.
      eval_batch: examples per evaluation step; results do not depend on it.
      precision: "float32" or "bfloat16", the type that the layers compute in; with "bfloat16"
        variables, updates, batch statistics and logits stay float32.
      data_parallel: devices that share a run; all that the Setup has, or 1.
      sync_batch_norm: bool; whether devices that share a run normalize by the statistics of the
        whole batch or of their own slice.
      teacher: None, or () -> keras.Model that sees the same augmented images.
      distillation: keyword arguments of `losses.distillation_loss`; read only with a teacher.
    """

    build: collections.abc.Callable
    mean: tuple
    std: tuple
    optimizer: dict
    pad: int | None
    eval_batch: int
    precision: str = "float32"
    data_parallel: int = 1
    sync_batch_norm: bool = True
    teacher: collections.abc.Callable | None = None
    distillation: dict = dataclasses.field(default_factory=dict)

    def models(self):
        """Returns (new model, new teacher or None) that compute in this precision."""
        policies = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
        keras.config.set_dtype_policy(policies[self.precision])
        return self.build(), self.teacher() if self.teacher else None

    @property
    def whole_eval_batch(self):
        """The evaluation batch, enlarged where the devices that share it do not divide it."""
        return -(-self.eval_batch // self.data_parallel) * self.data_parallel


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
    """One point compiled once; executes many runs, `size` of them at a time.

    Attributes:
      size: R, runs at a time.
      reset: (draws, teachers=None) -> None; for each of R runs puts the values that draw(model)
        returns into the model's variables, those that were there after build where it returns
        None, and zeros into the velocity; `teachers` holds the values of each run's teacher.
      train: (R EpochPlans) -> R Steps; one epoch.
      evaluate: () -> R Evaluations.
      weights: () -> R lists of arrays, the values of the model's variables.
      state: () -> R lists of arrays, all that an epoch changes.
      restore: (R lists) -> None; after a reset, goes on from a state.
    """

    size: int
    reset: collections.abc.Callable
    train: collections.abc.Callable
    evaluate: collections.abc.Callable
    weights: collections.abc.Callable
    state: collections.abc.Callable
    restore: collections.abc.Callable


def check(name):
    """Refuses an unknown engine, or one whose package is not installed, without importing it.

    Raises:
      InputError: says which command installs the engine.
    """
    if name not in ENGINES:
        raise expected("--engine", f"one of {', '.join(ENGINES)}", repr(name))
    _, package, extras = ENGINES[name]
    if importlib.util.find_spec(package) is None:
        first = extras.partition(" ")[0].rstrip(",")
        raise InputError(
            f"--engine: {name} is not installed; choose one of the extras {extras}: "
            f"pip install 'memkit[{first}]'"
        )


def load(name):
    """Returns the engine's module; the first one loaded decides the backend of Keras."""
    check(name)
    try:
        return importlib.import_module(ENGINES[name][0])
    except ValueError as error:  # Keras refuses values of keras.json that it does not know.
        raise InputError(f"--engine: {name} cannot be imported: {error}") from error


def compile_program(blueprint, *, setup, images, labels, resident):
    """Returns the Program that trains and evaluates the runs of one point.

    Args:
      blueprint: Blueprint.
      setup: Setup, the one this process was configured with.
      images: [N + T, H, W, C] uint8, train then test examples: an array, or anything of that shape
        whose rows an int array indexes.
      labels: [N + T] int32, the given labels.
      resident: bool; whether the images stay on the device or come batch by batch.
    """
    engine = load(setup.engine)
    options = {"setup": setup, "images": images, "labels": labels, "resident": resident}
    return engine.compile_program(blueprint, **options)
