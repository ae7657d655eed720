"""The states of runs in the middle of their training; a run that has a record has none."""

import contextlib

from memkit.studies.runs import listed_runs, runs_among
from memkit.studies.study import read_npz, write_npz
from memkit.studies.weights import place


def write(study, point, run, arrays):
    """Keeps the state of a run, in the place of an earlier one."""
    write_npz(_file(study, point, run), subset=place(study, point, run), **arrays)


def read(study, point, run):
    """Returns {name: array} of a run's last state, or None where there is none to go on from.

    One of another subset or study and one that is damaged are none; the next one replaces them.

    Raises:
      OSError: the disk or network failed, so that a good one may be there.
    """
    try:
        with read_npz(_file(study, point, run)) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        return None
    except OSError:
        raise
    except Exception:  # Damaged bytes make the zip and npy readers raise almost anything.
        return None
    return arrays if str(arrays.pop("subset", "")) == place(study, point, run) else None


def remove(study, point, run):
    """Removes the state of a run, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        _file(study, point, run).unlink()


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
