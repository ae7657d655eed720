"""Which runs a sweep has to do."""

import os

from memkit import studies
from memkit.errors import expected

# The variables with which schedulers number the parts of one job. The first that is set counts: a
# job may have several slices, each of which numbers its own hosts.
SCHEDULERS = ("SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "TPU_WORKER_ID")


def chosen(*, points=(), runs=None, shard="0/1"):
    """Returns the keyword arguments of `missing` that texts stand for.

    Args:
      points: names.
      runs: "first:last", or None for all.
      shard: "i/n", or "auto" for `own_shard`.

    Raises:
      InputError: names the flag.
    """
    index, count = own_shard() if shard == "auto" else _pair("--shard", shard, "/")
    if not 0 <= index < count:
        raise expected("--shard", "i/n with 0 <= i < n, or auto", shard)
    both = None if runs is None else _pair("--runs", runs, ":")
    return {"points": points, "runs": both, "shard": (index, count)}


def _pair(flag, text, separator):
    parts = text.split(separator)
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise expected(flag, f"two whole numbers joined by {separator!r}", repr(text))
    return int(parts[0]), int(parts[1])


def missing(study, *, points=(), runs=None, shard=(0, 1)):
    """Returns the runs that have no sound record yet.

    Args:
      study: Study.
      points: names of the points to look at; all if empty.
      runs: (first, last + 1) of the runs to look at; all if None.
      shard: (i, n); only runs m with m % n == i. Work is divided by run, never by point, so what
        one run of several points shares stays on one machine.

    Returns:
      ({point name: [runs]}, {file name: why it is no record}). The costliest points come first:
      within a series, the axis from its end. Files that are no records count as missing.

    Raises:
      InputError: an unknown point, or runs outside the design.
    """
    num_runs = len(study.train_mask)
    first, last = runs or (0, num_runs)
    if not 0 <= first < last <= num_runs:
        raise expected("--runs", f"first:last with 0 <= first < last <= {num_runs}", runs)
    index, count = shard
    wanted = [m for m in range(first, last) if m % count == index]
    chosen = [study.point(name) for name in points] or study.points
    found, problems = {}, {}
    for series in study.config["series"]:
        for point in reversed([p for p in chosen if p.series == series]):
            done = studies.read_runs(study, point, among=wanted)
            problems |= done.problems
            present, broken = studies.complete_runs(study, point, done, among=wanted)
            problems |= broken
            if present and (lost := studies.check_features(study, point)):
                problems |= lost
                present = present - {min(present)}  # Training one run computes them again.
            found[point.name] = [m for m in wanted if m not in present]
    return found, problems


def listed(study, point):
    """Returns the set of runs of a point that are done by their names alone; opens no file."""
    done = studies.listed_runs(study, point)
    return done & studies.has_weights(study, point) if studies.is_teacher(study, point) else done


def own_shard():
    """Returns (i, n) of this process as its scheduler numbers it, for --shard=auto.

    A Slurm array says SLURM_ARRAY_TASK_ID with _MIN, _COUNT and _STEP, a Kubernetes Indexed Job
    JOB_COMPLETION_INDEX (its manifest sets MEMKIT_SHARDS to the completions), a TPU slice
    TPU_WORKER_ID with TPU_WORKER_HOSTNAMES.

    Raises:
      InputError: none of these is set, or they do not fit each other.
    """
    variable = next((name for name in SCHEDULERS if name in os.environ), None)
    if variable is None:
        wanted = f"one of {', '.join(SCHEDULERS)} in the environment for auto, or i/n"
        raise expected("--shard", wanted, "none")
    first, step = 0, 1
    if variable == "SLURM_ARRAY_TASK_ID":
        count, first = _number("SLURM_ARRAY_TASK_COUNT"), _number("SLURM_ARRAY_TASK_MIN")
        step = _number("SLURM_ARRAY_TASK_STEP")
    elif variable == "JOB_COMPLETION_INDEX":
        count = _number("MEMKIT_SHARDS")
    else:
        count = len(_text("TPU_WORKER_HOSTNAMES").split(","))
    index, between = divmod(_number(variable) - first, step)
    if between or not 0 <= index < count:
        wanted = f"one of {count} numbers from {first} in steps of {step}"
        raise expected(variable, wanted, os.environ[variable])
    return index, count


def _text(name):
    if not os.environ.get(name):
        raise expected("--shard", f"{name} in the environment for auto", "none")
    return os.environ[name]


def _number(name):
    if not _text(name).isdigit():
        raise expected(name, "a whole number", repr(_text(name)))
    return int(_text(name))
