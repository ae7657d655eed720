"""The heartbeat of an executor: a file in the study that `memkit status` reads."""

import contextlib
import dataclasses
import time
from collections.abc import Mapping
from typing import Any, TypeAlias

from memkit.studies import Study, executors
from memkit.sweeps import Block, Worker
from memkit.sweeps.progress import Progress
from memkit.sweeps.stalls import Stall
from memkit.typing import Epochs

SECONDS = 1.0, 15.0  # between two heartbeats: of an executor that just started, and of an old one
SILENT_AFTER = 120.0  # seconds without a heartbeat
_SHARE_OF_AGE = 0.25

Rank: TypeAlias = tuple[int, int]


class Heartbeat:
    """Writes regularly into a study that this process is alive, and what it does.

    Attributes:
      rank: (i, n), the position of this executor among the n of the same shard, by their starts.
    """

    rank: Rank

    def __init__(
        self, study: Study, *, note: str, shard: tuple[int, int], progress: Progress
    ) -> None:
        """Announces this process, then looks for others.

        If two executors start at once, at least one sees both; the other does at its next
        heartbeat.

        Args:
          note: one line about workers and devices.
          shard: (i, n); executors of different shards have different runs.

        Raises:
          OSError: the folder cannot be written.
        """
        self._study, self._progress = study, progress
        self._started = time.time()
        self._shard = list(shard)
        self._constant = {"started": self._started, "note": note, "shard": self._shard}
        self._others: dict[str, dict[str, Any]] = {}
        self._write({}, {}, {})

    def beat(
        self,
        taken: Mapping[Worker, Block],
        stalled: Mapping[Worker, Stall],
        epochs: Mapping[Worker, Epochs],
    ) -> None:
        """Writes what is being done, if the last heartbeat was long enough ago.

        Args:
          taken: {worker: (point name, runs)}.
          stalled: {worker: Stall} of those that make no progress.
          epochs: {worker: how far its runs are} of those that reported it.
        """
        if time.monotonic() >= self._due:
            # A sweep goes on even if nobody can be informed of it.
            with contextlib.suppress(OSError):
                self._write(taken, stalled, epochs)

    def close(self) -> None:
        """Removes the file."""
        with contextlib.suppress(OSError):
            executors.withdraw(self._study)

    def _write(
        self,
        taken: Mapping[Worker, Block],
        stalled: Mapping[Worker, Stall],
        epochs: Mapping[Worker, Epochs],
    ) -> None:
        age = time.time() - self._started
        shortest, longest = SECONDS
        self._due = time.monotonic() + min(max(_SHARE_OF_AGE * age, shortest), longest)
        blocks = [
            {"point": name, "runs": list(runs)}
            | (dataclasses.asdict(stalled[worker]) if worker in stalled else {})
            | ({"epochs": epochs[worker]} if worker in epochs else {})
            for worker, (name, runs) in taken.items()
        ]
        state = {"finished": self._progress.finished_here, "blocks": blocks}
        executors.announce(self._study, self._constant | state)
        self.rank = self._find_rank()

    def _find_rank(self) -> Rank:
        names = executors.names(self._study)
        for name in names:  # Each file is read once: object stores charge for reads.
            if name not in self._others and (state := executors.read(self._study, name)):
                self._others[name] = state
        this = self._started, executors.name()
        listed = {name: self._others[name] for name in names if name in self._others}
        starts = {this} | {  # A listing may not hold the file of this process yet.
            (state["started"], name)
            for name, state in listed.items()
            if state["shard"] == self._shard
        }
        return sorted(starts).index(this), len(starts)
