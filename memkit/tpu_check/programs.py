"""Compiles a study's programs for TPU chips, in a process without a TPU.

Importing this module imports no engine; calling its functions does.
"""

import dataclasses
import importlib
import math
import types
from typing import TYPE_CHECKING, Any

from memkit.studies.points import Point
from memkit.studies.study import Study
from memkit.tpu_check.chips import Topology
from memkit.training import compiler, engines, loop, measure
from memkit.training.plan import EpochPlan

if TYPE_CHECKING:
    from memkit.tpu_check.lowering import Compiled, Lowered


@dataclasses.dataclass(frozen=True)
class Job:
    """A study and the devices that it would run on. Holds no images.

    Attributes:
      image_shape: (height, width, channels).
      resident: whether the images would stay on the device.
    """

    study: Study
    topology: Topology
    setup: engines.Setup
    image_shape: tuple[int, ...]
    num_images: int
    num_classes: int
    resident: bool


@dataclasses.dataclass(frozen=True)
class Finding:
    """The compiler's analysis of a point.

    Attributes:
      error: the compiler's error in one line, "" if the programs compile.
      memory: largest number of bytes that a chip needs, including results that the host has not
        fetched yet; NaN if a program does not compile.
      flops: floating point operations of one run on all its chips; NaN if a program does not
        compile.
      step: seconds of a training step of one run, by the compiler's estimates (`cycles`); NaN if
        there are none.
      run: chip-seconds of one run, training and evaluation, by the same estimates.
    """

    error: str
    memory: float
    flops: float
    step: float = math.nan
    run: float = math.nan


def count_points(job: Job) -> dict[str, float]:
    """Returns {point name: FLOPs of one run}, counted without compiling the programs."""
    return {point.name: _count(job, point) for point in job.study.points}


def compile_point(job: Job, point: Point) -> Finding:
    """Returns the Finding of a point, compiled for the chips of one worker process."""
    num_chips = point.config["training"]["data_parallel"]
    chips = _lowering().devices(job.topology.name, job.topology.options)[:num_chips]
    lowered = _lower(job, point, job.setup, chips)
    train, train_error = _lowering().compiled(lowered.train)
    evaluation, evaluation_error = _lowering().compiled(lowered.evaluate)
    if train is None or evaluation is None:
        return Finding(train_error or evaluation_error, math.nan, math.nan)
    # The FLOPs are those of one chip, and of all runs that share its batched operations.
    factor = num_chips / (job.setup.runs_per_program if job.setup.packing == "vmap" else 1)
    flops = _of_run(job, point, train.flops * factor, evaluation.flops * factor, lowered.eval_batch)
    # A call trains the steps of an epoch, or one step, of all runs of a program.
    of_step = 1 if not job.resident else _steps_per_epoch(job, point)
    second = job.setup.runs_per_program * job.topology.chip.clock
    step, batch = train.cycles / of_step / second, evaluation.cycles / second
    return Finding(
        error="",
        memory=_memory(job, point, lowered, train, evaluation),
        flops=flops,
        step=step,
        run=num_chips * _of_run(job, point, step, batch, lowered.eval_batch),
    )


def _count(job: Job, point: Point) -> float:
    """Returns the FLOPs of one run on one device."""
    setup = dataclasses.replace(job.setup, packing="none", runs_per_program=1)
    lowered = _lower(job, point, setup, _lowering().cpu_devices(), data_parallel=1)
    step_flops, batch_flops = _lowering().flops(lowered.train), _lowering().flops(lowered.evaluate)
    return _of_run(job, point, step_flops, batch_flops, lowered.eval_batch)


def _lowering() -> types.ModuleType:
    engines.load("jax")
    return importlib.import_module("memkit.tpu_check.lowering")


def _lower(job: Job, point: Point, setup: engines.Setup, chips: Any, **changes: Any) -> "Lowered":
    """Returns the lowered programs of a point; the changes replace fields of its blueprint."""
    lowered: Lowered = _lowering().lower(
        dataclasses.replace(compiler.blueprint(job.study, point, job), **changes),
        chips,
        setup=setup,
        epoch=_epoch(job.study, point),
        image_shape=job.image_shape,
        num_images=job.num_images,
        resident=job.resident,
    )
    return lowered


def _epoch(study: Study, point: Point) -> EpochPlan:
    """Returns the plan of one epoch of a run."""
    return next(loop.epoch_plans(study, point, 0))


def _of_run(job: Job, point: Point, step: float, batch: float, eval_batch: int) -> float:
    """Returns the FLOPs, or seconds, of a run from those of a step and an evaluation batch."""
    steps = measure.arithmetic(job.study, point).steps
    return steps * step + -(-job.num_images // eval_batch) * batch


def _steps_per_epoch(job: Job, point: Point) -> int:
    return measure.arithmetic(job.study, point).steps // point.config["training"]["epochs"]


def _memory(
    job: Job, point: Point, lowered: "Lowered", train: "Compiled", evaluation: "Compiled"
) -> float:
    """Returns the largest number of bytes that a chip needs.

    Results stay on the chip until the last call of an epoch or an evaluation has started, and
    streamed images are sent ahead of their use.
    """
    ahead = _lowering().READ_AHEAD - 1
    train_memory = train.memory + ahead * lowered.train_images
    train_memory += 0 if job.resident else (_steps_per_epoch(job, point) - 1) * train.results
    eval_memory = evaluation.memory + ahead * lowered.eval_images + lowered.teacher_bytes
    eval_memory += (-(-job.num_images // lowered.eval_batch) - 1) * evaluation.results
    return max(train_memory, eval_memory) + train.code + evaluation.code
