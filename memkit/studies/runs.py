"""The run records of a study: which exist, which are sound, which failed."""

import contextlib
import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from etils import epath

from memkit import big_arrays, records, storage
from memkit.errors import DamagedFileError, InputError, missing, reason
from memkit.studies import files
from memkit.studies.points import Point
from memkit.system_files import is_system_file
from memkit.typing import Array, Config, IntArray, Json, Path

if TYPE_CHECKING:
    from memkit.studies.study import Study


@dataclasses.dataclass(frozen=True)
class Runs:
    """The sound records of one point.

    Attributes:
      point: name of the point.
      index: [R] int, numbers of the runs, ascending.
      infos: one `records.INFO` dict per run.
      arrays: {name: [R, ...]} of the requested arrays.
      damaged: {run: why its file is not a record of this study}.
    """

    point: str
    index: IntArray
    infos: tuple[Json, ...]
    arrays: dict[str, Array]
    damaged: dict[int, str]

    @property
    def problems(self) -> dict[str, str]:
        """{file relative to the workdir: why it is not a record of this study}."""
        return {f"points/{self.point}/runs/{run}.npz": why for run, why in self.damaged.items()}


def _runs_folder(study: "Study", point: Point) -> epath.Path:
    return study.workdir / "points" / point.name / "runs"


def record_file(study: "Study", point: Point, run: int) -> epath.Path:
    """Returns the path of the record of one run."""
    return _runs_folder(study, point) / f"{run}.npz"


def write_record(
    study: "Study", point: Point, run: int, arrays: Mapping[str, Array], info: Config
) -> None:
    """Writes the record of one run, atomically.

    Args:
      arrays: {name: array} of `records.SCHEMA`.
      info: the entries of `records.INFO` that do not follow from study, point and run.
    """
    full_info = {
        "fingerprint": point.fingerprint,
        "point": point.name,
        "run": int(run),
        "subset": records.subset_hash(study.train_mask[run]),
        **info,
    }
    where = record_file(study, point, run)
    records.write(where, arrays, full_info, study.sizes_at(point, run), inside=study.workdir)


def read_runs(
    study: "Study",
    point: Point,
    names: Sequence[str] = (),
    *,
    among: Collection[int] | None = None,
    each: Callable[[int, Mapping[str, Array], Json], None] | None = None,
    is_tolerant: bool = False,
) -> Runs:
    """Reads all records of a point and leaves out files that are not records of this study.

    Args:
      names: the arrays to return; all others are only checked.
      among: the runs to read; all if None.
      each: called with (run, its arrays, its info) of every sound record, to use arrays that are
        too large to keep for all runs.
      is_tolerant: whether a file that the system cannot read counts as damaged.

    Raises:
      OSError: the system cannot read a file; its record may be sound.

    Examples:
      >>> from memkit import studies
      >>> study = studies.load(workdir)
      >>> runs = read_runs(study, study.points[0], ("train_correct",))
      >>> runs.arrays["train_correct"].shape, runs.infos[0]["status"]
      ((20, 60), 'done')
    """
    index: list[int] = []
    infos: list[Json] = []
    damaged: dict[int, str] = {}
    stacks: dict[str, Array] = {}
    listed = listed_runs(study, point)
    chosen = sorted(listed if among is None else listed.intersection(among))
    for run in chosen:
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
                shape = (len(chosen), *arrays[name].shape)
                stacks[name] = big_arrays.empty(shape, arrays[name].dtype)
            stacks[name][len(index)] = arrays[name]
        if each is not None:
            each(run, arrays, info)
        index.append(run)
        infos.append(info)
    stacked = {name: stack[: len(index)] for name, stack in stacks.items()}
    return Runs(point.name, np.array(index, int), tuple(infos), stacked, damaged)


def read_record(study: "Study", point: Point, run: int) -> tuple[Mapping[str, Array], Json]:
    """Returns (arrays, info) of the record of one run, checked as `read_runs` does.

    Raises:
      RecordError: the file is not a record of this study, point and run.
      OSError: it cannot be read.
    """
    arrays, info = records.read(record_file(study, point, run), study.sizes_at(point, run))
    _check_identity(study, point, run, info)
    return arrays, info


def listed_runs(study: "Study", point: Point) -> set[int]:
    """Returns the set of runs of a point that have a file; no file is opened.

    Examples:
      >>> from memkit import studies
      >>> study = studies.load(workdir)
      >>> len(listed_runs(study, study.points[0]))
      20
    """
    return runs_among(study, _runs_folder(study, point))


