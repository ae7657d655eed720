"""Trains runs of a compiled model with memkit's engines, in worker processes on a CPU."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from etils import epy

from memkit import studies
from memkit.errors import InputError
from memkit.studies import Point, Study
from memkit.sweeps import executor, placement
from memkit.sweeps.progress import Progress
from memkit.training.compiler import Given
from memkit.training.recording import RunRecord
from memkit.training.runner import Runner
from memkit.typing import Array

with epy.lazy_imports():  # The user's program has chosen the backend.
    import keras


def train(
    study: Study,
    missing: Mapping[str, Sequence[int]],
    build: bytes,
    inputs: Array,
    *,
    workers: int,
) -> None:
    """Trains the missing runs of a study with one point, and writes their records.

    On a GPU or TPU they are trained in this process, which holds its memory already.

    Args:
      missing: {name of the point: runs}.
      build: see `Given`.
      inputs: [N + T, ...], train then test.
      workers: number of worker processes; 0 for one per core.

    Raises:
      InputError: a run failed; names the file with its traceback.
    """
    engine = keras.backend.backend()
    placed = placement.place(data_parallel=1, engine=engine, workers=workers)
    (point,) = study.points
    runs = missing[point.name]
    with tempfile.TemporaryDirectory(prefix="memkit-") as folder:
        file = os.path.join(folder, "inputs.npy")
        np.save(file, inputs)
        runner = Runner(placed.setup, Given(build, file))
        if placed.setup.kind != "cpu":
            print(f"measure: {len(runs)} runs by memkit's {engine} engine", file=sys.stderr)
            progress = Progress({point.name: len(runs)}, workers=1, stream=sys.stderr)
            train_here(study, point, runs, runner.train_runs, progress)
            return
        count = min(len(placed.worker_envs), len(runs))
        print(
            f"measure: {len(runs)} runs by memkit's {engine} engine in {count} processes",
            file=sys.stderr,
        )
        failures, left = executor.execute(
            study,
            missing,
            runner.train,
            setup=runner.configure,
            placement=placed,
            progress=Progress({point.name: len(runs)}, workers=count, stream=sys.stderr),
        )
        if failures:
            others = len(failures) - 1 + sum(map(len, left.values()))
            more = f"; {others} more runs are missing" if others else ""
            raise InputError(f"run {failures[0].run} failed: {failures[0].reason}{more}")


def train_here(
    study: Study,
    point: Point,
    runs: Sequence[int],
    work: Callable[[Study, Point, Sequence[int]], Iterator[RunRecord]],
    progress: Progress,
) -> None:
    """Trains runs in this process and writes each record as soon as its run is finished."""
    try:
        for run, arrays, info in work(study, point, runs):
            studies.write_record(study, point, run, arrays, info)
            progress.finished(point.name, info["seconds"])
    finally:
        progress.close()
