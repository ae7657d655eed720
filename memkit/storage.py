"""The one place that touches files: local folders and object stores, atomic writes.

Paths are `epath` objects, so `gs://bucket/study` works wherever a local folder does (extra `gcs`).
"""

import contextlib
import os
import re
import socket
import uuid

# Without this, reading gs:// would import TensorFlow.
os.environ.setdefault("EPATH_USE_TF", "false")

from etils import epath  # noqa: E402

from memkit.errors import expected  # noqa: E402

_TEMPORARY = ".tmp-"


def path(name):
    """Returns the path object of a local folder or file, or of an object-store address."""
    return epath.Path(os.fspath(name)).expanduser()


def is_local(where):
    """True where the path lies on this machine's file system."""
    return "://" not in os.fspath(where)


def write(where, data):
    """Writes bytes so that the file appears whole under its name or not at all.

    Args:
      where: path of the file; its folder is created.
      data: bytes.

    Raises:
      OSError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    where = path(where)
    where.parent.mkdir(parents=True, exist_ok=True)
    if not is_local(where):  # Object stores show an object only when its upload is complete.
        where.write_bytes(data)
        return
    owner = f"{socket.gethostname()}-{os.getpid()}"
    temporary = where.parent / f"{_TEMPORARY}{owner}-{uuid.uuid4().hex[:8]}"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, where)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def remove_stale_temporaries(folder):
    """Deletes what writers of this machine that no longer live left half-written in a folder."""
    folder = path(folder)
    if not is_local(folder) or not folder.exists():
        return
    # The whole name must fit: a machine called host-7 is not process 7 of host.
    mine = re.compile(
        re.escape(f"{_TEMPORARY}{socket.gethostname()}-") + r"(\d+)-(?:[0-9a-f]{8}|probe)"
    )
    for name in os.listdir(folder):
        found = mine.fullmatch(name)
        if found and not _is_alive(found[1]):
            with contextlib.suppress(FileNotFoundError):
                (os.rmdir if name.endswith("-probe") else os.unlink)(folder / name)


def _is_alive(pid):
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def names(folder):
    """Returns the sorted names of the finished files and folders in a folder; [] if absent."""
    folder = path(folder)
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith(_TEMPORARY))


def size(folder):
    """Returns the bytes used by all files below a folder."""
    if is_local(folder):
        return sum(
            os.lstat(os.path.join(root, name)).st_size
            for root, _, files in os.walk(folder)
            for name in files
        )
    return sum(p.stat().length for p in path(folder).glob("**/*") if p.is_file())


def check_writable(argument, folder):
    """Refuses a folder that cannot be created or written, leaving no trace of the attempt.

    Raises:
      InputError: names the argument, the folder and the system's reason.
    """
    if not is_local(folder):
        return
    existing = os.path.abspath(path(folder))
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    reason = None
    if not os.path.isdir(existing):
        reason = f"{existing} is not a folder"
    else:
        probe = os.path.join(existing, f"{_TEMPORARY}{socket.gethostname()}-{os.getpid()}-probe")
        try:
            os.mkdir(probe)
            os.rmdir(probe)
        except OSError as error:
            reason = error.strerror
    if reason:
        raise expected(argument, "a writable folder", f"{os.fspath(folder)} ({reason})")
