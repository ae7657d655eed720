"""The cost of a study: runs, steps, disk, and time measured on this device."""

from concurrent.futures.process import BrokenProcessPool

from memkit import tables
from memkit.errors import InputError
from memkit.studies import Study
from memkit.sweeps import pool
from memkit.sweeps.placement import Placement
from memkit.sweeps.progress import duration
from memkit.training import measure


def text(study: Study, placement: Placement, *, is_measured: bool) -> str:
    """Returns a table with a row per point and the totals.

    Args:
      placement: the workers that the study would use.
      is_measured: whether to time every point on this device, or count only.
    """
    costs = _measured(study, placement) if is_measured else _counted(study)
    workers = len(placement.worker_envs)
    num_runs = len(study.train_mask)
    rows = [
        [point.name, num_runs, cost.steps, tables.size(num_runs * cost.disk), cost.seconds]
        for point, cost in zip(study.points, costs, strict=True)
    ]
    disk = num_runs * sum(cost.disk for cost in costs)
    total = f"total: {len(rows) * num_runs} runs, at most {tables.size(disk)}"
    if is_measured:
        total_seconds = sum(
            num_runs * (cost.seconds or 0.0) + workers * (cost.startup or 0.0) for cost in costs
        )
        total += (
            f", about {duration(total_seconds / workers)} with {workers} workers "
            f"({total_seconds / 3600:.2g} hours of one)"
        )
    header = ["point", "runs", "steps/run", "disk", "seconds/run"]
    return "\n".join([tables.text(header, rows), total])


def _counted(study: Study) -> list[measure.Cost]:
    return [measure.arithmetic(study, point) for point in study.points]


def _measured(study: Study, placement: Placement) -> list[measure.Cost]:
    try:
        return pool.call_in_process(
            placement.worker_envs[0], measure.measure, study, setup=placement.setup
        )
    except BrokenProcessPool:
        raise InputError(
            "the process that measures was killed, usually because memory ran out; "
            "--no_measure only counts"
        ) from None
