"""An executor's sign of life, in a file that `memkit status` reads."""

import contextlib
import dataclasses
import time

from memkit.studies import executors

SECONDS = 1.0, 15.0  # between two signs of life: of an executor just begun, and of an old one
SILENT_AFTER = 120.0  # seconds without one
_SHARE_OF_AGE = 0.25


class Heartbeat:
    """Says now and then, in a study's folder, that this process lives and what it does.

    Attributes:
      place: (i, n), which of how many executors of the same shard this one is, by their starts.
    """

    def __init__(self, study, *, note, shard, progress):
        """Announces this process, then looks for others: of two that start at once, one sees both,
        and the other one does at its next sign of life.

        Args:
          study: Study.
          note: one line about workers and devices.
          shard: (i, n); executors of different shards have different runs.
          progress: Progress.

        Raises:
          OSError: the folder cannot be written.
        """
        self._study, self._progress = study, progress
        self._fixed = {"started": time.time(), "note": note, "shard": list(shard)}
        self._beside = {}
        self._write({}, {})

    def beat(self, taken, stalled):
        """Writes what is being done, if the last time was long enough ago.

        Args:
          taken: {worker: (point name, runs)}.
          stalled: {worker: stalls.Stall} of those that make no progress.
        """
        if time.monotonic() >= self._due:
            # A sweep goes on where nobody can be told of it.
            with contextlib.suppress(OSError):
                self._write(taken, stalled)

    def close(self):
        """Removes the file."""
        with contextlib.suppress(OSError):
            executors.withdraw(self._study)

    def _write(self, taken, stalled):
        age = time.time() - self._fixed["started"]
        shortest, longest = SECONDS
        self._due = time.monotonic() + min(max(_SHARE_OF_AGE * age, shortest), longest)
        blocks = [
            {"point": name, "runs": list(runs)}
            | (dataclasses.asdict(stalled[worker]) if worker in stalled else {})
            for worker, (name, runs) in taken.items()
        ]
        state = {"finished": self._progress.finished_here, "blocks": blocks}
        executors.announce(self._study, self._fixed | state)
        self.place = self._find_place()

    def _find_place(self):
        names = executors.names(self._study)
        for name in names:  # Each is read once: a bucket bills by the read.
            if name not in self._beside and (state := executors.read(self._study, name)):
                self._beside[name] = state
        own = self._fixed["started"], executors.name()
        beside = {name: self._beside[name] for name in names if name in self._beside}
        rows = {own} | {  # A listing may be late to hold this one's file.
            (state["started"], name)
            for name, state in beside.items()
            if state["shard"] == self._fixed["shard"]
        }
        return sorted(rows).index(own), len(rows)
