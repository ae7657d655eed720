import errno
import io
import os
import pty
import subprocess
import sys
import termios

import pytest

from memkit.sweeps import progress as progress_lib
from memkit.sweeps.progress import Progress, Training, duration
from memkit.typing import Epochs


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_last_line_counts_every_run():
    stream = io.StringIO()
    progress = Progress({"a": 3, "b": 2}, workers=2, stream=stream)
    for point in "aabab":
        progress.finished(point, 1.0)
    progress.close()
    assert stream.getvalue().splitlines()[-1].startswith("train 5/5 runs")
    assert stream.getvalue().endswith("0 s left\n")


def test_time_left_weighs_points_by_their_own_cost():
    progress = Progress({"cheap": 11, "dear": 3}, workers=2, stream=io.StringIO())
    progress.finished("cheap", 1.0)
    progress.finished("dear", 100.0)
    assert "1 min 45 s left" in progress.line(elapsed=10.0)  # (10 * 1 + 2 * 100) / 2


def test_a_point_without_runs_is_taken_to_cost_the_mean_of_the_others():
    progress = Progress({"seen": 2, "unseen": 4}, workers=1, stream=io.StringIO())
    progress.finished("seen", 3.0)
    assert "15 s left" in progress.line(elapsed=3.0)


def test_a_terminal_gets_one_line_that_is_rewritten():
    stream = Terminal()
    progress = Progress({"a": 2}, workers=1, stream=stream)
    progress.show(force=True)
    progress.finished("a", 1.0)
    progress.finished("a", 1.0)
    progress.close()
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().startswith("\r")


def test_a_bar_grows_with_the_runs_that_are_done():
    stream = Terminal()
    progress = Progress({"a": 4}, workers=1, stream=stream)
    for _ in range(4):
        progress.finished("a", 1.0)
        progress.show(force=True)
    bars = [line[: line.index("]")].count("#") for line in stream.getvalue().split("\r")[1:]]
    lengths = {line.index("]") for line in stream.getvalue().split("\r")[1:]}
    assert bars == sorted(bars) and len(lengths) == 1
    assert bars[-1] == lengths.pop() - 1  # Full, without the bracket.


@pytest.mark.parametrize("columns", range(1, 120, 7))
def test_no_line_is_wider_than_a_terminal(columns):
    text = "train 37/200 runs  1.9 runs/s  1 min 26 s left"
    line = progress_lib.with_bar(text, 37 / 200, columns)
    assert len(line) <= columns - 1
    assert line.endswith(text) or text.startswith(line)


def test_a_real_terminal_gets_a_bar_that_fits_its_width():
    code = """
import sys
from memkit.sweeps.progress import Progress
progress = Progress({"a": 2}, workers=1, stream=sys.stderr)
progress.finished("a", 1.0)
progress.finished("a", 1.0)
progress.close()
"""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 66))
    done = subprocess.run([sys.executable, "-c", code], stderr=theirs)
    os.close(theirs)
    text = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0, text
    lines = [line.strip() for line in text.split("\r") if line.strip()]
    assert lines[-1].startswith("[###") and {len(line) <= 65 for line in lines} == {True}


def test_items_are_counted_in_a_terminal_and_hardly_elsewhere():
    terminal, file = Terminal(), io.StringIO()
    assert list(progress_lib.counted("abc", "compare", terminal)) == list("abc")
    assert list(progress_lib.counted("abc", "compare", file)) == list("abc")
    assert "compare 0/3" in terminal.getvalue() and terminal.getvalue().endswith("\n")
    assert file.getvalue() == ""


def test_a_shorter_line_covers_the_longer_one_before_it():
    stream = Terminal()
    progress = Progress({"a": 2}, workers=1, stream=stream)
    progress.finished("a", 90000.0)
    progress.show(force=True)
    progress.finished("a", 1.0)
    before, after = stream.getvalue().split("\r")[-2:]
    assert len(after) >= len(before.rstrip())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (86, "1 min 26 s"), (11100, "3 h 05 min"), (190000, "2 d 4 h")],
)
def test_durations_are_readable(seconds, text):
    assert duration(seconds) == text


def test_runs_done_elsewhere_count_as_done_and_not_as_speed():
    progress = Progress({"a": 10}, workers=1, stream=io.StringIO())
    progress.finished("a", 2.0)
    progress.finished_elsewhere("a", 5)
    assert progress.line(elapsed=2.0) == "train 6/10 runs  0.5 runs/s  8 s left"
    assert (progress.done, progress.finished_here) == (6, 1)


def test_runs_in_training_count_by_their_epochs():
    stream = Terminal()
    progress = Progress({"a": 4, "b": 3}, workers=2, stream=stream)
    progress.finished("a", 10.0)
    progress.training = [Training("b", 2, Epochs(1, 4)), Training("a", 1, Epochs(3, 6))]
    text = "train 1/7 runs  at epochs 1/4 to 3/6  0.1 runs/s  25 s left"  # (2.5 + 2.5) * 10 / 2
    assert progress.line(elapsed=10.0) == text
    progress.show(force=True)
    bar, _, _ = stream.getvalue().split("\r")[-1].partition("]")
    assert bar.count("#") == int(2 / 7 * (len(bar) - 1))
    progress.training = [Training("a", 1, Epochs(4, 6))]
    assert "  at epoch 4/6  " in progress.line(elapsed=10.0)


def test_runs_left_out_are_counted_and_cost_no_time():
    stream = io.StringIO()
    progress = Progress({"a": 4}, workers=1, stream=stream)
    progress.finished("a", 1.0)
    progress.leave_out("a", 2)
    assert "train 1/4 runs  2 left out" in progress.line(elapsed=1.0)
    assert "1 s left" in progress.line(elapsed=1.0)
    progress.finished("a", 1.0)
    assert stream.getvalue().splitlines()[-1].startswith("train 2/4 runs  2 left out")


def test_a_closed_terminal_does_not_end_a_sweep():
    class Gone(Terminal):
        def write(self, text):
            raise OSError(errno.EIO, "the terminal is gone")

    progress = Progress({"a": 1}, workers=1, stream=Gone())
    progress.show(force=True)
    progress.finished("a", 1.0)
    progress.close()
    assert progress.done == 1
