"""Executes the missing runs of a study in worker processes of this machine."""

import collections
import dataclasses
import multiprocessing
import multiprocessing.connection
import os

from memkit import studies
from memkit.errors import InputError
from memkit.sweeps import worker
from memkit.sweeps.progress import Progress

BLOCK = 4  # runs handed out at a time
_POLL_SECONDS = 0.5


@dataclasses.dataclass(frozen=True)
class Failure:
    """A run that raised, or whose worker died: where, why, and the file with the traceback."""

    point: str
    run: int
    reason: str
    file: object


@dataclasses.dataclass
class _Worker:
    process: object
    connection: object
    point: str | None = None
    runs: tuple = ()


def available_cores():
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def execute(study, missing, work, *, setup, workers, stream):
    """Trains what is missing; every finished run is on disk when this returns or is interrupted.

    Args:
      study: Study.
      missing: {point name: runs to train}, points in the order to finish them.
      work: see `sweeps.Work`.
      setup: function each worker calls once before any work; pickled like `work`.
      workers: number of processes.
      stream: text stream for the progress.

    Returns:
      List of Failure. A point whose run failed is left; the others go on.

    Raises:
      InputError: a run met a mistake of the user, such as a full disk.
      KeyboardInterrupt: the workers are ended first.
    """
    queue = {name: collections.deque(_blocks(runs)) for name, runs in missing.items() if runs}
    counts = {name: len(missing[name]) for name in queue}
    workers = min(workers, sum(map(len, queue.values())))
    progress = Progress(counts, workers=workers, stream=stream)
    failures, pool = [], []
    try:
        pool += [_start(study, setup, work) for _ in range(workers)]
        while pool:
            progress.show()
            ready = multiprocessing.connection.wait(
                [w.connection for w in pool], timeout=_POLL_SECONDS
            )
            for one in [w for w in pool if w.connection in ready]:
                alive, failure = _serve(study, one, pool, queue, progress)
                if failure:
                    failures.append(failure)
                if not alive:
                    pool.remove(one)
                    _end(one)
                    if queue and len(pool) < workers:
                        pool.append(_start(study, setup, work))
    finally:
        for one in pool:
            _end(one)
        progress.close()
    return failures


def _serve(study, one, pool, queue, progress):
    """Handles one message; returns (whether the worker goes on, Failure or None)."""
    try:
        kind, *rest = one.connection.recv()
    except (EOFError, ConnectionResetError):
        return False, _set_aside(study, one, queue, _how_it_ended(one), is_input_error=False)
    if kind == "done":
        run, seconds = rest
        one.runs = tuple(r for r in one.runs if r != run)
        progress.finished(one.point, seconds)
        return True, None
    if kind == "failed":
        run, text, is_input_error = rest
        if run is None:
            raise _startup_error(text, is_input_error)
        one.runs = (run, *(r for r in one.runs if r != run))
        return True, _set_aside(study, one, queue, text, is_input_error=is_input_error)
    name = _choose(one.point, queue, [w.point for w in pool if w is not one])
    if name is None:
        return False, None
    one.point, one.runs = name, queue[name].popleft()
    if not queue[name]:
        del queue[name]
    one.connection.send((one.point, one.runs))
    return True, None


def _choose(current, queue, busy):
    """Returns the point to go on with: the compiled one, else one nobody is at, else the first."""
    if current in queue:
        return current
    return next((name for name in queue if name not in busy), next(iter(queue), None))


def _set_aside(study, one, queue, reason, *, is_input_error):
    """Leaves the rest of a point after a failure there, and keeps the reason in a file."""
    if is_input_error:
        raise InputError(reason)
    if not one.runs:  # It died before it had anything to do.
        raise _startup_error(reason, is_input_error)
    queue.pop(one.point, None)
    file = studies.write_failure(study, study.point(one.point), one.runs[0], reason)
    failure = Failure(one.point, one.runs[0], reason.strip().splitlines()[-1], file)
    one.runs = ()
    return failure


def _startup_error(reason, is_input_error):
    kind = InputError if is_input_error else RuntimeError
    return kind(f"a worker process could not start: {reason}")


def _how_it_ended(one):
    one.process.join()
    return f"the worker process ended with exit code {one.process.exitcode}"


def _blocks(runs):
    return [tuple(runs[i : i + BLOCK]) for i in range(0, len(runs), BLOCK)]


def _start(study, setup, work):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=worker.main, args=(theirs, str(study.workdir), setup, work), daemon=True
    )
    process.start()
    theirs.close()  # So that the connection ends with the worker.
    return _Worker(process, ours)


def _end(one):
    """Kills a worker: a signal handler in it would wait for the compiled call to return."""
    one.process.kill()
    one.process.join()
    one.connection.close()
