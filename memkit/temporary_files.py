"""Names of local files that are still being written, and cleanup after killed processes.

A name contains the machine, process id and process namespace of the writer.
"""

import contextlib
import functools
import os
import re
import shutil
import time
import uuid

from memkit import machine

_PREFIX = ".tmp-"
_ABANDONED_AFTER = 86400.0  # seconds; writing a file never takes that long


def is_temporary(name: str) -> bool:
    """Returns True for the name of a file that is still being written."""
    return name.startswith(_PREFIX)


def new(folder: str) -> str:
    """Returns a path for a new temporary file or folder in a folder.

    If this process is killed before it renames or deletes the file, the next process that calls
    this function for the same folder deletes it; see `remove_stale`.
    """
    with contextlib.suppress(OSError):  # The folder may be writable but not listable.
        _remove_stale_once(folder)
    return os.path.join(folder, f"{_PREFIX}{machine.process_name()}-{uuid.uuid4().hex[:8]}")


def probe(folder: str) -> str:
    """Returns the path of a folder that is created only to test whether that is possible."""
    return os.path.join(folder, f"{_PREFIX}{machine.process_name()}-probe")


@functools.cache
def _remove_stale_once(folder: str) -> None:
    remove_stale(folder)


def remove_stale(folder: str) -> None:
    """Deletes unfinished files in a folder whose writers have ended.

    This process only sees writers in its own process namespace. Unfinished files of other
    machines and containers are deleted when they are a day old.

    Raises:
      OSError: the folder cannot be listed.
    """
    temporary = re.compile(re.escape(_PREFIX) + r".+-(?:[0-9a-f]{8}|probe)")
    in_namespace = re.compile(rf".+-(\d+)-{machine.pid_namespace()}-(?:[0-9a-f]{{8}}|probe)")
    for name in filter(temporary.fullmatch, os.listdir(folder)):
        where = os.path.join(folder, name)
        writer = in_namespace.fullmatch(name)
        has_ended = writer and machine.has_ended(int(writer[1]), machine.pid_namespace())
        if has_ended or _age(where) > _ABANDONED_AFTER:
            with contextlib.suppress(OSError):  # Another process deleted it, or the owner differs.
                _delete(where)


def _delete(where: str) -> None:
    if os.path.isdir(where) and not os.path.islink(where):
        shutil.rmtree(where)
    else:
        os.unlink(where)


def _age(where: str) -> float:
    """Returns the seconds since a file was last written, 0 if it no longer exists."""
    try:
        return time.time() - os.lstat(where).st_mtime
    except FileNotFoundError:
        return 0.0
