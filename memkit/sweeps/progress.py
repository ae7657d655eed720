"""Progress: a bar in a terminal, log lines elsewhere."""

import contextlib
import dataclasses
import os
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TextIO, TypeVar

from memkit import output
from memkit.typing import Epochs

_LIVE_SECONDS = 0.2
_LOG_SECONDS = 15
_COLUMNS = 80  # of a terminal that does not tell its width
_BARS = (40, 20, 10)  # lengths of bars; few, so that a bar keeps its length

T = TypeVar("T")


class Line:
    """A line with a bar that is rewritten in a terminal; in other streams, a line now and then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # A notebook rewrites a line as a terminal does.
        self._live = stream.isatty() or type(stream).__module__ == "ipykernel.iostream"
        self._shown = time.monotonic()
        self._width = 0

    def is_due(self) -> bool:
        """Returns whether enough time has passed since the last line."""
        seconds = _LIVE_SECONDS if self._live else _LOG_SECONDS
        return time.monotonic() - self._shown >= seconds

    def show(self, text: str, share: float) -> None:
        """Writes a line.

        Args:
          text: what is being done.
          share: how much of it is done, 0 to 1.
        """
        self._shown = time.monotonic()
        if not self._live:
            self._write(text + "\n")
            return
        columns = self._columns()
        line = with_bar(text, share, columns)
        self._write(line.ljust(min(self._width, columns - 1)), at_start=True)
        self._width = len(line)

    def close(self) -> None:
        """Ends a line that would be rewritten, so that further output starts on its own line."""
        if self._live and self._width:
            self._write("\n")
            self._width = 0

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _COLUMNS
        except (OSError, ValueError):  # A stream that is no file has no number.
            return _COLUMNS

    def _write(self, text: str, *, at_start: bool = False) -> None:
        # A sweep goes on after its terminal is closed.
        with contextlib.suppress(OSError):
            if at_start:
                output.control(self._stream, "\r")
            self._stream.write(text)
            self._stream.flush()


def with_bar(text: str, share: float, columns: int) -> str:
    """Returns a line that fits a terminal: a bar and a text, or the text alone if it is narrow.

    The last column stays free, because some terminals begin a new line after it.

    Args:
      text: one line; its end is cut if it does not fit.
      share: how much of the bar is filled, 0 to 1.
      columns: width of the terminal in characters.

    Examples:
      >>> with_bar("train 3/4 runs", 0.75, 30)
      '[#######---] train 3/4 runs'
    """
    room = columns - 1 - len("[] ") - len(text)
    length = next((length for length in _BARS if length <= room), 0)
    if not length:
        return text[: max(columns - 1, 0)]
    filled = int(share * length)
    return f"[{'#' * filled}{'-' * (length - filled)}] {text}"


def counted(items: Sequence[T], verb: str, stream: TextIO) -> Iterator[T]:
    """Yields items one by one and shows how many of them are done.

    Args:
      items: what is worked on while it is yielded.
      verb: what is done with them, the first word of the line.
      stream: text stream; nothing is written for a single item.
    """
    line = Line(stream)
    for done, item in enumerate(items):
        if len(items) > 1 and (line.is_due() or (not done and stream.isatty())):
            line.show(f"{verb} {done}/{len(items)}", done / len(items))
        yield item
    line.close()


@dataclasses.dataclass(frozen=True)
class Training:
    """Runs that a worker trains at the same time.

    Attributes:
      point: name of their point.
      num_runs: how many they are.
      epochs: how far they are.
    """

    point: str
    num_runs: int
    epochs: Epochs

    @property
    def share(self) -> float:
        """How much of the runs is done, in runs."""
        return self.num_runs * self.epochs.done / self.epochs.total


class Progress:
    """Counts finished runs and shows their number, the speed and the time left.

    The time left follows from the seconds per run measured at each point, since points differ in
    cost; a point without a finished run is assumed to cost the mean of the others.

    Attributes:
      total: number of runs to do.
      stalled: number of workers that make no progress.
      training: the runs in training, of the workers that reported how far they are.
    """

    def __init__(self, missing: Mapping[str, int], *, workers: int, stream: TextIO) -> None:
        """Starts at zero.

        Args:
          missing: {point name: number of runs to do}.
          stream: text stream; a terminal gets a bar that is rewritten.
        """
        self._left = dict(missing)
        self._left_out = self.stalled = 0
        self.training: Sequence[Training] = ()
        self._seconds: dict[str, list[float]] = {name: [] for name in missing}
        self.total = sum(missing.values())
        self._workers = workers
        self._line = Line(stream)
        self._started = time.monotonic()

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
        if force or self._line.is_due():
            line = self.line(time.monotonic() - self._started)
            done = self.done + sum(each.share for each in self.training)
            self._line.show(line, done / max(1, self.total))

    def line(self, elapsed: float) -> str:
        """Returns "train 37/200 runs  1.9 runs/s  1 min 26 s left" after `elapsed` seconds."""
        parts = [f"train {self.done}/{self.total} runs"]
        if self._left_out:
            parts.append(f"{self._left_out} left out")
        if self.stalled:
            parts.append(f"{self.stalled} of {self._workers} workers without progress")
        if self.training:
            parts.append(f"at {epochs_text(each.epochs for each in self.training)}")
        if self.finished_here and elapsed > 0:
            seconds = {
                name: statistics.fmean(times) for name, times in self._seconds.items() if times
            }
            parts.append(f"{self.finished_here / elapsed:.2g} runs/s")
            left: dict[str, float] = dict(self._left)
            for each in self.training:
                left[each.point] -= each.share
            parts.append(f"{duration(time_left(left, seconds) / self._workers)} left")
        return "  ".join(parts)

    def close(self) -> None:
        """Ends the bar, so that further output starts on a line of its own."""
        self._line.close()


def epochs_text(epochs: Iterable[Epochs]) -> str:
    """Returns how far runs are, from the least to the most advanced one; "" of no run.

    Examples:
      >>> epochs_text([Epochs(12, 30)]), epochs_text([Epochs(12, 30), Epochs(3, 30)])
      ('epoch 12/30', 'epochs 3/30 to 12/30')
    """
    ordered = sorted(epochs, key=lambda each: each.done / each.total)
    texts = list(dict.fromkeys(f"{each.done}/{each.total}" for each in ordered))
    if len(texts) > 1:
        return f"epochs {texts[0]} to {texts[-1]}"
    return "".join(f"epoch {text}" for text in texts)


def time_left(left: Mapping[str, float], seconds: Mapping[str, float]) -> float:
    """Returns the seconds that one worker needs for the remaining runs.

    Args:
      left: {point: number of runs, without the done shares of those in training}.
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
