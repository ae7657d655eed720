"""Access to files in local folders and object stores, with atomic writes.

Every function takes a path as text or as a path object. `path` turns it into an `epath.Path`, so
`gs://bucket/study` works wherever a local folder does (with the extra `gcs`).
"""

import contextlib
import errno
import functools
import os
import stat

# Without this, reading gs:// would import TensorFlow.
os.environ.setdefault("EPATH_USE_TF", "false")

from etils import epath, epy  # noqa: E402

from memkit import temporary_files  # noqa: E402
from memkit.errors import expected, install  # noqa: E402
from memkit.typing import Path  # noqa: E402

with epy.lazy_imports():  # Local folders do not need it.
    import fsspec

# protocol -> how to install the package for it
_OBJECT_STORES = {
    "gs": install("gcs"),
    "s3": "`pip install s3fs` installs it",
    "az": "`pip install adlfs` installs it",
}


def path(name: Path) -> epath.Path:
    """Returns the path object of a local folder or file, or of an object-store address.

    Raises:
      InputError: the protocol of the address is unknown, or its package is not installed.
    """
    name = os.fspath(name)
    if not is_local(name):
        _prepare_store(name.partition("://")[0], name)
    return epath.Path(name).expanduser()


@functools.cache
def _prepare_store(protocol: str, name: str) -> None:
    """Checks that addresses such as `name` can be opened, and turns off caches of listings.

    Clients cache every listing for the lifetime of the process, so an executor would not see which
    runs another one has finished.
    """
    if protocol not in _OBJECT_STORES:
        known = ", ".join(f"{valid}://" for valid in _OBJECT_STORES)
        raise expected(name, f"a local path or an address with {known}", f"{protocol}://")
    for alias in (protocol, "gcs") if protocol == "gs" else (protocol,):
        fsspec.config.conf.setdefault(alias, {})["use_listings_cache"] = False
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        needed = f"the package that opens {protocol}:// ({_OBJECT_STORES[protocol]})"
        raise expected(name, needed, str(error)) from None


def is_local(where: Path) -> bool:
    """Returns True if a path is in this machine's file system, not in an object store."""
    return "://" not in os.fspath(where)


def resolved(where: Path) -> str:
    """Returns the canonical path of a folder or file, with links and relative parts resolved."""
    return os.path.realpath(path(where)) if is_local(where) else os.fspath(path(where))


def read(where: Path) -> bytes:
    """Returns the content of a file.

    Raises:
      IsADirectoryError: the path is a folder, or something that could block forever, such as a
        named pipe.
      OSError: the file does not exist or cannot be read.
    """
    check_regular(where)
    try:
        return path(where).read_bytes()
    except OSError as error:
        if error.errno and error.filename is None:  # Such as an input error of the disk.
            raise OSError(error.errno, os.strerror(error.errno), os.fspath(where)) from error
        raise


def check_regular(where: Path) -> None:
    """Checks that a path is a regular file; raises the errors of `read`."""
    if is_local(where) and not stat.S_ISREG(os.stat(path(where)).st_mode):
        raise IsADirectoryError(errno.EISDIR, "not a regular file", os.fspath(where))


def write(where: Path, data: bytes, *, inside: Path | None = None) -> None:
    """Writes a file atomically: it appears complete under its name or not at all.

    Args:
      where: path of the file; its folder is created if it does not exist.
      inside: folder in which the file must be, such as the workdir of a study. Symbolic links to
        folders below it are an error; the folder itself may be a symbolic link.

    Raises:
      InputError: a folder between `inside` and the file is a symbolic link, or the file is not
        in `inside`.
      OSError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    file_path = path(where)
    if inside is not None:
        check_inside(file_path, inside)
    if not is_local(file_path):  # Object stores show an object only when its upload is complete.
        file_path.write_bytes(data)  # They have no folders; creating one could create a bucket.
        return
    file_path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = temporary(file_path.parent)
    try:
        with open(unfinished, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, file_path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        if isinstance(error, OSError) and error.errno:  # Its message may name the temporary file.
            raise OSError(error.errno, os.strerror(error.errno), os.fspath(file_path)) from None
        raise


def temporary(folder: Path) -> epath.Path:
    """Returns the path of a new file or folder in a local folder; see `temporary_files.new`."""
    return path(temporary_files.new(os.fspath(path(folder))))


def check_inside(where: Path, inside: Path) -> None:
    """Checks that a file is inside a folder and not reached through a symbolic link in it.

    Without this check, a study from another person could make memkit write to any folder of this
    machine.

    Raises:
      InputError: names the link or the file.
    """
    file_path, folder = os.fspath(path(where)), os.fspath(path(inside))
    parts = os.path.relpath(file_path, folder).split("/") if is_local(folder) else []
    if os.pardir in parts:
        raise expected(file_path, f"a file inside {folder}", "a file outside of it")
    for part in parts[:-1]:
        folder = os.path.join(folder, part)
        if os.path.islink(folder):
            expectation = "a folder (memkit does not write through symbolic links inside a study)"
            raise expected(folder, expectation, f"a symbolic link to {os.readlink(folder)}")


def remove(where: Path, *, inside: Path) -> None:
    """Deletes a file if it exists; see `write` for `inside`."""
    check_inside(where, inside)
    path(where).unlink(missing_ok=True)


def remove_stale_temporaries(folder: Path) -> None:
    """Deletes unfinished files of processes that ended; see `temporary_files.remove_stale`."""
    if is_local(folder) and exists(folder):
        temporary_files.remove_stale(os.fspath(path(folder)))


def names(folder: Path) -> list[str]:
    """Returns the sorted names of finished files and folders in a folder; [] if it is missing."""
    root = path(folder)
    if is_local(root):  # Ten times faster than path objects.
        try:
            entries = os.listdir(root)
        except (FileNotFoundError, NotADirectoryError):
            return []
    else:  # An object store may list the folder itself.
        entries = [p.name for p in root.iterdir() if p != root] if root.is_dir() else []
    return sorted(name for name in entries if not temporary_files.is_temporary(name))


def exists(where: Path) -> bool:
    """Returns whether a file or folder exists.

    Raises:
      OSError: the system denies the answer, so the file may or may not exist.
    """
    if not is_local(where):
        return bool(path(where).exists())
    try:
        os.stat(path(where))
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def size(folder: Path) -> int:
    """Returns the total size in bytes of all files below a folder."""
    if is_local(folder):
        walk = os.walk(folder)
        return sum(_size(os.path.join(root, name)) for root, _, files in walk for name in files)
    store, name = fsspec.core.url_to_fs(os.fspath(path(folder)))
    # From listings; fsspec's own sum requests every object.
    return sum(entry["size"] for entry in store.find(name, detail=True).values())


def _size(where: str) -> int:
    try:
        return os.lstat(where).st_size
    except FileNotFoundError:  # It was deleted after the folder was listed.
        return 0


def check_writable(argument: str, folder: Path) -> None:
    """Checks that a local folder exists or can be created, and is writable; changes nothing.

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
        probe = temporary_files.probe(existing)
        try:
            os.mkdir(probe)
            os.rmdir(probe)
        except OSError as error:
            reason = error.strerror
    if reason:
        raise expected(argument, "a writable folder", f"{os.fspath(folder)} ({reason})")
