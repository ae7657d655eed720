"""The progress of a sweep: a live line on a terminal, log lines elsewhere."""

import time

_LIVE_SECONDS = 0.2
_LOG_SECONDS = 15


class Progress:
    """Counts finished runs and says how many, how fast and how long still.

    The time left comes from the seconds per run seen at each point, since points differ in cost;
    a point without a finished run is taken to cost the mean of the others.
    """

    def __init__(self, missing, *, workers, stream):
        """Starts at zero.

        Args:
          missing: {point name: number of runs to do}.
          workers: how many run side by side.
          stream: text stream; a terminal gets one line that is rewritten.
        """
        self._left = dict(missing)
        self._seconds = {name: [] for name in missing}
        self._total = sum(missing.values())
        self._workers = workers
        self._stream = stream
        self._live = stream.isatty()
        self._started = self._shown = time.monotonic()
        self._width = 0

    @property
    def done(self):
        return self._total - sum(self._left.values())

    def finished(self, point, seconds):
        """Counts one run of a point that took `seconds` of wall time."""
        self._left[point] -= 1
        self._seconds[point].append(seconds)
        self.show(force=self.done == self._total)

    def show(self, force=False):
        """Writes the line if enough time has passed since the last."""
        now = time.monotonic()
        if not force and now - self._shown < (_LIVE_SECONDS if self._live else _LOG_SECONDS):
            return
        self._shown = now
        line = self.line(now - self._started)
        if self._live:
            self._stream.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def line(self, elapsed):
        """Returns "train 37/200 runs  1.9 runs/s  1 min 26 s left" after `elapsed` seconds."""
        parts = [f"train {self.done}/{self._total} runs"]
        if self.done and elapsed > 0:
            parts.append(f"{self.done / elapsed:.2g} runs/s")
            parts.append(f"{duration(self._time_left())} left")
        return "  ".join(parts)

    def close(self):
        """Ends the live line, so that what follows starts on its own."""
        if self._live and self._width:
            self._stream.write("\n")
            self._stream.flush()

    def _time_left(self):
        seen = [s for seconds in self._seconds.values() for s in seconds]
        usual = sum(seen) / len(seen)
        cost = 0.0
        for point, left in self._left.items():
            seconds = self._seconds[point]
            cost += left * (sum(seconds) / len(seconds) if seconds else usual)
        return cost / self._workers


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
