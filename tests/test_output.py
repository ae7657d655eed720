import io
import subprocess
import sys

from memkit import output, tables
from memkit.sweeps.progress import Progress

HOSTILE = "\x1b]0;title\x07\x1b[31mred\x1b[2J\r\u202egnp.exe"
_SCRIPT = """
import sys
from memkit import output
output.guard_output()
output.guard_output()
print({text!r})
print({text!r}, file=sys.stderr)
raise ValueError({text!r})
"""


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def _run(script, **options):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, **options)


def test_a_guarded_process_prints_no_control_characters_except_line_feeds():
    process = _run(_SCRIPT.format(text=HOSTILE + "\nsecond line"), text=True, encoding="utf-8")
    assert process.stdout.splitlines()[1] == "second line"
    assert "ValueError" in process.stderr and "\\x1b[31mred" in process.stderr
    for text in (process.stdout, process.stderr):
        assert text.replace("\n", "").isprintable()


def test_characters_missing_from_the_encoding_are_escaped():
    process = _run(_SCRIPT.format(text="caf\u00e9"), env={"PYTHONIOENCODING": "ascii"}, text=True)
    assert process.stdout == "caf\\xe9\n"


def test_closed_streams_stay_closed():
    script = "import sys; sys.stdout = None; from memkit import output; output.guard_output()"
    process = _run(f"{script}; print('x'); assert sys.stdout is None", text=True)
    assert (process.returncode, process.stdout) == (0, "")


def test_a_progress_line_is_still_rewritten_on_a_guarded_terminal():
    terminal = _Terminal()
    progress = Progress({"a": 2}, workers=1, stream=output.Guarded(terminal))
    progress.finished("a", 1.0)
    progress.finished("a", 1.0)
    progress.close()
    assert terminal.getvalue().startswith("\r[####") and "\\r" not in terminal.getvalue()
    assert terminal.getvalue().endswith("\n")


def test_table_cells_are_single_lines_without_control_characters():
    lines = tables.text(["id", HOSTILE], [[HOSTILE + "\nx", 1], ["plain", None]]).splitlines()
    assert len(lines) == 3 and all(line.isprintable() for line in lines)
    assert lines[1].index("\\nx") > 0 and lines[2].startswith("plain ")


def test_table_cells_without_a_number_are_dashes():
    lines = tables.text(["a", "b"], [[0.5, None], [float("nan"), 2]]).splitlines()
    assert [line.split() for line in lines] == [["a", "b"], ["0.500", "-"], ["-", "2"]]


def test_only_the_logs_of_a_start_are_left_out():
    script = """
import os, sys
from memkit import output
print("before", file=sys.stderr)
with output.without_startup_logs():
    print("from Python", file=sys.stderr)
    os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called\\n")
    os.write(2, b"I0000 00:00:1795793209.305488 27752 port.cc:153] oneDNN custom operations\\n")
    os.write(2, b"2026-11-27 15:00:00.123: I tensorflow/core/cpu_feature_guard.cc:210] This\\n")
    os.write(2, b"To enable the following instructions: AVX2 FMA, rebuild TensorFlow\\n")
    os.write(2, b"an error of a library\\n")
print("after", file=sys.stderr)
"""
    process = _run(script, text=True)
    assert process.returncode == 0, process.stderr
    assert process.stderr.splitlines() == [
        "before",
        "from Python",
        "an error of a library",
        "after",
    ]


def test_errors_written_before_an_exception_are_not_lost():
    script = """
import sys
from memkit import output
with output.without_startup_logs():
    print("the reason", file=sys.stderr)
    raise SystemExit(3)
"""
    process = _run(script, text=True)
    assert (process.returncode, process.stderr) == (3, "the reason\n")
