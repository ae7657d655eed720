"""Files that `memkit estimate` computes: written as one set, checked whenever they are read.

`derived.json` lists every file of the set with its hash, and the records that the set was computed
from. A reader that meets another file, or records that have come or gone since, says so in one
line. The files of a new set are written into a folder of their own, which one rename makes the
pending set. Readers take a pending set at once; the next writer moves its files to their places.
So a process that is killed at any moment leaves the old set or the new one.

Object stores cannot rename. There the files are replaced one by one and `derived.json` at the end;
a reader meets a mixture only as an error.
"""

import contextlib
import dataclasses
import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from memkit import storage
from memkit.errors import DamagedFileError, expected
from memkit.studies import files
from memkit.studies.manifest import MANIFEST, PENDING, REMEDY, Source, check, options, read_manifest

if TYPE_CHECKING:
    from memkit.studies.study import Study

_ATTEMPTS = 10


@dataclasses.dataclass
class Staging:
    """A set of files while it is written.

    Attributes:
      folder: where the files are until the set is complete.
      sources: {point name: Source}; "removal/<point>" for the runs of a removal study.
      hashes: {file relative to the workdir: sha256 of its content}.
    """

    folder: os.PathLike
    sources: dict[str, Source]
    hashes: dict[str, str] = dataclasses.field(default_factory=dict)


@contextlib.contextmanager
def replacing(study: "Study", sources: Mapping[str, Source]) -> Iterator["Study"]:
    """Replaces all derived files of a study by those that the body writes.

    Args:
      study: Study.
      sources: {point name: Source} of what the files are computed from.

    Yields:
      The same Study. What is written through it becomes the study's set of derived files when
      the body ends, and is discarded if the body raises. It reads only what the body has written.
    """
    storage.remove_stale_temporaries(study.workdir)
    is_local = storage.is_local(study.workdir)
    folder = storage.temporary(study.workdir) if is_local else study.workdir
    staging = Staging(folder, dict(sources))
    try:
        yield dataclasses.replace(study, staging=staging)
        manifest = {
            "files": dict(sorted(staging.hashes.items())),
            "options": options(study),
            "sources": {name: source.as_json() for name, source in staging.sources.items()},
        }
        manifest["replaced"] = sorted(_old_files(study) - staging.hashes.keys())
        files.write_json(folder / MANIFEST, manifest, inside=folder)
        for name in staging.hashes:
            storage.check_inside(study.workdir / name, study.workdir)
            if is_local and os.path.isdir(study.workdir / name):
                reason = "expected a file or nothing, received a folder"
                raise DamagedFileError(study.workdir / name, reason, "delete it")
        if is_local:
            _make_pending(study, folder)
            finish(study)
        else:
            _remove(study, manifest["replaced"])
    except BaseException:
        if is_local:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _old_files(study: "Study") -> set[str]:
    """Returns the names of the present set; none where its list is damaged."""
    try:
        return set(read_manifest(study)["files"])
    except DamagedFileError:
        return set()


def _make_pending(study: "Study", folder: os.PathLike) -> None:
    """Renames a complete set; another process may be doing the same with its own."""
    for attempt in range(_ATTEMPTS):
        finish(study)
        try:
            os.rename(folder, study.workdir / PENDING)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _ATTEMPTS - 1:
                raise


def finish(study: "Study") -> None:
    """Moves the files of a pending set, if there is one, to their places."""
    workdir, pending = study.workdir, study.workdir / PENDING
    if not storage.is_local(workdir) or not storage.exists(pending):
        return
    storage.check_inside(pending / MANIFEST, workdir)
    # A damaged list belongs to no set; what was moved before is refused by the list in place.
    with contextlib.suppress(FileNotFoundError, DamagedFileError):
        manifest = check(pending / MANIFEST, files.read_json(pending / MANIFEST))
        for name in sorted(manifest["files"]):
            storage.check_inside(workdir / name, workdir)
            (workdir / name).parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # It has been moved already.
                os.replace(pending / name, workdir / name)
        _remove(study, manifest["replaced"])
        os.replace(pending / MANIFEST, workdir / MANIFEST)
    shutil.rmtree(pending, ignore_errors=True)


def _remove(study: "Study", names: Iterable[str]) -> None:
    for name in names:
        storage.remove(study.workdir / name, inside=study.workdir)


def write(study: "Study", name: str, data: bytes) -> None:
    """Writes one derived file.

    Args:
      study: Study, that of `replacing` for a whole set; any other adds the file to the present set.
      name: of the file, relative to the workdir.
      data: its content.
    """
    if study.staging is not None:
        storage.write(study.staging.folder / name, data, inside=study.staging.folder)
        study.staging.hashes[name] = files.sha256(data)
        return
    finish(study)
    manifest = read_manifest(study)
    storage.write(study.workdir / name, data, inside=study.workdir)
    manifest["files"][name] = files.sha256(data)
    manifest["options"] = manifest["options"] or options(study)
    files.write_json(study.workdir / MANIFEST, manifest, inside=study.workdir)


def exists(study: "Study", name: str) -> bool:
    """True where the set of derived files has a file of this name, relative to the workdir."""
    if study.staging is not None:
        return name in study.staging.hashes
    return name in read_manifest(study)["files"]


def read(study: "Study", name: str) -> bytes:
    """Returns the content of one derived file.

    Args:
      study: Study.
      name: of the file, relative to the workdir.

    Raises:
      InputError: the study has no estimates, or the set has no such file.
      DamagedFileError: the file is not the one that `memkit estimate` wrote.
      OSError: it cannot be read.
    """
    if study.staging is not None:
        return files.read_bytes(study.staging.folder / name)
    where = study.workdir / name
    hashes = read_manifest(study)["files"]
    if name not in hashes:
        raise expected("--workdir", "a study with estimates (run `memkit estimate`)", where)
    data = _read_either(study, name)
    if files.sha256(data) != hashes[name]:
        reason = "it is not the file that `memkit estimate` wrote"
        raise DamagedFileError(where, reason, REMEDY)
    return data


def _read_either(study: "Study", name: str) -> bytes:
    """Returns the content of a file of the pending set, or of one in its place."""
    # A pending file may be moved to its place between two looks, hence three.
    places = (study.workdir / name, study.workdir / PENDING / name, study.workdir / name)
    for place in places[1:]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return files.read_bytes(place)
    raise DamagedFileError(places[0], "it is missing", REMEDY)


def read_npz(study: "Study", name: str) -> dict[str, Any]:
    """Returns the arrays of one derived npz file; see `read`."""
    return files.npz_arrays(study.workdir / name, read(study, name))
