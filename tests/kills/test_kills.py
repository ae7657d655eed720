"""Commands that are killed while they write; `python -m tests.kills` is the same, longer."""

import subprocess
import sys

import pytest


@pytest.mark.proof
def test_commands_killed_at_random_moments_show_no_mixture_and_can_be_repeated():
    command = [sys.executable, "-m", "tests.kills", "--kills=18"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
