"""The main function of a worker process: trains blocks of runs until its parent exits."""

import faulthandler
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from memkit import models, studies
from memkit.errors import NOT_WRITABLE, InputError
from memkit.studies import Point, Study
from memkit.sweeps import Environment, Message, Setup, Work
from memkit.system_errors import explained, is_out_of_memory
from memkit.typing import Array, Epochs

REPORT_SECONDS = 10.0  # between two reports of how far a run is; shorter runs have none

# Each worker computes with one thread, so that results do not depend on the number of workers.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_DEPRECATION_WARNINGS": "0",
    "GRPC_VERBOSITY": "NONE",
}


def main(
    connection: Connection,
    errors: Connection,
    workdir: str,
    environment: Environment,
    functions: Iterable[str],
    setup: Setup,
    work: Work,
) -> None:
    """Trains the blocks that arrive over a connection until it closes.

    Receives (point name, runs). Sends ("done", run, seconds) after each record is on disk,
    ("epochs", done, total) now and then of the runs that are being trained, `failure` if the setup
    or a run raised, and ("idle",) when ready for a block.

    Args:
      errors: connection that takes the error stream of this process.
      workdir: folder of the study.
      environment: variables to set before anything is computed.
      functions: users' models that the parent allows, see `models.allow`.
      setup: called once, before any work.
      work: see `sweeps.Work`.
    """
    prepare(environment, functions)
    os.dup2(errors.fileno(), 2)
    faulthandler.enable()
    try:
        try:
            setup()
            study = studies.load(workdir)
        except Exception as error:  # The parent prints it: this process has no terminal.
            connection.send(failure_to_start(error))
            return
        connection.send(("idle",))
        while True:
            name, runs = connection.recv()
            for message in outcomes(study, study.point(name), runs, work):
                connection.send(message)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def outcomes(study: Study, point: Point, runs: Sequence[int], work: Work) -> Iterator[Message]:
    """Trains a block; yields the messages of `main` about it, of which ("idle",) is the last."""
    reported = time.monotonic()
    try:
        for each in work(study, point, runs):
            if not isinstance(each, Epochs):
                run, arrays, info = each
                _write(study, point, run, arrays, info)
                yield "done", run, info["seconds"]
            elif time.monotonic() - reported >= REPORT_SECONDS:
                yield "epochs", *each
            else:
                continue
            reported = time.monotonic()
    except Exception as error:  # Whatever a run raises, the other runs are trained.
        yield failure(error)
    yield ("idle",)


def failure(error: Exception) -> tuple[str, str, str | None]:
    """Returns the message of `main` about an exception: ("failed", kind, text).

    The kind is "mistake" for errors that the user can fix, whose text is one line; "chance" for
    failures of a disk or network, which a second attempt may not meet; and "fault" for anything
    else, which a second attempt would meet again.
    """
    is_full = isinstance(error, OSError) and error.errno in NOT_WRITABLE
    if isinstance(error, InputError) or is_full or is_out_of_memory(error):
        return "failed", "mistake", explained(error)
    kind = "chance" if isinstance(error, OSError) else "fault"
    return "failed", kind, "".join(traceback.format_exception(error))


def failure_to_start(error: Exception) -> tuple[str, str, str | None]:
    """Returns the message of a worker that cannot start: explained errors are mistakes."""
    line = explained(error)
    return failure(error) if line is None else ("failed", "mistake", line)


def prepare(environment: Environment, functions: Iterable[str] = ()) -> None:
    """Sets up a worker process: silences native logs, ignores SIGINT, exits with its parent.

    Args:
      environment: variables to set, such as those that hide devices.
      functions: users' models that the parent allows, see `models.allow`.
    """
    models.allow(functions)
    # Ctrl-C reaches the whole process group; the parent decides how to react.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    os.environ.update({**ENVIRONMENT, **environment})
    _silence_native_logs()


def _write(
    study: Study, point: Point, run: int, arrays: dict[str, Array], info: dict[str, Any]
) -> None:
    if not studies.exists(study.workdir):  # Writing would create a folder that is not a study.
        raise InputError(f"{study.workdir}: the study has been removed since this command began")
    try:
        studies.write_record(study, point, run, arrays, info)
    except OSError as error:
        if error.errno not in NOT_WRITABLE:
            raise
        # The error of the system names no file.
        raise InputError(
            f"{study.workdir}: {error.strerror} (run {run} of {point.name})"
        ) from error


def _exit_with_parent() -> None:
    """Ends this process when its parent exits, even in the middle of a compiled call."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _silence_native_logs() -> None:
    """Discards the error stream, to which native libraries log.

    They log at import, before their verbosity settings take effect. Python's errors reach the
    executor over the connection.
    """
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
