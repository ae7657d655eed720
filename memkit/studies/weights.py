"""The trained variables of teachers: of whose run they are, which are there, which are whole."""

from memkit import records
from memkit.errors import InputError, expected
from memkit.studies.runs import runs_among
from memkit.studies.study import read_npz, write_npz


def is_teacher(study, point):
    """True where the runs of a point teach another point of the study."""
    return any(other.teacher == point.name for other in study.points)


def write_weights(study, point, run, values):
    """Keeps the trained values of a teacher's variables, in the order of `model.variables`."""
    arrays = {f"v{place:05d}": value for place, value in enumerate(values)}
    write_npz(weights_file(study, point, run), subset=place(study, point, run), **arrays)


def read_weights(study, point, run):
    """Returns the values of the variables of a student's teacher of the same run.

    Raises:
      InputError: there is no such run, or it was trained on another subset: it would tell the
        student of examples that the student is not to know.
    """
    teacher = study.point(point.teacher)
    where = weights_file(study, teacher, run)
    if not where.exists():
        raise expected(point.name, f"run {run} of its teacher {teacher.name} trained first", "none")
    with read_npz(where) as file:
        if str(file["subset"]) != place(study, teacher, run):
            raise InputError(f"{where}: weights of another run, subset or study; delete the file")
        return [file[name] for name in sorted(set(file.files) - {"subset"})]


def check_weights(study, point, found):
    """Reads all weights of a teacher.

    Args:
      study: Study.
      point: Point.
      found: its `Runs`.

    Returns:
      (set of runs with sound weights, {file name: what is wrong}). The run of a sound record
      without weights is wrong as well, unless it diverged.
    """
    there = has_weights(study, point)
    reasons = {run: _problem(study, point, run) for run in sorted(there)}
    for run, info in zip(found.index.tolist(), found.infos, strict=True):
        if run not in there and info["status"] != "diverged":
            reasons[run] = "is missing, and the run's students need it"
    broken = {run: reason for run, reason in reasons.items() if reason}
    named = {f"points/{point.name}/weights/{run}.npz": broken[run] for run in broken}
    return there - broken.keys(), named


def _problem(study, point, run):
    """Returns why a file is not the weights of a run, or None where it is."""
    try:
        with read_npz(weights_file(study, point, run)) as file:
            arrays = {name: file[name] for name in file.files}  # Reading checks their sums.
            whose = str(arrays.pop("subset"))
    except Exception as error:  # Damaged bytes make the zip and npy readers raise almost anything.
        return f"not whole weights ({type(error).__name__})"
    if whose != place(study, point, run):
        return "weights of another run, subset or study"
    return None if arrays else "no weights at all"


def has_weights(study, point):
    """Returns the set of runs of a teacher whose weights are on disk."""
    return runs_among(study, study.workdir / "points" / point.name / "weights")


def weights_file(study, point, run):
    """Returns the path of the weights of one run."""
    return study.workdir / "points" / point.name / "weights" / f"{run}.npz"


def place(study, point, run):
    """Returns the text that says whose weights a file holds: of which point, run and subset."""
    return f"{point.fingerprint}/{run}/{records.subset_hash(study.train_mask[run])}"
