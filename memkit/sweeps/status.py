"""What of a study is done, missing or broken, and who works at it; writes nothing.

Records are counted by their names and asked for their scalars only, so that a look takes seconds
where thousands are there; whether they are sound is for `memkit verify`.
"""

import collections
import concurrent.futures
import dataclasses
import shutil
import statistics
import time

from memkit import records, storage, studies, tables
from memkit.printable import printable
from memkit.sweeps import selection
from memkit.sweeps.heartbeat import SILENT_AFTER
from memkit.sweeps.progress import duration, time_left

STATUSES = ("diverged", "blocked", "collapsed")
_MOST_NOTES = 10
_READERS = 16  # side by side, for object stores, where each read waits


@dataclasses.dataclass(frozen=True)
class PointStatus:
    """What of one point is where.

    Attributes:
      infos: {run: info} of its records.
      done: set of runs that need nothing more.
      running: set of runs that live executors say they are at.
      set_aside: set of runs that failed and have no record since.
      missing: set of the other runs that are not done.
      unreadable: {run: why} of files that are no records.
    """

    infos: dict
    done: set
    running: set
    set_aside: set
    missing: set
    unreadable: dict


@dataclasses.dataclass(frozen=True)
class Status:
    """One look at a study.

    Attributes:
      points: {point name: PointStatus}.
      executors: {name: state}, as `studies.executors.announced` returns them.
      time: seconds since the epoch.
    """

    points: dict
    executors: dict
    time: float

    @property
    def live(self):
        """The states of executors that gave a sign of life lately."""
        return [state for state in self.executors.values() if self.silence(state) <= SILENT_AFTER]

    @property
    def is_over(self):
        """True where no run is missing or being done."""
        return not any(point.missing or point.running for point in self.points.values())

    def silence(self, state):
        """Returns the seconds since an executor's last sign of life."""
        return max(0.0, self.time - state["time"])


def look(study, known):
    """Returns the Status of a study.

    Args:
      study: Study.
      known: {(point name, run): info} of records seen before; those seen now are added.
    """
    found = Status({}, studies.executors.announced(study), time.time())
    running = collections.defaultdict(set)
    for block in (block for state in found.live for block in state["blocks"]):
        running[block["point"]].update(block["runs"])
    for point in study.points:
        found.points[point.name] = _look_at(study, point, running[point.name], known)
    return found


def _look_at(study, point, running, known):
    listed = studies.listed_runs(study, point)
    unreadable = {}

    def read(run):
        try:
            known[point.name, run] = studies.read_info(study, point, run)
        except (records.RecordError, OSError) as error:
            unreadable[run] = str(error)

    with concurrent.futures.ThreadPoolExecutor(_READERS) as readers:
        list(readers.map(read, [run for run in listed if (point.name, run) not in known]))
    infos = {run: known[point.name, run] for run in sorted(listed) if run not in unreadable}
    # A teacher's run is done when its weights are there as well, if there are any.
    whole = selection.listed(study, point)
    done = {run for run, info in infos.items() if run in whole or info["status"] == "diverged"}
    left = set(range(len(study.train_mask))) - done
    set_aside = (studies.failed_runs(study, point) & left) - running
    missing = left - running - set_aside
    return PointStatus(infos, done, running & left, set_aside, missing, unreadable)


def text(study, found):
    """Returns a table with a row per point, who works, and lines about what needs attention."""
    rows = []
    for name, point in found.points.items():
        where = [len(runs) for runs in (point.done, point.running, point.missing, point.set_aside)]
        statuses = collections.Counter(point.infos[run]["status"] for run in point.done)
        rows.append([name, *where, *(statuses[status] for status in STATUSES)])
    header = ["point", "done", "running", "missing", "set aside", *STATUSES]
    done, total = sum(row[1] for row in rows), len(rows) * len(study.train_mask)
    disk = f"{tables.size(storage.size(study.workdir))} in {study.workdir}"
    if storage.is_local(study.workdir):
        disk += f", {tables.size(shutil.disk_usage(study.workdir).free)} free"
    lines = [f"{done}/{total} runs, {disk}", *_pace(found), *_executors(found)]
    lines += [*_stalled(found), *_set_aside(study, found), *_records(found)]
    return "\n".join([tables.text(header, rows), *map(printable, lines)])


