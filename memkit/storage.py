"""The one place that touches files: local folders and object stores, atomic writes.

Paths are `epath` objects, so `gs://bucket/study` works wherever a local folder does (extra `gcs`).
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
from memkit.errors import expected  # noqa: E402

with epy.lazy_imports():  # Local folders do without it.
    import fsspec

# protocol -> what installs the package that opens its addresses
_OBJECT_STORES = {
    "gs": "pip install 'memkit[gcs]'",
    "s3": "pip install s3fs",
    "az": "pip install adlfs",
}


def path(name: str | os.PathLike) -> epath.Path:
    """Returns the path object of a local folder or file, or of an object-store address.

    Raises:
      InputError: an address of another kind, or one whose package is not installed.
    """
    name = os.fspath(name)
    if not is_local(name):
        _prepare_store(name.partition("://")[0], name)
    return epath.Path(name).expanduser()


@functools.cache
def _prepare_store(protocol: str, name: str) -> None:
    """Checks that addresses such as `name` can be opened, and that answers will be up to date.

    Clients remember every listing for the life of the process: no executor would see what another
    one has finished.
    """
    if protocol not in _OBJECT_STORES:
        known = ", ".join(f"{one}://" for one in _OBJECT_STORES)
        raise expected(name, f"a local path, or an address that begins with {known}", protocol)
    for alias in (protocol, "gcs") if protocol == "gs" else (protocol,):
        fsspec.config.conf.setdefault(alias, {})["use_listings_cache"] = False
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        needed = f"the package that opens {protocol}:// ({_OBJECT_STORES[protocol]})"
        raise expected(name, needed, str(error)) from None


def is_local(where):
    """True where the path lies on this machine's file system."""
    return "://" not in os.fspath(where)


def resolved(where):
    """Returns the one text that names a folder or file, however it was spelled."""
    return os.path.realpath(path(where)) if is_local(where) else os.fspath(path(where))


def read(where: str | os.PathLike) -> bytes:
    """Returns the content of a file.

    Raises:
      IsADirectoryError: no file but a folder, or something that could block for ever, such as a
        named pipe.
      OSError: the file is missing or cannot be read.
    """
    check_regular(where)
    try:
        return path(where).read_bytes()
    except OSError as error:
        if error.errno and error.filename is None:  # As of a disk that fails while it is read.
            raise OSError(error.errno, os.strerror(error.errno), os.fspath(where)) from error
        raise


def check_regular(where: str | os.PathLike) -> None:
    """Refuses what is not a regular file; errors as `read`."""
    where = path(where)
    if is_local(where) and not stat.S_ISREG(os.stat(where).st_mode):
        raise IsADirectoryError(errno.EISDIR, "not a regular file", os.fspath(where))


def write(
    where: str | os.PathLike, data: bytes, *, inside: str | os.PathLike | None = None
) -> None:
    """Writes bytes so that the file appears whole under its name or not at all.

    Args:
      where: path of the file; its folder is created.
      data: content of the file.
      inside: folder that the file must not leave, such as the workdir of a study; symbolic links
        below it are refused. The folder itself may be one.

    Raises:
      InputError: a folder between `inside` and the file is a symbolic link, or the file lies
        outside.
      OSError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    where = path(where)
    if inside is not None:
        check_inside(where, inside)
    if not is_local(where):  # Object stores show an object only when its upload is complete.
        where.write_bytes(data)  # They have no folders; making one can mean making a bucket.
        return
    where.parent.mkdir(parents=True, exist_ok=True)
    unfinished = temporary(where.parent)
    try:
        with open(unfinished, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, where)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        if isinstance(error, OSError) and error.errno:  # The system names the temporary or nothing.
            raise OSError(error.errno, os.strerror(error.errno), os.fspath(where)) from None
        raise


def temporary(folder: str | os.PathLike) -> os.PathLike:
    """Returns the path of a new file or folder in a local folder; see `temporary_files.new`."""
    return path(temporary_files.new(os.fspath(path(folder))))


def check_inside(where: str | os.PathLike, inside: str | os.PathLike) -> None:
    """Refuses a file outside a folder, or one that is reached through a symbolic link in it.

    Someone else's study could otherwise make memkit write anywhere on this machine.

    Raises:
      InputError: names the link or the file.
    """
    where, inside = os.fspath(path(where)), os.fspath(path(inside))
    parts = os.path.relpath(where, inside).split("/") if is_local(inside) else []
    if os.pardir in parts:
        raise expected(where, f"a file inside {inside}", "one outside")
    folder = inside
    for part in parts[:-1]:
        folder = os.path.join(folder, part)
        if os.path.islink(folder):
            wanted = "a folder (memkit does not write through links inside a study)"
            raise expected(folder, wanted, f"a symbolic link to {os.readlink(folder)}")


def remove(where: str | os.PathLike, *, inside: str | os.PathLike) -> None:
    """Deletes a file of a folder if it is there; see `write` for `inside`."""
    check_inside(where, inside)
    path(where).unlink(missing_ok=True)


def remove_stale_temporaries(folder: str | os.PathLike) -> None:
    """Deletes half-written files of processes that ended; see `temporary_files.remove_stale`."""
    if is_local(folder) and exists(folder):
        temporary_files.remove_stale(os.fspath(path(folder)))


def names(folder):
    """Returns the sorted names of the finished files and folders in a folder; [] if absent."""
    folder = path(folder)
    if is_local(folder):  # Ten times as fast as through path objects.
        try:
            listed = os.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
    else:  # An object store may list the folder itself.
        listed = [p.name for p in folder.iterdir() if p != folder] if folder.is_dir() else []
    return sorted(name for name in listed if not temporary_files.is_temporary(name))


def exists(where: str | os.PathLike) -> bool:
    """Returns whether there is a file or folder.

    Raises:
      OSError: the system does not let this process see, which says nothing about the file.
    """
    where = path(where)
    if not is_local(where):
        return where.exists()
    try:
        os.stat(where)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def size(folder):
    """Returns the bytes used by all files below a folder."""
    if is_local(folder):
        walk = os.walk(folder)
        return sum(_size(os.path.join(root, name)) for root, _, files in walk for name in files)
    store, name = fsspec.core.url_to_fs(os.fspath(path(folder)))
    # From listings; fsspec's own sum asks for every object.
    return sum(entry["size"] for entry in store.find(name, detail=True).values())


def _size(where: str) -> int:
    try:
        return os.lstat(where).st_size
    except FileNotFoundError:  # Somebody has removed it since it was listed.
        return 0


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
        probe = temporary_files.probe(existing)
        try:
            os.mkdir(probe)
            os.rmdir(probe)
        except OSError as error:
            reason = error.strerror
    if reason:
        raise expected(argument, "a writable folder", f"{os.fspath(folder)} ({reason})")
