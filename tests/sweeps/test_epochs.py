"""How far runs are in training: in the status and in the progress line, with real workers."""

import functools
import io
import os
import signal
import threading

import pytest

from memkit import studies
from memkit.sweeps import heartbeat, progress, status, worker
from tests.sweeps import fake_work
from tests.sweeps.sweeping import execute, wait_until


@pytest.fixture
def gates(tmp_path):
    folder = tmp_path / "gates"
    folder.mkdir()
    return folder


@pytest.fixture
def sweep(study, gates, monkeypatch):
    """Returns a function that begins a sweep whose epochs wait for `gates`.

    It returns (thread, stream of the progress line).
    """
    monkeypatch.setattr(heartbeat, "SECONDS", (0.0, 0.0))
    monkeypatch.setattr(progress, "_LOG_SECONDS", 0.0)
    threads = []

    def begin(*, at_once=1, **options):
        stream = io.StringIO()
        work = functools.partial(fake_work.epoch_by_epoch, gates=str(gates), at_once=at_once)
        how = {"setup": fake_work.reporting_setup, "runs_at_once": at_once, "stream": stream}
        threads.append(threading.Thread(target=execute, args=(study, work), kwargs=how | options))
        threads[-1].start()
        return threads[-1], stream

    yield begin
    for epoch in (1, 2, 3):
        (gates / str(epoch)).touch()
    for thread in threads:
        thread.join()


def _at_work(study):
    lines = status.text(study, status.look(study, {})).splitlines()
    return "".join(line for line in lines if line.startswith("at work: "))


def _began(gates):
    return {int(file.name.partition("-")[2]) for file in gates.glob("began-*")}


def test_the_status_and_the_line_say_how_far_a_pack_is(study, gates, sweep):
    thread, stream = sweep(at_once=4, workers=1)
    wait_until(lambda: _began(gates))
    assert "epoch" not in _at_work(study)
    for epoch in (1, 2):
        (gates / str(epoch)).touch()
        text = f" run 0 1 2 3, epoch {epoch}/3, seen "
        wait_until(lambda text=text: text in _at_work(study))
        line = f"train 0/40 runs  at epoch {epoch}/3\n"
        wait_until(lambda line=line: line in stream.getvalue())
    (gates / "3").touch()
    thread.join()
    assert stream.getvalue().splitlines()[-1].startswith("train 40/40 runs  ")
    assert studies.executors.announced(study) == {}


def test_a_killed_worker_takes_its_epochs_with_it(study, gates, sweep):
    sweep(workers=1)
    wait_until(lambda: _began(gates))
    (gates / "1").touch()
    wait_until(lambda: "epoch 1/3" in _at_work(study))
    (gates / "1").unlink()
    (killed,) = _began(gates)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(_began(gates)) == 2)
    wait_until(lambda: "run 0" in _at_work(study) and "epoch" not in _at_work(study))


@pytest.mark.parametrize(("seconds", "reports"), [(0.0, 3), (float("inf"), 0)])
def test_a_run_is_reported_only_if_it_takes_long(study, gates, monkeypatch, seconds, reports):
    monkeypatch.setattr(worker, "REPORT_SECONDS", seconds)
    for epoch in (1, 2, 3):
        (gates / str(epoch)).touch()
    work = functools.partial(fake_work.epoch_by_epoch, gates=str(gates))
    messages = list(worker.outcomes(study, study.points[0], [4, 7], work))
    expected = [("epochs", epoch, 3) for epoch in (1, 2, 3)][:reports]
    assert messages == [*expected, ("done", 4, 0.0), *expected, ("done", 7, 0.0), ("idle",)]
