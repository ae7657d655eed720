"""What benchmark 3 measures, in one process: how cost grows, and what many runs leave in memory."""

import dataclasses
import os
import tempfile
import time

import numpy as np

from benchmarks import small_studies

BATCH = 64


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How far the benchmark goes.

    Attributes:
      runs: numbers of runs, ascending.
      examples: numbers of train examples, ascending.
      epochs: numbers of epochs, ascending.
      repeats: runs behind each time along examples and epochs.
      many: runs of the memory measurement.
      every: runs between two looks at the memory.
    """

    runs: tuple = (1, 2, 4, 8, 16, 32)
    examples: tuple = (1000, 2000, 4000, 8000)
    epochs: tuple = (2, 4, 8, 16)
    repeats: int = 4
    many: int = 500
    every: int = 10


def growth(setup, sizes):
    """Returns a function that returns {"runs" | "examples" | "epochs": [(size, seconds), ...]}.

    Seconds are those of one run for examples and epochs and of all for runs; programs are compiled
    before.
    """
    runner = _configured(setup)

    def measure():
        base = dict(examples=sizes.examples[0], epochs=sizes.epochs[0])
        num_runs = max(*sizes.runs, sizes.repeats)
        study, point = _study(num_runs, **base)
        small_studies.train(study, point, [0], runner)
        found = {"runs": [(r, _seconds(study, point, r, runner)) for r in sizes.runs]}
        for axis in base:
            found[axis] = []
            for size in getattr(sizes, axis):
                study, point = _study(num_runs, **base | {axis: size})
                small_studies.train(study, point, [0], runner)
                seconds = _seconds(study, point, sizes.repeats, runner) / sizes.repeats
                found[axis].append((size, seconds))
        return found

    return measure


def memory(setup, sizes):
    """Returns a function that returns [(runs done, bytes of resident memory), ...].

    Each run is the work of a worker, from initial values to the record on disk.
    """
    runner = _configured(setup)

    def measure():
        found = []
        with tempfile.TemporaryDirectory() as folder:
            study, point = _study(sizes.many, examples=500, epochs=1, workdir=folder)
            for run in range(sizes.many):
                small_studies.train(study, point, [run], runner)
                if (run + 1) % sizes.every == 0:
                    found.append((run + 1, resident_bytes()))
        return found

    return measure


def exponent(pairs):
    """Returns the slope of log seconds over log size of [(size, seconds), ...]."""
    size, seconds = np.log(np.array(pairs, float)).T
    return float(np.polyfit(size, seconds, 1)[0])


def bytes_per_run(pairs):
    """Returns the slope over the last half of [(runs done, bytes), ...]."""
    runs, resident = np.array(pairs[len(pairs) // 2 :], float).T
    return float(np.polyfit(runs, resident, 1)[0])


def resident_bytes():
    """Returns the memory of this process that lies in RAM, in bytes; Linux only."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _configured(setup):
    from memkit.training.runner import Runner

    runner = Runner(setup)
    runner.configure()
    return runner


def _study(num_runs, *, examples, epochs, workdir=None):
    config = small_studies.config(
        dataset=small_studies.made_up(size=8, channels=1, num_train=examples),
        model=dict(name="resnet", depth=8, width=4),
        num_runs=max(20, num_runs),
        epochs=epochs,
        batch_size=BATCH,
    )
    return small_studies.draft(config, workdir)


def _seconds(study, point, runs, runner):
    started = time.perf_counter()
    small_studies.train(study, point, range(runs), runner)
    return time.perf_counter() - started
