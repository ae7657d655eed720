import functools
import io
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

from memkit import studies
from memkit.errors import InputError
from memkit.sweeps import local, selection
from tests.sweeps import fake_work

KILLS = 5

CHILD = """
import functools, pathlib, sys
from memkit.sweeps import local, selection
from tests.sweeps import fake_work, small_study
if __name__ == "__main__":
    workdir, journal = sys.argv[1:]
    study = small_study.make(pathlib.Path(workdir))
    missing, _ = selection.missing(study)
    work = functools.partial(fake_work.draw, seconds=0.02, journal=journal)
    how = {"setup": fake_work.no_setup, "environments": [{}, {}], "stream": sys.stdout}
    local.execute(study, missing, work, **how)
"""


def execute(study, work=fake_work.draw, workers=2, setup=fake_work.no_setup):
    missing, _ = selection.missing(study)
    return local.execute(
        study,
        missing,
        work,
        setup=setup,
        environments=[{}] * workers,
        stream=io.StringIO(),
    )


def start_child(tmp_path, workdir, journal):
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    environment = os.environ | {"PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, str(script), str(workdir), str(journal)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_until(fact, seconds=60):
    end = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > end:
            raise TimeoutError("the awaited fact did not come true")
        time.sleep(0.01)


def children_of(group):
    """The live processes of a process group."""
    found = subprocess.run(["ps", "-eo", "pid,pgid,stat"], capture_output=True, text=True)
    rows = [line.split() for line in found.stdout.splitlines()[1:]]
    return [int(pid) for pid, pgid, stat in rows if int(pgid) == group and "Z" not in stat]


def is_empty(group):
    return not children_of(group)


def has_begun(child, journal, before):
    return child.poll() is not None or len(os.listdir(journal)) > before


def test_every_run_is_done_once_and_a_second_call_does_nothing(study, tmp_path):
    journal = tmp_path / "journal"
    journal.mkdir()
    work = functools.partial(fake_work.draw, journal=str(journal))
    assert execute(study, work) == []
    assert execute(study, work) == []
    started = sorted(name.rsplit("-", 2)[0] for name in os.listdir(journal))
    assert started == sorted(f"{p.name}-{m}" for p in study.points for m in range(20))


def test_the_number_of_workers_changes_no_array(make_study, outcomes):
    one, three = make_study("one"), make_study("three")
    execute(one, workers=1)
    execute(three, workers=3)
    assert outcomes(one) == outcomes(three)
    assert len(outcomes(one)) == 2 * 20 * 3


@pytest.mark.parametrize(
    ("how", "reason"),
    [("exception", "divided by zero"), ("death", "ended with exit code 7")],
)
def test_a_failing_run_stops_only_its_point_and_leaves_a_traceback(study, how, reason):
    bad = study.points[1].name
    work = functools.partial(fake_work.fail_at, name=bad, bad_run=6, how=how)
    (failure,) = execute(study, work)
    assert (failure.point, failure.run) == (bad, 6)
    assert reason in failure.reason
    assert reason in json.loads(failure.file.read_text())["traceback"]
    assert len(studies.read_runs(study, study.points[0]).index) == 20
    assert 6 not in studies.read_runs(study, study.points[1]).index


def test_a_mistake_of_the_user_met_in_a_worker_ends_the_sweep_with_its_line(study):
    work = functools.partial(fake_work.fail_at, name=study.points[0].name, bad_run=0, how="input")
    with pytest.raises(InputError, match="expected a trainable model"):
        execute(study, work)


def test_a_worker_that_cannot_start_says_why(study):
    with pytest.raises(RuntimeError, match="the engine is broken here"):
        execute(study, setup=fake_work.broken_setup)


def test_workers_end_when_their_parent_is_killed(tmp_path):
    (tmp_path / "journal").mkdir()
    child = start_child(tmp_path, tmp_path / "study", tmp_path / "journal")
    wait_until(lambda: os.listdir(tmp_path / "journal"))
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    wait_until(functools.partial(is_empty, child.pid))


def test_kills_at_random_moments_lose_nothing_and_repeat_only_runs_in_flight(
    tmp_path, make_study, outcomes
):
    workdir, journal = tmp_path / "killed", tmp_path / "journal"
    journal.mkdir()
    rng = random.Random(0)
    kills, code = 0, None
    while kills < KILLS or code != 0:
        child = start_child(tmp_path, workdir, journal)
        wait_until(functools.partial(has_begun, child, journal, len(os.listdir(journal))))
        if kills < KILLS:
            time.sleep(rng.uniform(0, 0.1))
            victim = rng.choice([child.pid, *children_of(child.pid)])
            for pid in {victim, child.pid}:
                os.kill(pid, signal.SIGKILL)
            kills += 1
        code = child.wait()
        wait_until(functools.partial(is_empty, child.pid))
    study = studies.load(workdir)
    studies.remove_temporaries(study)
    undisturbed = make_study("undisturbed")
    execute(undisturbed)
    assert outcomes(study) == outcomes(undisturbed)
    started = [name.rsplit("-", 2)[0] for name in os.listdir(journal)]
    assert len(started) - len(set(started)) <= kills * 2
    folders = [study.workdir / "points" / p.name / "runs" for p in study.points]
    assert sorted(os.listdir(folders[0])) == sorted(f"{m}.npz" for m in range(20))


STUDENTS = {
    "series": ("one_hot", "distilled", "distilled_from_0.2"),
    "distillation": {"teacher": "same", "weight": 1.0, "temperature": 1.0, "scale": False},
}


@pytest.mark.parametrize("workers", [1, 3])
def test_students_wait_for_their_teachers(make_study, workers):
    study = make_study("students", **STUDENTS)
    assert execute(study, fake_work.after_teacher, workers=workers) == []
    assert all(len(studies.read_runs(study, p).index) == 20 for p in study.points)


def test_students_of_a_failed_teacher_are_left_with_it(make_study):
    study = make_study("students", **STUDENTS)
    teacher = "one_hot_peak0.2"
    work = functools.partial(fake_work.fail_at, name=teacher, bad_run=19, how="exception")
    (failure,) = execute(study, work, workers=1)
    assert failure.point == teacher
    found = {p.name: len(studies.read_runs(study, p).index) for p in study.points}
    assert found["one_hot_peak0.1"] == found["distilled_peak0.1"] == 20
    assert found["distilled_peak0.2"] == found["distilled_from_0.2_peak0.1"] == 0
