"""Ways of doing the same work, each in warm processes of its own, that take turns.

A machine that drifts then hits all ways alike, and ratios are taken round by round.
"""

import dataclasses
import json
import multiprocessing
import os
import pathlib
import platform
import statistics
import time
import traceback

from memkit.sweeps import placement, worker


@dataclasses.dataclass(frozen=True)
class Way:
    """One way of doing the work.

    Attributes:
      make: function of an importable module; make(**options) prepares the work in a process and
        returns a function that does a turn of it and returns the units of work done.
      options: keyword arguments of `make`, which can be pickled.
      environments: variables to set in each process before it computes; as many processes.
      all_threads: bool, whether a process computes with all cores and not with one.
    """

    make: object
    options: dict
    environments: tuple = ({},)
    all_threads: bool = False


def workers(engine, count=2):
    """Returns (engines.Setup, environments) of `count` one-thread workers of memkit on the CPU."""
    placed = placement.place(data_parallel=1, engine=engine, devices="cpu", workers=count)
    return placed.setup, placed.worker_envs


def measure(ways, rounds):
    """Returns {name: units of work per second in each round}.

    Args:
      ways: {name: Way}; all processes of all ways live side by side and one way computes at a time.
      rounds: turns of each way, after one that is not counted.
    """
    pools = {name: _start(way) for name, way in ways.items()}
    found = {name: [] for name in ways}
    try:
        for pool in pools.values():
            for _, connection in pool:
                _received(connection)
        for _ in range(rounds):
            for name, pool in pools.items():
                found[name].append(_turn(pool))
    finally:
        for pool in pools.values():
            _end(pool)
    return found


def once(way):
    """Returns what the first turn of a Way returns, in a process of its own."""
    pool = _start(way)
    try:
        return _received(pool[0][1])
    finally:
        _end(pool)


def ratios(ours, theirs):
    """Returns (median, smallest, largest) of ours / theirs, round by round."""
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    return statistics.median(each), min(each), max(each)


def machine():
    """Returns {name: value} of what a number was measured on."""
    model = platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": placement.available_cores(),
        "python": platform.python_version(),
    }


def finish(out, results, note=""):
    """Prints what a benchmark ran on, and writes its results to the file `out` if it is not None.

    Args:
      out: path of a JSON file.
      results: {name: JSON value}.
      note: is printed before the machine.
    """
    found = machine()
    print(f"\n{note}{', '.join(f'{name} {value}' for name, value in found.items())}")
    if out:
        pathlib.Path(out).write_text(json.dumps({"machine": found, **results}, indent=1))


def _serve(connection, way, environment):
    """Does a turn to warm up, then one for each message; sends the units of each."""
    worker.prepare(environment)
    if way.all_threads:
        del os.environ["OMP_NUM_THREADS"]
    try:
        work = way.make(**way.options)
        connection.send(("done", work()))
        while connection.recv():
            connection.send(("done", work()))
    except EOFError:
        return
    except Exception:  # Sent to the parent: this process has no terminal.
        connection.send(("failed", traceback.format_exc()))


def _start(way):
    context = multiprocessing.get_context("spawn")
    pool = []
    for environment in way.environments:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, way, environment), daemon=True)
        process.start()
        theirs.close()
        pool.append((process, ours))
    return pool


def _turn(pool):
    """Lets all processes of a way do a turn side by side; returns their units per second."""
    started = time.perf_counter()
    for _, connection in pool:
        connection.send(True)
    units = sum(_received(connection) for _, connection in pool)
    return units / (time.perf_counter() - started)


def _received(connection):
    kind, value = connection.recv()
    if kind == "failed":
        raise RuntimeError(f"a process of the benchmark failed:\n{value}")
    return value


def _end(pool):
    for process, connection in pool:
        process.kill()
        process.join()
        connection.close()
