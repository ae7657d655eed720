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
    (by_memkit,), (by_reference,) = json.loads(out.read_text())["found"].values()
    assert by_memkit["pairs"] == by_reference["pairs"] > 10
    assert by_memkit["largest"] == pytest.approx(by_reference["largest"], rel=1e-4)
    assert (
        min(by_memkit["seconds"], by_reference["seconds"], by_memkit["peak"], by_reference["peak"])
        > 0
    )
    assert "times as fast" in done.stdout
