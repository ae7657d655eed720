"""The executors that train a study: one small heartbeat file each, removed when the executor ends.

An executor is a process that hands out runs to workers. Its file is rewritten at each heartbeat and
lists its current runs. The file is no lock: the file of a killed executor blocks no other executor.
"""

import contextlib
import json
import os
import socket
import time

from etils import epath

from memkit import machine, storage
from memkit.studies.study import Study
from memkit.typing import Config, Json

FORGOTTEN_AFTER = 86400.0  # seconds
# Entries of a state that `memkit status` reads, and their types.
_TYPES: dict[str, type | tuple[type, ...]] = {
    "host": str,
    "process": int,
    "time": (int, float),
    "started": (int, float),
    "note": str,
    "shard": list,
    "finished": int,
    "blocks": list,
}


def announce(study: Study, state: Config) -> None:
    """Writes the heartbeat file of this process.

    Args:
      state: dict of JSON values; host, process, its namespace and time are added.
    """
    identity = {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "namespace": machine.pid_namespace(),
        "time": time.time(),
    }
    storage.write(_file(study), json.dumps(identity | dict(state), indent=1).encode())


def withdraw(study: Study) -> None:
    """Removes the file of this process, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        _file(study).unlink()


def announced(study: Study) -> dict[str, Json]:
    """Returns {name: state} of all executors, including this process."""
    states = {name: read(study, name) for name in names(study)}
    return {name: state for name, state in states.items() if state is not None}


def names(study: Study) -> list[str]:
    """Returns the names of all executors that have a file."""
    return [name.removesuffix(".json") for name in storage.names(_folder(study))]


def read(study: Study, name: str) -> Json | None:
    """Returns the state of an executor, or None if its file is missing or damaged."""
    with contextlib.suppress(FileNotFoundError, IsADirectoryError, ValueError):
        state = json.loads((_folder(study) / f"{name}.json").read_text())
        return state if _is_state(state) else None
    return None


def _is_state(state: object) -> bool:
    """Returns whether the content of a file is a state as `announce` writes it."""
    return (
        isinstance(state, dict)
        and all(name in state and isinstance(state[name], kind) for name, kind in _TYPES.items())
        and all(
            isinstance(block, dict) and {"point", "runs"} <= set(block) for block in state["blocks"]
        )
    )


def remove_ended(study: Study) -> None:
    """Removes files of executors that ended on this machine, or sent no heartbeat for a day."""
    for name, state in announced(study).items():
        # Executors of earlier versions have no namespace.
        is_dead = "namespace" in state and machine.has_ended(state["process"], state["namespace"])
        if is_dead or time.time() - state["time"] > FORGOTTEN_AFTER:
            with contextlib.suppress(FileNotFoundError):
                (_folder(study) / f"{name}.json").unlink()


def name() -> str:
    """Returns the name of this process as an executor."""
    return machine.process_name()


def _folder(study: Study) -> epath.Path:
    return study.workdir / "workers"


def _file(study: Study) -> epath.Path:
    return _folder(study) / f"{name()}.json"
