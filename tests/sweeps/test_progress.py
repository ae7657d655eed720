import errno
import io

import pytest

from memkit.sweeps.progress import Progress, duration


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
