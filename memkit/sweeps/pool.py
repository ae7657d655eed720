"""Worker processes on this machine, as their executor sees them."""

import concurrent.futures
import contextlib
import dataclasses
import functools
import multiprocessing
import multiprocessing.connection
import multiprocessing.process
import multiprocessing.resource_tracker
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

from memkit import models
from memkit.errors import InputError
from memkit.sweeps import Block, Environment, Message, Setup, Work, worker
from memkit.system_errors import explained
from memkit.typing import Path

_TAIL_BYTES = 8000  # of the error stream of a worker
_EXIT_SECONDS = 5.0  # that a killed process may take to exit

P = ParamSpec("P")
T = TypeVar("T")


@dataclasses.dataclass(eq=False)
class Worker:
    """One worker process.

    Attributes:
      connection: connection to it, which also becomes readable when the process exits.
      errors: the end to read of its error stream.
      stderr_tail: the last bytes of its error stream.
    """

    process: multiprocessing.process.BaseProcess
    connection: Connection
    errors: Connection
    environment: Environment
    stderr_tail: bytes = b""
    has_started: bool = False
    is_idle: bool = False
    last: str | None = None

    def send(self, block: Block) -> None:
        """Sends it a block, (point name, runs)."""
        self.last, self.is_idle = block[0], False
        # A worker that has just exited cannot take it; `receive` will find out.
        with contextlib.suppress(OSError):
            self.connection.send(block)

    def receive(self) -> Message | None:
        """Returns its next message, or None if it has exited."""
        try:
            message: Message = self.connection.recv()
        except (EOFError, OSError):  # OSError if it exited in the middle of a message.
            return None
        return message

    def read_errors(self) -> None:
        """Reads what it has written to its error stream, so that a full pipe does not block it."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.errors.fileno(), 65536):
                self.stderr_tail = (self.stderr_tail + data)[-_TAIL_BYTES:]
            self.errors.close()

    def exit_reason(self) -> str:
        """Returns the tail of its error stream, then a line with its exit status."""
        self.process.join(_EXIT_SECONDS)
        if not self.errors.closed:
            self.read_errors()
        lines = self.stderr_tail.decode(errors="replace").splitlines()
        return "\n".join([*lines, _exit_status(self.process.exitcode)])


def _exit_status(code: int | None) -> str:
    if code is None or code >= 0:
        return f"the worker process ended with exit code {code}"
    name = signal.Signals(-code).name
    if name == "SIGKILL":
        return (
            "the worker process was killed (SIGKILL), usually because memory ran out; "
            "fewer --workers need less"
        )
    return f"the worker process was ended by {name}"


def start(
    workers: list[Worker], environment: Environment, *, workdir: Path, setup: Setup, work: Work
) -> None:
    """Starts a worker process and appends it to a list; see `worker.main` for the arguments."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    errors, stderr = context.Pipe(duplex=False)
    os.set_blocking(errors.fileno(), False)
    arguments = (theirs, stderr, str(workdir), environment, models.allowed(), setup, work)
    process = context.Process(target=worker.main, args=arguments, daemon=True)
    # Before the start, so that an interrupted start is ended, too.
    workers.append(Worker(process, ours, errors, environment))
    with _nothing_imported_from_the_current_folder(), _main_module_not_imported():
        multiprocessing.resource_tracker.ensure_running()  # It outlives the worker.
        with _stderr_to(stderr):
            process.start()
    for end_of_worker in (theirs, stderr):  # Then they close when the worker exits.
        end_of_worker.close()


@contextlib.contextmanager
def _nothing_imported_from_the_current_folder() -> Iterator[None]:
    """Keeps Python processes that the block starts from importing files of the current folder.

    multiprocessing starts them by `python -c`, which looks for modules in the current folder first.
    A file `multiprocessing.py` there, such as in a study of somebody else, would be executed.
    Whatever is importable in this process is importable in them as well.
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
def _main_module_not_imported() -> Iterator[None]:
    """Keeps Python processes that the block starts from executing the main module again.

    multiprocessing lets them import it, so a script that calls `memkit.measure` would have to guard
    its last lines by `if __name__ == "__main__"`. Nothing that memkit sends to a worker needs it.
    """
    main = sys.modules["__main__"]
    names = [name for name in ("__file__", "__spec__") if name in vars(main)]
    saved: dict[str, Any] = {name: vars(main)[name] for name in names}
    vars(main).pop("__file__", None)
    main.__spec__ = None
    try:
        yield
    finally:
        vars(main).update(saved)


@contextlib.contextmanager
def _stderr_to(connection: Connection) -> Iterator[None]:
    """Connects the error stream of processes that the block starts, from their first moment.

    A process whose parent is killed while it starts would otherwise print to the terminal that it
    cannot read its task.
    """
    original = os.dup(2)
    os.dup2(connection.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(original, 2)
        os.close(original)


def wait(workers: Sequence[Worker], *, timeout: float) -> list[Worker]:
    """Returns the workers that have a message or have exited, within `timeout` seconds."""
    connections = [each.connection for each in workers]
    connections += [each.errors for each in workers if not each.errors.closed]
    ready = multiprocessing.connection.wait(connections, timeout=timeout)
    for each in workers:
        if each.errors in ready:
            each.read_errors()
    return [each for each in workers if each.connection in ready]


def end(workers: Sequence[Worker]) -> None:
    """Kills workers: a signal handler in them would wait for the compiled call to return."""
    started = [each for each in workers if each.process.pid]
    for each in started:
        each.process.kill()
    for each in started:
        each.process.join(_EXIT_SECONDS)
    for each in workers:
        each.connection.close()
        each.errors.close()


def call_in_process(
    environment: Environment, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Returns the result of a function called in a new process, which then frees its device.

    Args:
      environment: variables to set there.
      function: pickled, like its arguments.
      *args: positional arguments of the function.
      **kwargs: keyword arguments of the function.

    Raises:
      InputError: the function raised an error that can be explained in one line.
      BrokenProcessPool: the process was killed or crashed.
    """
    with (
        _nothing_imported_from_the_current_folder(),
        _main_module_not_imported(),
        concurrent.futures.ProcessPoolExecutor(
            max_workers=1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=worker.prepare,
            initargs=(environment, models.allowed()),
        ) as executor,
    ):
        try:
            call = functools.partial(function, *args, **kwargs)
            return executor.submit(_explain_errors, call).result()
        except KeyboardInterrupt:
            # Leaving the executor would block: a compiler runs for minutes and ignores signals.
            for child in multiprocessing.active_children():
                child.kill()
            raise


def _explain_errors(function: Callable[[], T]) -> T:
    """Calls a function; turns errors that can be explained in one line into InputErrors.

    Exceptions of engines often cannot be pickled, which would look as if the process had crashed.
    """
    try:
        return function()
    except Exception as error:
        line = explained(error)
        if line is None:
            raise
        raise InputError(line) from None
