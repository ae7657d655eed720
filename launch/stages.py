"""What the verbs do, stage by stage; `run` is all of them."""

import dataclasses
import functools
import shlex
import sys
import time

from absl import logging
from etils import epy

from memkit import analysis, studies
from memkit import summary as summary_lib
from memkit.sweeps import local, selection
from memkit.sweeps.progress import duration
from memkit.training import work

with epy.lazy_imports():  # Charts take long to import and come last.
    import memkit.report
    import memkit.report.gather


@dataclasses.dataclass(frozen=True)
class Trained:
    """What one command trained: number of runs, wall seconds, failures."""

    runs: int
    seconds: float
    failures: list


def open_study(config, workdir):
    """Returns the study of a checked config in a workdir, made or grown if needed."""
    command = shlex.join(["memkit", *sys.argv[1:]])
    study = studies.open_or_create(workdir, config, work.load_dataset(config), command=command)
    studies.remove_temporaries(study)
    return study


def train(study, placement, **chosen):
    """Trains what is missing where a Placement says, and says so; returns Trained."""
    missing, problems = selection.missing(study, **chosen)
    for name, reason in problems.items():
        logging.warning("%s is made again: %s", name, reason)
    wanted = sum(map(len, missing.values()))
    if not wanted:
        print("train: nothing is missing")
        return Trained(0, 0.0, [])
    print(f"train: {wanted} runs at {sum(map(bool, missing.values()))} points, {placement.note}")
    started = time.monotonic()
    try:
        failures = local.execute(
            study,
            missing,
            functools.partial(work.train_runs, setup=placement.setup),
            setup=functools.partial(work.configure, placement.setup),
            environments=placement.environments,
            runs_at_once=placement.runs_at_once,
            stream=sys.stderr,
        )
    except KeyboardInterrupt:
        left = sum(map(len, selection.missing(study, **chosen)[0].values()))
        print(
            f"interrupted: {wanted - left} of {wanted} runs were finished and are kept; "
            "the same command goes on from there",
            file=sys.stderr,
        )
        raise
    left = sum(map(len, selection.missing(study, **chosen)[0].values()))
    return Trained(wanted - left, time.monotonic() - started, failures)


def estimate(study, *, started, trained=None):
    """Estimates everything, writes summary.json and prints one line per point."""
    summary = analysis.estimate(study)
    summary["wall_seconds"] = time.monotonic() - started
    summary["runs_per_second"] = (
        trained.runs / trained.seconds if trained and trained.runs else None
    )
    studies.write_summary(study, summary)
    print(summary_lib.table(summary))
    return summary


def write_report(study):
    """Writes the report and prints where it is."""
    path = studies.write_report(study, memkit.report.render(memkit.report.gather.content(study)))
    print(f"report: {path}")


def say_failures(failures):
    """Prints each failure; returns the exit code."""
    for failure in failures:
        print(
            f"failed: {failure.point} run {failure.run}: {failure.reason} ({failure.file})",
            file=sys.stderr,
        )
    return 1 if failures else 0


def say_time(started):
    """Prints how long the command took."""
    print(f"done in {duration(time.monotonic() - started)}")
