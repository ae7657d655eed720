"""Workers that make no progress: stopped, hung in a driver, or waiting for a disk that is gone."""

import collections
import dataclasses
import statistics
import time

FEW = 5  # times its usual time per run, after which a worker counts as stalled
LEAST = 60.0  # seconds; shorter silences are no sign of anything
_PAUSE = 15.0  # seconds without a look, after which this process itself has been stopped


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
    """Knows since when each worker has finished no run, and what is usual at its point."""

    def __init__(self, *, runs_at_once: int = 1, limit: float | None = None) -> None:
        """Starts without workers.

        Args:
          runs_at_once: runs that a worker finishes together.
          limit: seconds without a finished run after which a worker is over the limit; None for
            no limit.
        """
        self._runs_at_once, self._limit = runs_at_once, limit
        self._point, self._since, self._is_first = {}, {}, {}
        self._times = collections.defaultdict(list)
        self._looked = time.monotonic()

    def began(self, worker: object, point: str) -> None:
        """Notes that a worker got runs of a point to do; at a new point it compiles first."""
        self._is_first[worker] = worker not in self._point or self._point[worker] != point
        self._point[worker], self._since[worker] = point, time.monotonic()

    def finished(self, worker: object, seconds: float) -> None:
        """Notes that a worker finished a run that took so many seconds of the pack's time."""
        self._times[self._point[worker]].append(seconds * self._runs_at_once)
        self._since[worker], self._is_first[worker] = time.monotonic(), False

    def silences(self, workers: object) -> dict:
        """Returns {worker: seconds without a finished run} of those that are at work.

        While this process was stopped (Ctrl-Z, a laptop that slept), the workers may have been as
        well, so that time does not count.
        """
        now = time.monotonic()
        if now - self._looked > _PAUSE:
            pause = now - self._looked
            self._since = {worker: since + pause for worker, since in self._since.items()}
        self._looked = now
        return {worker: max(0.0, now - self._since[worker]) for worker in workers}

    def stalled(self, silences: dict) -> dict:
        """Returns {worker: Stall} of those silent for a few times the usual time of a run.

        A worker's first run at a point compiles, so it is compared with the longest one there.
        Where nobody has finished a run yet, nothing is known to be unusual.
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

    def over_limit(self, silences: dict) -> dict:
        """Returns {worker: reason} of those that have to be replaced."""
        if self._limit is None:
            return {}
        return {
            worker: f"no run finished within --run_limit={self._limit:g} seconds; the worker was "
            "ended"
            for worker, seconds in silences.items()
            if seconds > self._limit
        }
