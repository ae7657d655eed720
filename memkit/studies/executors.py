"""Who works at a study: one small file per executor, rewritten now and then, removed at its end.

An executor is a process that hands out runs to workers. Its file says that it lives and what it
does; it claims nothing, so a file that a killed executor leaves behind holds nobody up.
"""

import contextlib
import json
import os
import socket
import time

from memkit import storage

FORGOTTEN_AFTER = 86400.0  # seconds


def announce(study, state):
    """Writes what this process does in a study.

    Args:
      study: Study.
      state: dict that JSON can hold; host, process and time are added.
    """
    known = {"host": socket.gethostname(), "process": os.getpid(), "time": time.time()}
    storage.write(_file(study), json.dumps(known | state, indent=1).encode())


def withdraw(study):
    """Removes the file of this process, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        _file(study).unlink()


def announced(study):
    """Returns the states of all executors, by name; those of this process too."""
    states = {name: read(study, name) for name in names(study)}
    return {name: state for name, state in states.items() if state is not None}


def names(study):
    """Returns the names of all executors that have a file."""
    return [name.removesuffix(".json") for name in storage.names(_folder(study))]


def read(study, name):
    """Returns the state of an executor, None where its file is gone or no file of ours."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return json.loads((_folder(study) / f"{name}.json").read_text())
    return None


def remove_ended(study):
    """Removes what executors left that were killed on this machine, or a day ago anywhere."""
    for name, state in announced(study).items():
        here = state["host"] == socket.gethostname()
        is_dead = here and not storage.is_alive(state["process"])
        if is_dead or time.time() - state["time"] > FORGOTTEN_AFTER:
            with contextlib.suppress(FileNotFoundError):
                (_folder(study) / f"{name}.json").unlink()


def name():
    """Returns the name of this process among executors."""
    return f"{socket.gethostname()}-{os.getpid()}"


def _folder(study):
    return study.workdir / "workers"


def _file(study):
    return _folder(study) / f"{name()}.json"