def _pace(found):
    """Returns lines about runs per hour and time left, as far as they are known."""
    per_second = [
        state["finished"] / (state["time"] - state["started"])
        for state in found.live
        if state["finished"] and state["time"] > state["started"]
    ]
    busy = sum(len(state["blocks"]) for state in found.live)
    seconds = {}
    for name, point in found.points.items():
        taken = [info["seconds"] for info in point.infos.values() if info["status"] != "blocked"]
        if taken:
            seconds[name] = statistics.fmean(taken)
    if not per_second or not busy or not seconds:
        return []
    left = {name: len(p.missing) + len(p.running) for name, p in found.points.items()}
    pace = f"{3600 * sum(per_second):.3g} runs/hour"
    return [f"{pace}, about {duration(time_left(left, seconds) / busy)} left"]


def _executors(found):
    """Returns a line for each executor that was seen lately."""
    lines = []
    for name, state in sorted(found.executors.items()):
        silence = found.silence(state)
        seen = "at work" if silence <= SILENT_AFTER else "silent"
        index, count = state["shard"]
        shard = f"shard {index}/{count}, " if count > 1 else ""
        lines.append(
            f"{seen}: {name}, {shard}{state['note']}: {state['finished']} runs finished, "
            f"{_doing(state['blocks'])}, seen {duration(silence)} ago"
        )
    return lines


def _stalled(found: Status) -> list[str]:
    """Returns a line for each worker that its executor says makes no progress."""
    lines = []
    for name, state in sorted(found.executors.items()):
        for block in state["blocks"]:
            times = [block[key] for key in ("seconds", "usual") if key in block]
            is_stalled = len(times) == 2 and all(isinstance(t, (int, float)) for t in times)
            if is_stalled and found.silence(state) <= SILENT_AFTER:
                lines.append(
                    f"no progress: a worker of {name} has finished no run for "
                    f"{duration(block['seconds'])}, {_doing([block])}; a run there usually takes "
                    f"{block['usual']:.2g} s. --run_limit=SECONDS replaces such workers"
                )
    return lines


def _doing(blocks):
    """Returns "at one_hot_width2 run 4 5" for the blocks that an executor's workers are at."""
    by_point = collections.defaultdict(list)
    for block in blocks:
        by_point[block["point"]] += block["runs"]
    texts = []
    for name, runs in by_point.items():
        few = len(runs) <= _MOST_NOTES
        texts.append(
            f"at {name} run {' '.join(map(str, runs))}" if few else f"at {name}, {len(runs)} runs"
        )
    return ", ".join(texts) or "at no run"


def _set_aside(study, found):
    """Returns a line for each run that failed, the first of them with the reason."""
    runs = [(name, run) for name, p in found.points.items() for run in sorted(p.set_aside)]
    lines = []
    for name, run in runs[:_MOST_NOTES]:
        reason, where = studies.read_failure(study, study.point(name), run)
        last = reason.strip().splitlines()[-1]
        lines.append(f"set aside: {name} run {run}: {last} (failures/{where.name})")
    return lines + _and_more(runs)


def _records(found):
    """Returns lines about files that are no records, and points that mix engines."""
    bad = [
        (name, run, why) for name, p in found.points.items() for run, why in p.unreadable.items()
    ]
    lines = [f"points/{name}/runs/{run}.npz is no record: {why}" for name, run, why in bad]
    lines = lines[:_MOST_NOTES] + _and_more(bad)
    for name, point in found.points.items():
        engines = sorted({f"{i['engine']} on {i['device']}" for i in point.infos.values()})
        if len(engines) > 1:
            lines.append(f"{name} mixes engines: {', '.join(engines)}")
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


def _and_more(listed):
    more = len(listed) - _MOST_NOTES
    return [f"and {more} more"] if more > 0 else []
