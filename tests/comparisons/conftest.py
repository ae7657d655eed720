"""A made-up world of runs, and a study's examples."""

import importlib.util
import pathlib

import numpy as np
import pytest

from memkit.comparisons import Examples

_spec = importlib.util.spec_from_file_location(
    "memkit_tests_writers", pathlib.Path(__file__).with_name("writers.py")
)
_writers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_writers)


@pytest.fixture
def world():
    return _writers.World()


@pytest.fixture
def make_examples(world):
    """Returns a function that makes the Examples of a study of the world, row i at column i."""

    def make(order=None, **changes):
        order = np.arange(len(world.train_labels)) if order is None else np.asarray(order)
        fields = {
            "train_ids": np.array([f"train_{i:05d}" for i in order]),
            "train_labels": world.train_labels[order],
            "given_labels": world.train_labels[order],
            "test_ids": np.array([f"test_{j:05d}" for j in range(len(world.test_labels))]),
            "test_labels": world.test_labels,
        }
        return Examples(**(fields | changes))

    return make
