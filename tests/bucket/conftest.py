"""A bucket for the tests of object stores."""

import os
import pathlib

import pytest

from tests.bucket import fake_bucket

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """The folder of an empty bucket that gs://bucket stands for, here and in child processes."""
    root = tmp_path / "bucket"
    (root / "objects").mkdir(parents=True)
    monkeypatch.setenv(fake_bucket.VARIABLE, str(root))
    monkeypatch.setenv("PYTHONPATH", f"{HERE}{os.pathsep}{HERE.parents[1]}")
    fake_bucket.register()
    return root


@pytest.fixture
def uploads(bucket):
    """Returns a function that lists the objects that were uploaded since its last call."""
    log = bucket / "uploads"

    def read():
        names = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return names

    return read
