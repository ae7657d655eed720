"""The run records of a study: which are there, which are sound, which are missing."""

import dataclasses
import json

import numpy as np

from memkit import records, storage


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
    records.write(_runs_folder(study, point) / f"{run}.npz", arrays, info, study.sizes_at(point))


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
            arrays, info = records.read(where, study.sizes_at(point))
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
    folders = [study.workdir, study.workdir / "report", study.workdir / "failures"]
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
