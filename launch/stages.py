"""The stages that verbs share; `run` executes all of them."""

import collections
import contextlib
import dataclasses
import functools
import itertools
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from absl import logging
from etils import epy

from memkit import analysis, studies
from memkit.analysis import Summary, Timing
from memkit.analysis.accuracy.estimate import outlying
from memkit.data import description
from memkit.data.dataset import ImageDataset
from memkit.errors import InputError
from memkit.printable import printable
from memkit.studies import Study
from memkit.sweeps import executor, pool, selection, stopping, tensorboard, worker
from memkit.sweeps.placement import Placement
from memkit.sweeps.progress import Progress, duration
from memkit.sweeps.queue import Failure
from memkit.tpu_check import fitting
from memkit.training import activations, compiler, images
from memkit.training.runner import Runner
from memkit.typing import Config, Path

with epy.lazy_imports():  # Charts are slow to import and come last.
    import memkit.report
    import memkit.report.gather


_MOST_LINES = 10  # about individual runs or files
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Trained:
    """What one command trained.

    Attributes:
      runs: number of runs that this process finished.
      seconds: that it took.
      failures: runs that ended with an error.
      left: {point: runs} that were not tried, because other runs of their point failed.
    """

    runs: int = 0
    seconds: float = 0.0
    failures: list[Failure] = dataclasses.field(default_factory=list)
    left: dict[str, list[int]] = dataclasses.field(default_factory=dict)


def open_study(
    config: Config, workdir: Path, placement: Placement, *, dataset: ImageDataset | None = None
) -> Study:
    """Returns the study of a checked config in a workdir, created or grown if needed.

    Args:
      dataset: the data set of the config; read if None.

    Raises:
      InputError: see `studies.open_or_create` and `try_out`.
    """
    command = _command(workdir)
    dataset = dataset or read_dataset(config)
    if compiler.needs_trial(config):
        try_out(studies.draft(config, dataset), dataset, placement)
    study = studies.open_or_create(workdir, config, dataset, command=command)
    for line in description.lines(dataset):
        logging.info("%s", line)
    tidy(study)
    warn_of_vanished(study)
    return study


def _command(workdir: Path) -> str:
    """Returns the command of this process, with the workdir even where it was chosen for it."""
    words = ["memkit", *sys.argv[1:]]
    if not any(word.lstrip("-").partition("=")[0] == "workdir" for word in words[1:]):
        words.append(f"--workdir={workdir}")
    return shlex.join(words)


def read_dataset(config: Config) -> ImageDataset:
    """Returns the data set of a checked config; prints first which one is read."""
    source = config["dataset"]
    path = source["path"] if "path" in source else ""
    print(printable(f"reading the data set {' '.join([source['name'], path]).strip()} ..."))
    sys.stdout.flush()
    return images.load_dataset(config)


def try_out(study: Study, dataset: ImageDataset, placement: Placement) -> None:
    """Builds the model and the optimizer of every point, in a process that ends afterwards.

    The process sees no accelerator, because workers need all of its memory.

    Raises:
      InputError: one of them cannot work.
    """
    _without_accelerator(compiler.try_out, study, dataset, placement)


def warning_of_memory(study: Study, dataset: ImageDataset, placement: Placement) -> str:
    """Returns one line if a point of a study keeps more than a TPU chip has room for, else ""."""
    if not activations.may_be_many(study, dataset):
        return ""
    kept = _without_accelerator(activations.of_points, study, dataset, placement)
    return fitting.sentence(kept, remat=study.points[0].config["training"]["remat"])


def _without_accelerator(
    function: Callable[..., T], study: Study, dataset: ImageDataset, placement: Placement
) -> T:
    """Returns function(study, sizes, engine), called in a process that sees no accelerator."""
    sizes = compiler.Sizes(dataset.image_shape, dataset.num_classes)
    hidden = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    engine = placement.setup.engine
    return pool.call_in_process(worker.ENVIRONMENT | hidden, function, study, sizes, engine)


def warn_of_vanished(study: Study) -> None:
    """Logs a warning about each file that the last estimates used and that no longer exists."""
    names = studies.vanished(study)
    for name in names[:_MOST_LINES]:
        logging.warning("%s is missing, although the last estimates used it", study.workdir / name)
    if len(names) > _MOST_LINES:
        logging.warning("%d more files that they used are missing", len(names) - _MOST_LINES)


def tidy(study: Study) -> None:
    """Deletes files that killed processes left in a study and that no command needs."""
    studies.remove_temporaries(study)
    studies.executors.remove_ended(study)
    studies.checkpoints.remove_finished(study)


