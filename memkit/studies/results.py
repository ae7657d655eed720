"""Reads and writes the results of the analysis of a study."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from etils import epath

from memkit import storage
from memkit.errors import DamagedFileError, expected
from memkit.estimators import Estimate
from memkit.studies import derived, files, manifest, runs
from memkit.studies.manifest import SUMMARY_FILE
from memkit.studies.points import Point
from memkit.studies.study import Study
from memkit.typing import Array, Config, Json

OUTCOMES = ("correct", "prob")
SCORES = (*OUTCOMES, "pooled")  # the estimates of memorization that are stored
TRAJECTORIES_FILE, STOP_FILE = "trajectories.npz", "stop.json"
TRAJECTORIES = "trajectories"  # the question whose arrays lie in a file of the study's folder
_SOURCE = "source"  # entry of every derived npz file with the records it was computed from


def estimates_file(point: Point) -> str:
    """Returns the path of a point's estimates relative to the workdir."""
    return f"points/{point.name}/estimates.npz"


def arrays_file(name: str, point: Point | None) -> str:
    """Returns the path of the arrays of a question relative to the workdir."""
    if name == TRAJECTORIES:
        return TRAJECTORIES_FILE
    return f"analyses/{name}.npz" if point is None else f"points/{point.name}/{name}.npz"


def write_estimates(study: Study, point: Point, estimates: Mapping[str, Estimate]) -> None:
    """Writes {score: Estimate} of one point; counts are shared, so they are written once."""
    arrays = {}
    for score in SCORES:
        for name, value in vars(estimates[score]).items():
            arrays[_stored(score, name)] = value
    _write_npz(study, estimates_file(point), arrays, point)


def read_estimates(study: Study, point: Point | str) -> dict[str, Estimate]:
    """Returns {score: Estimate} of a point (a Point or its name), for the names in `SCORES`.

    Raises:
      InputError: there are no estimates, they are those of another version of memkit, the study
        has no such point, or runs have been trained since.
      DamagedFileError: the file is not the one that `memkit estimate` wrote.

    Examples:
      >>> from memkit import studies
      >>> scores = read_estimates(studies.load(workdir), "one_hot_width2")["correct"]
      >>> scores.value.shape, bool((scores.lower <= scores.value).all())
      ((60,), True)
    """
    point = study.point(point if isinstance(point, str) else point.name)
    manifest.check_listed(study, point, runs.listed_runs(study, point))
    arrays = _read_npz(study, estimates_file(point))
    names = [field.name for field in dataclasses.fields(Estimate)]
    if not {_stored(score, name) for score in SCORES for name in names} <= arrays.keys():
        expectation = "estimates of this version (run `memkit estimate` again)"
        raise expected("--workdir", expectation, f"those of another version in {study.workdir}")
    return {
        score: Estimate(**{name: arrays[_stored(score, name)] for name in names})
        for score in SCORES
    }


def write_arrays(study: Study, name: str, arrays: Config, *, point: Point | None = None) -> None:
    """Writes the arrays {key: array} of a question, of one point or of the whole study."""
    _write_npz(study, arrays_file(name, point), arrays, point)


def read_arrays(study: Study, name: str, *, point: Point | None = None) -> dict[str, Array] | None:
    """Returns {key: array} as `write_arrays` wrote them, or None if there are none.

    Raises:
      DamagedFileError: the file is not the one that `memkit estimate` wrote.

    Examples:
      >>> from memkit import studies
      >>> study = studies.load(workdir)
      >>> sorted(read_arrays(study, "influence", point=study.points[0]))[-4:]
      ['tr_idx', 'train_top_idx', 'train_top_infl', 'tt_idx']
    """
    point = None if point is None else study.point(point.name)
    file = arrays_file(name, point)
    return _read_npz(study, file) if derived.exists(study, file) else None


def read_trajectories(study: Study) -> dict[str, dict[str, Array]]:
    """Returns {series: {array name: array}}; {} in a study without an axis.

    The names are those of `analysis.trajectories.result.SeriesTrajectories`, with an array
    "classes_<alpha>" per threshold.

    Raises:
      InputError: there are no estimates.
      DamagedFileError: the file is not the one that `memkit estimate` wrote.

    Examples:
      >>> from memkit import studies
      >>> arrays = read_trajectories(studies.load(workdir))["one_hot"]
      >>> arrays["values"].tolist(), arrays["value"].shape
      ([1, 2], (60, 2))
    """
    if derived.exists(study, SUMMARY_FILE) and not derived.exists(study, TRAJECTORIES_FILE):
        return {}
    trajectories: dict[str, dict[str, Array]] = {}
    for key, array in _read_npz(study, TRAJECTORIES_FILE).items():
        series, _, name = key.partition("/")
        trajectories.setdefault(series, {})[name] = array
    return trajectories


def _write_npz(study: Study, name: str, arrays: Config, point: Point | None) -> None:
    source = np.array(json.dumps(manifest.source_of(study, point), sort_keys=True))
    derived.write(study, name, files.npz_bytes({**arrays, _SOURCE: source}))


def _read_npz(study: Study, name: str) -> dict[str, Array]:
    arrays = derived.read_npz(study, name)
    arrays.pop(_SOURCE, None)
    return arrays


def write_summary(study: Study, summary: Config) -> None:
    """Writes summary.json."""
    derived.write(study, SUMMARY_FILE, files.json_bytes(summary))


def read_summary(study: Study) -> Json:
    """Returns the summary as it was written, NaN as None."""
    data = derived.read(study, SUMMARY_FILE)
    return files.json_object(study.workdir / SUMMARY_FILE, data)


def write_stop(study: Study, stop: Config) -> None:
    """Writes the state of a stopping rule when it ended the training, a dict of plain values."""
    files.write_json(study.workdir / STOP_FILE, _without_nan(stop), inside=study.workdir)


def read_stop(study: Study) -> Json | None:
    """Returns what `write_stop` wrote, or None if the study was trained without a stopping rule.

    Raises:
      DamagedFileError: the file is damaged.
    """
    if study.workdir is None:
        return None
    where = study.workdir / STOP_FILE
    try:
        return files.read_json(where)
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        remedy = "delete it, or train with --until_halfwidth again"
        raise DamagedFileError(where, error.reason, remedy) from error


def remove_stop(study: Study) -> None:
    """Removes the file of `write_stop`."""
    storage.remove(study.workdir / STOP_FILE, inside=study.workdir)


def write_report(study: Study, pages: Mapping[str, bytes]) -> epath.Path:
    """Writes {relative name: bytes} into the report folder; returns the path of index.html."""
    folder = study.workdir / "report"
    for name in sorted(pages, key=lambda name: name == "index.html"):
        storage.write(folder / name, pages[name], inside=study.workdir)
    return folder / "index.html"


def _stored(score: str, name: str) -> str:
    """Returns the name of the array that holds a field of the Estimate of a score."""
    if name.startswith("num_"):
        return name
    return f"{score}_memorization" if name == "value" else f"{score}_{name}"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _without_nan(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
