"""Read-only status of a study: finished, missing and broken runs, and live executors.

Records are counted by their names, and only their scalars are read, so that the status of
thousands of records takes seconds; `memkit verify` checks whether they are sound.
"""

import collections
import concurrent.futures
import dataclasses
import shutil
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from memkit import records, storage, studies, tables
from memkit.printable import printable
from memkit.studies import Point, Study
from memkit.sweeps import selection
from memkit.sweeps.heartbeat import SILENT_AFTER
from memkit.sweeps.progress import duration, epochs_text, time_left
from memkit.typing import Epochs

STATUSES = ("diverged", "blocked", "collapsed")
_MOST_NOTES = 10
_READERS = 16  # at the same time, since each read from an object store waits

Info: TypeAlias = Mapping[str, Any]  # the scalars of a record, see `records.INFO`


@dataclasses.dataclass(frozen=True)
class PointStatus:
    """The runs of one point by their state.

    Attributes:
      infos: {run: scalars} of its records.
      done: finished runs.
      running: runs that live executors are training.
      set_aside: runs that failed and have had no record since.
      missing: the other runs that are not done.
      unreadable: {run: reason} of files that are not records.
      without_weights: runs with a record but without the weights that students need.
    """

    infos: dict[int, Info]
    done: set[int]
    running: set[int]
    set_aside: set[int]
    missing: set[int]
    unreadable: dict[int, str]
    without_weights: set[int]


@dataclasses.dataclass(frozen=True)
class Status:
    """The status of a study at one moment.

    Attributes:
      points: {point name: status of the point}.
      executors: {name: state}, see `studies.executors.read_all`.
      damaged: {file of an executor: what is wrong}, from the same function.
      time: seconds since the epoch.
    """

    points: dict[str, PointStatus]
    executors: dict[str, dict[str, Any]]
    damaged: dict[str, str]
    time: float

    @property
    def live(self) -> list[dict[str, Any]]:
        """The states of executors with a recent heartbeat."""
        return [state for state in self.executors.values() if self.silence(state) <= SILENT_AFTER]

    @property
    def is_over(self) -> bool:
        """Whether no run is missing or running."""
        return not any(point.missing or point.running for point in self.points.values())

    def silence(self, state: Mapping[str, Any]) -> float:
        """Returns the seconds since the last heartbeat of an executor."""
        return float(max(0.0, self.time - state["time"]))


def look(study: Study, known: dict[tuple[str, int], Info]) -> Status:
    """Returns the Status of a study.

    Args:
      known: {(point name, run): scalars} of records read before; those read now are added.
    """
    states, damaged = studies.executors.read_all(study)
    status = Status({}, states, damaged, time.time())
    running: dict[str, set[int]] = collections.defaultdict(set)
    for block in (block for state in status.live for block in state["blocks"]):
        running[block["point"]].update(block["runs"])
    for point in study.points:
        status.points[point.name] = _point_status(study, point, running[point.name], known)
    return status


def _point_status(
    study: Study, point: Point, running: set[int], known: dict[tuple[str, int], Info]
) -> PointStatus:
    listed = studies.listed_runs(study, point)
    unreadable: dict[int, str] = {}

    def read(run: int) -> None:
        try:
            known[point.name, run] = studies.read_info(study, point, run)
        except (records.RecordError, OSError) as error:
            unreadable[run] = str(error)

    with concurrent.futures.ThreadPoolExecutor(_READERS) as readers:
        list(readers.map(read, [run for run in listed if (point.name, run) not in known]))
    infos = {run: known[point.name, run] for run in sorted(listed) if run not in unreadable}
    # A run of a teacher is done when it has weights as well; diverged runs have none.
    complete = selection.listed(study, point)
    done = {run for run, info in infos.items() if run in complete or info["status"] == "diverged"}
    left = set(range(len(study.train_mask))) - done
    set_aside = (studies.failed_runs(study, point) & left) - running
    missing = left - running - set_aside
    without_weights = infos.keys() - done
    return PointStatus(infos, done, running & left, set_aside, missing, unreadable, without_weights)


def text(study: Study, status: Status) -> str:
    """Returns a table with a row per point, then lines about executors and problems."""
    rows: list[list[str | int]] = []
    for name, point in status.points.items():
        counts = [len(runs) for runs in (point.done, point.running, point.missing, point.set_aside)]
        by_status = collections.Counter(point.infos[run]["status"] for run in point.done)
        rows.append([name, *counts, *(by_status[key] for key in STATUSES)])
    header = ["point", "done", "running", "missing", "set aside", *STATUSES]
    done = sum(len(point.done) for point in status.points.values())
    total = len(rows) * len(study.train_mask)
    disk = f"{tables.size(storage.size(study.workdir))} in {study.workdir}"
    if study.workdir is not None and storage.is_local(study.workdir):
        disk += f", {tables.size(shutil.disk_usage(study.workdir).free)} free"
    lines = [f"{done}/{total} runs, {disk}", *_pace(status), *_executors(status)]
    lines += [f"{name} is damaged: {reason}" for name, reason in status.damaged.items()]
    lines += [*_stalled(status), *_set_aside(study, status), *_records(status)]
    lines += _weights(status)
    return "\n".join([tables.text(header, rows), *map(printable, lines)])


