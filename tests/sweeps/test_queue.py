"""The order of blocks, without any process."""

import io
import json

import pytest

from memkit import studies
from memkit.studies import executors
from memkit.sweeps import heartbeat, selection
from memkit.sweeps import queue as queue_lib
from memkit.sweeps.progress import Progress
from memkit.sweeps.queue import Queue
from tests.sweeps import fake_work


@pytest.fixture(autouse=True)
def _blocks_of_four(monkeypatch):
    """Blocks are as large as they get, though there are few runs."""
    monkeypatch.setattr(queue_lib, "BLOCKS_PER_WORKER", 1)


def progress_of(missing):
    counts = {name: len(runs) for name, runs in missing.items()}
    return Progress(counts, workers=1, stream=io.StringIO())


def queue_of(study, missing=None, **how):
    missing = missing or selection.missing(study)[0]
    return Queue(study, missing, progress=progress_of(missing), **how)


def write(study, name, runs):
    point = study.point(name)
    for run in runs:
        arrays = fake_work.arrays(study, point, run)
        studies.write_record(study, point, run, arrays, fake_work.info())


def take_all(queue, **how):
    """Returns every block in the order in which one worker gets them."""
    blocks, last = [], None
    while (block := queue.take("worker", last=last, **how)) is not None:
        blocks.append(block)
        last = block[0]
        for run in block[1]:
            queue.finished("worker", run, 1.0)
        queue.ended("worker")
    assert queue.is_over
    return blocks


@pytest.mark.parametrize(
    ("num_runs", "workers", "at_once", "size"),
    [
        (400, 1, 1, 4),
        (400, 8, 1, 3),
        (400, 64, 1, 1),
        (1, 1, 1, 1),
        (400, 1, 3, 6),
        (400, 64, 3, 3),
        (40, 1, 8, 8),
    ],
)
def test_blocks_are_small_if_workers_get_few_runs_and_always_whole_packs(
    monkeypatch, num_runs, workers, at_once, size
):
    monkeypatch.setattr(queue_lib, "BLOCKS_PER_WORKER", 16)
    assert queue_lib.block_size(num_runs, workers, at_once) == size


@pytest.mark.parametrize(("at_once", "size"), [(1, 4), (3, 6), (8, 8)])
def test_blocks_are_whole_packs_and_hold_every_run_once(study, at_once, size):
    blocks = take_all(queue_of(study, runs_at_once=at_once))
    assert blocks[0] == ("one_hot_peak0.2", tuple(range(size)))
    assert sorted((name, run) for name, runs in blocks for run in runs) == sorted(
        (point.name, run) for point in study.points for run in range(20)
    )


@pytest.mark.parametrize("number", [2, 3])
def test_executors_that_alternate_repeat_at_most_the_last_block_of_a_point(
    study, monkeypatch, number
):
    monkeypatch.setattr(queue_lib, "_LISTING_SHARE", 1e9)  # A look before every block.
    queues = [queue_of(study) for _ in range(number)]
    started_runs, turn = [], 0
    while not all(queue.is_over for queue in queues):
        rank_of_executor = turn % number
        queue = queues[rank_of_executor]
        for name, runs in list(queue.taken.values()):
            write(study, name, runs)
            for run in runs:
                queue.finished("worker", run, 1.0)
        queue.ended("worker")
        block = queue.take("worker", rank=(rank_of_executor, number))
        started_runs += [(block[0], run) for run in block[1]] if block else []
        turn += 1
    assert len(set(started_runs)) == 40
    assert len(started_runs) - 40 <= queue_lib.BLOCK * (number - 1) * len(study.points)


def test_the_second_of_two_executors_starts_in_the_middle_then_continues_from_the_end(study):
    blocks = take_all(queue_of(study), rank=(1, 2))
    assert [runs[0] for _, runs in blocks] == [12, 16, 8, 4, 0] * 2


def test_a_worker_keeps_its_point_and_another_starts_at_a_different_one(study):
    queue = queue_of(study)
    first, _ = queue.take("a")
    second, _ = queue.take("b")
    assert (first, second) == ("one_hot_peak0.2", "one_hot_peak0.1")
    for run in range(4):
        queue.finished("a", run, 1.0)
    queue.ended("a")
    assert queue.take("a", last="one_hot_peak0.2") == ("one_hot_peak0.2", (4, 5, 6, 7))


