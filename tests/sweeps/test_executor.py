import functools
import io
import json
import os

import pytest

from memkit import studies
from memkit.errors import InputError
from memkit.studies import executors
from memkit.sweeps import pool
from memkit.sweeps.queue import IN_A_ROW
from tests.sweeps import fake_work, sweeping, threads
from tests.sweeps.sweeping import execute

ONE_POINT = {"axis": {"field": "", "values": ()}}


@pytest.fixture
def journal(tmp_path):
    folder = tmp_path / "journal"
    folder.mkdir()
    return str(folder)


def execute_in_threads(study, *args, **options):
    return execute(study, *args, pool=threads, **options)


def done(study, point):
    return set(studies.read_runs(study, point).index.tolist())


def test_every_run_is_done_once_and_a_second_call_does_nothing(study, journal):
    work = functools.partial(fake_work.draw, journal=journal)
    assert execute_in_threads(study, work) == ([], {})
    assert execute_in_threads(study, work) == ([], {})
    started = sorted(name.rsplit("-", 2)[0] for name in os.listdir(journal))
    assert started == sorted(f"{p.name}-{m}" for p in study.points for m in range(20))


def test_the_number_of_workers_changes_no_array(make_study, outcomes):
    by_one, by_three = make_study("one"), make_study("three")
    execute(by_one, workers=1)
    execute(by_three, workers=3)
    assert outcomes(by_one) == outcomes(by_three)
    assert len(outcomes(by_one)) == 2 * 20 * 3


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("exception", "ZeroDivisionError: the loss divided by zero"),
        ("exit", "ended with exit code 7"),
        ("SIGKILL", "was killed (SIGKILL), usually because memory ran out"),
        ("SIGSEGV", "was ended by SIGSEGV"),
    ],
)
def test_a_failing_run_is_set_aside_with_its_reason_and_all_others_finish(study, how, reason):
    good, bad = study.points
    work = functools.partial(fake_work.fail_at, name=bad.name, bad_runs=(6,), how=how)
    (failure,), left = execute(study, work)
    assert (failure.point, failure.run) == (bad.name, 6)
    assert reason in failure.reason
    assert reason in json.loads(failure.file.read_text())["traceback"]
    assert done(study, good) == set(range(20))
    assert done(study, bad) == set(range(20)) - {6}
    assert left == {}


@pytest.mark.parametrize(
    ("how", "times", "attempts", "is_done"),
    [("exception", 1, 1, False), ("SIGKILL", 2, 3, True)],
)
def test_a_run_that_raises_is_tried_once_and_a_run_that_kills_its_worker_three_times(
    study, journal, how, times, attempts, is_done
):
    bad = study.points[0]
    fail = functools.partial(fake_work.fail_at, name=bad.name, bad_runs=(6,), how=how)
    failures, _ = execute(study, functools.partial(fail, journal=journal, times=times))
    assert len(os.listdir(journal)) == attempts
    assert (6 in done(study, bad)) == is_done
    assert len(failures) == (not is_done)


def test_the_stderr_tail_and_the_stack_of_a_crashed_worker_are_stored(make_study):
    study = make_study("study", **ONE_POINT)
    work = functools.partial(fake_work.crash, bad_run=6)
    (failure,), _ = execute(study, work, workers=1)
    message = json.loads(failure.file.read_text())["traceback"]
    assert "the device is on fire" in message
    assert "fake_work.py" in message
    assert len(message) < 20_000
    assert (failure.run, failure.reason) == (6, "the worker process was ended by SIGSEGV")


def test_temporary_files_of_killed_workers_are_removed_at_the_end(make_study):
    study = make_study("study", **ONE_POINT)
    failures, _ = execute(study, functools.partial(fake_work.die_writing, bad_run=6), workers=1)
    assert len(failures) == 1
    folder = study.workdir / "points" / study.points[0].name / "runs"
    assert len(os.listdir(folder)) == 19


def test_the_next_sweep_retries_a_run_that_was_set_aside_and_removes_its_traceback(study):
    bad = study.points[0]
    fail = functools.partial(fake_work.fail_at, name=bad.name, bad_runs=(6,), how="exception")
    (failure,), _ = execute_in_threads(study, fail)
    assert studies.failed_runs(study, bad) == {6}
    assert execute_in_threads(study) == ([], {})
    assert not failure.file.exists()
    assert studies.failed_runs(study, bad) == set()
    assert done(study, bad) == set(range(20))


