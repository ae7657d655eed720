"""The progress of a sweep: a live line on a terminal, log lines elsewhere."""

import contextlib
import statistics
import time
from collections.abc import Mapping
from typing import TextIO

from memkit import output

_LIVE_SECONDS = 0.2
_LOG_SECONDS = 15


class Progress:
    """Counts finished runs and shows their number, the speed and the time left.

    The time left follows from the seconds per run measured at each point, since points differ in
    cost; a point without a finished run is assumed to cost the mean of the others.

    Attributes:
      total: number of runs to do.
      stalled: number of workers that make no progress.
    """

    def __init__(self, missing: Mapping[str, int], *, workers: int, stream: TextIO) -> None:
        """Starts at zero.

        Args:
          missing: {point name: number of runs to do}.
          stream: text stream; a terminal gets one line that is rewritten.
        """
        self._left = dict(missing)
        self._left_out = self.stalled = 0
        self._seconds: dict[str, list[float]] = {name: [] for name in missing}
        self.total = sum(missing.values())
        self._workers = workers
        self._stream = stream
        self._live = stream.isatty()
        self._started = self._shown = time.monotonic()
        self._width = 0

    @property
    def done(self) -> int:
        """Number of the runs to do that are done, here or elsewhere."""
        return self.total - self._left_out - sum(self._left.values())

    @property
    def finished_here(self) -> int:
        """Number of runs that this process finished."""
        return sum(map(len, self._seconds.values()))

    def finished(self, point: str, seconds: float) -> None:
        """Counts one run of a point that took `seconds` of wall time."""
        self._left[point] -= 1
        self._seconds[point].append(seconds)
        self.show(force=not any(self._left.values()))

    def finished_elsewhere(self, point: str, number: int) -> None:
        """Counts runs of a point that other processes have finished in the meantime."""
        if number:
            self._left[point] -= number
            self.show(force=not any(self._left.values()))

    def leave_out(self, point: str, number: int = 1) -> None:
        """Counts runs of a point that will not be done."""
        self._left[point] -= number
        self._left_out += number
        self.show(force=not any(self._left.values()))

    def show(self, force: bool = False) -> None:
        """Writes the line if enough time has passed since the last one."""
        now = time.monotonic()
        if not force and now - self._shown < (_LIVE_SECONDS if self._live else _LOG_SECONDS):
            return
        self._shown = now
        line = self.line(now - self._started)
        if self._live:
            self._write(line.ljust(self._width), at_start=True)
            self._width = len(line)
        else:
            self._write(line + "\n")

    def line(self, elapsed: float) -> str:
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

    def close(self) -> None:
        """Ends the live line, so that further output starts on a line of its own."""
        if self._live and self._width:
            self._write("\n")

    def _write(self, text: str, *, at_start: bool = False) -> None:
        # A sweep goes on after its terminal is closed.
        with contextlib.suppress(OSError):
            if at_start:
                output.control(self._stream, "\r")
            self._stream.write(text)
            self._stream.flush()


def time_left(left: Mapping[str, int], seconds: Mapping[str, float]) -> float:
    """Returns the seconds that one worker needs for the remaining runs.

    Args:
      left: {point: number of runs}.
      seconds: {point: seconds of one run}, of at least one point; other points are assumed to cost
        the mean of these.
    """
    usual = statistics.fmean(seconds.values())
    return sum(
        number * (seconds[point] if point in seconds else usual) for point, number in left.items()
    )


def duration(seconds: float) -> str:
    """Returns a duration as text, such as "42 s", "1 min 26 s", "3 h 05 min" or "2 d 4 h".

    Examples:
      >>> duration(86)
      '1 min 26 s'
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"
