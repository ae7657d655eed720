"""A work function without an engine: outcomes drawn in NumPy, as fast as the executor allows.

It lives in a module of its own because worker processes import it by name.
"""

import errno
import os
import pathlib
import signal
import time

import numpy as np

from memkit import machine, records, seeds, studies
from memkit.errors import InputError
from memkit.sweeps import worker
from memkit.typing import Epochs
from tests.info import INFO


def no_setup():
    """A worker that needs no engine needs no setup."""


def reporting_setup():
    """A worker that reports how far a run is after every epoch, however short it is."""
    worker.REPORT_SECONDS = 0.0


def slow_setup():
    """A start that takes as long as that of a light engine."""
    time.sleep(0.2)


def broken_setup():
    raise RuntimeError("the engine is broken here")


def deadly_setup():
    os._exit(9)


class NoTask:
    """What a worker process cannot even read."""

    def __setstate__(self, state):
        raise RuntimeError("this task cannot be read")

    def __getstate__(self):
        return {"state": "there"}


def arrays(study, point, run):
    """The record arrays of one run: pure chance, fixed by point and run."""
    rng = seeds.stream(study.config["seed"], f"fake/{point.name}", run)
    made = {}
    for name, (dtype, shape) in records.array_specs(study.sizes).items():
        if dtype.kind == "b":
            made[name] = rng.random(shape) < 0.5
        elif dtype.kind == "u":
            made[name] = rng.integers(0, study.sizes.classes, shape).astype(dtype)
        else:
            made[name] = rng.random(shape).astype(dtype)
    return made


def info(seconds=0.0):
    return INFO | {"seconds": seconds, "engine": "fake"}


def draw(study, point, runs, *, seconds=0.0, journal=None):
    """Yields records after `seconds` each; `journal` gets a file per run that was started."""
    for run in runs:
        if journal:
            name = f"{point.name}-{run}-{os.getpid()}-{time.monotonic_ns()}"
            (pathlib.Path(journal) / name).touch()
        time.sleep(seconds)
        yield run, arrays(study, point, run), info(seconds)


def epoch_by_epoch(study, point, runs, *, gates, at_once=1):
    """Trains packs for three epochs; each ends when the folder has a file of its number.

    The folder gets a file for every process that begins a pack.
    """
    for i in range(0, len(runs), at_once):
        (pathlib.Path(gates) / f"began-{os.getpid()}").touch()
        for epoch in (1, 2, 3):
            while not (pathlib.Path(gates) / str(epoch)).exists():
                time.sleep(0.01)
            yield Epochs(epoch, 3)
        for run in runs[i : i + at_once]:
            yield run, arrays(study, point, run), info()


def note_blocks(study, point, runs, *, journal):
    """Yields records; `journal` gets a file per block, whose name begins with its length."""
    (pathlib.Path(journal) / f"{len(runs)}-{point.name}-{runs[0]}").touch()
    for run in runs:
        yield run, arrays(study, point, run), info()


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


def fail_at(study, point, runs, *, name, bad_runs, how, journal=None, times=1000):
    """Fails at some runs of a point, so many times in all that `journal` counts.

    By an exception, a mistake of the user, a failing or a full disk, the death of the process or a
    signal.
    """
    for run in runs:
        if point.name == name and run in bad_runs:
            attempts = 0
            if journal:
                attempts = len(os.listdir(journal))
                (pathlib.Path(journal) / f"{run}-{time.monotonic_ns()}").touch()
            if attempts < times:
                _fail(how)
        yield run, arrays(study, point, run), info()


def _fail(how):
    if how == "exception":
        raise ZeroDivisionError("the loss divided by zero")
    if how == "input":
        raise InputError("model: expected a trainable model, received none")
    if how == "disk":
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    if how == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if how == "exit":
        os._exit(7)
    os.kill(os.getpid(), getattr(signal, how))


def die_writing(study, point, runs, *, bad_run):
    """Dies at one run with its record half-written."""
    for run in runs:
        if run == bad_run:
            folder = study.workdir / "points" / point.name / "runs"
            name = f".tmp-{machine.process_name()}-0123abcd"
            (folder / name).write_bytes(b"half a record")
            os.kill(os.getpid(), signal.SIGKILL)
        yield run, arrays(study, point, run), info()


def crash(study, point, runs, *, bad_run):
    """Dies in native code at one run, after more words than a pipe holds."""
    for run in runs:
        if run == bad_run:
            os.write(2, b"blah\n" * 100_000)
            os.write(2, b"the device is on fire\n")
            os.kill(os.getpid(), signal.SIGSEGV)
        yield run, arrays(study, point, run), info()


def fail_together(study, point, runs, *, at_once, bad_run):
    """Trains so many runs at a time, and raises where a bad one is among them."""
    for i in range(0, len(runs), at_once):
        pack = runs[i : i + at_once]
        if bad_run in pack:
            raise ZeroDivisionError(f"one of {pack} divided by zero")
        for run in pack:
            yield run, arrays(study, point, run), info()
