"""A replacement of `training.runner.Runner` that draws records in NumPy, without an engine."""

from memkit import studies
from tests.sweeps import fake_work

INFO = fake_work.info() | {"engine": "tensorflow"}


class Runner:
    """Trains nothing; students copy their teachers."""

    def __init__(self, setup):
        self.setup = setup

    def configure(self):
        """There is no engine to configure."""

    def train(self, study, point, runs):
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
