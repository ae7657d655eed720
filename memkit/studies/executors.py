"""The executors that train a study: one small heartbeat file each, removed when the executor ends.

An executor is a process that hands out runs to workers. Its file is rewritten at each heartbeat and
lists its current runs. The file is no lock: the file of a killed executor blocks no other executor.
"""

import contextlib
import os
import socket
import time
from typing import Any

from etils import epath

from memkit import machine, storage
from memkit.errors import DamagedFileError, reason
from memkit.studies import files
from memkit.studies.study import Study
from memkit.typing import Config, Json

_FOLDER = "workers"
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
    storage.write(_file(study), files.json_bytes(identity | dict(state)))


def withdraw(study: Study) -> None:
    """Removes the file of this process, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        _file(study).unlink()


def announced(study: Study) -> dict[str, Json]:
    """Returns {name: state} of all executors whose files are sound, including this process."""
    return read_all(study)[0]


def read_all(study: Study) -> tuple[dict[str, Json], dict[str, str]]:
    """Returns ({name: state}, {damaged file relative to the workdir: what is wrong})."""
    states: dict[str, Json] = {}
    problems: dict[str, str] = {}
    for name in names(study):
        try:
            states[name] = _read(study, name)
        except FileNotFoundError:  # The executor has just ended.
            continue
        except DamagedFileError as error:
            problems[f"{_FOLDER}/{name}.json"] = error.reason
        except OSError as error:
            problems[f"{_FOLDER}/{name}.json"] = f"cannot be read: {reason(error)}"
    return states, problems


def names(study: Study) -> list[str]:
    """Returns the names of all executors that have a file."""
    return [name.removesuffix(".json") for name in storage.names(_folder(study))]


def read(study: Study, name: str) -> Json | None:
    """Returns the state of an executor, or None if its file is missing, damaged or forbidden."""
    with contextlib.suppress(FileNotFoundError, PermissionError, DamagedFileError):
        return _read(study, name)
    return None


def _read(study: Study, name: str) -> Json:
    where = _folder(study) / f"{name}.json"
    state = files.read_json(where)
    if not _is_state(state):
        raise DamagedFileError(where, "not the state of an executor")
    try:
        files.json_bytes(state)
    except ValueError as error:
        raise DamagedFileError(where, "it has a number that is not finite") from error
    return state


def _is_state(state: Json) -> bool:
    """Returns whether the content of a file is a state as `announce` writes it."""
    fields = (name in state and isinstance(state[name], kind) for name, kind in _TYPES.items())
    return all(fields) and _are_integers(state["shard"], 2) and all(map(_is_block, state["blocks"]))


def _is_block(block: Any) -> bool:
    return (
        isinstance(block, dict)
        and {"point", "runs"} <= set(block)
        and isinstance(block["point"], str)
        and isinstance(block["runs"], list)
        and all(isinstance(run, int) for run in block["runs"])
        and ("epochs" not in block or _is_epochs(block["epochs"]))
    )


def _are_integers(value: Any, count: int) -> bool:
    return isinstance(value, list) and list(map(type, value)) == [int] * count


def _is_epochs(value: Any) -> bool:
    """Returns whether a value of a file is an `Epochs`."""
    return _are_integers(value, 2) and 0 <= value[0] <= value[1] != 0


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
    return study.workdir / _FOLDER


def _file(study: Study) -> epath.Path:
    return _folder(study) / f"{name()}.json"
