"""Which runs a sweep has to do."""

from memkit import studies
from memkit.errors import expected


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
            done = studies.read_runs(study, point)
            problems |= done.problems
            present = set(done.index.tolist())
            if studies.is_teacher(study, point):
                kept = studies.has_weights(study, point)
                present = {
                    run
                    for run, info in zip(done.index.tolist(), done.infos, strict=True)
                    if run in kept or info["status"] == "diverged"
                }
            found[point.name] = [m for m in wanted if m not in present]
    return found, problems
