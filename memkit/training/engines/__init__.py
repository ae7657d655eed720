"""Engines: what compiles and executes programs. Importing this package imports none of them."""

import dataclasses
import importlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from etils import epy

from memkit import output, recipe
from memkit.errors import InputError, expected, install, missing, reason, unknown
from memkit.models import initial_values, residual
from memkit.training.plan import EpochPlan
from memkit.typing import Array, BoolArray, FloatArray, IntArray

with epy.lazy_imports():  # The engine that is loaded chooses the backend of Keras.
    import keras

# The values of a model's variables, in their order, or of everything that an epoch changes.
Values: TypeAlias = list[Array]
# Returns the initial values of a model's variables, None for a variable that keeps its value.
Draw: TypeAlias = "Callable[[keras.Model], list[Array | None]]"
# A function of arrays of the engine: from gradients [R, P] and further arguments to features [D].
Reduce: TypeAlias = Callable[..., Any]

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

    On a CPU the setup changes nothing but the order of sums, that is the last bits of the results,
    and training amplifies such differences. A GPU or TPU also rounds the inputs of float32 matrix
    products and convolutions, to 10 bits (TF32) or 7 bits (bfloat16) of the mantissa's 23, unless
    that is switched off.

    Attributes:
      engine: key of ENGINES.
      strategy: one of STRATEGIES.
      kind: kind of its devices, "cpu", "gpu" or "tpu".
      num_devices: number of devices of the process.
      packing: one of PACKINGS; how the runs of one program share a device: a single run, one after
        another in one call, or side by side in batched operations.
      runs_per_program: number of runs on one device in one program.
    """

    engine: str = "tensorflow"
    strategy: str = "one_device"
    kind: str = "cpu"
    num_devices: int = 1
    packing: str = "none"
    runs_per_program: int = 1


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Blueprint:
    """What the runs of one point have in common, for every engine.

    Attributes:
      build: returns a new model from normalized images to logits; all runs share its variables.
      mean: normalization, C floats.
      std: normalization, C floats.
      optimizer: the `optimizer` section of the config, see `memkit.optimizers`.
      pad: pixels of padding before the plan's crops and flips, or None to leave them out.
      augment: key of `recipe.AUGMENTATIONS`; what it does besides crops and flips is applied.
      label_smoothing: see `losses.label_loss`.
      eval_batch: examples per evaluation step; results do not depend on it.
      precision: "float32" or "bfloat16", the type that the layers compute in; with "bfloat16"
        variables, updates, batch statistics and logits stay float32.
      data_parallel: number of devices that share a run: all devices of the Setup, or 1.
      sync_batch_norm: whether devices that share a run normalize by the statistics of the whole
        batch (True) or of their own slice of it.
      batch_norm: "one_pass" (see `models.one_pass`) or "keras", for the model that is trained.
      remat: whether the backward pass computes the values inside residual blocks again instead of
        keeping them, which saves memory and costs about a forward pass; only JAX does.
      teacher: returns a new teacher, which sees the same augmented images; None without a teacher.
      distillation: keyword arguments of `losses.distillation_loss`; used only with a teacher.
    """

    build: "Callable[[], keras.Model]"
    mean: Sequence[float]
    std: Sequence[float]
    optimizer: dict[str, Any]
    pad: int | None
    eval_batch: int
    augment: str = "none"
    label_smoothing: float = 0.0
    precision: str = "float32"
    data_parallel: int = 1
    sync_batch_norm: bool = True
    batch_norm: str = "one_pass"
    remat: bool = False
    teacher: "Callable[[], keras.Model] | None" = None
    distillation: dict[str, Any] = dataclasses.field(default_factory=dict)

    def models(self) -> "tuple[keras.Model, keras.Model | None]":
        """Returns a new model and a new teacher (or None) that compute in this precision.

        Raises:
          InputError: devices would share a run whose model draws random numbers or whose examples
            are mixed; or the model has no residual blocks whose values could be computed again.
        """
        policies = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
        keras.config.set_dtype_policy(policies[self.precision])
        if self.data_parallel > 1 and self.augment in recipe.MIXING:
            expectation = f"1 with {self.augment}, which mixes the examples of a batch"
            raise expected("training.data_parallel", expectation, self.data_parallel)
        model, teacher = self.build(), self.teacher() if self.teacher else None
        if self.data_parallel > 1 and initial_values.seed_states(model):
            expectation = "1 for a model whose layers draw random numbers"
            raise expected("training.data_parallel", expectation, self.data_parallel)
        if self.batch_norm == "one_pass":
            from memkit.models import one_pass  # Imports Keras.

            one_pass.use(model)
        if self.remat and not residual.sums(model):
            expectation = "false for a model without residual blocks (keras.layers.Add)"
            raise expected("training.remat", expectation, self.remat)
        return model, teacher

    @property
    def whole_eval_batch(self) -> int:
        """The evaluation batch, rounded up to a multiple of the devices that share it."""
        return -(-self.eval_batch // self.data_parallel) * self.data_parallel


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Outcomes of all N + T examples, train then test, without augmentation, in inference mode.

    Attributes:
      logits: [N + T, C] float32.
      logodds: [N + T] float32, log p - log(1 - p) of the given label.
      predicted: [N + T] int, class of the largest logit.
    """

    logits: FloatArray
    logodds: FloatArray
    predicted: IntArray