def _pace(status: Status) -> list[str]:
    """Returns a line with runs per hour and the time left, or none if they are unknown."""
    per_second = [
        state["finished"] / (state["time"] - state["started"])
        for state in status.live
        if state["finished"] and state["time"] > state["started"]
    ]
    busy = sum(len(state["blocks"]) for state in status.live)
    seconds = {}
    for name, point in status.points.items():
        taken = [info["seconds"] for info in point.infos.values() if info["status"] != "blocked"]
        if taken:
            seconds[name] = statistics.fmean(taken)
    if not per_second or not busy or not seconds:
        return []
    left = {name: len(point.missing) + len(point.running) for name, point in status.points.items()}
    pace = f"{3600 * sum(per_second):.3g} runs/hour"
    return [f"{pace}, about {duration(time_left(left, seconds) / busy)} left"]


def _executors(status: Status) -> list[str]:
    """Returns a line for each executor that has a heartbeat file."""
    lines = []
    for name, state in sorted(status.executors.items()):
        silence = status.silence(state)
        seen = "at work" if silence <= SILENT_AFTER else "silent"
        index, count = state["shard"]
        shard = f"shard {index}/{count}, " if count > 1 else ""
        blocks = state["blocks"] if seen == "at work" else ()
        reached = epochs_text(Epochs(*block["epochs"]) for block in blocks if "epochs" in block)
        lines.append(
            f"{seen}: {name}, {shard}{state['note']}: {state['finished']} runs finished, "
            f"{_doing(state['blocks'])}, {f'{reached}, ' * bool(reached)}"
            f"seen {duration(silence)} ago"
        )
    return lines


def _stalled(status: Status) -> list[str]:
    """Returns a line for each worker without progress, as reported by its executor."""
    lines = []
    for name, state in sorted(status.executors.items()):
        for block in state["blocks"]:
            times = [block[key] for key in ("seconds", "usual") if key in block]
            is_stalled = len(times) == 2 and all(isinstance(t, (int, float)) for t in times)
            if is_stalled and status.silence(state) <= SILENT_AFTER:
                lines.append(
                    f"no progress: a worker of {name} has finished no run for "
                    f"{duration(block['seconds'])}, {_doing([block])}; a run there usually takes "
                    f"{block['usual']:.2g} s. --run_limit=SECONDS replaces such workers"
                )
    return lines


def _doing(blocks: Iterable[Mapping[str, Any]]) -> str:
    """Returns the blocks of an executor's workers as text, such as "at one_hot_width2 run 4 5"."""
    by_point: dict[str, list[int]] = collections.defaultdict(list)
    for block in blocks:
        by_point[block["point"]] += block["runs"]
    texts = []
    for name, runs in by_point.items():
        few = len(runs) <= _MOST_NOTES
        texts.append(
            f"at {name} run {' '.join(map(str, runs))}" if few else f"at {name}, {len(runs)} runs"
        )
    return ", ".join(texts) or "at no run"


def _set_aside(study: Study, status: Status) -> list[str]:
    """Returns a line for each of the first runs that failed, and a count of the others."""
    runs = [(name, run) for name, point in status.points.items() for run in sorted(point.set_aside)]
    lines = []
    for name, run in runs[:_MOST_NOTES]:
        reason, file = studies.read_failure(study, study.point(name), run)
        last = reason.strip().splitlines()[-1]
        lines.append(f"set aside: {name} run {run}: {last} (failures/{file.name})")
    return lines + _and_more(runs)


def _records(status: Status) -> list[str]:
    """Returns lines about files that are not records, and points that mix engines or devices."""
    bad = [
        (name, run, reason)
        for name, point in status.points.items()
        for run, reason in point.unreadable.items()
    ]
    lines = [f"points/{name}/runs/{run}.npz is not a record: {reason}" for name, run, reason in bad]
    lines = lines[:_MOST_NOTES] + _and_more(bad)
    for name, point in status.points.items():
        if mixture := studies.mixture(point.infos.values()):
            lines.append(f"{name} {mixture}")
        processors = {
            info["processor"]
            for info in point.infos.values()
            if info["device"] == "CPU" and "processor" in info
        }
        if len(processors) > 1:
            lines.append(
                f"{name} has runs of several kinds of processors, which agree up to rounding: "
                + ", ".join(sorted(processors))
            )
    return lines


def _weights(status: Status) -> list[str]:
    """Returns a line for each teacher with finished runs that have no weights."""
    lines = []
    for name, point in status.points.items():
        if absent := sorted(point.without_weights & point.missing):
            more = f" and {len(absent) - 1} more are" if absent[1:] else " is"
            file = f"points/{name}/weights/{absent[0]}.npz"
            lines.append(f"{file}{more} missing; `memkit train` trains these runs again")
    return lines


def _and_more(listed: Sequence[Any]) -> list[str]:
    more = len(listed) - _MOST_NOTES
    return [f"and {more} more"] if more > 0 else []
