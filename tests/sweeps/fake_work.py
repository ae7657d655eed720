"""A work function without an engine: outcomes drawn in NumPy, as fast as the executor allows.

It lives in a module of its own because worker processes import it by name.
"""

import os
import pathlib
import time

import numpy as np

from memkit import records, seeds, studies
from memkit.errors import InputError


def no_setup():
    """A worker that needs no engine needs no setup."""


def broken_setup():
    raise RuntimeError("the engine is broken here")


def arrays(study, point, run):
    """The record arrays of one run: pure chance, fixed by point and run."""
    rng = seeds.stream(study.config["seed"], f"fake/{point.name}", run)
    found = {}
    for name, (dtype, shape) in records.array_specs(study.sizes).items():
        if dtype.kind == "b":
            found[name] = rng.random(shape) < 0.5
        elif dtype.kind == "u":
            found[name] = rng.integers(0, study.sizes.classes, shape).astype(dtype)
        else:
            found[name] = rng.random(shape).astype(dtype)
    return found


def info(seconds=0.0):
    return {
        "status": "done",
        "train_accuracy": 1.0,
        "test_accuracy": 0.5,
        "steps": 1,
        "seconds": seconds,
        "engine": "fake",
        "device": "CPU",
        "host": "here",
        "versions": {},
    }


def draw(study, point, runs, *, seconds=0.0, journal=None):
    """Yields records after `seconds` each; `journal` gets a file per run that was started."""
    for run in runs:
        if journal:
            name = f"{point.name}-{run}-{os.getpid()}-{time.monotonic_ns()}"
            (pathlib.Path(journal) / name).touch()
        time.sleep(seconds)
        yield run, arrays(study, point, run), info(seconds)


def after_teacher(study, point, runs):
    """Raises where a student is trained before its teacher; teachers take their time."""
    for run in runs:
        if point.teacher:
            taught = studies.read_runs(study, study.point(point.teacher)).index
            if run not in taught:
                raise LookupError(f"{point.name} run {run} came before its teacher")
        if not point.teacher:
            time.sleep(0.1)
            studies.write_weights(study, point, run, [np.zeros(1)])
        yield run, arrays(study, point, run), info()


def fail_at(study, point, runs, *, name, bad_run, how):
    """Fails at one run: by an exception, a mistake of the user, or the death of the process."""
    for run in runs:
        if point.name == name and run == bad_run:
            if how == "exception":
                raise ZeroDivisionError("the loss divided by zero")
            if how == "input":
                raise InputError("model: expected a trainable model, received none")
            os._exit(7)
        yield run, arrays(study, point, run), info()