@dataclasses.dataclass(frozen=True)
class Steps:
    """Outcomes of T training steps with batches of B, each before its update.

    Attributes:
      objective: [T] float32, the loss that is minimized, in nats.
      loss: [T, B] float32, cross-entropy of each example to its given label, in nats.
      margin: [T, B] float32, label's logit minus the largest other one.
      correct: [T, B] bool, the largest logit is the given label's.
    """

    objective: FloatArray
    loss: FloatArray
    margin: FloatArray
    correct: BoolArray


class Images(Protocol):
    """Images [N + T, H, W, C] uint8: an array, or a stand-in that reads rows when they are used.

    The inputs of a model that a Python program gave may have any shape [N + T, ...] and type.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: IntArray, /) -> Array: ...


class Reset(Protocol):
    """Type of `Program.reset`."""

    def __call__(self, draws: Sequence[Draw], teachers: Sequence[Values] | None = None) -> None: ...


@dataclasses.dataclass(frozen=True)
class Program:
    """One compiled point; executes many runs, `size` of them at a time.

    Attributes:
      size: R, the number of runs at a time.
      reset: (draws, teachers=None); for each of R runs, assigns the values that draw(model) returns
        to the model's variables (for None, their values after build), resets the optimizer's state
        and, for students, assigns the teacher's weights.
      train: trains one epoch; takes R EpochPlans, returns R Steps.
      evaluate: returns R Evaluations.
      weights: returns the values of the model's variables for each of R runs.
      state: returns for each of R runs all arrays that an epoch changes.
      restore: puts R runs back into a `state`; called after `reset`.
    """

    size: int
    reset: Reset
    train: Callable[[Sequence[EpochPlan]], list[Steps]]
    evaluate: Callable[[], list[Evaluation]]
    weights: Callable[[], list[Values]]
    state: Callable[[], list[Values]]
    restore: Callable[[Sequence[Values]], None]


class Gradients(Protocol):
    """Type of the function that `Engine.gradients` returns."""

    def __call__(self, image: Any, directions: Any, *arguments: Any) -> FloatArray: ...


class Engine(Protocol):
    """What the module of an engine offers."""

    def configure(self, setup: Setup) -> None:
        """Prepares this process for a Setup; must come before the engine computes anything."""

    def versions(self) -> dict[str, str]:
        """Returns {package: version} of the packages that compute."""

    def device(self) -> str:
        """Returns the model of the device that computes, such as "CPU" or "NVIDIA H200"."""

    def compile_program(
        self,
        blueprint: Blueprint,
        *,
        setup: Setup,
        images: Images,
        labels: IntArray,
        resident: bool,
    ) -> Program:
        """See `engines.compile_program`."""

    def gradients(self, model: "keras.Model", reduce: Reduce) -> Gradients:
        """Returns a compiled function of (image [H, W, C], directions [R, C], *arguments).

        It computes the gradients of logits . direction in all trainable variables, for a normalized
        image in inference mode, with the present values of the variables. It returns
        reduce(gradients [R, P], *arguments) as a NumPy array. It takes one image at a time, because
        separate gradients for the images of a batch are slow in convolutional layers.
        """


def check(name: str) -> None:
    """Checks that an engine exists and that its package is installed, without importing it.

    Raises:
      InputError: an unknown engine, or a missing package; names the command that installs it.
    """
    if name not in ENGINES:
        raise unknown("--engine", name, ENGINES, kind="engine")
    _, package, extras = ENGINES[name]
    if importlib.util.find_spec(package) is None:
        first = extras.partition(" ")[0].rstrip(",")
        raise missing("--engine", name, f"the extras {extras} have it; {install(first)}")


def load(name: str) -> Engine:
    """Returns the module of an engine; the first one loaded sets the backend of Keras.

    Raises:
      InputError: see `check`; or the engine cannot be imported.
    """
    check(name)
    try:
        with output.without_startup_logs():
            return cast(Engine, importlib.import_module(ENGINES[name][0]))
    except Exception as error:  # Such as versions of packages that do not match each other.
        line = reason(error).splitlines()[0]
        raise InputError(f"--engine: {name} cannot be imported: {line}") from error


def compile_program(
    blueprint: Blueprint, *, setup: Setup, images: Images, labels: IntArray, resident: bool
) -> Program:
    """Returns the Program that trains and evaluates the runs of one point.

    Args:
      blueprint: model, optimizer and data processing of the point.
      setup: the Setup that this process was configured with.
      labels: [N + T] int32, the given labels.
      resident: whether the images stay on the device (True) or are sent batch by batch.
    """
    engine = load(setup.engine)
    return engine.compile_program(
        blueprint, setup=setup, images=images, labels=labels, resident=resident
    )
