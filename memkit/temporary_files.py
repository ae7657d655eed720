"""Names of local files that are still being written, and what killed writers leave behind.

A name says which process of which machine and process namespace writes the file.
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
_ABANDONED_AFTER = 86400.0  # seconds; no file takes that long to write


def is_temporary(name: str) -> bool:
    """True for the name of a file that is still being written."""
    return name.startswith(_PREFIX)


def new(folder: str) -> str:
    """Returns the path of a new file or folder in a folder, which nobody takes for a finished one.

    If this process is killed before it renames or deletes it, the next process that asks for one
    in the same folder deletes it, as `remove_stale` does.
    """
    with contextlib.suppress(OSError):  # A folder that may be written but not listed.
        _remove_stale_once(folder)
    return os.path.join(folder, f"{_PREFIX}{machine.process_name()}-{uuid.uuid4().hex[:8]}")


def probe(folder: str) -> str:
    """Returns the path of a folder that is made only to see whether it can be made."""
    return os.path.join(folder, f"{_PREFIX}{machine.process_name()}-probe")


@functools.cache
def _remove_stale_once(folder: str) -> None:
    remove_stale(folder)


def remove_stale(folder: str) -> None:
    """Deletes what writers that have ended left half-written in a folder.

    A writer is known to have ended only if this process would see it. What others left, on
    another machine or in another container, is deleted when it is a day old.

    Raises:
      OSError: the folder cannot be listed.
    """
    temporary = re.compile(re.escape(_PREFIX) + r".+-(?:[0-9a-f]{8}|probe)")
    ours = re.compile(rf".+-(\d+)-{machine.pid_namespace()}-(?:[0-9a-f]{{8}}|probe)")
    for name in filter(temporary.fullmatch, os.listdir(folder)):
        where = os.path.join(folder, name)
        writer = ours.fullmatch(name)
        is_over = writer and machine.has_ended(int(writer[1]), machine.pid_namespace())
        if is_over or _age(where) > _ABANDONED_AFTER:
            with contextlib.suppress(OSError):  # Another process or owner may be in the way.
                _delete(where)


def _delete(where: str) -> None:
    if os.path.isdir(where) and not os.path.islink(where):
        shutil.rmtree(where)
    else:
        os.unlink(where)


def _age(where: str) -> float:
    """Returns the seconds since a file was last written, 0 if it is gone."""
    try:
        return time.time() - os.lstat(where).st_mtime
    except FileNotFoundError:
        return 0.0
