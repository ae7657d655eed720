"""What the analysis of a study writes and the report reads."""

import contextlib
import dataclasses
import json

import numpy as np

from memkit import storage
from memkit.errors import expected
from memkit.estimators import Estimate
from memkit.studies.study import read_npz, write_npz

OUTCOMES = ("correct", "prob")


def write_estimates(study, point, estimates):
    """Writes {outcome: Estimate} of one point; counts are stored once, they are the design's."""
    arrays = {}
    for outcome in OUTCOMES:
        for name, value in vars(estimates[outcome]).items():
            arrays[name if name.startswith("num_") else f"{outcome}_{_stored(name)}"] = value
    write_npz(study.workdir / "points" / point.name / "estimates.npz", **arrays)


def read_estimates(study, point):
    """Returns {"correct": Estimate, "prob": Estimate} of a point (a Point or its name).

    Raises:
      InputError: `memkit estimate` has not run yet, or the study has no such point.
    """
    name = study.point(point if isinstance(point, str) else point.name).name
    where = study.workdir / "points" / name / "estimates.npz"
    _check_there(where)
    with read_npz(where) as file:
        return {
            outcome: Estimate(
                **{
                    f.name: file[
                        f.name if f.name.startswith("num_") else f"{outcome}_{_stored(f.name)}"
                    ]
                    for f in dataclasses.fields(Estimate)
                }
            )
            for outcome in OUTCOMES
        }


def write_arrays(study, name, arrays, *, point=None):
    """Writes the arrays {key: array} of an analysis, of one point or of the whole study."""
    write_npz(_arrays_file(study, name, point), **arrays)


def read_arrays(study, name, *, point=None):
    """Returns {key: array} as `write_arrays` wrote them, or None where there are none."""
    where = _arrays_file(study, name, point)
    if not where.exists():
        return None
    with read_npz(where) as file:
        return {key: file[key] for key in file.files}


def _arrays_file(study, name, point):
    if point is None:
        return study.workdir / "analyses" / f"{name}.npz"
    return study.workdir / "points" / study.point(point.name).name / f"{name}.npz"


def write_trajectories(study, series):
    """Writes {series: {array name: array}}; the names are those of `analysis.trajectories`."""
    arrays = {f"{name}/{key}": a for name, found in series.items() for key, a in found.items()}
    write_npz(study.workdir / "trajectories.npz", **arrays)


def read_trajectories(study):
    """Returns {series: {array name: array}}; {} in a study without an axis."""
    where = study.workdir / "trajectories.npz"
    _check_there(where)
    found = {}
    with read_npz(where) as file:
        for key in file.files:
            series, _, name = key.partition("/")
            found.setdefault(series, {})[name] = file[key]
    return found


def write_summary(study, summary):
    """Writes summary.json; NaN becomes null, so that every JSON reader takes it."""
    text = json.dumps(_without_nan(summary), indent=1, allow_nan=False)
    storage.write(study.workdir / "summary.json", text.encode())


def read_summary(study):
    """Returns the summary as it was written, NaN as None."""
    where = study.workdir / "summary.json"
    _check_there(where)
    return json.loads(where.read_text())


def write_stop(study, stop):
    """Writes where a stopping rule ended the training, a dict of plain values."""
    text = json.dumps(_without_nan(stop), indent=1, allow_nan=False)
    storage.write(study.workdir / "stop.json", text.encode())


def read_stop(study):
    """Returns what `write_stop` wrote, or None where no rule was asked for."""
    where = study.workdir / "stop.json"
    return json.loads(where.read_text()) if where.exists() else None


def remove_stop(study):
    """Removes what `write_stop` wrote."""
    with contextlib.suppress(FileNotFoundError):
        (study.workdir / "stop.json").unlink()


def write_report(study, files):
    """Writes {relative name: bytes} into the report folder; returns the path of index.html."""
    folder = study.workdir / "report"
    for name in sorted(files, key=lambda name: name == "index.html"):
        storage.write(folder / name, files[name])
    return folder / "index.html"


def _stored(name):
    return "memorization" if name == "value" else name


def _check_there(where):
    if not where.exists():
        raise expected("--workdir", "a study with estimates (run `memkit estimate`)", where)


def _without_nan(value):
    if isinstance(value, dict):
        return {str(k): _without_nan(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
