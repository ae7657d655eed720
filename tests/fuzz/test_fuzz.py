"""Damaged files of a study: a sample of the cells here, all of them by `python -m tests.fuzz`."""

import json
import subprocess
import sys

import pytest


def _fuzz(out, *options):
    command = [sys.executable, "-m", "tests.fuzz", f"--out={out}", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return json.loads((out / "cells.json").read_text())


@pytest.mark.slow
def test_a_damaged_file_gives_the_same_numbers_or_is_named(tmp_path):
    cells = _fuzz(tmp_path / "out", "--cells=14", "--seed=0")
    assert len(cells) == 14
    assert {cell["outcome"] for cell in cells} == {"same", "named", "refused"}


@pytest.mark.proof
def test_every_damage_of_every_kind_of_file_gives_the_same_numbers_or_is_named(tmp_path):
    cells = _fuzz(tmp_path / "out", "--jobs=2")
    assert len({cell["kind"] for cell in cells}) >= 20
    assert len({cell["how"] for cell in cells}) == 9
    assert len({cell["command"] for cell in cells}) == 16
