"""What the verbs do, stage by stage; `run` is all of them."""

import collections
import contextlib
import dataclasses
import itertools
import shlex
import sys
import time

from absl import logging
from etils import epy

from memkit import analysis, studies
from memkit import summary as summary_lib
from memkit.data import description
from memkit.errors import InputError
from memkit.printable import printable
from memkit.sweeps import executor, selection, stopping
from memkit.sweeps.progress import Progress, duration
from memkit.training import images
from memkit.training.runner import Runner

with epy.lazy_imports():  # Charts take long to import and come last.
    import memkit.report
    import memkit.report.gather


_MOST_LINES = 10  # about single runs that failed


@dataclasses.dataclass(frozen=True)
class Trained:
    """What one command trained.

    Attributes:
      runs: how many this process finished.
      seconds: wall time.
      failures: list of queue.Failure, the runs that were set aside.
      left: {point: runs} that were not tried because of them.
    """

    runs: int = 0
    seconds: float = 0.0
    failures: list = dataclasses.field(default_factory=list)
    left: dict = dataclasses.field(default_factory=dict)


def open_study(config, workdir):
    """Returns the study of a checked config in a workdir, made or grown if needed."""
    command = shlex.join(["memkit", *sys.argv[1:]])
    dataset = images.load_dataset(config)
    study = studies.open_or_create(workdir, config, dataset, command=command)
    for line in description.lines(dataset):
        logging.info("%s", line)
    tidy(study)
    return study


def tidy(study: studies.Study) -> None:
    """Deletes what processes that were killed left in a study and no command needs."""
    studies.remove_temporaries(study)
    studies.executors.remove_ended(study)
    studies.checkpoints.remove_finished(study)


def train(study, placement, *, shard=(0, 1), **chosen):
    """Trains what is missing where a Placement says, and says so; returns Trained."""
    missing, problems = selection.missing(study, shard=shard, **chosen)
    for name, reason in problems.items():
        logging.warning("%s is made again: %s", name, reason)
    wanted = {name: len(runs) for name, runs in missing.items() if runs}
    if not wanted:
        print("train: nothing is missing")
        return Trained()
    studies.remove_stop(study)  # What it says of the number of runs is about to be untrue.
    print(f"train: {sum(wanted.values())} runs at {len(wanted)} points, {placement.note}")
    started = time.monotonic()
    workers = min(len(placement.environments), sum(wanted.values()))
    progress = Progress(wanted, workers=workers, stream=sys.stderr)
    runner = Runner(placement.setup)
    try:
        failures, left = executor.execute(
            study,
            missing,
            runner.train_runs,
            setup=runner.configure,
            environments=placement.environments,
            progress=progress,
            runs_at_once=placement.runs_at_once,
            note=placement.note,
            shard=shard,
            in_step=placement.in_step,
            pool=placement.pool,
            run_limit=placement.run_limit,
        )
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # The terminal may be what has ended.
            print(f"interrupted: {_kept(progress)}", file=sys.stderr, flush=True)
        raise
    except InputError as error:
        raise InputError(f"{error}; {_kept(progress)}" if progress.done else error) from error
    return Trained(progress.finished_here, time.monotonic() - started, failures, left)


def train_until(study, placement, wanted):
    """Trains whole blocks of runs until intervals are narrow, see `sweeps.stopping`.

    Args:
      study: Study.
      placement: Placement.
      wanted: half width, checked.

    Returns:
      Trained; where it stopped goes into the study.
    """
    parts = []
    looks, block = stopping.looks(study.config)
    # Each part has runs of its own: those that an earlier one set aside are not tried again.
    for first, runs in itertools.pairwise([0, *looks]):
        parts.append(train(study, placement, runs=(first, runs)))
        stop = stopping.Stop(wanted, stopping.half_width(study), runs, block)
        print(
            f"after {runs} runs the intervals of 95% of the examples are +/- {stop.half_width:.3f} "
            f"or narrower at every point; wanted: {wanted:g}"
        )
        if stop.is_reached:
            break
    studies.write_stop(study, dataclasses.asdict(stop) | {"is_reached": stop.is_reached})
    return _together(parts)


def _together(parts):
    """Returns the Trained of several that have no run in common."""
    left = collections.defaultdict(list)
    for part in parts:
        for name, runs in part.left.items():
            left[name] += runs
    return Trained(
        runs=sum(part.runs for part in parts),
        seconds=sum(part.seconds for part in parts),
        failures=[failure for part in parts for failure in part.failures],
        left=dict(left),
    )


def _kept(progress):
    return (
        f"{progress.done} of {progress.total} runs were finished and are kept; "
        "the same command goes on from there"
    )


def estimate(study, *, started, trained=None):
    """Estimates everything, writes summary.json and prints one line per point."""

    def timings() -> dict[str, float | None]:
        return {
            "wall_seconds": time.monotonic() - started,
            "runs_per_second": trained.runs / trained.seconds if trained and trained.runs else None,
        }

    summary = analysis.estimate(study, timings=timings)
    print(summary_lib.table(summary))
    for text in summary_lib.outlying(summary):
        print(f"warning: {text}")
    return summary


def write_report(study):
    """Writes the report and prints where it is."""
    path = studies.write_report(study, memkit.report.render(memkit.report.gather.content(study)))
    print(printable(f"report: {path}"))


def say_failures(trained):
    """Prints which runs were set aside or left, and why; returns the exit code."""
    for failure in trained.failures[:_MOST_LINES]:
        where = f"{failure.point} run {failure.run}"
        line = f"failed: {where}: {failure.reason} ({failure.file})"
        print(printable(line), file=sys.stderr)
    if len(trained.failures) > _MOST_LINES:
        more = len(trained.failures) - _MOST_LINES
        print(f"failed: {more} more runs; see memkit status", file=sys.stderr)
    for name, runs in trained.left.items():
        why = "too many of its runs, or its teacher's, failed"
        print(f"left: {len(runs)} runs of {name}: {why}", file=sys.stderr)
    return 1 if trained.failures else 0


def say_time(started):
    """Prints how long the command took."""
    print(f"done in {duration(time.monotonic() - started)}")
