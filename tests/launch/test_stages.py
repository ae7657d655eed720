"""What commands record about themselves."""

import sys

import pytest
from memkit.launch import stages


@pytest.mark.parametrize(
    ("words", "recorded"),
    [
        (["audit", "my photos"], "memkit audit 'my photos' --workdir=out/audit/my-photos"),
        (["run", "--workdir=out/audit/my-photos"], "memkit run --workdir=out/audit/my-photos"),
        (["run", "--workdir", "out/x"], "memkit run --workdir out/x"),
    ],
)
def test_a_recorded_command_has_its_workdir(monkeypatch, words, recorded):
    monkeypatch.setattr(sys, "argv", ["memkit", *words])
    assert stages._command("out/audit/my-photos") == recorded
