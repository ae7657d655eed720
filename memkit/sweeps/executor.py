"""Executes the missing runs of a study in worker processes, of this machine or of a cluster."""

import contextlib
import dataclasses
import functools

from absl import logging

from memkit import studies
from memkit.errors import InputError
from memkit.sweeps import pool as processes
from memkit.sweeps.heartbeat import Heartbeat
from memkit.sweeps.progress import Progress
from memkit.sweeps.queue import ATTEMPTS, Queue
from memkit.sweeps.stalls import Watch

_POLL_SECONDS = 0.5
_FAILED_STARTS = 3  # in a row, after which a dead worker has no successor


@dataclasses.dataclass
class _Sweep:
    """What is going on: the queue, worker processes, environments that no worker has, who makes
    progress, and how many workers in a row died before they were ready; the pool is where workers
    come from.
    """

    pool: object
    queue: Queue
    workers: list
    free: list
    watch: Watch
    failed_starts: int = 0


def execute(
    study,
    missing,
    work,
    *,
    setup,
    environments,
    progress,
    runs_at_once=1,
    note="",
    shard=(0, 1),
    in_step=False,
    pool=processes,
    run_limit=None,
):
    """Trains what is missing; every finished run is on disk when this returns or is interrupted.

    Workers that die are started again. Runs that other executors finish meanwhile are left out.

    Args:
      study: Study.
      missing: {point name: runs to train}, points in the order to finish them.
      work: see `sweeps.Work`.
      setup: function each worker calls once before any work; pickled like `work`.
      environments: the environment variables of each worker process; as many workers.
      progress: Progress of what is missing.
      runs_at_once: runs that `work` does at a time, so blocks are multiples of it.
      note: one line about workers and devices, for `memkit status`.
      shard: (i, n) that `missing` was chosen for.
      in_step: other executors train the same runs with this one, so all keep to one order.
      pool: what starts, waits for and ends workers: the module `pool` or a `ray.Cluster`.
      run_limit: seconds without a finished run after which a worker is replaced, or None.

    Returns:
      (failures, left): list of Failure, the runs that were set aside because they raised or their
      workers died, and {point name: runs} that were not tried because of them.

    Raises:
      InputError: a run met a mistake of the user, such as a full disk, or no worker can start.
      KeyboardInterrupt: the workers are ended first.
    """
    studies.forget_failures(study, missing)
    heartbeat = Heartbeat(study, note=note, shard=shard, progress=progress)
    start = functools.partial(pool.start, workdir=study.workdir, setup=setup, work=work)
    watch = Watch(runs_at_once=runs_at_once, limit=run_limit)
    sweep = _Sweep(pool, None, [], list(environments), watch)
    try:
        sweep.queue = Queue(
            study, missing, workers=len(environments), runs_at_once=runs_at_once, progress=progress
        )
        while not sweep.queue.is_over:
            _staff(sweep, start, None if in_step else heartbeat.place)
            _serve_for_a_while(sweep, heartbeat, progress)
    finally:
        pool.end(sweep.workers)
        with contextlib.suppress(OSError):  # Of workers that died while they wrote.
            studies.remove_temporaries(study)
        heartbeat.close()
        progress.close()
    return sweep.queue.failures, dict(sweep.queue.left)


def _serve_for_a_while(sweep: _Sweep, heartbeat: Heartbeat, progress: Progress) -> None:
    """Handles what workers send within a moment, then shows and announces how far they are."""
    for worker in sweep.pool.wait(sweep.workers, timeout=_POLL_SECONDS):
        _serve(sweep, worker)
    stalled = _look_for_stalls(sweep)
    progress.stalled = len(stalled)
    heartbeat.beat(sweep.queue.taken, stalled)
    progress.show()


def _staff(sweep, start, place):
    """Hands out blocks, and starts workers where more blocks wait than workers to come."""
    for one in [one for one in sweep.workers if one.is_idle]:
        block = sweep.queue.take(one, last=one.last, place=place)
        if block:
            sweep.watch.began(one, block[0])
            one.send(block)
    to_come = len(sweep.workers) - len(sweep.queue.taken)
    while sweep.free and sweep.queue.num_waiting > to_come:
        start(sweep.workers, sweep.free.pop(0))
        to_come += 1


def _serve(sweep, one):
    """Handles one message of a worker, or its end."""
    message = one.receive()
    if message is None:
        _bury(sweep, one)
        return
    kind, *rest = message
    if kind == "idle":
        sweep.queue.ended(one)
        one.has_begun = one.is_idle = True
        sweep.failed_starts = 0
    elif kind == "done":
        run, seconds = rest
        sweep.watch.finished(one, seconds)
        sweep.queue.finished(one, run, seconds)
    else:
        kind, text = rest
        if not one.has_begun:
            raise _no_start(text)
        if kind == "mistake":
            raise InputError(text)
        sweep.queue.failed(one, text, attempts=ATTEMPTS if kind == "chance" else 1)


def _look_for_stalls(sweep: _Sweep) -> dict:
    """Ends the workers that are over the limit; returns {worker: Stall} of the others."""
    silences = sweep.watch.silences(sweep.queue.taken)
    over = sweep.watch.over_limit(silences)
    for one, reason in over.items():
        sweep.workers.remove(one)
        sweep.pool.end([one])
        sweep.free.append(one.environment)
        sweep.queue.failed(one, reason, attempts=ATTEMPTS)
    return sweep.watch.stalled({one: t for one, t in silences.items() if one not in over})


def _bury(sweep, one):
    """Takes note of a dead worker, so that another one takes its place."""
    reason = one.how_it_ended()
    sweep.workers.remove(one)
    sweep.pool.end([one])
    if one.has_begun:
        sweep.free.append(one.environment)
        if one in sweep.queue.taken:
            sweep.queue.failed(one, reason, attempts=ATTEMPTS)
        return
    sweep.failed_starts += 1
    if sweep.failed_starts < _FAILED_STARTS:
        sweep.free.append(one.environment)
    elif not sweep.workers and not sweep.free:
        raise _no_start(reason)


def _no_start(reason):
    """Returns the InputError of a worker that cannot start; its last words go to the log."""
    *words, last = reason.strip().splitlines()
    if words:
        logging.error("%s", "\n".join(words))
    return InputError(f"a worker process could not start: {last}")
