"""Worker processes of this machine, as their parent sees them."""

import collections.abc
import concurrent.futures
import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import multiprocessing.resource_tracker
import os
import signal

from memkit import models
from memkit.errors import InputError
from memkit.sweeps import worker
from memkit.system_errors import explained

_MOST_SAID = 8000  # bytes
_PATIENCE = 5.0  # seconds for a killed process to be gone


@dataclasses.dataclass(eq=False)
class Worker:
    """One worker process.

    Attributes:
      process: multiprocessing.Process.
      connection: to it; it can be read when the process has died, too.
      errors: the end to read of its error stream.
      said: the last bytes that came over it.
      environment: the variables that it was started with.
      has_begun: True once it was ready for work.
      is_idle: True where it waits for work.
      last: name of the point it did last.
    """

    process: object
    connection: object
    errors: object
    environment: dict
    said: bytes = b""
    has_begun: bool = False
    is_idle: bool = False
    last: str | None = None

    def send(self, block):
        """Gives it (point name, runs) to do."""
        self.last, self.is_idle = block[0], False
        # One that has just died cannot take it; reading from it will tell.
        with contextlib.suppress(OSError):
            self.connection.send(block)

    def receive(self):
        """Returns its next message as a tuple, or None where it has died."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):  # OSError where it died in the middle of a message.
            return None

    def listen(self):
        """Takes in what it has written to its error stream; a full pipe would hold it up."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.errors.fileno(), 65536):
                self.said = (self.said + data)[-_MOST_SAID:]
            self.errors.close()

    def how_it_ended(self):
        """Returns what it said at last, and in the last line how the process ended."""
        self.process.join(_PATIENCE)
        if not self.errors.closed:
            self.listen()
        said = self.said.decode(errors="replace").splitlines()
        return "\n".join([*said, _ending(self.process.exitcode)])


def _ending(code):
    if code is None or code >= 0:
        return f"the worker process ended with exit code {code}"
    name = signal.Signals(-code).name
    if name == "SIGKILL":
        return (
            "the worker process was killed (SIGKILL), as the system does when memory runs out; "
            "fewer --workers need less"
        )
    return f"the worker process died of {name}"


def start(pool, environment, *, workdir, setup, work):
    """Starts a worker process and adds it to a list; see `worker.main` for the arguments."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    heard, said = context.Pipe(duplex=False)
    os.set_blocking(heard.fileno(), False)
    arguments = (theirs, said, str(workdir), environment, models.allowed(), setup, work)
    process = context.Process(target=worker.main, args=arguments, daemon=True)
    # First, so that an interrupted start is ended.
    pool.append(Worker(process, ours, heard, environment))
    with _nothing_imported_from_the_current_folder():
        multiprocessing.resource_tracker.ensure_running()  # It outlives the worker.
        with _errors_to(said):
            process.start()
    for end_of_worker in (theirs, said):  # So that they end with it.
        end_of_worker.close()


@contextlib.contextmanager
def _nothing_imported_from_the_current_folder() -> collections.abc.Iterator[None]:
    """Keeps Python processes that are started meanwhile from importing files of this folder.

    multiprocessing starts them by `python -c`, which looks for modules in the current folder first.
    A folder with a file `multiprocessing.py`, such as somebody else's study, would choose what
    runs. What is importable in this process is importable in them all the same.
    """
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


@contextlib.contextmanager
def _errors_to(connection):
    """Gives processes that are started meanwhile this error stream from their first moment.

    One whose parent is killed then would complain on the terminal that it cannot read its task.
    """
    own = os.dup(2)
    os.dup2(connection.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(own, 2)
        os.close(own)


def wait(workers, *, timeout):
    """Returns the workers that have a message or have died, after so many seconds perhaps none."""
    ends = [one.connection for one in workers]
    ends += [one.errors for one in workers if not one.errors.closed]
    ready = multiprocessing.connection.wait(ends, timeout=timeout)
    for one in workers:
        if one.errors in ready:
            one.listen()
    return [one for one in workers if one.connection in ready]


def end(workers):
    """Kills workers: a signal handler in them would wait for the compiled call to return."""
    started = [one for one in workers if one.process.pid]
    for one in started:
        one.process.kill()
    for one in started:
        one.process.join(_PATIENCE)
    for one in workers:
        one.connection.close()
        one.errors.close()


def apart(environment, function, *arguments, **keywords):
    """Returns what a function returns in a process of its own, after which its device is free.

    Args:
      environment: {name: value} of variables to set there.
      function: pickled, like its arguments.

    Raises:
      InputError: what the function raised can be explained in one line.
      BrokenProcessPool: the process died.
    """
    with (
        _nothing_imported_from_the_current_folder(),
        concurrent.futures.ProcessPoolExecutor(
            max_workers=1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=worker.prepare,
            initargs=(environment, models.allowed()),
        ) as executor,
    ):
        try:
            return executor.submit(_explaining, function, *arguments, **keywords).result()
        except KeyboardInterrupt:
            # It would be waited for, and a compiler takes minutes and hears no signal.
            for child in multiprocessing.active_children():
                child.kill()
            raise


def _explaining(function, *arguments, **keywords):
    """Calls a function; raises what can be explained as something that every process can read.

    Exceptions of engines can often not be pickled, which would look like the death of the process.
    """
    try:
        return function(*arguments, **keywords)
    except Exception as error:
        line = explained(error)
        if line is None:
            raise
        raise InputError(line) from None
