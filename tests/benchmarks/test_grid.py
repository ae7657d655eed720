"""What a study costs on many chips, against what can be said without playing it."""

import pytest

from benchmarks import grid
from memkit.sweeps import queue

SECONDS = {"small": 10.0, "large": 100.0}


def played(workers, num_runs=20, seconds=SECONDS, **changes):
    options = {"start": 5.0, "compile_seconds": 7.0} | changes
    return grid.played(seconds, num_runs, workers=workers, **options)


def test_one_worker_starts_once_compiles_each_point_once_and_does_every_run():
    assert played(1) == pytest.approx(5 + 7 + 7 + 20 * (10 + 100))


def test_two_workers_begin_at_different_points_and_the_first_then_helps_with_the_other():
    # Of the large point's 20 runs the first does 9, from 219 s on, and the second 11.
    assert played(2) == pytest.approx((5 + 7 + 20 * 10) + 7 + 9 * 100)


@pytest.mark.parametrize("workers", [2, 8, 64])
def test_no_number_of_workers_is_faster_than_its_share_of_the_work_and_one_block(workers):
    seconds = played(workers, num_runs=400)
    work = 400 * sum(SECONDS.values())
    assert seconds >= 5 + 7 + max(work / workers, 100)
    assert seconds <= 5 + 3 * 7 + work / workers + queue.BLOCK * 100


def test_with_as_many_workers_as_runs_all_wait_for_one_run_of_the_largest_model():
    assert played(1000) == played(40) == 5 + 7 + 100
