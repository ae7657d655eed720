"""A study of 30 made-up images, two points and 20 runs, for executors."""

import pytest

from memkit import studies
from tests.sweeps import small_study


@pytest.fixture
def study(tmp_path):
    return small_study.make(tmp_path / "study")


@pytest.fixture
def make_study(tmp_path):
    def make(name, **changes):
        return small_study.make(tmp_path / name, **changes)

    return make


@pytest.fixture
def outcomes():
    """Returns every record's arrays of a study, by point, run and name."""

    def read(study):
        arrays = {}
        for point in study.points:
            runs = studies.read_runs(study, point, ("train_correct", "train_logodds", "curve"))
            for name, stacked in runs.arrays.items():
                for run, array in zip(runs.index, stacked, strict=True):
                    arrays[point.name, int(run), name] = array.tobytes()
        return arrays

    return read
