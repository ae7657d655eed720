"""Measures what a run costs on this device, before a study starts."""

import dataclasses
import time

from memkit import records
from memkit.studies.points import Point
from memkit.studies.study import Study
from memkit.training import engines, loop
from memkit.training.compiler import Compiler


@dataclasses.dataclass(frozen=True)
class Cost:
    """Cost of the runs of one point.

    Attributes:
      steps: training steps of one run.
      disk: bytes of one record, uncompressed, so an upper bound.
      seconds: of one run after compilation with one worker, or None if not measured.
      startup: seconds of compilation and first use, or None if not measured.
    """

    steps: int
    disk: int
    seconds: float | None = None
    startup: float | None = None


def arithmetic(study: Study, point: Point) -> Cost:
    """Returns the Cost of a point without measuring; imports no engine."""
    steps = point.config["training"]["epochs"] * loop.steps_per_epoch(study, point, 0)
    return Cost(steps=steps, disk=records.num_bytes(study.sizes_at(point, 0)))


def measure(study: Study, *, setup: engines.Setup) -> list[Cost]:
    """Returns the Cost of every point, timed on this device; configures the engine first."""
    engines.load(setup.engine).configure(setup)
    compiler = Compiler(setup)
    return [_measure_point(study, point, compiler) for point in study.points]


def _measure_point(study: Study, point: Point, compiler: Compiler) -> Cost:
    """Times one epoch and one evaluation twice; the second time nothing is compiled."""
    program = compiler.compile(study, point)
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        loop.train_pack(program, study, point, [0] * program.size, stop_after=1)
        trained = time.perf_counter()
        program.evaluate()
        seconds.append((trained - started, time.perf_counter() - trained))
    (first_train, first_evaluate), (train, evaluate) = seconds
    return dataclasses.replace(
        arithmetic(study, point),
        seconds=(train * point.config["training"]["epochs"] + evaluate) / program.size,
        startup=max(0.0, first_train + first_evaluate - train - evaluate),
    )
