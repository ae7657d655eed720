"""Executes the missing runs of a study in worker processes of this machine."""

import collections
import dataclasses
import multiprocessing
import multiprocessing.connection

from memkit import studies
from memkit.errors import InputError
from memkit.sweeps import worker
from memkit.sweeps.progress import Progress

BLOCK = 4  # runs handed out at a time, at least
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
    environment: dict
    point: str | None = None
    runs: tuple = ()
    is_idle: bool = False


@dataclasses.dataclass(frozen=True)
class _Sweep:
    """What is going on: blocks to hand out per point, workers, environments nobody has, progress,
    what failed.
    """

    study: object
    queue: dict
    pool: list
    free: list
    progress: Progress
    failures: list


def execute(study, missing, work, *, setup, environments, runs_at_once=1, stream):
    """Trains what is missing; every finished run is on disk when this returns or is interrupted.

    Args:
      study: Study.
      missing: {point name: runs to train}, points in the order to finish them.
      work: see `sweeps.Work`.
      setup: function each worker calls once before any work; pickled like `work`.
      environments: the environment variables of each worker process; as many workers.
      runs_at_once: runs that `work` does at a time, so blocks are multiples of it.
      stream: text stream for the progress.

    Returns:
      List of Failure. A point whose run failed is left, with its students; the others go on.

    Raises:
      InputError: a run met a mistake of the user, such as a full disk.
      KeyboardInterrupt: the workers are ended first.
    """
    size = -(-BLOCK // runs_at_once) * runs_at_once
    queue = {name: collections.deque(_blocks(runs, size)) for name, runs in missing.items() if runs}
    workers = min(len(environments), sum(map(len, queue.values())))
    counts = {name: len(missing[name]) for name in queue}
    free = list(environments[:workers])
    progress = Progress(counts, workers=workers, stream=stream)
    sweep = _Sweep(study, queue, [], free, progress, [])
    try:
        while queue or any(not one.is_idle for one in sweep.pool):
            while queue and free:
                sweep.pool.append(_start(study, free.pop(0), setup, work))
            for one in [one for one in sweep.pool if one.is_idle]:
                _hand_out(sweep, one)
            connections = [one.connection for one in sweep.pool]
            ready = multiprocessing.connection.wait(connections, timeout=_POLL_SECONDS)
            for one in [one for one in sweep.pool if one.connection in ready]:
                _serve(sweep, one)
            sweep.progress.show()
    finally:
        for one in sweep.pool:
            _end(one)
        sweep.progress.close()
    return sweep.failures


def _hand_out(sweep, one):
    """Gives an idle worker its next block, if there is one that waits for nothing."""
    name = _choose(sweep, one)
    if name is None:
        return
    one.point, one.runs, one.is_idle = name, sweep.queue[name].popleft(), False
    if not sweep.queue[name]:
        del sweep.queue[name]
    one.connection.send((one.point, one.runs))


def _choose(sweep, one):
    """Returns the point to go on with: the compiled one, else one nobody is at, else the first.

    A student waits until nobody trains its teacher any more.
    """
    busy = {other.point for other in sweep.pool if not other.is_idle}
    unfinished = busy | set(sweep.queue)
    ready = [name for name in sweep.queue if sweep.study.point(name).teacher not in unfinished]
    if one.point in ready:
        return one.point
    return next((name for name in ready if name not in busy), next(iter(ready), None))


def _serve(sweep, one):
    """Handles one message of a worker, or its end."""
    try:
        kind, *rest = one.connection.recv()
    except (EOFError, ConnectionResetError):
        _set_aside(sweep, one, _how_it_ended(one), is_input_error=False)
        sweep.pool.remove(one)
        sweep.free.append(one.environment)
        _end(one)
        return
    if kind == "idle":
        one.is_idle = True
    elif kind == "done":
        run, seconds = rest
        one.runs = tuple(r for r in one.runs if r != run)
        sweep.progress.finished(one.point, seconds)
    else:
        run, text, is_input_error = rest
        if run is None:
            raise _startup_error(text, is_input_error)
        one.runs = (run, *(r for r in one.runs if r != run))
        _set_aside(sweep, one, text, is_input_error=is_input_error)


def _set_aside(sweep, one, reason, *, is_input_error):
    """Leaves the rest of a point and of its students after a failure, and files the reason."""
    if is_input_error:
        raise InputError(reason)
    if not one.runs:  # It died before it had anything to do.
        raise _startup_error(reason, is_input_error)
    for name in list(sweep.queue):
        if one.point in (name, sweep.study.point(name).teacher):
            del sweep.queue[name]
    file = studies.write_failure(sweep.study, sweep.study.point(one.point), one.runs[0], reason)
    last_line = reason.strip().splitlines()[-1]
    sweep.failures.append(Failure(one.point, one.runs[0], last_line, file))
    one.runs = ()


def _startup_error(reason, is_input_error):
    kind = InputError if is_input_error else RuntimeError
    return kind(f"a worker process could not start: {reason}")


def _how_it_ended(one):
    one.process.join()
    return f"the worker process ended with exit code {one.process.exitcode}"


def _blocks(runs, size):
    return [tuple(runs[i : i + size]) for i in range(0, len(runs), size)]


def _start(study, environment, setup, work):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=worker.main, args=(theirs, str(study.workdir), environment, setup, work), daemon=True
    )
    process.start()
    theirs.close()  # So that the connection ends with the worker.
    return _Worker(process, ours, environment)


def _end(one):
    """Kills a worker: a signal handler in it would wait for the compiled call to return."""
    one.process.kill()
    one.process.join()
    one.connection.close()
