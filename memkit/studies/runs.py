"""The run records of a study: which are there, which are sound, which are missing."""

import dataclasses
import json

import numpy as np

from memkit import matrices, records, storage
from memkit.errors import expected


@dataclasses.dataclass(frozen=True)
class Runs:
    """The usable records of one point.

    Attributes:
      index: [R] int, which runs, ascending.
      infos: one `records.INFO` dict per run.
      arrays: {name: [R, ...]} of the arrays asked for.
      problems: {file name: why it is not a record of this study}.
    """

    index: np.ndarray
    infos: tuple
    arrays: dict
    problems: dict


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
    records.write(where, arrays, info, study.sizes_at(point, run))


def read_runs(study, point, names=(), *, among=None):
    """Reads every record of a point and leaves out what is not one of this study.

    Args:
      study: Study.
      point: Point.
      names: the arrays to stack; the others are checked and dropped.
      among: the runs to look at; all if None.

    Returns:
      Runs.
    """
    index, infos, problems, stacks = [], [], {}, {}
    present = listed_runs(study, point)
    wanted = sorted(present if among is None else present.intersection(among))
    for run in wanted:
        where = record_file(study, point, run)
        try:
            arrays, info = records.read(where, study.sizes_at(point, run))
            _check_place(study, point, run, info)
        except records.RecordError as error:
            problems[f"points/{point.name}/runs/{run}.npz"] = str(error)
            continue
        for name in names:
            if name not in stacks:
                shape = (len(wanted), *arrays[name].shape)
                stacks[name] = matrices.empty(shape, arrays[name].dtype)
            stacks[name][len(index)] = arrays[name]
        index.append(run)
        infos.append(info)
    stacked = {name: stack[: len(index)] for name, stack in stacks.items()}
    return Runs(np.array(index, int), tuple(infos), stacked, problems)


def listed_runs(study, point):
    """Returns the set of runs of a point that have a file; nothing is opened."""
    return runs_among(study, _runs_folder(study, point))


def strays(study, point):
    """Returns {file: why} of what lies among the records of a point and is named as none."""
    names = storage.names(_runs_folder(study, point))
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
    if not where.exists():
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
        storage.remove_stale_temporaries(folder)


def write_failure(study, point, run, traceback):
    """Keeps the traceback of a run that failed; returns the file's path."""
    where = _failure_file(study, point, run)
    failure = {"point": point.name, "run": int(run), "traceback": traceback}
    storage.write(where, json.dumps(failure, indent=1).encode())
    return where


def failed_runs(study, point):
    """Returns the set of runs of a point that failed when they were last tried."""
    parts = (name.removesuffix(".json").rpartition("-") for name in _failure_names(study))
    return {int(run) for before, _, run in parts if before == point.name and run.isdigit()}


def read_failure(study, point, run):
    """Returns (traceback, path of the file) of a run that failed."""
    where = _failure_file(study, point, run)
    return json.loads(where.read_text())["traceback"], where


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
                where.unlink(missing_ok=True)


def _failure_names(study):
    return storage.names(study.workdir / "failures")


def _failure_file(study, point, run):
    return study.workdir / "failures" / f"{point.name}-{run}.json"
