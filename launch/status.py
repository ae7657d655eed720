"""Print what of a study is done, missing or broken: flags plus one call."""

import sys
import time

from memkit.launch import flags, values

from memkit import cli, output, studies
from memkit.sweeps import status

_WORKDIR = flags.workdir()
_WATCH = flags.watch()


def main() -> int:
    seconds = values.watch_seconds(_WATCH.value)
    study = studies.load(values.required("workdir", _WORKDIR.value))
    known: dict[tuple[str, int], status.Info] = {}
    to_top = "\x1b[H\x1b[J" if seconds and sys.stdout.isatty() else ""
    while True:
        current = status.look(study, known)
        output.control(sys.stdout, to_top)
        print(status.text(study, current), flush=True)
        if seconds is None or current.is_over:
            return 0
        time.sleep(seconds)


if __name__ == "__main__":
    cli.launch("status", main, sys.argv[1:])
