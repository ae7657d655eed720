import functools
import io

import pytest

from memkit.sweeps import stalls
from memkit.sweeps.progress import Progress
from tests.sweeps import fake_work
from tests.sweeps.sweeping import execute


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets; looking every second, as an executor does."""

    class Clock:
        now = 0.0

        def until(self, watch, now):
            while self.now < now:
                self.now += 1.0
                silences = watch.silences(["w"])
            return silences

    fake_clock = Clock()
    monkeypatch.setattr(stalls.time, "monotonic", lambda: fake_clock.now)
    return fake_clock


def test_a_worker_is_stalled_after_a_few_times_its_usual_time(clock):
    watch = stalls.Watch()
    watch.began("w", "a")
    for _ in range(3):
        clock.until(watch, clock.now + 20)
        watch.finished("w", 20.0)
    assert watch.stalled(clock.until(watch, 60 + 100)) == {}
    assert watch.stalled(clock.until(watch, 60 + 101)) == {"w": stalls.Stall(101.0, 20.0)}
    watch.finished("w", 121.0)
    assert watch.stalled(watch.silences(["w"])) == {}


def test_a_first_run_is_compared_with_the_longest_because_it_compiles(clock):
    watch = stalls.Watch()
    for seconds in (100.0, 1.0, 1.0):
        watch.began("other", "a")
        watch.finished("other", seconds)
    watch.began("w", "a")
    assert watch.stalled(clock.until(watch, 500)) == {}
    assert list(watch.stalled(clock.until(watch, 501))) == ["w"]


def test_the_usual_time_of_a_pack_is_the_sum_of_its_runs(clock):
    watch = stalls.Watch(runs_at_once=8)
    watch.began("w", "a")
    watch.finished("w", 10.0)
    assert watch.stalled(clock.until(watch, 400)) == {}
    assert watch.stalled(clock.until(watch, 401)) == {"w": stalls.Stall(401.0, 80.0)}


def test_no_worker_is_stalled_before_the_first_finished_run(clock):
    watch = stalls.Watch()
    watch.began("w", "a")
    assert watch.stalled(clock.until(watch, 100_000)) == {}


def test_the_limit_counts_from_the_last_finished_run(clock):
    watch = stalls.Watch(limit=30.0)
    watch.began("w", "a")
    clock.until(watch, 30)
    watch.finished("w", 30.0)
    assert watch.over_limit(clock.until(watch, 60)) == {}
    assert "--run_limit=30" in watch.over_limit(clock.until(watch, 61))["w"]
    assert stalls.Watch().over_limit({"w": 1e9}) == {}


def test_time_while_the_executor_was_stopped_does_not_count(clock):
    watch = stalls.Watch(limit=30.0)
    watch.began("w", "a")
    clock.until(watch, 20)
    clock.now += 3600.0
    assert watch.silences(["w"])["w"] == pytest.approx(20.0)


def test_a_stopped_worker_is_replaced_and_the_study_finishes(study, tmp_path, monkeypatch):
    journal = tmp_path / "journal"
    journal.mkdir()

    class Clock:
        """Runs only while the worker of the one bad run has begun it and has no successor."""

        now = 0.0

        def monotonic(self):
            self.now += 100.0 if len(list(journal.iterdir())) == 1 else 0.0
            return self.now

    monkeypatch.setattr(stalls, "time", Clock())
    monkeypatch.setattr(stalls, "_PAUSE", 1e9)
    bad = {"name": study.points[0].name, "bad_runs": [3], "how": "SIGSTOP"}
    work = functools.partial(fake_work.fail_at, **bad, journal=journal, times=1)
    assert execute(study, work, workers=1, run_limit=1000.0) == ([], {})
    assert all(
        len(list((study.workdir / "points" / p.name / "runs").iterdir())) == 20
        for p in study.points
    )
    assert len(list(journal.iterdir())) == 2


def test_the_progress_line_counts_workers_without_progress():
    progress = Progress({"a": 4}, workers=2, stream=io.StringIO())
    assert "without progress" not in progress.line(1.0)
    progress.stalled = 1
    assert "1 of 2 workers without progress" in progress.line(1.0)
