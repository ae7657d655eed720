"""Stands in for `memkit.training.runner`: records drawn in NumPy; students copy their teachers."""

from memkit import studies
from tests.sweeps import fake_work

INFO = fake_work.info() | {"engine": "tensorflow"}


def configure(setup):
    """There is no engine to set up."""


def train_runs(study, point, runs, *, setup):
    """Yields records fixed by point and run, and for a student by its teacher's weights."""
    for run in runs:
        if run == 13:
            raise ZeroDivisionError("thirteen")
        arrays = fake_work.arrays(study, point, run)
        if point.teacher:
            (weights,) = studies.read_weights(study, point, run)
            arrays["train_logodds"][:] = weights
        if studies.is_teacher(study, point):
            studies.write_weights(study, point, run, [arrays["train_logodds"][:1]])
        yield run, arrays, INFO
