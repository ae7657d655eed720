"""Processes killed at random moments; `python -m tests.sweeps.kills` is the same, longer."""

import os
import signal
import subprocess

import pytest

from memkit import studies
from tests.sweeps import kills, sweeping


@pytest.mark.parametrize("number", [4, pytest.param(30, marks=pytest.mark.proof)])
def test_random_kills_lose_nothing_and_repeat_only_runs_in_flight(tmp_path, number):
    storm = kills.rage(tmp_path, kills=number, seed=number)
    assert storm.kills.total() == number
    assert storm.begun >= 40 * storm.studies
    assert storm.is_harmless, storm


def test_workers_exit_with_a_killed_executor_and_the_next_one_removes_its_heartbeat(
    tmp_path,
):
    journal = tmp_path / "journal"
    journal.mkdir()
    child = sweeping.start(tmp_path / "study", journal, seconds=0.05)
    sweeping.wait_until(lambda: os.listdir(journal))
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    sweeping.wait_until(lambda: sweeping.is_empty(child.pid))
    study = studies.load(tmp_path / "study")
    assert [state["process"] for state in studies.executors.announced(study).values()] == [
        child.pid
    ]
    assert sweeping.start(study.workdir, journal, seconds=0).wait() == 0
    assert studies.executors.announced(study) == {}


def test_two_executors_of_one_study_share_the_work(tmp_path, outcomes):
    journal = tmp_path / "journal"
    journal.mkdir()
    first, second = (
        sweeping.start(tmp_path / "study", journal, seconds=0.2, errors=subprocess.PIPE)
        for _ in range(2)
    )
    for child in (first, second):
        _, errors = child.communicate()
        assert child.returncode == 0, errors
        assert errors == b""
    study = studies.load(tmp_path / "study")
    assert outcomes(study) == outcomes(kills.undisturbed(tmp_path / "undisturbed"))
    started_runs = [run for run, _, _ in sweeping.journal(journal)]
    assert len(set(started_runs)) == 40
    assert len(started_runs) < 60  # Each alone does 40.
    assert not list((tmp_path / "study").rglob(".tmp-*"))
    assert studies.executors.announced(study) == {}


@pytest.mark.proof
@pytest.mark.parametrize("number", [2, 8])
def test_a_study_is_finished_when_one_of_its_executors_is_killed(tmp_path, number):
    journal = tmp_path / "journal"
    journal.mkdir()
    children = [
        sweeping.start(tmp_path / "study", journal, seconds=0.3, errors=subprocess.PIPE)
        for _ in range(number)
    ]
    sweeping.wait_until(lambda: len(os.listdir(journal)) > number)
    victim, *others = children
    os.kill(victim.pid, signal.SIGKILL)
    for child in others:
        _, errors = child.communicate()
        assert child.returncode == 0, errors
        assert errors == b""
    assert victim.wait() == -signal.SIGKILL
    victim.stderr.close()
    sweeping.wait_until(lambda: sweeping.is_empty(victim.pid))
    study = studies.load(tmp_path / "study")
    assert kills.results(study) == kills.results(kills.undisturbed(tmp_path / "undisturbed"))
    started_runs = [run for run, _, _ in sweeping.journal(journal)]
    assert len(set(started_runs)) == 40
    assert sweeping.start(study.workdir, journal, seconds=0).wait() == 0
    assert not list((tmp_path / "study").rglob(".tmp-*"))
    assert studies.executors.announced(study) == {}
