"""Checkpoints of unfinished runs; a run that has a record has no checkpoint."""

import functools
from collections.abc import Collection, Mapping

from absl import logging
from etils import epath

from memkit import storage
from memkit.errors import DamagedFileError
from memkit.studies import files
from memkit.studies.points import Point
from memkit.studies.runs import listed_runs, runs_among
from memkit.studies.study import Study
from memkit.studies.weights import owner
from memkit.typing import Array


def write(study: Study, point: Point, run: int, arrays: Mapping[str, Array]) -> None:
    """Writes the checkpoint of a run, which replaces an earlier one."""
    subset = owner(study, point, run)
    files.write_checked_npz(_file(study, point, run), inside=study.workdir, subset=subset, **arrays)


def read(study: Study, point: Point, run: int) -> dict[str, Array] | None:
    """Returns {name: array} of the last checkpoint of a run, or None if the run must start over.

    A damaged checkpoint and one of another run, subset or study are ignored with a warning; the
    next one replaces them.

    Raises:
      OSError: the disk or network failed, so a usable checkpoint may exist.
    """
    try:
        return _read(study, point, run)
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        logging.warning("%s; the run starts over", error)
        return None


def _read(study: Study, point: Point, run: int) -> dict[str, Array]:
    where = _file(study, point, run)
    arrays = files.read_checked_npz(where)
    if str(arrays.pop("subset", "")) != owner(study, point, run):
        raise DamagedFileError(where, "the checkpoint of another run, subset or study")
    return arrays


def damaged(study: Study, point: Point, among: Collection[int] | None = None) -> dict[str, str]:
    """Returns {file: what is wrong} of the damaged checkpoints of a point.

    Args:
      study: Study.
      point: Point.
      among: the runs to check; all if None.
    """
    problems = {}
    stored = runs_among(study, _folder(study, point))
    for run in sorted(stored if among is None else stored.intersection(among)):
        why = files.problem(functools.partial(_read, study, point, run))
        if why and why != files.MISSING:  # It is missing if the run has just been finished.
            problems[f"points/{point.name}/checkpoints/{run}.npz"] = why
    return problems


def remove(study: Study, point: Point, run: int) -> None:
    """Removes the checkpoint of a run, if there is one."""
    storage.remove(_file(study, point, run), inside=study.workdir)


def remove_finished(study: Study) -> None:
    """Removes checkpoints of runs that have a record, left by processes killed in between."""
    for point in study.points:
        if with_checkpoint := runs_among(study, _folder(study, point)):
            for run in with_checkpoint & listed_runs(study, point):
                remove(study, point, run)


def _folder(study: Study, point: Point) -> epath.Path:
    return study.workdir / "points" / point.name / "checkpoints"


def _file(study: Study, point: Point, run: int) -> epath.Path:
    return _folder(study, point) / f"{run}.npz"
