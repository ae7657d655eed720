"""What one worker process does: blocks of runs, until its parent is gone."""

import faulthandler
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import traceback

from memkit import models, studies
from memkit.errors import NOT_WRITABLE, InputError
from memkit.system_errors import explained, is_out_of_memory

# Each worker computes with one thread: bits then do not depend on how many workers there are.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_DEPRECATION_WARNINGS": "0",
    "GRPC_VERBOSITY": "NONE",
}


def main(connection, errors, workdir, environment, functions, setup, work):
    """Serves blocks that come over a connection until it closes.

    Messages in: (point name, runs). Messages out: ("done", run, seconds) after each record is on
    disk, `failure` when setup or the first run not done raised, ("idle",) when ready for a block.

    Args:
      connection: multiprocessing connection to the parent.
      errors: multiprocessing connection that takes the error stream of this process.
      workdir: of the study.
      environment: variables to set before anything is computed.
      functions: of users' models that the parent allows, see `models.allow`.
      setup: function called once, before any work.
      work: see `sweeps.Work`.
    """
    prepare(environment, functions)
    os.dup2(errors.fileno(), 2)
    faulthandler.enable()
    try:
        try:
            setup()
            study = studies.load(workdir)
        except Exception as error:  # The parent has a terminal; this process has none.
            connection.send(failure_to_start(error))
            return
        connection.send(("idle",))
        while True:
            name, runs = connection.recv()
            for message in outcomes(study, study.point(name), runs, work):
                connection.send(message)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def outcomes(study, point, runs, work):
    """Does a block; yields the messages of `main` about it, the last of them ("idle",)."""
    try:
        for run, arrays, info in work(study, point, runs):
            _write(study, point, run, arrays, info)
            yield "done", run, info["seconds"]
    except Exception as error:  # Whatever a run raises, the other runs go on.
        yield failure(error)
    yield ("idle",)


def failure(error):
    """Returns the message of `main` about an exception: ("failed", kind, text).

    A "mistake" is for somebody to mend, and its text one line. "chance" is what a disk or a network
    fails at and may do the next time. Anything else is a "fault", which would be met again.
    """
    is_full = isinstance(error, OSError) and error.errno in NOT_WRITABLE
    if isinstance(error, InputError) or is_full or is_out_of_memory(error):
        return "failed", "mistake", explained(error)
    kind = "chance" if isinstance(error, OSError) else "fault"
    return "failed", kind, "".join(traceback.format_exception(error))


def failure_to_start(error: Exception) -> tuple[str, str, str]:
    """Returns `failure` of a worker that cannot begin: whatever has an explanation is a mistake."""
    line = explained(error)
    return failure(error) if line is None else ("failed", "mistake", line)


def prepare(environment: dict[str, str] | None = None, functions: tuple[str, ...] = ()) -> None:
    """Makes this process a worker: quiet, deaf to Ctrl-C, and gone when its parent is gone.

    Args:
      environment: {name: value} of variables to set, such as those that hide devices.
      functions: of users' models that the parent allows, see `models.allow`.
    """
    models.allow(functions)
    # Ctrl-C reaches the whole process group; the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    os.environ.update(ENVIRONMENT | (environment or {}))
    _silence_native_logs()


def _write(study, point, run, arrays, info):
    if not studies.exists(study.workdir):  # Writing would make a folder that is no study.
        raise InputError(f"{study.workdir}: the study has been removed since this command began")
    try:
        studies.write_record(study, point, run, arrays, info)
    except OSError as error:
        if error.errno not in NOT_WRITABLE:
            raise
        # The system names no file.
        where = f"run {run} of {point.name}"
        raise InputError(f"{study.workdir}: {error.strerror} ({where})") from error


def _die_with_parent():
    """Ends this process when the parent dies, also in the middle of a compiled call."""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _silence_native_logs():
    """Sends what native libraries write to the error stream nowhere.

    They greet before any of their own switches works. Python's errors travel over the connection.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
