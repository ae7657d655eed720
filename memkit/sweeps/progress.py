"""The progress of a sweep: a live line on a terminal, log lines elsewhere."""

import contextlib
import statistics
import time

from memkit import output

_LIVE_SECONDS = 0.2
_LOG_SECONDS = 15


class Progress:
    """Counts finished runs and says how many, how fast and how long still.

    The time left comes from the seconds per run seen at each point, since points differ in cost;
    a point without a finished run is taken to cost the mean of the others.

    Attributes:
      total: number of runs to do.
      stalled: number of workers that make no progress.
    """

    def __init__(self, missing, *, workers, stream):
        """Starts at zero.

        Args:
          missing: {point name: number of runs to do}.
          workers: how many run side by side.
          stream: text stream; a terminal gets one line that is rewritten.
        """
        self._left = dict(missing)
        self._left_out = self.stalled = 0
        self._seconds = {name: [] for name in missing}
        self.total = sum(missing.values())
        self._workers = workers
        self._stream = stream
        self._live = stream.isatty()
        self._started = self._shown = time.monotonic()
        self._width = 0

    @property
    def done(self):
        """Runs of those to do that are done, here or elsewhere."""
        return self.total - self._left_out - sum(self._left.values())

    @property
    def finished_here(self):
        """Runs that this process finished."""
        return sum(map(len, self._seconds.values()))

    def finished(self, point, seconds):
        """Counts one run of a point that took `seconds` of wall time."""
        self._left[point] -= 1
        self._seconds[point].append(seconds)
        self.show(force=not any(self._left.values()))

    def found(self, point, number):
        """Counts runs of a point that another process has done meanwhile."""
        if number:
            self._left[point] -= number
            self.show(force=not any(self._left.values()))

    def leave_out(self, point, number=1):
        """Counts runs of a point that will not be done."""
        self._left[point] -= number
        self._left_out += number
        self.show(force=not any(self._left.values()))

    def show(self, force=False):
        """Writes the line if enough time has passed since the last."""
        now = time.monotonic()
        if not force and now - self._shown < (_LIVE_SECONDS if self._live else _LOG_SECONDS):
            return
        self._shown = now
        line = self.line(now - self._started)
        if self._live:
            self._say(line.ljust(self._width), at_start=True)
            self._width = len(line)
        else:
            self._say(line + "\n")

    def line(self, elapsed):
        """Returns "train 37/200 runs  1.9 runs/s  1 min 26 s left" after `elapsed` seconds."""
        parts = [f"train {self.done}/{self.total} runs"]
        if self._left_out:
            parts.append(f"{self._left_out} left out")
        if self.stalled:
            parts.append(f"{self.stalled} of {self._workers} workers without progress")
        if self.finished_here and elapsed > 0:
            seconds = {
                name: statistics.fmean(times) for name, times in self._seconds.items() if times
            }
            parts.append(f"{self.finished_here / elapsed:.2g} runs/s")
            parts.append(f"{duration(time_left(self._left, seconds) / self._workers)} left")
        return "  ".join(parts)

    def close(self):
        """Ends the live line, so that what follows starts on its own."""
        if self._live and self._width:
            self._say("\n")

    def _say(self, text, *, at_start=False):
        # The terminal may be gone, which is no reason to end a sweep.
        with contextlib.suppress(OSError):
            if at_start:
                output.control(self._stream, "\r")
            self._stream.write(text)
            self._stream.flush()


def time_left(left, seconds):
    """Returns the seconds that one worker needs for what is left.

    Args:
      left: {point: number of runs}.
      seconds: {point: seconds of one run}, of at least one point; a point without is taken to cost
        the mean of the others.
    """
    usual = statistics.fmean(seconds.values())
    return sum(
        number * (seconds[point] if point in seconds else usual) for point, number in left.items()
    )


def duration(seconds):
    """Returns "42 s", "1 min 26 s", "3 h 05 min" or "2 d 4 h"."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"
