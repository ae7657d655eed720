"""An executor's sign of life, in a file that `memkit status` reads."""

import contextlib
import time
import zlib

from memkit.studies import executors

SECONDS = 15.0  # between two signs of life
SILENT_AFTER = 120.0  # seconds without one


class Heartbeat:
    """Says now and then, in a study's folder, that this process lives and what it does.

    Attributes:
      offset: in [0, 1), where in every point to begin, so that executors on one folder meet late.
    """

    def __init__(self, study, *, note, shard, progress):
        """Announces this process, then looks for others: of two that start at once, one sees both.

        Args:
          study: Study.
          note: one line about workers and devices.
          shard: (i, n); with several shards no two executors have the same runs.
          progress: Progress.

        Raises:
          OSError: the folder cannot be written.
        """
        self._study, self._progress = study, progress
        self._fixed = {"started": time.time(), "note": note, "shard": list(shard)}
        self._due = 0.0
        self._write({})
        is_shared = shard[1] == 1 and len(executors.announced(study)) > 1
        self.offset = zlib.crc32(executors.name().encode()) / 2**32 if is_shared else 0.0

    def beat(self, taken):
        """Writes what is being done, if the last time was long enough ago.

        Args:
          taken: {worker: (point name, runs)}.
        """
        if time.monotonic() >= self._due:
            # A sweep goes on where nobody can be told of it.
            with contextlib.suppress(OSError):
                self._write(taken)

    def close(self):
        """Removes the file."""
        with contextlib.suppress(OSError):
            executors.withdraw(self._study)

    def _write(self, taken):
        self._due = time.monotonic() + SECONDS
        blocks = [{"point": name, "runs": list(runs)} for name, runs in taken.values()]
        state = {"finished": self._progress.finished_here, "blocks": blocks}
        executors.announce(self._study, self._fixed | state)