def strays(study: "Study", point: Point) -> dict[str, str]:
    """Returns {file: why} of files in the folder of a point's records with other names."""
    names = [n for n in storage.names(_runs_folder(study, point)) if not is_system_file(n)]
    valid = {f"{run}.npz" for run in range(len(study.train_mask))}
    why = f"is not the name of a record of runs 0 to {len(valid) - 1}"
    return {f"points/{point.name}/runs/{name}": why for name in names if name not in valid}


def runs_among(study: "Study", folder: Path) -> set[int]:
    """Returns the set of runs of a study that have a file in a folder."""
    runs = {f"{run}.npz": run for run in range(len(study.train_mask))}
    return {runs[name] for name in storage.names(folder) if name in runs}


def read_info(study: "Study", point: Point, run: int) -> Json:
    """Returns the scalars of one record, unchecked; see `records.read_info` for its errors."""
    return records.read_info(record_file(study, point, run))


def teacher_diverged(study: "Study", point: Point, run: int) -> bool:
    """Returns whether the teacher of a student's run diverged, which blocks the student."""
    if not point.teacher:
        return False
    teacher = study.point(point.teacher)
    where = record_file(study, teacher, run)
    if not storage.exists(where):
        remedy = "train the teacher first"
        raise missing(point.name, f"run {run} of its teacher {teacher.name}", remedy)
    _, info = records.read(where, study.sizes_at(teacher, run))
    return bool(info["status"] == "diverged")


def _check_identity(study: "Study", point: Point, run: int, info: Config) -> None:
    """Checks that a record is that of a study, point, run and subset."""
    expected_info = {
        "fingerprint": point.fingerprint,
        "point": point.name,
        "run": run,
        "subset": records.subset_hash(study.train_mask[run]),
    }
    for name, value in expected_info.items():
        if info.get(name) != value:
            raise records.RecordError(f"{name} is {info.get(name)}, but should be {value}")


def remove_temporaries(study: "Study") -> None:
    """Deletes partly written files that killed processes of this machine left."""
    names = ("", "analyses", "report", "failures", "thumbnails", "tables", "workers")
    folders = [study.workdir / name for name in names]
    for point in study.points:
        folder = study.workdir / "points" / point.name
        folders += [folder, *(folder / name for name in ("runs", "weights", "checkpoints"))]
    for folder in folders:
        with contextlib.suppress(InputError):  # Symbolic links inside a study are not followed.
            storage.check_inside(folder / "any", study.workdir)
            storage.remove_stale_temporaries(folder)


def write_failure(study: "Study", point: Point, run: int, traceback: str) -> epath.Path:
    """Writes the traceback of a failed run; returns the path of the file."""
    where = _failure_file(study, point, run)
    failure = {"point": point.name, "run": int(run), "traceback": traceback}
    files.write_json(where, failure, inside=study.workdir)
    return where


def failed_runs(study: "Study", point: Point) -> set[int]:
    """Returns the set of runs of a point whose last attempt failed."""
    names = (name.removesuffix(".json").rpartition("-") for name in _failure_names(study))
    return {int(run) for prefix, _, run in names if prefix == point.name and run.isdigit()}


def read_failure(study: "Study", point: Point, run: int) -> tuple[str, epath.Path]:
    """Returns (traceback, path of the file) of a failed run."""
    where = _failure_file(study, point, run)
    try:
        return str(files.read_json(where)["traceback"]), where
    except (DamagedFileError, KeyError, OSError) as error:
        return f"its traceback cannot be read: {reason(error)}", where


def forget_failures(study: "Study", runs_of: Mapping[str, Collection[int]]) -> None:
    """Removes the tracebacks of runs that will be trained again.

    Args:
      runs_of: {point name: runs}.
    """
    names = set(_failure_names(study))
    for name, runs in runs_of.items():
        for run in runs:
            where = _failure_file(study, study.point(name), run)
            if where.name in names:
                storage.remove(where, inside=study.workdir)


def _failure_names(study: "Study") -> list[str]:
    return storage.names(study.workdir / "failures")


def _failure_file(study: "Study", point: Point, run: int) -> epath.Path:
    return study.workdir / "failures" / f"{point.name}-{run}.json"
