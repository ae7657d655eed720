"""Say what of a study is done, missing or broken: flags plus one call."""

import sys
import time

from memkit.launch import flags, values

from memkit import cli, output, studies
from memkit.errors import expected
from memkit.sweeps import status

_WORKDIR = flags.workdir()
_WATCH = flags.watch()


def main():
    seconds = _seconds(_WATCH.value)
    study = studies.load(values.required("workdir", _WORKDIR.value))
    known, home = {}, "\x1b[H\x1b[J" if seconds and sys.stdout.isatty() else ""
    while True:
        found = status.look(study, known)
        output.control(sys.stdout, home)
        print(status.text(study, found), flush=True)
        if seconds is None or found.is_over:
            return 0
        time.sleep(seconds)


def _seconds(text):
    """Returns the seconds that --watch stands for, None where it is not given."""
    if text in (None, "true", "false"):
        return 5.0 if text == "true" else None
    (seconds,) = values.numbers("--watch", [text])
    if not 0 < seconds <= 86400:
        raise expected("--watch", "seconds above 0 and up to a day", text)
    return seconds


if __name__ == "__main__":
    cli.launch("status", main, sys.argv[1:])
