"""Who works at a study: one small file per executor, rewritten now and then, removed at its end.

An executor is a process that hands out runs to workers. Its file says that it lives and what it
does; it claims nothing, so a file that a killed executor leaves behind holds nobody up.
"""

import contextlib
import json
import os
import socket
import time

from memkit import machine, storage
from memkit.studies.study import Study

FORGOTTEN_AFTER = 86400.0  # seconds
# Entries of a state that `memkit status` needs, and their types.
_KINDS = {
    "host": str,
    "process": int,
    "time": (int, float),
    "started": (int, float),
    "note": str,
    "shard": list,
    "finished": int,
    "blocks": list,
}


def announce(study, state):
    """Writes what this process does in a study.

    Args:
      study: Study.
      state: dict that JSON can hold; host, process, its namespace and time are added.
    """
    known = {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "namespace": machine.pid_namespace(),
        "time": time.time(),
    }
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


def read(study: Study, name: str) -> dict | None:
    """Returns the state of an executor, None where its file is gone or damaged."""
    with contextlib.suppress(FileNotFoundError, IsADirectoryError, ValueError):
        state = json.loads((_folder(study) / f"{name}.json").read_text())
        return state if _is_state(state) else None
    return None


def _is_state(state: object) -> bool:
    """Returns whether a file's content is what `announce` writes."""
    return (
        isinstance(state, dict)
        and all(name in state and isinstance(state[name], kind) for name, kind in _KINDS.items())
        and all(isinstance(one, dict) and {"point", "runs"} <= set(one) for one in state["blocks"])
    )


def remove_ended(study):
    """Removes what executors left that were killed on this machine, or a day ago anywhere."""
    for name, state in announced(study).items():
        # Executors of earlier versions have no namespace.
        known = "namespace" in state
        is_dead = known and machine.has_ended(state["process"], state["namespace"])
        if is_dead or time.time() - state["time"] > FORGOTTEN_AFTER:
            with contextlib.suppress(FileNotFoundError):
                (_folder(study) / f"{name}.json").unlink()


def name() -> str:
    """Returns the name of this process among executors."""
    return machine.process_name()


def _folder(study):
    return study.workdir / "workers"


def _file(study):
    return _folder(study) / f"{name()}.json"
