"""The benchmarks of leave-one-out scores in a tiny size: every number that they print is finite."""

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


@pytest.mark.slow
def test_the_tiny_benchmark_of_paired_coverage_prints_both_outcomes():
    command = [sys.executable, "-m", "benchmarks.paired_coverage", "--tiny"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^(\w+): coverage (\S+), half width (\S+)$", done.stdout, re.MULTILINE)
    assert [name for name, *_ in rows] == ["prob", "correct"]
    assert all(0.8 <= float(coverage) <= 1 for _, coverage, _ in rows)
