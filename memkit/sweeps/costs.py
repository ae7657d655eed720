"""The cost of a study: runs, steps, disk, and time measured on this device."""

from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool

from memkit import tables
from memkit.errors import InputError
from memkit.studies import Study
from memkit.sweeps import pool
from memkit.sweeps.placement import Placement
from memkit.sweeps.progress import duration
from memkit.training import measure


def text(study: Study, costs: Sequence[measure.Cost], workers: int) -> str:
    """Returns a table with a row per point and the totals.

    Args:
      costs: of the points, see `counted` and `measured`.
      workers: number of workers that the study would use.
    """
    num_runs = len(study.train_mask)
    rows = [
        [point.name, num_runs, cost.steps, tables.size(num_runs * cost.disk), cost.seconds]
        for point, cost in zip(study.points, costs, strict=True)
    ]
    disk = num_runs * sum(cost.disk for cost in costs)
    total = f"total: {len(rows) * num_runs} runs, at most {tables.size(disk)}"
    total_seconds = seconds(costs, num_runs, workers)
    if total_seconds is not None:
        total += (
            f", about {duration(total_seconds)} with {workers} workers "
            f"({total_seconds * workers / 3600:.2g} hours of one)"
        )
    header = ["point", "runs", "steps/run", "disk", "seconds/run"]
    return "\n".join([tables.text(header, rows), total])


def seconds(costs: Sequence[measure.Cost], num_runs: int, workers: int) -> float | None:
    """Returns the seconds that training takes, None if the costs are not measured.

    Args:
      costs: of the points.
      num_runs: runs of each point.
      workers: number of workers, which are always busy.
    """
    if any(cost.seconds is None for cost in costs):
        return None
    return sum(num_runs * (cost.seconds or 0.0) / workers + (cost.startup or 0.0) for cost in costs)


def counted(study: Study) -> list[measure.Cost]:
    """Returns the Cost of every point without measuring; imports no engine."""
    return [measure.arithmetic(study, point) for point in study.points]


def measured(study: Study, placement: Placement) -> list[measure.Cost]:
    """Returns the Cost of every point, timed with the first worker of a placement.

    Raises:
      InputError: the process that measures was killed.
    """
    try:
        return pool.call_in_process(
            placement.worker_envs[0], measure.measure, study, setup=placement.setup
        )
    except BrokenProcessPool:
        raise InputError(
            "the process that measures was killed, usually because memory ran out; "
            "--no_measure only counts"
        ) from None
