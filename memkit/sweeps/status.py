"""What of a study is done, missing or broken."""

import collections

from memkit import storage, studies, tables
from memkit.sweeps import selection

STATUSES = ("diverged", "blocked", "collapsed")


def text(study):
    """Returns a table with a row per point, and lines about what needs attention."""
    rows, notes = [], []
    missing, problems = selection.missing(study)
    for point in study.points:
        infos = studies.read_runs(study, point).infos
        status = collections.Counter(info["status"] for info in infos)
        left = len(missing[point.name])
        rows.append([point.name, len(infos), left, *(status[name] for name in STATUSES)])
        engines = sorted({f"{info['engine']} on {info['device']}" for info in infos})
        if len(engines) > 1:
            notes.append(f"{point.name} mixes engines: {', '.join(engines)}")
    notes += [f"{name} is no record of this study: {why}" for name, why in problems.items()]
    for name in storage.names(study.workdir / "failures"):
        notes.append(f"failures/{name} holds the traceback of a run that failed")
    done, total = sum(row[1] for row in rows), len(study.points) * len(study.train_mask)
    lines = [
        tables.text(["point", "done", "missing", *STATUSES], rows),
        f"{done}/{total} runs, {tables.size(storage.size(study.workdir))} in {study.workdir}",
    ]
    return "\n".join([*lines, *notes])
