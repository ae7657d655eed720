"""Measuring what a run costs on this device, before a study starts."""

import dataclasses
import time

from memkit import recipe, records
from memkit.training import runner


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one point costs.

    Attributes:
      steps: training steps of one run.
      disk: bytes of one record, uncompressed, so an upper bound.
      seconds: of one run after compilation with one worker, or None where not measured.
      startup: seconds of compilation and first use, or None.
    """

    steps: int
    disk: int
    seconds: float | None = None
    startup: float | None = None


def arithmetic(study, point):
    """Returns the Cost of a point without measuring; imports no engine."""
    training = point.config["training"]
    members = int(study.train_mask[0].sum())
    steps = training["epochs"] * recipe.steps_per_epoch(members, training["batch_size"])
    return Cost(steps=steps, disk=records.num_bytes(study.sizes_at(point, 0)))


def measure(study, *, setup):
    """Returns the Cost of every point, timed on this device; sets the engine up first."""
    runner.configure(setup)
    return [_measure_point(study, point, setup) for point in study.points]


def _measure_point(study, point, setup):
    """Times one epoch and one evaluation, the second time without compilation."""
    program = runner.compile_point(study, point, setup)
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        runner.train_pack(program, study, point, [0] * program.size, stop_after=1)
        trained = time.perf_counter()
        program.evaluate()
        seconds.append((trained - started, time.perf_counter() - trained))
    (first_train, first_evaluate), (train, evaluate) = seconds
    return dataclasses.replace(
        arithmetic(study, point),
        seconds=(train * point.config["training"]["epochs"] + evaluate) / program.size,
        startup=first_train + first_evaluate - train - evaluate,
    )