def test_runs_finished_by_others_are_skipped_and_counted(study):
    missing, _ = selection.missing(study)
    progress = progress_of(missing)
    queue = Queue(study, missing, progress=progress)
    write(study, "one_hot_peak0.2", [1, 2, 4, 5, 6, 7])
    assert queue.take("a") == ("one_hot_peak0.2", (0, 3))
    assert (progress.done, progress.finished_here) == (6, 0)


def test_a_run_with_a_damaged_record_is_retrained(study):
    write(study, "one_hot_peak0.2", range(20))
    file = study.workdir / "points" / "one_hot_peak0.2" / "runs" / "3.npz"
    file.write_bytes(b"PK")
    assert ("one_hot_peak0.2", (3,)) in take_all(queue_of(study))


def test_a_run_whose_worker_exited_after_writing_the_record_is_not_retrained(study, monkeypatch):
    monkeypatch.setattr(queue_lib, "_LISTING_SHARE", 1e-9)  # No second look but for a reason.
    queue = queue_of(study)
    name, _ = queue.take("a")
    write(study, name, [0])
    queue.failed("a", "it died", attempts=3)
    assert queue.take("b") == (name, (1, 2, 3))


def test_only_the_run_in_flight_is_retried_alone_after_its_worker_exits(study):
    queue = queue_of(study)
    name, _ = queue.take("a")
    queue.finished("a", 0, 1.0)
    for _ in range(3):
        queue.failed("a", "it died", attempts=3)
        if not queue.failures:
            assert queue.take("a", last=name) == (name, (1,))
    assert [(f.point, f.run) for f in queue.failures] == [(name, 1)]
    assert queue.take("a", last=name) == (name, (2, 3))


def test_a_block_that_ends_without_a_record_counts_as_a_failure(study):
    queue = queue_of(study)
    name, _ = queue.take("a")
    queue.finished("a", 0, 1.0)
    queue.ended("a")
    (failure,) = queue.failures
    assert (failure.run, failure.reason) == (1, "the work ended without a record of this run")
    assert "without a record" in json.loads(failure.file.read_text())["traceback"]


@pytest.fixture
def start_executor(study, monkeypatch):
    """Returns a function that makes one of several executors, by name, as if on other hosts."""

    def make(name, started, shard=(0, 1)):
        monkeypatch.setattr(heartbeat.time, "time", lambda: started)
        monkeypatch.setattr(executors, "name", lambda: name)
        progress = progress_of(selection.missing(study)[0])
        return heartbeat.Heartbeat(study, note="", shard=shard, progress=progress)

    return make


def test_executors_are_ranked_by_their_starts(study, start_executor):
    assert start_executor("b-1", 100.0).rank == (0, 1)
    assert start_executor("c-1", 200.0).rank == (1, 2)
    assert start_executor("a-1", 300.0).rank == (2, 3)


def test_an_executor_sees_earlier_executors_at_its_next_heartbeat(start_executor, monkeypatch):
    first = start_executor("b-1", 200.0)
    assert start_executor("a-1", 100.0).rank == (0, 2)
    assert first.rank == (0, 1)
    monkeypatch.setattr(executors, "name", lambda: "b-1")
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: float("inf"))
    first.beat({}, {}, {})
    assert first.rank == (1, 2)


def test_executors_of_other_shards_are_not_ranked(start_executor):
    start_executor("a-1", 100.0, shard=(0, 2))
    start_executor("b-1", 200.0, shard=(1, 2))
    assert start_executor("c-1", 300.0, shard=(1, 2)).rank == (1, 2)


def test_an_executor_that_ended_is_not_ranked(study, start_executor):
    start_executor("a-1", 100.0).close()
    assert executors.announced(study) == {}
    assert start_executor("b-1", 200.0).rank == (0, 1)


def test_heartbeats_are_frequent_at_first_and_rare_later(study, start_executor, monkeypatch):
    first = start_executor("a-1", 0.0)
    clock, written = 0.0, []
    monkeypatch.setattr(heartbeat.time, "time", lambda: clock)
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: clock)
    monkeypatch.setattr(executors, "announce", lambda study, state: written.append(clock))
    first._due = 0.0
    while clock < 300:
        first.beat({}, {}, {})
        clock += 0.5
    between = [after - before for before, after in zip(written[:-1], written[1:], strict=True)]
    assert (between[0], between[-1]) == (1.0, 15.0)
    assert between == sorted(between)
    assert len(written) < 45
