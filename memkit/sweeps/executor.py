"""Executes the missing runs of a study in worker processes, on this machine or on a cluster."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absl import logging

from memkit import studies
from memkit.errors import InputError
from memkit.studies import Study
from memkit.sweeps import Environment, Pool, Setup, Work, Worker
from memkit.sweeps.heartbeat import Heartbeat, Rank
from memkit.sweeps.progress import Progress, Training
from memkit.sweeps.queue import ATTEMPTS, Failure, Queue
from memkit.sweeps.stalls import Stall, Watch
from memkit.typing import Epochs

if TYPE_CHECKING:
    from memkit.sweeps.placement import Placement

_POLL_SECONDS = 0.5
_FAILED_STARTS = 3  # in a row, after which a worker that exited is not replaced


@dataclasses.dataclass
class _Sweep:
    """State of a sweep.

    Attributes:
      pool: where workers come from.
      queue: the blocks that are left, and the outcome of the others.
      watch: tracks the progress of workers.
      free: environments that no worker has at the moment.
      finished: called with (point name, run) after each record is on disk, or None.
      failed_starts: workers in a row that exited before they were ready.
    """

    pool: Pool[Any]
    queue: Queue
    watch: Watch
    free: list[Environment]
    finished: Callable[[str, int], None] | None = None
    workers: list[Worker] = dataclasses.field(default_factory=list)
    failed_starts: int = 0


def execute(
    study: Study,
    missing: Mapping[str, Sequence[int]],
    work: Work,
    *,
    setup: Setup,
    placement: "Placement",
    progress: Progress,
    shard: tuple[int, int] = (0, 1),
    finished: Callable[[str, int], None] | None = None,
) -> tuple[list[Failure], dict[str, list[int]]]:
    """Trains what is missing; every finished run is on disk when this returns or is interrupted.

    Workers that exit are replaced. Runs that other executors finish in the meantime are skipped.

    Args:
      missing: {point name: runs to train}, points in the order to finish them.
      work: see `sweeps.Work`.
      setup: each worker calls it once before any work; pickled like `work`.
      placement: the workers.
      progress: the progress of what is missing.
      shard: (i, n) that `missing` was chosen for.
      finished: called in this process with (point name, run) after each record is on disk.

    Returns:
      (failures, left): the runs that were set aside because they raised or their workers exited,
      and {point name: runs} that were not tried because of these.

    Raises:
      InputError: a run met a mistake of the user, such as a full disk, or no worker can start.
      KeyboardInterrupt: the workers are ended first.
    """
    studies.forget_failures(study, missing)
    pool, runs_at_once = placement.pool, placement.runs_at_once
    num_workers = len(placement.worker_envs)
    heartbeat = Heartbeat(study, note=placement.note, shard=shard, progress=progress)
    start = functools.partial(pool.start, workdir=study.workdir, setup=setup, work=work)
    workers: list[Worker] = []
    try:
        queue = Queue(
            study, missing, workers=num_workers, runs_at_once=runs_at_once, progress=progress
        )
        watch = Watch(runs_at_once=runs_at_once, limit=placement.run_limit)
        sweep = _Sweep(pool, queue, watch, list(placement.worker_envs), finished, workers)
        while not queue.is_over:
            _dispatch(sweep, start, None if placement.in_step else heartbeat.rank)
            _handle_messages(sweep)
            stalled = _replace_stalled(sweep)
            progress.stalled = len(stalled)
            epochs = watch.epochs(queue.taken)
            progress.training = [
                Training(name, len(runs[:runs_at_once]), epochs[worker])
                for worker, (name, runs) in queue.taken.items()
                if worker in epochs
            ]
            heartbeat.beat(queue.taken, stalled, epochs)
            progress.show()
    finally:
        pool.end(workers)
        with contextlib.suppress(OSError):  # Left by workers that exited while they wrote.
            studies.remove_temporaries(study)
        heartbeat.close()
        progress.close()
    return queue.failures, dict(queue.left)


def _dispatch(sweep: _Sweep, start: Callable[..., None], rank: Rank | None) -> None:
    """Sends blocks to idle workers, and starts workers if more blocks wait than workers start."""
    for worker in [worker for worker in sweep.workers if worker.is_idle]:
        block = sweep.queue.take(worker, last=worker.last, rank=rank)
        if block:
            sweep.watch.began(worker, block[0])
            worker.send(block)
    starting = len(sweep.workers) - len(sweep.queue.taken)
    while sweep.free and sweep.queue.num_waiting > starting:
        start(sweep.workers, sweep.free.pop(0))
        starting += 1


def _handle_messages(sweep: _Sweep) -> None:
    """Waits a moment for messages of workers, and handles one of each worker that sent any."""
    for worker in sweep.pool.wait(sweep.workers, timeout=_POLL_SECONDS):
        message = worker.receive()
        if message is None:
            _handle_exit(sweep, worker)
            continue
        kind, *values = message
        if kind == "idle":
            sweep.queue.ended(worker)
            worker.has_started = worker.is_idle = True
            sweep.failed_starts = 0
        elif kind == "done":
            run, seconds = values
            sweep.watch.finished(worker, seconds)
            sweep.queue.finished(worker, run, seconds)
            if sweep.finished is not None:
                sweep.finished(sweep.queue.taken[worker][0], run)
        elif kind == "epochs":
            sweep.watch.reached(worker, Epochs(*values))
        else:
            _handle_failure(sweep, worker, *values)


def _handle_failure(sweep: _Sweep, worker: Worker, kind: str, text: str) -> None:
    """Handles an exception in a worker, see `worker.failure` for the kinds."""
    if not worker.has_started:
        raise _start_error(text)
    if kind == "mistake":
        raise InputError(text)
    sweep.queue.failed(worker, text, attempts=ATTEMPTS if kind == "chance" else 1)


def _handle_exit(sweep: _Sweep, worker: Worker) -> None:
    """Removes a worker that has exited and frees its environment, so that it is replaced."""
    reason = worker.exit_reason()
    sweep.workers.remove(worker)
    sweep.pool.end([worker])
    if worker.has_started:
        sweep.free.append(worker.environment)
        if worker in sweep.queue.taken:
            sweep.queue.failed(worker, reason, attempts=ATTEMPTS)
        return
    sweep.failed_starts += 1
    if sweep.failed_starts < _FAILED_STARTS:
        sweep.free.append(worker.environment)
    elif not sweep.workers and not sweep.free:
        raise _start_error(reason)


def _replace_stalled(sweep: _Sweep) -> dict[Worker, Stall]:
    """Ends the workers that exceed the limit; returns {worker: Stall} of the others."""
    silences = sweep.watch.silences(sweep.queue.taken)
    exceeding = sweep.watch.over_limit(silences)
    for worker, reason in exceeding.items():
        sweep.workers.remove(worker)
        sweep.pool.end([worker])
        sweep.free.append(worker.environment)
        sweep.queue.failed(worker, reason, attempts=ATTEMPTS)
    return sweep.watch.stalled({w: t for w, t in silences.items() if w not in exceeding})


def _start_error(reason: str) -> InputError:
    """Returns the error of a worker that cannot start; logs all lines of the reason but the last.

    The last line is part of the error.
    """
    *lines, last = reason.strip().splitlines()
    if lines:
        logging.error("%s", "\n".join(lines))
    return InputError(f"a worker process could not start: {last}")
