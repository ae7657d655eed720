import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
pytestmark = pytest.mark.slow


def test_both_ways_find_the_same_and_are_timed(tmp_path):
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", "benchmarks.influence", "--tiny", "--rounds=1", f"--out={out}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (ours,), (theirs,) = json.loads(out.read_text())["found"].values()
    assert ours["pairs"] == theirs["pairs"] > 10
    assert ours["largest"] == pytest.approx(theirs["largest"], rel=1e-4)
    assert min(ours["seconds"], theirs["seconds"], ours["peak"], theirs["peak"]) > 0
    assert "times as fast" in done.stdout
