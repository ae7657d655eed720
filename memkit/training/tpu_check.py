"""What the TPU compiler says of a study's programs, asked in a process that has no TPU.

Importing this module imports no engine; calling its functions does.
"""

import dataclasses
import importlib

import numpy as np

from memkit import recipe
from memkit.training import engines, measure, plan, runner, tpu_chips


@dataclasses.dataclass(frozen=True)
class Job:
    """A study and where it would run. Holds no images.

    Attributes:
      study: Study.
      topology: tpu_chips.Topology.
      setup: engines.Setup of one worker process.
      image_shape: (height, width, channels).
      num_images: train and test examples.
      num_classes: logits of the models.
      resident: bool, whether the images would stay on the device.
    """

    study: object
    topology: tpu_chips.Topology
    setup: engines.Setup
    image_shape: tuple
    num_images: int
    num_classes: int
    resident: bool


@dataclasses.dataclass(frozen=True)
class Finding:
    """What the compiler says of a point.

    Attributes:
      error: the compiler's complaint in one line, "" where it has none.
      memory: bytes that a chip needs at most, with the results that wait for the host; NaN where
        a program does not compile.
      flops: floating point operations of one run on all its chips; NaN the same.
    """

    error: str
    memory: float
    flops: float


def count_points(job):
    """Returns {point name: FLOPs of one run}, counted from the programs before any compiler."""
    return {point.name: _count(job, point) for point in job.study.points}


def compile_point(job, point):
    """Returns the Finding of a point, compiled for the chips of one worker process."""
    shared_by = point.config["training"]["data_parallel"]
    chips = _ahead().devices(job.topology.name, job.topology.options)[:shared_by]
    lowered = _lower(job, point, job.setup, chips)
    train, error = _ahead().compiled(lowered.train)
    evaluation, second = _ahead().compiled(lowered.evaluate)
    if train is None or evaluation is None:
        return Finding(error or second, np.nan, np.nan)
    side_by_side = job.setup.runs_per_program if job.setup.packing == "vmap" else 1
    flops = [each.flops * shared_by / side_by_side for each in (train, evaluation)]
    return Finding(
        "",
        _memory(job, point, lowered, train, evaluation),
        _per_run(job, point, flops, lowered.eval_batch),
    )


def _count(job, point):
    alone = dataclasses.replace(job.setup, packing="none", runs_per_program=1)
    lowered = _lower(job, point, alone, _ahead().cpu_devices(), data_parallel=1)
    flops = (_ahead().flops(lowered.train), _ahead().flops(lowered.evaluate))
    return _per_run(job, point, flops, lowered.eval_batch)


def _ahead():
    engines.load("jax")
    return importlib.import_module("memkit.training.engines.jax_ahead")


def _lower(job, point, setup, chips, **changes):
    return _ahead().lower(
        dataclasses.replace(runner.blueprint(job.study, point, job), **changes),
        chips,
        setup=setup,
        epoch=_epoch(job.study, point),
        image_shape=job.image_shape,
        num_images=job.num_images,
        resident=job.resident,
    )


def _epoch(study, point):
    """Returns one epoch's plan of a run."""
    training = point.config["training"]
    members = np.flatnonzero(study.train_mask[0])
    steps = recipe.steps_per_epoch(len(members), training["batch_size"])
    rates = recipe.rates(point.config["schedule"], epochs=training["epochs"], steps_per_epoch=steps)
    options = {name: training[name] for name in ("batch_size", "augment", "pad")}
    return next(plan.epochs(members, rates=rates, seed=0, run=0, **options))


def _per_run(job, point, flops, eval_batch):
    """Returns the FLOPs of a run from those of a training step and of an evaluation batch."""
    per_step, per_batch = flops
    steps = measure.arithmetic(job.study, point).steps
    return steps * per_step + -(-job.num_images // eval_batch) * per_batch


def _memory(job, point, lowered, train, evaluation):
    """Returns the bytes that a chip needs at most.

    Results stay on the chip until the last call of an epoch or an evaluation is under way, and
    streamed images are sent ahead.
    """
    steps = measure.arithmetic(job.study, point).steps // point.config["training"]["epochs"]
    ahead = engines.load("jax").READ_AHEAD - 1
    trains = train.memory + ahead * lowered.train_images
    trains += 0 if job.resident else (steps - 1) * train.results
    evaluates = evaluation.memory + ahead * lowered.eval_images + lowered.teacher_bytes
    evaluates += (-(-job.num_images // lowered.eval_batch) - 1) * evaluation.results
    return max(trains, evaluates) + train.code + evaluation.code
