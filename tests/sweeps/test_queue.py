"""The order of blocks, without any process."""

import io
import json
import pathlib

import pytest

from memkit import studies
from memkit.studies import executors
from memkit.sweeps import queue as queue_lib
from memkit.sweeps import selection
from memkit.sweeps.heartbeat import Heartbeat
from memkit.sweeps.progress import Progress
from memkit.sweeps.queue import Queue
from tests.sweeps import fake_work


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


def take_all(queue):
    """Returns every block in the order in which one worker gets them."""
    blocks, last = [], None
    while (block := queue.take("worker", last=last)) is not None:
        blocks.append(block)
        last = block[0]
        for run in block[1]:
            queue.finished("worker", run, 1.0)
        queue.ended("worker")
    assert queue.is_over
    return blocks


@pytest.mark.parametrize(("at_once", "size"), [(1, 4), (3, 6), (8, 8)])
def test_blocks_are_whole_packs_and_hold_every_run_once(study, at_once, size):
    blocks = take_all(queue_of(study, runs_at_once=at_once))
    assert blocks[0] == ("one_hot_peak0.2", tuple(range(size)))
    assert sorted((name, run) for name, runs in blocks for run in runs) == sorted(
        (point.name, run) for point in study.points for run in range(20)
    )


@pytest.mark.parametrize(("offset", "first"), [(0.0, 0), (0.19, 0), (0.2, 4), (0.999, 16)])
def test_an_offset_moves_the_start_and_leaves_nothing_out(study, offset, first):
    blocks = take_all(queue_of(study, offset=offset))
    assert blocks[0][1][0] == first
    assert sum(len(runs) for _, runs in blocks) == 40


def test_a_worker_stays_at_its_point_and_another_begins_elsewhere(study):
    queue = queue_of(study)
    first, _ = queue.take("a")
    second, _ = queue.take("b")
    assert (first, second) == ("one_hot_peak0.2", "one_hot_peak0.1")
    for run in range(4):
        queue.finished("a", run, 1.0)
    queue.ended("a")
    assert queue.take("a", last="one_hot_peak0.2") == ("one_hot_peak0.2", (4, 5, 6, 7))


def test_what_others_have_done_is_skipped_and_counted(study):
    missing, _ = selection.missing(study)
    progress = progress_of(missing)
    queue = Queue(study, missing, progress=progress)
    write(study, "one_hot_peak0.2", [1, 2, 4, 5, 6, 7])
    assert queue.take("a") == ("one_hot_peak0.2", (0, 3))
    assert (progress.done, progress.finished_here) == (6, 0)


def test_a_broken_record_is_made_again_though_its_file_is_there(study):
    write(study, "one_hot_peak0.2", range(20))
    file = study.workdir / "points" / "one_hot_peak0.2" / "runs" / "3.npz"
    file.write_bytes(b"PK")
    assert ("one_hot_peak0.2", (3,)) in take_all(queue_of(study))


def test_a_record_written_by_a_worker_that_died_before_it_said_so_is_not_made_again(
    study, monkeypatch
):
    monkeypatch.setattr(queue_lib, "_LISTING_SHARE", 1e-9)  # No second look but for a reason.
    queue = queue_of(study)
    name, _ = queue.take("a")
    write(study, name, [0])
    queue.failed("a", "it died", attempts=3)
    assert queue.take("b") == (name, (1, 2, 3))


def test_only_the_run_in_flight_is_blamed_for_a_death_and_tried_alone(study):
    queue = queue_of(study)
    name, _ = queue.take("a")
    queue.finished("a", 0, 1.0)
    for _ in range(3):
        queue.failed("a", "it died", attempts=3)
        if not queue.failures:
            assert queue.take("a", last=name) == (name, (1,))
    assert [(f.point, f.run) for f in queue.failures] == [(name, 1)]
    assert queue.take("a", last=name) == (name, (2, 3))


def test_work_that_ends_without_a_record_of_a_run_is_a_failure(study):
    queue = queue_of(study)
    name, _ = queue.take("a")
    queue.finished("a", 0, 1.0)
    queue.ended("a")
    (failure,) = queue.failures
    assert (failure.run, failure.reason) == (1, "the work ended without a record of this run")
    assert "without a record" in json.loads(failure.file.read_text())["traceback"]


def test_an_executor_alone_starts_at_the_first_block_and_beside_others_elsewhere(
    study, monkeypatch
):
    how = {"note": "", "progress": progress_of(selection.missing(study)[0])}
    alone = Heartbeat(study, shard=(0, 1), **how)
    assert alone.offset == 0.0
    alone.close()
    assert executors.announced(study) == {}
    folder = pathlib.Path(study.workdir) / "workers"
    folder.mkdir(exist_ok=True)
    (folder / "elsewhere-7.json").write_text('{"host": "elsewhere"}')
    offsets = []
    for number in range(8):
        monkeypatch.setattr(executors, "name", lambda number=number: f"host-{number}")
        beside = Heartbeat(study, shard=(0, 1), **how)
        offsets.append(beside.offset)
        beside.close()
    assert len(set(offsets)) == 8
    assert all(0 < offset < 1 for offset in offsets)
    assert Heartbeat(study, shard=(3, 8), **how).offset == 0.0
