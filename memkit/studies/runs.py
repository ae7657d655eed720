"""The run records of a study: which are there, which are sound, which are missing."""

import contextlib
import dataclasses
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from memkit import big_arrays, records, storage
from memkit.errors import DamagedFileError, InputError, expected, reason
from memkit.studies import files
from memkit.studies.points import Point
from memkit.system_files import is_system_file

if TYPE_CHECKING:
    from memkit.studies.study import Study


@dataclasses.dataclass(frozen=True)
class Runs:
    """The usable records of one point.

    Attributes:
      point: name of the point.
      index: [R] int, which runs, ascending.
      infos: one `records.INFO` dict per run.
      arrays: {name: [R, ...]} of the arrays asked for.
      damaged: {run: why its file is not a record of this study}.
    """

    point: str
    index: np.ndarray
    infos: tuple[dict[str, Any], ...]
    arrays: dict[str, np.ndarray]
    damaged: dict[int, str]

    @property
    def problems(self) -> dict[str, str]:
        """{file relative to the workdir: why it is not a record of this study}."""
        return {f"points/{self.point}/runs/{run}.npz": why for run, why in self.damaged.items()}


def _runs_folder(study, point):
    return study.workdir / "points" / point.name / "runs"


def record_file(study, point, run):
    """Returns the path of the record of one run."""
    return _runs_folder(study, point) / f"{run}.npz"


def write_record(study, point, run, arrays, info):
    """Writes the record of one run; it appears whole or not at all."""
    info = {
        "fingerprint": point.fingerprint,
        "point": point.name,
        "run": int(run),
        "subset": records.subset_hash(study.train_mask[run]),
        **info,
    }
    where = record_file(study, point, run)
    records.write(where, arrays, info, study.sizes_at(point, run), inside=study.workdir)


def read_runs(
    study: "Study",
    point: Point,
    names: Sequence[str] = (),
    *,
    among: Collection[int] | None = None,
    is_tolerant: bool = False,
) -> Runs:
    """Reads every record of a point and leaves out what is not one of this study.

    Args:
      study: Study.
      point: Point.
      names: the arrays to stack; the others are checked and dropped.
      among: the runs to look at; all if None.
      is_tolerant: True to list files that the system cannot read among the damaged ones.

    Returns:
      Runs.

    Raises:
      OSError: the system cannot read a file, which says nothing about the record in it.
    """
    index, infos, damaged, stacks = [], [], {}, {}
    present = listed_runs(study, point)
    wanted = sorted(present if among is None else present.intersection(among))
    for run in wanted:
        try:
            arrays, info = read_record(study, point, run)
        except records.RecordError as error:
            damaged[run] = str(error)
            continue
        except OSError as error:
            if not is_tolerant:
                raise
            damaged[run] = f"cannot be read: {reason(error)}"
            continue
        for name in names:
            if name not in stacks:
                shape = (len(wanted), *arrays[name].shape)
                stacks[name] = big_arrays.empty(shape, arrays[name].dtype)
            stacks[name][len(index)] = arrays[name]
        index.append(run)
        infos.append(info)
    stacked = {name: stack[: len(index)] for name, stack in stacks.items()}
    return Runs(point.name, np.array(index, int), tuple(infos), stacked, damaged)


def read_record(
    study: "Study", point: Point, run: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns (arrays, info) of the record of one run, checked as `read_runs` does.

    Raises:
      RecordError: the file is not a record of this study, point and run.
      OSError: it cannot be read.
    """
    arrays, info = records.read(record_file(study, point, run), study.sizes_at(point, run))
    _check_place(study, point, run, info)
    return arrays, info


def listed_runs(study, point):
    """Returns the set of runs of a point that have a file; nothing is opened."""
    return runs_among(study, _runs_folder(study, point))


def strays(study, point):
    """Returns {file: why} of what lies among the records of a point and is named as none."""
    names = [n for n in storage.names(_runs_folder(study, point)) if not is_system_file(n)]
    known = {f"{run}.npz" for run in range(len(study.train_mask))}
    why = f"is no name of a record of runs 0 to {len(known) - 1}"
    return {f"points/{point.name}/runs/{name}": why for name in names if name not in known}


def runs_among(study, folder):
    """Returns the set of runs of a study that have a file in a folder."""
    wanted = {f"{run}.npz": run for run in range(len(study.train_mask))}
    return {wanted[name] for name in storage.names(folder) if name in wanted}


def read_info(study, point, run):
    """Returns the scalars of one record, unchecked; see `records.read_info` for what it raises."""
    return records.read_info(record_file(study, point, run))


def teacher_diverged(study, point, run):
    """True where the teacher of a student's run has diverged, so that the student is blocked."""
    if not point.teacher:
        return False
    teacher = study.point(point.teacher)
    where = record_file(study, teacher, run)
    if not storage.exists(where):
        raise expected(point.name, f"run {run} of its teacher {teacher.name} trained first", "none")
    _, info = records.read(where, study.sizes_at(teacher, run))
    return info["status"] == "diverged"


def _check_place(study, point, run, info):
    wanted = {
        "fingerprint": point.fingerprint,
        "point": point.name,
        "run": run,
        "subset": records.subset_hash(study.train_mask[run]),
    }
    for name, value in wanted.items():
        if info.get(name) != value:
            raise records.RecordError(f"{name} is {info.get(name)}, this place needs {value}")


def remove_temporaries(study):
    """Deletes what killed writers of this machine left half-written."""
    names = ("", "analyses", "report", "failures", "thumbnails", "tables", "workers")
    folders = [study.workdir / name for name in names]
    for point in study.points:
        inside = study.workdir / "points" / point.name
        folders += [inside, *(inside / name for name in ("runs", "weights", "checkpoints"))]
    for folder in folders:
        with contextlib.suppress(InputError):  # Links inside a study are left alone.
            storage.check_inside(folder / "any", study.workdir)
            storage.remove_stale_temporaries(folder)


def write_failure(study, point, run, traceback):
    """Keeps the traceback of a run that failed; returns the file's path."""
    where = _failure_file(study, point, run)
    failure = {"point": point.name, "run": int(run), "traceback": traceback}
    files.write_json(where, failure, inside=study.workdir)
    return where


def failed_runs(study, point):
    """Returns the set of runs of a point that failed when they were last tried."""
    parts = (name.removesuffix(".json").rpartition("-") for name in _failure_names(study))
    return {int(run) for before, _, run in parts if before == point.name and run.isdigit()}


def read_failure(study, point, run):
    """Returns (traceback, path of the file) of a run that failed."""
    where = _failure_file(study, point, run)
    try:
        return str(files.read_json(where)["traceback"]), where
    except (DamagedFileError, KeyError, OSError) as error:
        return f"its traceback cannot be read: {reason(error)}", where


def forget_failures(study, missing):
    """Removes the tracebacks of runs that are tried again.

    Args:
      study: Study.
      missing: {point name: runs}.
    """
    names = set(_failure_names(study))
    for name, runs in missing.items():
        for run in runs:
            where = _failure_file(study, study.point(name), run)
            if where.name in names:
                storage.remove(where, inside=study.workdir)


def _failure_names(study):
    return storage.names(study.workdir / "failures")


def _failure_file(study, point, run):
    return study.workdir / "failures" / f"{point.name}-{run}.json"
