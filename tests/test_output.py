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


def test_a_guarded_process_prints_no_control_character_but_the_ends_of_lines():
    done = _run(_SCRIPT.format(text=HOSTILE + "\nsecond line"), text=True, encoding="utf-8")
    assert done.stdout.splitlines()[1] == "second line"
    assert "ValueError" in done.stderr and "\\x1b[31mred" in done.stderr
    for text in (done.stdout, done.stderr):
        assert text.replace("\n", "").isprintable()


def test_characters_that_an_encoding_lacks_are_escaped():
    done = _run(_SCRIPT.format(text="caf\u00e9"), env={"PYTHONIOENCODING": "ascii"}, text=True)
    assert done.stdout == "caf\\xe9\n"


def test_closed_streams_stay_closed():
    script = "import sys; sys.stdout = None; from memkit import output; output.guard_output()"
    done = _run(f"{script}; print('x'); assert sys.stdout is None", text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_guarded_terminal_still_gets_a_line_that_is_rewritten():
    terminal = _Terminal()
    progress = Progress({"a": 2}, workers=1, stream=output.Guarded(terminal))
    progress.finished("a", 1.0)
    progress.finished("a", 1.0)
    progress.close()
    assert terminal.getvalue().startswith("\rtrain ") and "\\r" not in terminal.getvalue()
    assert terminal.getvalue().endswith("\n")


def test_a_cell_of_a_table_is_one_line_without_control_characters():
    lines = tables.text(["id", HOSTILE], [[HOSTILE + "\nx", 1], ["plain", None]]).splitlines()
    assert len(lines) == 3 and all(line.isprintable() for line in lines)
    assert lines[1].index("\\nx") > 0 and lines[2].startswith("plain ")