def train(
    study: Study,
    placement: Placement,
    *,
    points: Sequence[str] = (),
    runs: tuple[int, int] | None = None,
    shard: tuple[int, int] = (0, 1),
    curves: Path | None = None,
) -> Trained:
    """Trains what is missing and prints a line about it, see `selection.missing`.

    Args:
      curves: folder for the event files of the runs, see `sweeps.tensorboard`; None for no files.
    """
    missing, problems = selection.missing(study, points=points, runs=runs, shard=shard)
    for name, reason in problems.items():
        logging.warning("%s is retrained: %s", name, reason)
    counts = {name: len(numbers) for name, numbers in missing.items() if numbers}
    if not counts:
        print("train: nothing is missing")
        return Trained()
    for name, reason in _damaged_checkpoints(study, missing).items():
        logging.warning("%s is ignored and its run starts over: %s", name, reason)
    studies.remove_stop(study)  # It holds the number of runs, which is about to change.
    print(f"train: {sum(counts.values())} runs at {len(counts)} points, {placement.note}")
    started = time.monotonic()
    workers = min(len(placement.worker_envs), sum(counts.values()))
    runner = Runner(placement.setup)
    progress = Progress(counts, workers=workers, stream=sys.stderr)
    try:
        failures, left = executor.execute(
            study,
            missing,
            runner.train,
            setup=runner.configure,
            placement=placement,
            progress=progress,
            shard=shard,
            finished=functools.partial(tensorboard.write, curves, study) if curves else None,
        )
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # The terminal may have been closed.
            print(f"interrupted: {_summary(progress)}", file=sys.stderr, flush=True)
        raise
    except InputError as error:
        message = f"{error}; {_summary(progress)}" if progress.done else str(error)
        raise InputError(message) from error
    return Trained(progress.finished_here, time.monotonic() - started, failures, left)


def _damaged_checkpoints(study: Study, missing: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Returns {file: what is wrong} of checkpoints of missing runs; see `selection.missing`."""
    problems: dict[str, str] = {}
    for name, runs in missing.items():
        problems |= studies.checkpoints.damaged(study, study.point(name), runs)
    return problems


def train_until(
    study: Study, placement: Placement, wanted: float, *, curves: Path | None = None
) -> Trained:
    """Trains whole blocks of runs until intervals are narrow, see `sweeps.stopping`.

    Where it stopped is written into the study.
    """
    stages = []
    looks, block = stopping.looks(study.config)
    # The runs of each stage are new: runs that an earlier stage set aside are not tried again.
    for first, runs in itertools.pairwise([0, *looks]):
        stages.append(train(study, placement, runs=(first, runs), curves=curves))
        stop = stopping.Stop(wanted, stopping.half_width(study), runs, block)
        print(
            f"after {runs} runs the intervals of 95% of the examples are +/- {stop.half_width:.3f} "
            f"or narrower at every point; wanted: {wanted:g}"
        )
        if stop.is_reached:
            break
    studies.write_stop(study, dataclasses.asdict(stop) | {"is_reached": stop.is_reached})
    return _sum(stages)


def _sum(stages: Sequence[Trained]) -> Trained:
    """Returns the sum of stages that have no run in common."""
    left: dict[str, list[int]] = collections.defaultdict(list)
    for stage in stages:
        for name, runs in stage.left.items():
            left[name] += runs
    return Trained(
        runs=sum(stage.runs for stage in stages),
        seconds=sum(stage.seconds for stage in stages),
        failures=[failure for stage in stages for failure in stage.failures],
        left=dict(left),
    )


def _summary(progress: Progress) -> str:
    return (
        f"{progress.done} of {progress.total} runs were finished and are kept; "
        "the same command goes on from there"
    )


def estimate(study: Study, *, started: float, trained: Trained | None = None) -> Summary:
    """Estimates everything, writes summary.json and prints one line per point."""

    def timing() -> Timing:
        rate = trained.runs / trained.seconds if trained and trained.runs else None
        return Timing(time.monotonic() - started, rate)

    summary = analysis.estimate(study, timing=timing)
    print(analysis.table(summary))
    for text in outlying(summary):
        print(f"warning: {text}")
    return summary


def write_report(study: Study) -> None:
    """Writes the report and prints its path."""
    path = studies.write_report(study, memkit.report.render(memkit.report.gather.content(study)))
    print(printable(f"report: {path}"))


def print_failures(trained: Trained) -> int:
    """Prints which runs were set aside or left, and why; returns the exit code."""
    for failure in trained.failures[:_MOST_LINES]:
        name = f"{failure.point} run {failure.run}"
        line = f"failed: {name}: {failure.reason} ({failure.file})"
        print(printable(line), file=sys.stderr)
    if len(trained.failures) > _MOST_LINES:
        more = len(trained.failures) - _MOST_LINES
        print(f"failed: {more} more runs; see memkit status", file=sys.stderr)
    for name, runs in trained.left.items():
        reason = "too many of its runs, or of its teacher's, failed"
        print(f"left: {len(runs)} runs of {name}: {reason}", file=sys.stderr)
    return 1 if trained.failures else 0


def print_time(started: float) -> None:
    """Prints how long the command took."""
    print(f"done in {duration(time.monotonic() - started)}")
