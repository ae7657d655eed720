"""The run records of a study: which are there, which are sound, which are missing."""

import dataclasses
import json

import numpy as np

from memkit import records, storage
from memkit.errors import InputError, expected
from memkit.studies.study import read_npz, write_npz


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


def write_record(study, point, run, arrays, info):
    """Writes the record of one run; it appears whole or not at all."""
    info = {
        "fingerprint": point.fingerprint,
        "point": point.name,
        "run": int(run),
        "subset": records.subset_hash(study.train_mask[run]),
        **info,
    }
    where = _runs_folder(study, point) / f"{run}.npz"
    records.write(where, arrays, info, study.sizes_at(point, run))


def read_runs(study, point, names=()):
    """Reads every record of a point and leaves out what is not one of this study.

    Args:
      study: Study.
      point: Point.
      names: the arrays to stack; the others are checked and dropped.

    Returns:
      Runs.
    """
    index, infos, problems = [], [], {}
    stacks = {name: [] for name in names}
    present = set(storage.names(_runs_folder(study, point)))
    for run in range(len(study.train_mask)):
        if f"{run}.npz" not in present:
            continue
        where = _runs_folder(study, point) / f"{run}.npz"
        try:
            arrays, info = records.read(where, study.sizes_at(point, run))
            _check_place(study, point, run, info)
        except records.RecordError as error:
            problems[f"points/{point.name}/runs/{run}.npz"] = str(error)
            continue
        index.append(run)
        infos.append(info)
        for name in names:
            stacks[name].append(arrays[name])
    stacked = {name: np.stack(arrays) for name, arrays in stacks.items() if arrays}
    return Runs(np.array(index, int), tuple(infos), stacked, problems)


def is_teacher(study, point):
    """True where the runs of a point teach another point of the study."""
    return any(other.teacher == point.name for other in study.points)


def write_weights(study, point, run, values):
    """Keeps the trained values of a teacher's variables, in the order of `model.variables`."""
    arrays = {f"v{place:05d}": value for place, value in enumerate(values)}
    write_npz(_weights_file(study, point, run), subset=_place(study, point, run), **arrays)


def read_weights(study, point, run):
    """Returns the values of the variables of a student's teacher of the same run.

    Raises:
      InputError: there is no such run, or it was trained on another subset: it would tell the
        student of examples that the student is not to know.
    """
    teacher = study.point(point.teacher)
    where = _weights_file(study, teacher, run)
    if not where.exists():
        raise expected(point.name, f"run {run} of its teacher {teacher.name} trained first", "none")
    with read_npz(where) as file:
        if str(file["subset"]) != _place(study, teacher, run):
            raise InputError(f"{where}: weights of another run, subset or study; delete the file")
        return [file[name] for name in sorted(set(file.files) - {"subset"})]


def has_weights(study, point):
    """Returns the set of runs of a teacher whose weights are on disk."""
    folder = study.workdir / "points" / point.name / "weights"
    return {int(name.removesuffix(".npz")) for name in storage.names(folder)}


def teacher_diverged(study, point, run):
    """True where the teacher of a student's run has diverged, so that the student is blocked."""
    if not point.teacher:
        return False
    teacher = study.point(point.teacher)
    where = _runs_folder(study, teacher) / f"{run}.npz"
    if not where.exists():
        raise expected(point.name, f"run {run} of its teacher {teacher.name} trained first", "none")
    _, info = records.read(where, study.sizes_at(teacher, run))
    return info["status"] == "diverged"


def _weights_file(study, point, run):
    return study.workdir / "points" / point.name / "weights" / f"{run}.npz"


def _place(study, point, run):
    return f"{point.fingerprint}/{run}/{records.subset_hash(study.train_mask[run])}"


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
    folders = [
        study.workdir / name for name in ("", "analyses", "report", "failures", "thumbnails")
    ]
    for point in study.points:
        folders += [_runs_folder(study, point), _runs_folder(study, point).parent]
    for folder in folders:
        storage.remove_stale_temporaries(folder)


def write_failure(study, point, run, traceback):
    """Keeps the traceback of a run that failed; returns the file's path."""
    where = study.workdir / "failures" / f"{point.name}-{run}.json"
    failure = {"point": point.name, "run": int(run), "traceback": traceback}
    storage.write(where, json.dumps(failure, indent=1).encode())
    return where
