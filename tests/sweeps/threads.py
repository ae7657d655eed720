"""Workers that are threads of the test's own process, for tests in which no worker dies.

The module offers what `memkit.sweeps.pool` does, without the second that a process takes to start.
"""

import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import threading

from memkit import studies
from memkit.sweeps import worker


@dataclasses.dataclass(eq=False)
class Worker:
    """One thread; see `pool.Worker` for the attributes."""

    connection: multiprocessing.connection.Connection
    environment: dict[str, str]
    has_started: bool = False
    is_idle: bool = False
    last: str | None = None

    def send(self, block):
        self.last, self.is_idle = block[0], False
        self.connection.send(block)

    def receive(self):
        return self.connection.recv()

    def exit_reason(self):
        raise AssertionError("a thread does not exit")


def start(workers, environment, *, workdir, setup, work):
    """Starts a thread and adds its Worker to a list."""
    parent, child = multiprocessing.Pipe()
    threading.Thread(target=_serve, args=(child, workdir, setup, work), daemon=True).start()
    workers.append(Worker(parent, environment))


def _serve(connection, workdir, setup, work):
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        setup()
        study = studies.load(workdir)
        connection.send(("idle",))
        while True:
            name, runs = connection.recv()
            for message in worker.outcomes(study, study.point(name), runs, work):
                connection.send(message)


def wait(workers, *, timeout):
    """Returns the workers that have sent a message."""
    ready = multiprocessing.connection.wait([w.connection for w in workers], timeout)
    return [w for w in workers if w.connection in ready]


def end(workers):
    """Closes the connections, which ends the threads."""
    for each_worker in workers:
        each_worker.connection.close()
