"""What a study costs: runs, steps, disk, and time measured on this device."""

from memkit import tables
from memkit.sweeps.progress import duration
from memkit.training import measure, work


def text(study, *, engine, workers):
    """Returns a table with a row per point and the totals.

    Args:
      study: Study, drafted or on disk.
      engine: name of the engine to measure with, or None to count only.
      workers: worker processes the study would use.
    """
    rows, total_seconds, disk = [], 0.0, 0
    num_runs = len(study.train_mask)
    if engine:
        work.configure(engine, threads=1)
    for point in study.points:
        cost = measure.arithmetic(study, point)
        if engine:
            cost = measure.measure(study, point, engine=engine)
            total_seconds += num_runs * cost.seconds + workers * cost.startup
        disk += num_runs * cost.disk
        rows.append(
            [point.name, num_runs, cost.steps, tables.size(num_runs * cost.disk), cost.seconds]
        )
    total = f"total: {len(rows) * num_runs} runs, at most {tables.size(disk)}"
    if engine:
        total += (
            f", about {duration(total_seconds / workers)} with {workers} workers "
            f"({total_seconds / 3600:.2g} hours of one)"
        )
    header = ["point", "runs", "steps/run", "disk", "seconds/run"]
    return "\n".join([tables.text(header, rows), total])
