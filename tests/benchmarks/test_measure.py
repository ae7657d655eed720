import subprocess
import sys

import pytest


@pytest.mark.slow
def test_measure_is_timed_beside_the_command_line_and_beside_a_loop():
    command = [sys.executable, "-m", "benchmarks.measure", "--rounds=1", "--epochs=1"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line for line in printed.splitlines() if line.startswith(("engine: ", "fit: "))]
    assert [row.split("  ")[0] for row in rows] == ["engine: measure", "fit: measure"]
