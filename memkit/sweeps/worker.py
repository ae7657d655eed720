"""What one worker process does: blocks of runs, until its parent is gone."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import traceback

from memkit import studies
from memkit.errors import InputError

# Each worker computes with one thread: bits then do not depend on how many workers there are.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_DEPRECATION_WARNINGS": "0",
    "GRPC_VERBOSITY": "NONE",
}


def main(connection, workdir, environment, setup, work):
    """Serves blocks that come over a connection until it closes.

    Messages in: (point name, runs). Messages out: ("done", run, seconds) after each record is on
    disk, ("failed", run, text, is_input_error) when the work raised, ("idle",) after a block.

    Args:
      connection: multiprocessing connection to the parent.
      workdir: of the study.
      environment: variables to set before anything is computed.
      setup: function called once, before any work.
      work: see `sweeps.Work`.
    """
    prepare(environment)
    try:
        if not _prepared(connection, setup):
            return
        study = studies.load(workdir)
        connection.send(("idle",))
        while True:
            name, runs = connection.recv()
            _do_block(connection, study, study.point(name), runs, work)
            connection.send(("idle",))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def prepare(environment=None):
    """Makes this process a worker: quiet, deaf to Ctrl-C, and gone when its parent is gone.

    Args:
      environment: {name: value} of variables to set, such as those that hide devices.
    """
    # Ctrl-C reaches the whole process group; the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    os.environ.update(_ENVIRONMENT | (environment or {}))
    _silence_native_logs()


def _prepared(connection, setup):
    try:
        setup()
    except Exception as error:  # Sent to the parent, which has a terminal; this process has none.
        _send_failure(connection, None, error)
        return False
    return True


def _do_block(connection, study, point, runs, work):
    left = list(runs)
    try:
        for run, arrays, info in work(study, point, runs):
            studies.write_record(study, point, run, arrays, info)
            left.remove(run)
            connection.send(("done", run, info["seconds"]))
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # Whatever a run raises, the other runs go on.
        _send_failure(connection, left[0], error)


def _send_failure(connection, run, error):
    is_input_error = isinstance(error, (InputError, OSError))
    text = str(error) if is_input_error else "".join(traceback.format_exception(error))
    connection.send(("failed", run, text, is_input_error))


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
