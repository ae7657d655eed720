"""The work queue: blocks of runs, with the outcome of each.

It knows nothing of processes: an executor takes blocks from it and reports how they ended.
"""

import collections
import dataclasses
import functools
import time
from collections.abc import Mapping, Sequence

from memkit import studies
from memkit.studies import Study
from memkit.sweeps import Block, Worker, selection
from memkit.sweeps.heartbeat import Rank
from memkit.sweeps.progress import Progress
from memkit.typing import Path

BLOCK = 4  # runs handed out at a time, at most, unless a pack has more
BLOCKS_PER_WORKER = 16  # at least, so that workers finish at about the same time
ATTEMPTS = 3  # failures by chance of a run before it is set aside
IN_A_ROW = 3  # runs of a point that fail, none finished in between, before the point is abandoned
_LISTING_SHARE = 0.05  # of the time is spent on listing what other executors have finished


@dataclasses.dataclass(frozen=True)
class Failure:
    """A run that was set aside.

    Attributes:
      reason: why it failed, in one line.
      file: the file with the traceback.
    """

    point: str
    run: int
    reason: str
    file: Path


def block_size(num_runs: int, workers: int, runs_at_once: int = 1) -> int:
    """Returns the runs to hand out at a time: few if workers get few, always whole packs."""
    fair = num_runs // (BLOCKS_PER_WORKER * workers)
    return -(-min(max(fair, 1), BLOCK) // runs_at_once) * runs_at_once


class Queue:
    """The runs of a sweep: which wait, which are being trained, and which failed.

    Attributes:
      left: {point: runs} that were not tried, because too many runs of their point failed in a
        row, or because their teacher failed.
    """

    def __init__(
        self,
        study: Study,
        missing: Mapping[str, Sequence[int]],
        *,
        workers: int = 1,
        runs_at_once: int = 1,
        progress: Progress,
    ) -> None:
        """Starts with all runs waiting.

        Args:
          missing: {point name: runs to train}, points in the order to finish them.
          workers: number of workers that will take blocks.
          runs_at_once: runs that a worker trains at a time, so blocks are multiples of it.
          progress: is told of every run that ends.
        """
        self.failures: list[Failure] = []
        self.left: dict[str, list[int]] = collections.defaultdict(list)
        self._study, self._runs_at_once, self._progress = study, runs_at_once, progress
        self._waiting: dict[str, list[tuple[int, ...]]] = {}
        self._position: dict[str, dict[int, float]] = {}
        self._taken: dict[Worker, tuple[str, list[int]]] = {}
        self._abandoned: set[str] = set()
        self._failed: collections.Counter[tuple[str, int]] = collections.Counter()
        self._in_a_row: collections.Counter[str] = collections.Counter()
        size = block_size(sum(map(len, missing.values())), workers, runs_at_once)
        for name, runs in missing.items():
            blocks = [tuple(runs[i : i + size]) for i in range(0, len(runs), size)]
            if blocks:
                self._waiting[name] = blocks
                self._position[name] = {run: i / len(runs) for i, run in enumerate(runs)}
        # Runs that have a file and are missing nevertheless are retrained, whoever wrote the file.
        self._retrained = {
            name: selection.listed(study, study.point(name)) & set(missing[name])
            for name in self._waiting
        }
        self._list_again_at = dict.fromkeys(self._waiting, 0.0)

    @property
    def num_waiting(self) -> int:
        """Number of blocks that no worker has taken."""
        return sum(map(len, self._waiting.values()))

    @property
    def taken(self) -> dict[Worker, Block]:
        """{worker: (point name, runs not yet finished)} of the blocks that workers have taken."""
        return {worker: (name, tuple(runs)) for worker, (name, runs) in self._taken.items()}

    @property
    def is_over(self) -> bool:
        """Whether no block waits and no worker has one."""
        return not self._waiting and not self._taken

    def take(
        self, worker: Worker, *, last: str | None = None, rank: Rank | None = (0, 1)
    ) -> Block | None:
        """Returns a block for a worker, or None if all remaining runs wait for their teachers.

        Executors of one study know which runs others have finished, but not which they are
        training. Each begins with a part of its own, and then continues with the part of the next
        executor from its end, so that the two meet as late as possible.

        Args:
          worker: the worker that asks; must be hashable.
          last: name of the point of its last block, whose program it has compiled.
          rank: (i, n), the position of this executor among the n of the study; None if they train
            each run together, so that all must take the same runs in the same order.
        """
        while (name := self._choose(last)) is not None:
            if rank is not None:
                self._skip_finished_elsewhere(name)
            if name in self._waiting:
                runs = min(self._waiting[name], key=functools.partial(self._order, name, rank))
                self._waiting[name].remove(runs)
                self._set_waiting(name, self._waiting[name])
                self._taken[worker] = name, list(runs)
                return name, runs
        return None

    def finished(self, worker: Worker, run: int, seconds: float) -> None:
        """Records that the record of a run is on disk, after `seconds` of wall time."""
        name, runs = self._taken[worker]
        runs.remove(run)
        self._in_a_row[name] = 0
        self._progress.finished(name, seconds)

    def ended(self, worker: Worker) -> None:
        """Records that a worker has ended its block."""
        if worker in self._taken:
            self.failed(worker, "the work ended without a record of this run", attempts=1)

    def failed(self, worker: Worker, reason: str, *, attempts: int) -> None:
        """Puts back the unfinished runs of a worker, except for a run that failed too often.

        Args:
          worker: the worker that took the block.
          reason: text; its last line is a summary.
          attempts: failures after which a run is set aside: 1 if it raised, since it would raise
            again; ATTEMPTS if its worker, a disk or a network failed, since that may be chance.
        """
        name, runs = self._taken.pop(worker)
        blamed, others = runs[: self._runs_at_once], runs[self._runs_at_once :]
        self._put_back(name, others)
        for run in reversed(blamed):
            self._failed[name, run] += 1
            # Any one of several at once may have caused the failure, so each is tried alone.
            if len(blamed) == 1 and self._failed[name, run] >= attempts:
                self._set_aside(name, run, reason)
            else:
                self._put_back(name, [run])

    def _choose(self, last: str | None) -> str | None:
        """Returns the point to continue with, None if all points wait for their teachers.

        That is the point whose program is compiled, else one that no worker trains, else the first.
        A student waits until all runs of its teacher have ended.
        """
        busy = {name for name, _ in self._taken.values()}
        unfinished = busy | set(self._waiting)
        ready = [
            name for name in self._waiting if self._study.point(name).teacher not in unfinished
        ]
        if last in ready:
            return last
        return next((name for name in ready if name not in busy), next(iter(ready), None))

    def _order(self, name: str, rank: Rank | None, block: tuple[int, ...]) -> tuple[int, float]:
        """Returns a sort key: the block to take next has the smallest."""
        i, n = rank or (0, 1)
        position = self._position[name][block[0]]
        ahead = (int(position * n) - i) % n
        return ahead, -position if ahead else position

    def _skip_finished_elsewhere(self, name: str) -> None:
        """Drops runs whose records other executors wrote; lists files as often as is cheap."""
        started = time.monotonic()
        if started < self._list_again_at[name]:
            return
        done = selection.listed(self._study, self._study.point(name)) - self._retrained[name]
        now = time.monotonic()
        self._list_again_at[name] = now + (now - started) / _LISTING_SHARE
        self._progress.finished_elsewhere(name, self._drop(name, done))

    def _drop(self, name: str, runs: set[int]) -> int:
        """Removes runs from the waiting ones of a point; returns how many there were."""
        before = [run for block in self._waiting[name] for run in block]
        blocks = (tuple(m for m in block if m not in runs) for block in self._waiting[name])
        self._set_waiting(name, [block for block in blocks if block])
        return len(runs.intersection(before))

    def _set_waiting(self, name: str, blocks: list[tuple[int, ...]]) -> None:
        self._waiting[name] = blocks
        if not blocks:
            del self._waiting[name]

    def _put_back(self, name: str, runs: list[int]) -> None:
        if runs and name in self._abandoned:
            self._leave(name, runs)
        elif runs:
            self._waiting.setdefault(name, []).insert(0, tuple(runs))
            self._list_again_at[name] = 0.0  # Its worker may have exited right after a record.

    def _set_aside(self, name: str, run: int, reason: str) -> None:
        file = studies.write_failure(self._study, self._study.point(name), run, reason)
        self.failures.append(Failure(name, run, reason.strip().splitlines()[-1], file))
        self._progress.leave_out(name)
        self._leave_students(name, {run})
        self._in_a_row[name] += 1
        if self._in_a_row[name] >= IN_A_ROW:
            self._abandoned.add(name)
            if name in self._waiting:
                self._leave(name, [m for block in self._waiting.pop(name) for m in block])

    def _leave(self, name: str, runs: list[int]) -> None:
        self.left[name] += runs
        self._progress.leave_out(name, len(runs))
        self._leave_students(name, set(runs))

    def _leave_students(self, teacher: str, runs: set[int]) -> None:
        for name in list(self._waiting):
            if self._study.point(name).teacher == teacher:
                waiting = runs & {m for block in self._waiting[name] for m in block}
                self._drop(name, waiting)
                self._leave(name, sorted(waiting))
