"""The blocks of runs that a sweep has still to hand out, and what became of the others.

It knows no processes: a local pool or a cluster asks it for blocks and tells it how they ended.
"""

import collections
import dataclasses
import functools
import time

from memkit import studies
from memkit.sweeps import selection

BLOCK = 4  # runs handed out at a time, at most, but for a pack
BLOCKS_PER_WORKER = 16  # at least, so that the last ones do not hold up everything
ATTEMPTS = 3  # failures by chance of a run before it is set aside
IN_A_ROW = 3  # runs of a point that fail, none finished in between, before the point is left
_LISTING_SHARE = 0.05  # of the time goes into looking what other executors have finished


@dataclasses.dataclass(frozen=True)
class Failure:
    """A run that was set aside: where, why, and the file with the traceback."""

    point: str
    run: int
    reason: str
    file: object


def block_size(num_runs, workers, runs_at_once=1):
    """Returns the runs to hand out at a time: few where workers get few, always whole packs."""
    fair = num_runs // (BLOCKS_PER_WORKER * workers)
    return -(-min(max(fair, 1), BLOCK) // runs_at_once) * runs_at_once


class Queue:
    """What is to be done, what is being done, and what was left.

    Attributes:
      failures: list of Failure, the runs that were set aside.
      left: {point: runs} not tried: their point failed too often in a row, or their teacher failed.
    """

    def __init__(self, study, missing, *, workers=1, runs_at_once=1, progress):
        """Starts with everything to be done.

        Args:
          study: Study.
          missing: {point name: runs to train}, points in the order to finish them.
          workers: how many will ask for blocks.
          runs_at_once: runs that a worker trains at a time, so blocks are multiples of it.
          progress: Progress.
        """
        self.failures, self.left = [], collections.defaultdict(list)
        self._study, self._runs_at_once, self._progress = study, runs_at_once, progress
        self._waiting, self._position, self._taken, self._abandoned = {}, {}, {}, set()
        self._failed, self._in_a_row = collections.Counter(), collections.Counter()
        size = block_size(sum(map(len, missing.values())), workers, runs_at_once)
        for name, runs in missing.items():
            blocks = [tuple(runs[i : i + size]) for i in range(0, len(runs), size)]
            if blocks:
                self._waiting[name] = blocks
                self._position[name] = {run: i / len(runs) for i, run in enumerate(runs)}
        # What has a file and is missing all the same is to be made again, whoever made the file.
        self._remade = {
            name: selection.listed(study, study.point(name)) & set(missing[name])
            for name in self._waiting
        }
        self._look_at = dict.fromkeys(self._waiting, 0.0)

    @property
    def num_waiting(self):
        """Blocks that nobody has taken."""
        return sum(map(len, self._waiting.values()))

    @property
    def taken(self):
        """{worker: (point name, runs not yet finished)} of what is being done."""
        return {worker: (name, tuple(runs)) for worker, (name, runs) in self._taken.items()}

    @property
    def is_over(self):
        """True where nothing waits and nothing is being done."""
        return not self._waiting and not self._taken

    def take(self, worker, *, last=None, place=(0, 1)):
        """Returns (point name, runs) for a worker to do, or None where all that is left waits.

        Executors on one folder know what others have finished, and not what they are at. Each has
        a part of its own, and then helps the next one from that one's end, so that they meet late.

        Args:
          worker: anything hashable that names who asks.
          last: name of the point it did last, whose program it has compiled.
          place: (i, n), which of how many executors on the folder asks; None where they train
            each run together, so that all must take the same runs in the same order.
        """
        while (name := self._choose(last)) is not None:
            if place is not None:
                self._skip_what_others_did(name)
            if name in self._waiting:
                runs = min(self._waiting[name], key=functools.partial(self._turn, name, place))
                self._waiting[name].remove(runs)
                self._keep(name, self._waiting[name])
                self._taken[worker] = name, list(runs)
                return name, runs
        return None

    def finished(self, worker, run, seconds):
        """Notes that the record of a run is on disk, after `seconds` of wall time."""
        name, runs = self._taken[worker]
        runs.remove(run)
        self._in_a_row[name] = 0
        self._progress.finished(name, seconds)

    def ended(self, worker):
        """Notes that a worker is through with what it took."""
        if worker in self._taken:
            self.failed(worker, "the work ended without a record of this run", attempts=1)

    def failed(self, worker, reason, *, attempts):
        """Puts back what a worker did not finish, but for a run that failed often enough.

        Args:
          worker: who took it.
          reason: text, the last line of which says it all.
          attempts: failures after which a run is set aside: 1 where it raised, since it would
            again, ATTEMPTS where its worker, a disk or a network failed, since that may be chance.
        """
        name, runs = self._taken.pop(worker)
        blamed, others = runs[: self._runs_at_once], runs[self._runs_at_once :]
        self._put_back(name, others)
        for run in reversed(blamed):
            self._failed[name, run] += 1
            # One of several at once may be to blame for all, so each is tried alone.
            if len(blamed) == 1 and self._failed[name, run] >= attempts:
                self._set_aside(name, run, reason)
            else:
                self._put_back(name, [run])

    def _choose(self, last):
        """Returns the point to go on with: the compiled one, else one nobody is at, else the first.

        A student waits until nobody trains its teacher any more.
        """
        busy = {name for name, _ in self._taken.values()}
        unfinished = busy | set(self._waiting)
        ready = [
            name for name in self._waiting if self._study.point(name).teacher not in unfinished
        ]
        if last in ready:
            return last
        return next((name for name in ready if name not in busy), next(iter(ready), None))

    def _turn(self, name, place, block):
        """Returns a key that is least for the block to take next."""
        i, n = place or (0, 1)
        position = self._position[name][block[0]]
        ahead = (int(position * n) - i) % n
        return ahead, -position if ahead else position

    def _skip_what_others_did(self, name):
        """Looks for records that other executors wrote, as often as listing them is cheap."""
        started = time.monotonic()
        if started < self._look_at[name]:
            return
        done = selection.listed(self._study, self._study.point(name)) - self._remade[name]
        now = time.monotonic()
        self._look_at[name] = now + (now - started) / _LISTING_SHARE
        self._progress.found(name, self._drop(name, done))

    def _drop(self, name, runs):
        """Takes runs out of what waits at a point; returns how many there were."""
        before = [run for block in self._waiting[name] for run in block]
        blocks = (tuple(m for m in block if m not in runs) for block in self._waiting[name])
        self._keep(name, [block for block in blocks if block])
        return len(runs.intersection(before))

    def _keep(self, name, blocks):
        self._waiting[name] = blocks
        if not blocks:
            del self._waiting[name]

    def _put_back(self, name, runs):
        if runs and name in self._abandoned:
            self._leave(name, runs)
        elif runs:
            self._waiting.setdefault(name, []).insert(0, tuple(runs))
            self._look_at[name] = 0.0  # A worker may have died between a record and saying so.

    def _set_aside(self, name, run, reason):
        file = studies.write_failure(self._study, self._study.point(name), run, reason)
        self.failures.append(Failure(name, run, reason.strip().splitlines()[-1], file))
        self._progress.leave_out(name)
        self._leave_students(name, {run})
        self._in_a_row[name] += 1
        if self._in_a_row[name] >= IN_A_ROW:
            self._abandoned.add(name)
            if name in self._waiting:
                self._leave(name, [m for block in self._waiting.pop(name) for m in block])

    def _leave(self, name, runs):
        self.left[name] += runs
        self._progress.leave_out(name, len(runs))
        self._leave_students(name, set(runs))

    def _leave_students(self, teacher, runs):
        for name in list(self._waiting):
            if self._study.point(name).teacher == teacher:
                there = runs & {m for block in self._waiting[name] for m in block}
                self._drop(name, there)
                self._leave(name, sorted(there))