def test_a_point_is_abandoned_after_three_failures_in_a_row(study):
    good, bad = study.points
    fail = functools.partial(fake_work.fail_at, name=bad.name, bad_runs=range(20), how="exception")
    failures, left = execute_in_threads(study, fail, workers=1)
    assert [failure.run for failure in failures] == [0, 1, 2]
    assert left == {bad.name: list(range(3, 20))}
    assert done(study, good) == set(range(20))
    assert len(os.listdir(study.workdir / "failures")) == IN_A_ROW


def test_a_point_is_not_abandoned_if_runs_finish_between_failures(study):
    bad = study.points[0]
    odd = tuple(range(1, 20, 2))
    fail = functools.partial(fake_work.fail_at, name=bad.name, bad_runs=odd, how="exception")
    failures, left = execute_in_threads(study, fail, workers=1)
    assert sorted(failure.run for failure in failures) == list(odd)
    assert done(study, bad) == set(range(0, 20, 2))
    assert left == {}


def test_of_a_pack_only_the_run_that_raises_is_set_aside(study):
    work = functools.partial(fake_work.fail_together, at_once=4, bad_run=6)
    failures, left = execute_in_threads(study, work, runs_at_once=4, workers=1)
    assert [(f.point, f.run) for f in failures] == [(p.name, 6) for p in study.points[::-1]]
    assert left == {}
    for point in study.points:
        assert done(study, point) == set(range(20)) - {6}


def test_a_full_disk_ends_the_sweep_with_one_line(study):
    work = functools.partial(
        fake_work.fail_at, name=study.points[0].name, bad_runs=(0,), how="full"
    )
    with pytest.raises(InputError, match="No space left on device"):
        execute_in_threads(study, work)
    assert executors.announced(study) == {}


@pytest.mark.parametrize(("times", "bad"), [(2, set()), (1000, {6})])
def test_a_run_is_tried_three_times_if_the_disk_fails(study, journal, times, bad):
    point = study.points[0]
    work = functools.partial(
        fake_work.fail_at, name=point.name, bad_runs=(6,), how="disk", journal=journal, times=times
    )
    failures, left = execute_in_threads(study, work, workers=1)
    assert [failure.run for failure in failures] == sorted(bad)
    assert all("Input/output error" in failure.reason for failure in failures)
    assert left == {}
    assert done(study, point) == set(range(20)) - bad
    assert len(os.listdir(journal)) == 3


def test_runs_that_another_executor_finishes_are_not_repeated(study, journal):
    point = study.points[1]

    class OtherExecutor(io.StringIO):
        """Finishes a run of its own whenever this one says how far it is."""

        def write(self, text):
            run = 19 - len(done(study, point))
            if run >= 10:
                arrays = fake_work.arrays(study, point, run)
                studies.write_record(study, point, run, arrays, fake_work.info())
            return super().write(text)

        def isatty(self):
            return True

    work = functools.partial(fake_work.draw, journal=journal, seconds=0.25)
    stream = OtherExecutor()
    assert execute_in_threads(study, work, workers=1, stream=stream) == ([], {})
    started_runs = {name.rsplit("-", 2)[0] for name in os.listdir(journal)}
    assert len(started_runs) == len(os.listdir(journal)) < 40
    assert "train 40/40 runs" in stream.getvalue()


@pytest.mark.parametrize("in_step", [False, True])
def test_only_executors_that_share_each_run_take_blocks_in_one_order(
    study, journal, monkeypatch, in_step
):
    with monkeypatch.context() as patch:
        patch.setattr(executors, "name", lambda: "another-1")
        state = {"started": 0.0, "note": "", "shard": [0, 1], "finished": 0, "blocks": []}
        executors.announce(study, state)
    work = functools.partial(fake_work.draw, journal=journal)
    assert execute_in_threads(study, work, workers=1, in_step=in_step) == ([], {})
    started_runs = [name for name, _, _ in sweeping.journal(journal)]
    in_order = [f"{point.name}-{run}" for point in reversed(study.points) for run in range(20)]
    assert (started_runs == in_order) == in_step
    assert sorted(started_runs) == sorted(in_order)


