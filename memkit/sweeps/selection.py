"""The runs that a sweep has to train."""

import os
from collections.abc import Sequence

from memkit import studies
from memkit.errors import expected
from memkit.studies import Point, Study

# The variables with which schedulers number the parts of one job. The first that is set counts: a
# job may have several slices, each of which numbers its own hosts.
SCHEDULERS = (
    "SLURM_ARRAY_TASK_ID",
    "JOB_COMPLETION_INDEX",
    "SKYPILOT_NODE_RANK",
    "TPU_WORKER_ID",
)


def missing(
    study: Study,
    *,
    points: Sequence[str] = (),
    runs: tuple[int, int] | None = None,
    shard: tuple[int, int] = (0, 1),
) -> tuple[dict[str, list[int]], dict[str, str]]:
    """Returns the runs that have no sound record yet.

    Args:
      points: names of the points to consider; all if empty.
      runs: (first, last + 1) of the runs to consider; all if None.
      shard: (i, n); only runs m with m % n == i. Work is divided by run, never by point, so that
        what one run of several points shares stays on one machine.

    Returns:
      ({point name: runs}, {file name: why it is not a sound record}). The most expensive points
      come first: within a series, the axis from its end. Runs of damaged files count as missing.

    Raises:
      InputError: a point is unknown, or runs are outside the design.
    """
    num_runs = len(study.train_mask)
    first, last = runs or (0, num_runs)
    if not 0 <= first < last <= num_runs:
        raise expected("--runs", f"first:last with 0 <= first < last <= {num_runs}", runs)
    index, count = shard
    candidates = [run for run in range(first, last) if run % count == index]
    chosen = [study.point(name) for name in points] or study.points
    missing_runs: dict[str, list[int]] = {}
    problems: dict[str, str] = {}
    for series in study.config["series"]:
        for point in reversed([p for p in chosen if p.series == series]):
            done = studies.read_runs(study, point, among=candidates)
            problems |= done.problems
            present, broken = studies.complete_runs(study, point, done, among=candidates)
            problems |= broken
            if present and (damaged := studies.check_features(study, point)):
                problems |= damaged
                present = present - {min(present)}  # Retraining one run recomputes the features.
            missing_runs[point.name] = [run for run in candidates if run not in present]
    return missing_runs, problems


def listed(study: Study, point: Point) -> set[int]:
    """Returns the runs of a point that have a file, and weights if needed; opens no file."""
    done = studies.listed_runs(study, point)
    return done & studies.has_weights(study, point) if studies.is_teacher(study, point) else done


def own_shard() -> tuple[int, int]:
    """Returns (i, n) of this process as its scheduler numbers it, for --shard=auto.

    A Slurm array sets SLURM_ARRAY_TASK_ID with _MIN, _COUNT and _STEP, a Kubernetes Indexed Job
    JOB_COMPLETION_INDEX (its manifest sets MEMKIT_SHARDS to the completions), SkyPilot
    SKYPILOT_NODE_RANK with SKYPILOT_NUM_NODES, a TPU slice TPU_WORKER_ID with TPU_WORKER_HOSTNAMES.

    Raises:
      InputError: none of these is set, or they contradict each other.
    """
    variable = next((name for name in SCHEDULERS if name in os.environ), None)
    if variable is None:
        expectation = f"one of {', '.join(SCHEDULERS)} in the environment for auto, or i/n"
        raise expected("--shard", expectation, "none")
    first, step = 0, 1
    if variable == "SLURM_ARRAY_TASK_ID":
        count, first = _number("SLURM_ARRAY_TASK_COUNT"), _number("SLURM_ARRAY_TASK_MIN")
        step = _number("SLURM_ARRAY_TASK_STEP")
    elif variable == "JOB_COMPLETION_INDEX":
        count = _number("MEMKIT_SHARDS")
    elif variable == "SKYPILOT_NODE_RANK":
        count = _number("SKYPILOT_NUM_NODES")
    else:
        count = len(_text("TPU_WORKER_HOSTNAMES").split(","))
    index, remainder = divmod(_number(variable) - first, step)
    if remainder or not 0 <= index < count:
        expectation = f"one of {count} numbers from {first} in steps of {step}"
        raise expected(variable, expectation, os.environ[variable])
    return index, count


def _text(name: str) -> str:
    if not os.environ.get(name):
        raise expected("--shard", f"{name} in the environment for auto", "none")
    return os.environ[name]


def _number(name: str) -> int:
    if not _text(name).isdigit():
        raise expected(name, "a whole number", repr(_text(name)))
    return int(_text(name))
