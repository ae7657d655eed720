"""Train without the memorized examples, to measure their value: flags plus one call."""

import shlex
import sys
import time

from memkit.launch import flags, stages, values

from memkit import cli, studies
from memkit.analysis.removal import text
from memkit.analysis.removal.result import Removal
from memkit.errors import expected

_WORKDIR = flags.workdir()
_MODEL = flags.model()
_POINT = flags.point()
_THRESHOLDS = flags.names(
    "thresholds", "examples with at least this memorization are removed; default: 0.1,0.25,0.5,0.75"
)
_REPEATS = flags.count("repeats", 5, "runs of each kind for every threshold")
_PLACEMENT = flags.placement()


def main() -> int:
    started = time.monotonic()
    study = studies.load(values.required("workdir", _WORKDIR.value))
    values.allow_models(study.config, _MODEL.value)
    first_series = [p for p in study.points if p.series == study.points[0].series]
    point = study.point(_POINT.value or first_series[-1].name)
    studies.check_sources(study, with_removals=False)
    stages.warn_of_vanished(study)
    placement = values.placed(_PLACEMENT, point.config, one_at_a_time=True)
    if placement.runs_at_once > 1:
        raise expected("--packing", "none: the runs of a removal differ in length", "packs of runs")
    thresholds = values.numbers("--thresholds", _THRESHOLDS.value or ["0.1", "0.25", "0.5", "0.75"])
    if not all(-1 <= threshold <= 1 for threshold in thresholds):
        received = ",".join(_THRESHOLDS.value)
        raise expected("--thresholds", "numbers in [-1, 1], as memorization", received)
    child = studies.removal.create(
        study,
        point,
        stages.read_dataset(study.config),
        thresholds=thresholds,
        repeats=_REPEATS.value,
        command=shlex.join(["memkit", *sys.argv[1:]]),
    )
    stages.tidy(child)
    trained = stages.train(child, placement)
    summary = stages.estimate(study, started=started)
    print(text.text(summary.results[Removal].points[point.name]))
    stages.write_report(study)
    stages.print_time(started)
    return stages.print_failures(trained)


if __name__ == "__main__":
    cli.launch("removal", main, sys.argv[1:])
