"""The benchmarks of leave-one-out scores in a tiny size: every row of their tables is finite."""

import re
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("program, num_rows", [("pairing", 5), ("subset_fractions", 10)])
def test_every_row_of_the_tiny_benchmark_is_finite(program, num_rows):
    command = [sys.executable, "-m", f"benchmarks.{program}", "--tiny"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if " +/- " in line and "stderr" not in line]
    assert len(rows) == num_rows
    for row in rows:
        assert "nan" not in row and len(re.findall(r"[-+]?\d+\.\d+", row)) >= 5
