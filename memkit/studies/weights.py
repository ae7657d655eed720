"""The trained variables of teachers: reading, writing and checking their files."""

import functools
from collections.abc import Collection, Sequence

from etils import epath

from memkit import records
from memkit.errors import DamagedFileError, missing
from memkit.studies import files
from memkit.studies.points import Point
from memkit.studies.runs import Runs, runs_among
from memkit.studies.study import Study
from memkit.typing import Array

_REMEDY = "run `memkit train` again"


def is_teacher(study: Study, point: Point) -> bool:
    """Returns whether the runs of a point teach those of another point of the study."""
    return any(other.teacher == point.name for other in study.points)


def write_weights(study: Study, point: Point, run: int, values: Sequence[Array]) -> None:
    """Writes the trained values of a teacher's variables, in the order of `model.variables`."""
    arrays = {f"v{number:05d}": value for number, value in enumerate(values)}
    where = weights_file(study, point, run)
    subset = owner(study, point, run)
    files.write_checked_npz(where, inside=study.workdir, subset=subset, **arrays)


def read_weights(study: Study, point: Point, run: int) -> list[Array]:
    """Returns the variables of the teacher of a student's run.

    Raises:
      InputError: the teacher has no such run.
      DamagedFileError: the file is damaged, or it holds weights of another subset, from which the
        student would learn about examples that it holds out.
    """
    teacher = study.point(point.teacher)
    try:
        return _read(study, teacher, run)
    except FileNotFoundError as error:
        raise missing(point.name, f"run {run} of its teacher {teacher.name}", _REMEDY) from error
    except DamagedFileError as error:
        raise DamagedFileError(error.where, error.reason, _REMEDY) from error


def _read(study: Study, point: Point, run: int) -> list[Array]:
    where = weights_file(study, point, run)
    arrays = files.read_checked_npz(where)
    if str(arrays.pop("subset", "")) != owner(study, point, run):
        raise DamagedFileError(where, "weights of another run, subset or study")
    if not arrays:
        raise DamagedFileError(where, "it holds no weights")
    return [arrays[name] for name in sorted(arrays)]


def check_weights(
    study: Study, point: Point, among: Collection[int] | None = None
) -> tuple[set[int], dict[str, str]]:
    """Reads all weights of a teacher and checks them.

    Args:
      among: the runs to check; all if None.

    Returns:
      (set of runs with sound weights, {file name: what is wrong}).
    """
    stored = has_weights(study, point)
    if among is not None:
        stored &= set(among)
    reasons = {
        run: files.problem(functools.partial(_read, study, point, run)) for run in sorted(stored)
    }
    damaged = {run: reason for run, reason in reasons.items() if reason}
    return stored - damaged.keys(), {_name(point, run): why for run, why in damaged.items()}


def missing_weights(study: Study, point: Point, present: Runs) -> dict[str, str]:
    """Returns {file name: what is wrong} of the sound records of a teacher that have no weights."""
    stored = has_weights(study, point)
    why = "is missing, and the run's students need it"
    return {
        _name(point, run): why
        for run, info in zip(present.index.tolist(), present.infos, strict=True)
        if run not in stored and info["status"] != "diverged"
    }


def complete_runs(
    study: Study, point: Point, present: Runs, *, among: Collection[int] | None = None
) -> tuple[set[int], dict[str, str]]:
    """Returns the runs that need no training, and what is wrong with teachers' weights.

    Args:
      among: the runs to check; all if None.

    Returns:
      (set of runs that have a sound record, and sound weights if they teach; {file name: what is
      wrong with the weights}). If a point has no weights at all, because its students have just
      been added to the study, only the folder is named.
    """
    if not is_teacher(study, point):
        return set(present.index.tolist()), {}
    sound, damaged = check_weights(study, point, among)
    absent = missing_weights(study, point, present)
    if absent and not has_weights(study, point):
        absent = {f"points/{point.name}/weights": "is missing, and its students need it"}
    damaged |= absent
    complete = {
        run
        for run, info in zip(present.index.tolist(), present.infos, strict=True)
        if run in sound or info["status"] == "diverged"
    }
    return complete, damaged


def _name(point: Point, run: int) -> str:
    return f"points/{point.name}/weights/{run}.npz"


def has_weights(study: Study, point: Point) -> set[int]:
    """Returns the set of runs of a teacher whose weights are on disk."""
    return runs_among(study, study.workdir / "points" / point.name / "weights")


def weights_file(study: Study, point: Point, run: int) -> epath.Path:
    """Returns the path of the weights of one run."""
    return study.workdir / _name(point, run)


def owner(study: Study, point: Point, run: int) -> str:
    """Returns the text by which a file states its point, run and subset."""
    return f"{point.fingerprint}/{run}/{records.subset_hash(study.train_mask[run])}"
