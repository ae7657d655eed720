"""What takes long to make is made once for all test processes."""

import fcntl
import os


def made(tmp_path_factory, name, make):
    """Returns a folder that `make(folder)` filled in the first test process that asked for it.

    Others only read it.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # Each process has a folder in it.
    folder, done = base / name, base / f"{name}.done"
    with open(base / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(folder)
            done.touch()
    return folder