@pytest.mark.parametrize(("workers", "longest"), [(1, 2), (2, 1)])
def test_blocks_are_smaller_with_more_workers(study, journal, workers, longest):
    work = functools.partial(fake_work.note_blocks, journal=journal)
    assert execute_in_threads(study, work, workers=workers) == ([], {})
    assert {int(name.split("-")[0]) for name in os.listdir(journal)} == {longest}


def test_an_executor_announces_its_work_only_while_it_runs(study):
    announced = []

    class Watcher(io.StringIO):
        def write(self, text):
            announced.append(executors.announced(study))
            return super().write(text)

    execute_in_threads(study, stream=Watcher(), note="2 workers", shard=(1, 3))
    (state,) = announced[-1].values()
    assert (state["process"], state["note"], state["shard"]) == (os.getpid(), "2 workers", [1, 3])
    assert executors.announced(study) == {}


def test_an_input_error_in_a_worker_ends_the_sweep_with_its_message(study):
    work = functools.partial(
        fake_work.fail_at, name=study.points[0].name, bad_runs=(0,), how="input"
    )
    with pytest.raises(InputError, match="expected a trainable model"):
        execute_in_threads(study, work)


def test_the_reason_why_a_worker_cannot_start_is_reported(study):
    with pytest.raises(InputError, match="^a worker .* could not start: .*engine is broken here$"):
        execute(study, setup=fake_work.broken_setup)


def test_stderr_of_a_worker_that_cannot_read_its_task_is_logged(study, capfd, caplog):
    with pytest.raises(InputError, match="could not start: .* exit code 1"):
        execute(study, fake_work.NoTask())
    assert "RuntimeError: this task cannot be read" in caplog.text
    assert "Traceback" not in capfd.readouterr().err


def test_workers_that_exit_before_they_start_end_the_sweep(study):
    with pytest.raises(InputError, match="could not start: .* exit code 9"):
        execute(study, setup=fake_work.deadly_setup)


STUDENTS = {
    "series": ("one_hot", "distilled", "distilled_from_0.2"),
    "distillation": {"teacher": "same", "weight": 1.0, "temperature": 1.0, "scale": False},
}


@pytest.mark.parametrize("workers", [1, 3])
def test_students_wait_for_their_teachers(make_study, workers):
    study = make_study("students", **STUDENTS)
    assert execute_in_threads(study, fake_work.after_teacher, workers=workers) == ([], {})
    assert all(len(studies.read_runs(study, p).index) == 20 for p in study.points)


@pytest.mark.parametrize("workers", [1, 3])
def test_only_the_failed_run_of_a_teacher_blocks_its_students(make_study, workers):
    study = make_study("students", **STUDENTS)
    teacher = "one_hot_peak0.2"
    fail = functools.partial(fake_work.fail_at, name=teacher, bad_runs=(19,), how="exception")
    (failure,), left = execute_in_threads(study, fail, workers=workers)
    assert (failure.point, failure.run) == (teacher, 19)
    students = {"distilled_peak0.2", "distilled_from_0.2_peak0.1", "distilled_from_0.2_peak0.2"}
    assert left == dict.fromkeys(students, [19])
    for point in study.points:
        num_done = 19 if point.name in students | {teacher} else 20
        assert done(study, point) == set(range(num_done))


def test_students_of_an_abandoned_teacher_are_trained_for_its_finished_runs(make_study):
    study = make_study("students", **STUDENTS)
    teacher = "one_hot_peak0.2"
    fail = functools.partial(
        fake_work.fail_at, name=teacher, bad_runs=range(8, 20), how="exception"
    )
    failures, left = execute_in_threads(study, fail, workers=1)
    assert [failure.run for failure in failures] == [8, 9, 10]
    assert left[teacher] == list(range(11, 20))
    assert left["distilled_peak0.2"] == list(range(8, 20))
    assert done(study, study.point("distilled_peak0.2")) == set(range(8))
    assert done(study, study.point("distilled_peak0.1")) == set(range(20))


def test_a_worker_killed_between_blocks_is_replaced(study, monkeypatch):
    """Kills an idle worker right before it is sent a block."""
    send, killed = pool.Worker.send, []

    def kill_first(worker, block):
        if not killed:
            killed.append(worker.process.pid)
            worker.process.kill()
            worker.process.join()
        send(worker, block)

    monkeypatch.setattr(pool.Worker, "send", kill_first)
    assert execute(study, workers=1) == ([], {})
    assert len(killed) == 1
    assert all(done(study, point) == set(range(20)) for point in study.points)
