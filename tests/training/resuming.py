"""Runs that are interrupted between two epochs and resumed, or trained without a second thread."""

import concurrent.futures
import contextlib
from unittest import mock

import numpy as np

from memkit import data, studies
from memkit.training import checkpoint, engines
from memkit.training.runner import Runner
from tests.sweeps import small_study


class Interrupted(Exception):
    """Stands for the end of the process."""


def train(study, point, runs, setup):
    """Returns {(run, name): array} of runs, and the epochs that were trained for them."""
    with counting() as epochs:
        done = list(Runner(setup).train_runs(study, point, list(runs)))
    return {(run, name): array for run, arrays, _ in done for name, array in arrays.items()}, epochs


def interrupt(study, point, runs, setup, *, after):
    """Trains epochs with a checkpoint after each, and fails in the middle of the next one."""
    at_once = mock.patch.object(checkpoint, "SECONDS", 0.0)
    with at_once, counting(most=after) as epochs, contextlib.suppress(Interrupted):
        list(Runner(setup).train_runs(study, point, list(runs)))
    return epochs


@contextlib.contextmanager
def counting(most=None):
    """Yields a list that grows by every epoch of a pack; the one after `most` raises an error."""
    epochs, compile_program = [], engines.compile_program

    def compiled(*args, **options):
        program = compile_program(*args, **options)

        def watched(plans):
            steps = program.train(plans)  # The interrupted epoch has changed the state.
            if most is not None and len(epochs) == most:
                raise Interrupted
            epochs.append(len(plans))
            return steps

        return engines.dataclasses.replace(program, train=watched)

    with mock.patch.object(engines, "compile_program", compiled):
        yield epochs


def without_a_thread(workdir, engine):
    """Returns the arrays of runs 0 to 2, "with RUN NAME" and "without RUN NAME" the thread."""
    study, name = studies.load(workdir), engine.__name__.rpartition(".")[-1]
    packed = {"packing": "vmap", "runs_per_program": 3} if name == "jax" else {}
    setup, arrays = engines.Setup(name, **packed), {}
    for word, executor in (
        ("with", concurrent.futures.ThreadPoolExecutor),
        ("without", InTurn),
    ):
        with mock.patch.object(concurrent.futures, "ThreadPoolExecutor", executor):
            trained, _ = train(study, study.points[0], [0, 1, 2], setup)
        arrays |= {f"{word} {run} {key}": array for (run, key), array in trained.items()}
    return arrays


class InTurn(concurrent.futures.Executor):
    """Stands for an executor; calls a function when it is submitted."""

    def __init__(self, max_workers):
        pass

    def submit(self, function, *arguments):
        future = concurrent.futures.Future()
        future.set_result(function(*arguments))
        return future


def on_disk(folder, *, history_runs=0, **training):
    """Returns the workdir of a study whose images another process can load."""
    images = small_study.dataset()
    arrays = {
        f"{axis}_{part}": getattr(images, f"{part}_{name}")
        for part in ("train", "test")
        for axis, name in (("x", "images"), ("y", "labels"))
    }
    np.savez(folder / "data.npz", **arrays)
    source = {"name": "npz", "path": str(folder / "data.npz")}
    config = small_study.config(
        training=small_study.config()["training"] | {"epochs": 4} | training
    )
    config["dataset"] = config["dataset"] | source
    config["record"] = config["record"] | {"history_runs": history_runs}
    images = data.load("npz", path=source["path"])
    return str(studies.open_or_create(folder / "study", config, images).workdir)
