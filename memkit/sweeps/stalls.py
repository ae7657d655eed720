"""The progress of workers, and workers without any.

The latter are stopped, hung in a driver, or wait for an unreachable disk.
"""

import collections
import dataclasses
import statistics
import time
from collections.abc import Iterable, Mapping

from memkit.sweeps import Worker
from memkit.typing import Epochs

FEW = 5  # times its usual time per run, after which a worker counts as stalled
LEAST = 60.0  # seconds; shorter silences mean nothing
_PAUSE = 15.0  # seconds between two checks, from which on this process itself was stopped


@dataclasses.dataclass(frozen=True)
class Stall:
    """A worker without progress.

    Attributes:
      seconds: since its last finished run, or since it was given work.
      usual: seconds that a run, or a pack of runs, usually takes at its point.
    """

    seconds: float
    usual: float


class Watch:
    """Tracks how far each worker is, how long it has finished no run, and what is usual."""

    def __init__(self, *, runs_at_once: int = 1, limit: float | None = None) -> None:
        """Starts without workers.

        Args:
          runs_at_once: runs that a worker finishes together.
          limit: seconds without a finished run after which a worker is over the limit; None for
            no limit.
        """
        self._runs_at_once, self._limit = runs_at_once, limit
        self._point: dict[Worker, str] = {}
        self._since: dict[Worker, float] = {}
        self._is_first: dict[Worker, bool] = {}
        self._epochs: dict[Worker, Epochs] = {}
        self._times: dict[str, list[float]] = collections.defaultdict(list)
        self._looked = time.monotonic()

    def began(self, worker: Worker, point: str) -> None:
        """Records that a worker was sent a block of a point; at a new point it compiles first."""
        self._is_first[worker] = worker not in self._point or self._point[worker] != point
        self._point[worker], self._since[worker] = point, time.monotonic()
        self._epochs.pop(worker, None)

    def finished(self, worker: Worker, seconds: float) -> None:
        """Records that a worker finished a run, which took `seconds` of the time of its pack."""
        self._times[self._point[worker]].append(seconds * self._runs_at_once)
        self._since[worker], self._is_first[worker] = time.monotonic(), False
        self._epochs.pop(worker, None)

    def reached(self, worker: Worker, epochs: Epochs) -> None:
        """Records how far the runs are that a worker trains at the moment."""
        self._epochs[worker] = epochs

    def epochs(self, workers: Iterable[Worker]) -> dict[Worker, Epochs]:
        """Returns {worker: how far its runs are} of those that reported it."""
        return {worker: self._epochs[worker] for worker in workers if worker in self._epochs}

    def silences(self, workers: Iterable[Worker]) -> dict[Worker, float]:
        """Returns {worker: seconds without a finished run} of workers that have a block.

        Time in which this process was stopped (Ctrl-Z, a suspended laptop) does not count, since
        the workers may have been stopped as well.
        """
        now = time.monotonic()
        if now - self._looked > _PAUSE:
            pause = now - self._looked
            self._since = {worker: since + pause for worker, since in self._since.items()}
        self._looked = now
        return {worker: max(0.0, now - self._since[worker]) for worker in workers}

    def stalled(self, silences: Mapping[Worker, float]) -> dict[Worker, Stall]:
        """Returns {worker: Stall} of workers silent for several times the usual time of a run.

        A worker's first run at a point compiles, so it is compared with the longest run there.
        Until a point has a finished run, none of its workers counts as stalled.
        """
        stalls = {}
        for worker, seconds in silences.items():
            times = self._times[self._point[worker]]
            if times:
                usual = statistics.median(times)
                expected = max(times) if self._is_first[worker] else usual
                if seconds > max(LEAST, FEW * expected):
                    stalls[worker] = Stall(seconds, usual)
        return stalls

    def over_limit(self, silences: Mapping[Worker, float]) -> dict[Worker, str]:
        """Returns {worker: reason} of workers that have to be replaced."""
        if self._limit is None:
            return {}
        return {
            worker: f"no run finished within --run_limit={self._limit:g} seconds; the worker was "
            "ended"
            for worker, seconds in silences.items()
            if seconds > self._limit
        }
