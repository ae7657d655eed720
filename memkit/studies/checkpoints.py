"""The states of runs in the middle of their training; a run that has a record has none."""

from absl import logging

from memkit import storage
from memkit.errors import DamagedFileError, reason
from memkit.studies import files
from memkit.studies.points import Point
from memkit.studies.runs import listed_runs, runs_among
from memkit.studies.study import Study
from memkit.studies.weights import place


def write(study, point, run, arrays):
    """Keeps the state of a run, in the place of an earlier one."""
    subset = place(study, point, run)
    files.write_checked_npz(_file(study, point, run), inside=study.workdir, subset=subset, **arrays)


def read(study, point, run):
    """Returns {name: array} of a run's last state, or None where there is none to go on from.

    One of another subset or study and one that is damaged are none; the next one replaces them.

    Raises:
      OSError: the disk or network failed, so that a good one may be there.
    """
    try:
        arrays = files.read_checked_npz(_file(study, point, run))
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        logging.warning("%s; the run starts over", error)
        return None
    return arrays if str(arrays.pop("subset", "")) == place(study, point, run) else None


def damaged(study: Study, point: Point) -> dict[str, str]:
    """Returns {file: what is wrong with it} of the checkpoints of a point."""
    problems = {}
    for run in sorted(runs_among(study, _folder(study, point))):
        name = f"points/{point.name}/checkpoints/{run}.npz"
        try:
            arrays = files.read_checked_npz(_file(study, point, run))
        except FileNotFoundError:  # The run has just been finished.
            continue
        except DamagedFileError as error:
            problems[name] = error.reason
            continue
        except OSError as error:
            problems[name] = f"cannot be read: {reason(error)}"
            continue
        if str(arrays.pop("subset", "")) != place(study, point, run):
            problems[name] = "the checkpoint of another run, subset or study"
    return problems


def remove(study, point, run):
    """Removes the state of a run, if there is one."""
    storage.remove(_file(study, point, run), inside=study.workdir)


def remove_finished(study):
    """Removes the states of runs that have a record, of processes that died between the two."""
    for point in study.points:
        if kept := runs_among(study, _folder(study, point)):
            for run in kept & listed_runs(study, point):
                remove(study, point, run)


def _folder(study, point):
    return study.workdir / "points" / point.name / "checkpoints"


def _file(study, point, run):
    return _folder(study, point) / f"{run}.npz"
