"""Verifies the files of a study. Nothing is written and no engine is imported."""

import dataclasses
import functools
import os
import pathlib

from memkit import storage
from memkit.errors import DamagedFileError, InputError, reason
from memkit.studies import (
    checkpoints,
    derived,
    executors,
    features,
    files,
    manifest,
    own_files,
    removal,
    runs,
    staleness,
    weights,
)
from memkit.studies.points import Point
from memkit.studies.results import STOP_FILE
from memkit.studies.study import (
    DESIGN_FILE,
    DUPLICATES_FILE,
    EXAMPLES_FILE,
    STUDY_FILE,
    Study,
    check_exists,
    load,
)
from memkit.system_files import is_system_file
from memkit.typing import Json, Path

_OWN_FILES = (STUDY_FILE, EXAMPLES_FILE, DESIGN_FILE, DUPLICATES_FILE)


@dataclasses.dataclass(frozen=True)
class Verified:
    """Result of `verify`.

    Attributes:
      study: Study, or None if the files it was created with cannot be read.
      sound: {point name: {run: info of the record}}.
      weights: number of sound files of teachers' weights.
      derived: number of sound files that `memkit estimate` wrote.
      problems: {file relative to the workdir: what is wrong with it}.
    """

    study: Study | None
    sound: dict[str, dict[int, Json]]
    weights: int
    derived: int
    problems: dict[str, str]


def verify(workdir: Path) -> Verified:
    """Checks every file of a study; other processes may write to it at the same time.

    Files that the study was created with: readable and consistent with its fingerprints; the design
    is drawn again. Records: checksum, study, point, run, subset and shapes. Weights, features and
    checkpoints: checksum and run; the record of a teacher needs its weights. Thumbnails and derived
    files: the stored hash of each. Removal studies: all of these. A problem does not end the check.

    Args:
      workdir: folder or object-store address.

    Raises:
      InputError: the folder holds no study, or one of an earlier version.
    """
    folder = storage.path(workdir)
    check_exists(folder)
    problems = own_files.unreadable(folder, _OWN_FILES)
    study = None
    try:
        study = load(folder)
    except DamagedFileError as error:
        problems.setdefault(os.path.relpath(error.where, folder), error.reason)
    except OSError as error:
        problems.setdefault(os.path.relpath(error.filename or folder, folder), reason(error))
    if study is None or problems.keys() - {DUPLICATES_FILE}:
        problems |= own_files.unreadable(folder, own_files.all_files(folder))
        return Verified(None, {}, 0, 0, problems)
    problems |= own_files.inconsistent(study) | own_files.changed(study)
    sound: dict[str, dict[int, Json]] = {}
    num_weights = 0
    for point in study.points:
        present = runs.read_runs(study, point, is_tolerant=True)
        problems |= present.problems | runs.strays(study, point)
        sound[point.name] = dict(zip(present.index.tolist(), present.infos, strict=True))
        if weights.is_teacher(study, point):
            with_weights, broken = weights.check_weights(study, point)
            num_weights += len(with_weights)
            problems |= broken | weights.missing_weights(study, point, present)
        if len(present.index):
            problems |= _features_problems(study, point)
        problems |= checkpoints.damaged(study, point)
        problems |= _removal_problems(study, point)
    num_derived, broken = _derived_problems(study)
    problems |= broken
    problems |= executors.read_all(study)[1]
    failures = [f"failures/{name}" for name in _names(study, "failures")]
    problems |= own_files.unreadable(folder, [STOP_FILE, *failures], is_optional=True)
    return Verified(study, sound, num_weights, num_derived, problems)


def _names(study: Study, folder: str) -> list[str]:
    names = storage.names(study.workdir / folder)
    return [
        name
        for name in names
        if pathlib.PurePath(name).suffix in own_files.READERS and not is_system_file(name)
    ]


def _features_problems(study: Study, point: Point) -> dict[str, str]:
    try:
        return features.check_features(study, point)
    except OSError as error:
        return {features.features_name(point): f"cannot be read: {reason(error)}"}


def _removal_problems(study: Study, point: Point) -> dict[str, str]:
    """Returns {file: reason} of the removal study of a point, if there is one."""
    folder = removal.folder(study, point)
    try:
        check_exists(folder)
    except InputError:
        return {}
    inner = os.path.relpath(folder, study.workdir)
    try:
        return {f"{inner}/{name}": why for name, why in verify(folder).problems.items()}
    except InputError as error:
        return {f"{inner}/{STUDY_FILE}": str(error)}


def _derived_problems(study: Study) -> tuple[int, dict[str, str]]:
    """Returns the number of sound derived files, and {file: reason} of the others."""
    problems: dict[str, str] = {}
    try:
        names = manifest.read_manifest(study)["files"]
    except (DamagedFileError, OSError) as error:
        why = error.reason if isinstance(error, DamagedFileError) else reason(error)
        return 0, {manifest.MANIFEST: why}
    if not names and (why := manifest.missing_manifest(study)):
        problems[manifest.MANIFEST] = f"{why}; {manifest.REMEDY}"
    for name in names:
        if why := files.problem(functools.partial(derived.read, study, name)):
            problems[name] = why
    if names:
        try:
            staleness.check_sources(study)
        except InputError as error:
            problems[manifest.MANIFEST] = str(error)
        except OSError as error:
            problems[manifest.MANIFEST] = f"cannot be compared with the records: {reason(error)}"
    num_damaged = len(problems.keys() & set(names))
    return len(names) - num_damaged, problems


def text(verified: Verified) -> str:
    """Returns one line with the numbers of sound files and problems."""
    count = len(verified.problems)
    problems = f"{count or 'no'} problem{'' if count == 1 else 's'}"
    if verified.study is None:
        return f"the files that the study was created with are damaged, {problems}"
    total = len(verified.study.train_mask) * len(verified.study.points)
    counts = [f"{sum(map(len, verified.sound.values()))} sound records of {total} runs"]
    if verified.weights:
        counts.append(f"{verified.weights} sound files of weights")
    if verified.derived:
        counts.append(f"{verified.derived} sound derived files")
    return ", ".join([*counts, problems])
