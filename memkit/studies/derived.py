"""Derived files, which `memkit estimate` computes: written as one set, checked when they are read.

`derived.json` lists every file of the set with its hash, and the records that the set was computed
from. Reading a file that is not part of the set raises an error, and so do records that were added
or removed since. The files of a new set are written into a temporary folder, and one rename makes
it the pending set. Readers use a pending set at once; the next writer moves its files into place.
A process that is killed at any moment therefore leaves either the old set or the new one.

Object stores cannot rename. There the files are replaced one by one, and `derived.json` at the end;
until then, reading a file of the new set raises an error.
"""

import contextlib
import dataclasses
import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from absl import logging
from etils import epath

from memkit import storage
from memkit.errors import DamagedFileError, expected
from memkit.studies import files
from memkit.studies.manifest import (
    MANIFEST,
    PENDING,
    REMEDY,
    Source,
    check,
    missing_manifest,
    options,
    read_manifest,
)
from memkit.typing import Array

if TYPE_CHECKING:
    from memkit.studies.study import Study

_ATTEMPTS = 10


@dataclasses.dataclass
class Staging:
    """A set of derived files that is being written.

    Attributes:
      folder: folder of the files until the set is complete.
      sources: {point name: Source}; "removal/<point>" for the runs of a removal study.
      hashes: {file relative to the workdir: sha256 of its content}.
    """

    folder: epath.Path
    sources: dict[str, Source]
    hashes: dict[str, str] = dataclasses.field(default_factory=dict)


@contextlib.contextmanager
def replacing(study: "Study", sources: Mapping[str, Source]) -> Iterator["Study"]:
    """Context manager that replaces all derived files of a study by those written in its body.

    Args:
      sources: {point name: Source}, the records that the files are computed from.

    Yields:
      The same Study. Files written through it become the study's derived files when the body ends,
      and are discarded if the body raises. Reading through it finds only these files.
    """
    storage.remove_stale_temporaries(study.workdir)
    is_local = storage.is_local(study.workdir)
    folder = storage.temporary(study.workdir) if is_local else study.workdir
    staging = Staging(folder, dict(sources))
    try:
        yield dataclasses.replace(study, staging=staging)
        replaced = sorted(_old_files(study) - staging.hashes.keys())
        manifest = {
            "files": dict(sorted(staging.hashes.items())),
            "options": options(study),
            "sources": {name: source.as_json() for name, source in staging.sources.items()},
            "replaced": replaced,
        }
        files.write_json(folder / MANIFEST, manifest, inside=folder)
        for name in (*staging.hashes, MANIFEST):
            storage.check_inside(study.workdir / name, study.workdir)
            if is_local and os.path.isdir(study.workdir / name):
                reason = "expected a file or nothing, received a folder"
                raise DamagedFileError(study.workdir / name, reason, "delete it")
        if is_local:
            _make_pending(study, folder)
            finish(study)
        else:
            _remove(study, replaced)
    except BaseException:
        if is_local:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _old_files(study: "Study") -> set[str]:
    """Returns the names of the present files; warns and returns none if the manifest is damaged."""
    try:
        names = set(read_manifest(study)["files"])
        problem = "" if names else missing_manifest(study)
    except DamagedFileError as error:
        names, problem = set(), error.reason
    if problem:
        logging.warning(
            "%s: %s; all derived files are computed again, except for those of `memkit audit`",
            study.workdir / MANIFEST,
            problem,
        )
    return names


def _make_pending(study: "Study", folder: epath.Path) -> None:
    """Makes a complete set the pending one; another process may do so at the same time."""
    for attempt in range(_ATTEMPTS):
        finish(study)
        try:
            os.rename(folder, study.workdir / PENDING)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _ATTEMPTS - 1:
                raise


def finish(study: "Study") -> None:
    """Moves the files of a pending set, if there is one, into place."""
    workdir, pending = study.workdir, study.workdir / PENDING
    if not storage.is_local(workdir) or not storage.exists(pending):
        return
    storage.check_inside(pending / MANIFEST, workdir)
    # A set with a damaged manifest is discarded; files moved before do not match the old manifest.
    with contextlib.suppress(FileNotFoundError, DamagedFileError):
        manifest = check(pending / MANIFEST, files.read_json(pending / MANIFEST))
        for name in sorted(manifest["files"]):
            storage.check_inside(workdir / name, workdir)
            (workdir / name).parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # It has been moved already.
                os.replace(pending / name, workdir / name)
        _remove(study, manifest["replaced"])
        # A repeated `memkit estimate` replaces nothing, and writes the same manifest.
        files.write_json(workdir / MANIFEST, manifest | {"replaced": []}, inside=workdir)
    shutil.rmtree(pending, ignore_errors=True)


def _remove(study: "Study", names: Iterable[str]) -> None:
    for name in names:
        storage.remove(study.workdir / name, inside=study.workdir)


def write(study: "Study", name: str, data: bytes) -> None:
    """Writes one derived file.

    Args:
      study: the Study of `replacing`; any other adds the file to the present set.
      name: path of the file relative to the workdir.
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
    """Returns whether the set has a file with this path relative to the workdir."""
    if study.staging is not None:
        return name in study.staging.hashes
    return name in read_manifest(study)["files"]


def read(study: "Study", name: str) -> bytes:
    """Returns the content of one derived file.

    Args:
      name: path of the file relative to the workdir.

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
        reason = "it is not the file that memkit wrote"
        raise DamagedFileError(where, reason, REMEDY)
    return data


def _read_either(study: "Study", name: str) -> bytes:
    """Returns the content of a file of the pending set or, without one, of the file in place."""
    # A pending file may be moved into place between the two attempts.
    for where in (study.workdir / PENDING / name, study.workdir / name):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return files.read_bytes(where)
    raise DamagedFileError(study.workdir / name, "it is missing", REMEDY)


def read_npz(study: "Study", name: str) -> dict[str, Array]:
    """Returns the arrays of one derived npz file; see `read`."""
    return files.npz_arrays(study.workdir / name, read(study, name))
