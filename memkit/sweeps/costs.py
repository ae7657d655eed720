"""What a study costs: runs, steps, disk, and time measured on this device."""

from concurrent.futures.process import BrokenProcessPool

from memkit import tables
from memkit.errors import InputError
from memkit.sweeps import pool
from memkit.sweeps.progress import duration
from memkit.training import measure


def text(study, placement, *, is_measured):
    """Returns a table with a row per point and the totals.

    Args:
      study: Study, drafted or on disk.
      placement: Placement of the workers the study would use.
      is_measured: bool, whether to time every point on this device or count only.
    """
    costs = _measured(study, placement) if is_measured else _counted(study)
    workers = len(placement.environments)
    num_runs = len(study.train_mask)
    rows = [
        [point.name, num_runs, cost.steps, tables.size(num_runs * cost.disk), cost.seconds]
        for point, cost in zip(study.points, costs, strict=True)
    ]
    disk = num_runs * sum(cost.disk for cost in costs)
    total = f"total: {len(rows) * num_runs} runs, at most {tables.size(disk)}"
    if is_measured:
        total_seconds = sum(num_runs * c.seconds + workers * c.startup for c in costs)
        total += (
            f", about {duration(total_seconds / workers)} with {workers} workers "
            f"({total_seconds / 3600:.2g} hours of one)"
        )
    header = ["point", "runs", "steps/run", "disk", "seconds/run"]
    return "\n".join([tables.text(header, rows), total])


def _counted(study):
    return [measure.arithmetic(study, point) for point in study.points]


def _measured(study, placement):
    try:
        return pool.apart(placement.environments[0], measure.measure, study, setup=placement.setup)
    except BrokenProcessPool:
        raise InputError(
            "the process that measures was killed, as the system does when memory runs out; "
            "--no_measure only counts"
        ) from None
