"""Join studies of one fingerprint whose runs were made apart: flags plus one call."""

import shlex
import sys
import time

from absl import logging
from memkit.launch import flags, stages, values

from memkit import cli
from memkit.errors import expected
from memkit.studies.merge import merge

_WORKDIR = flags.workdir()
_WITH = flags.each(
    "with", "a study to take runs from, the same but for growth; given once for each study"
)
_MOST_LINES = 10  # about single runs


def main():
    started = time.monotonic()
    workdir = values.required("workdir", _WORKDIR.value)
    if not _WITH.value:
        raise expected("--with", "at least one study", "none")
    study, taken = merge(workdir, _WITH.value, command=shlex.join(["memkit", *sys.argv[1:]]))
    for part in taken:
        for name, reason in part.problems.items():
            logging.warning("%s is left out: %s", part.source / name, reason)
        for name, run in part.different[:_MOST_LINES]:
            logging.info("%s: run %d of %s has other numbers; not taken", part.source, run, name)
        print(
            f"merge: {part.source}: {part.copied} runs copied, {part.same} there already, "
            f"{len(part.different)} there already with other numbers, which stay"
        )
    stages.say_time(started)
    return 1 if any(part.problems for part in taken) else 0


if __name__ == "__main__":
    cli.launch("merge", main, sys.argv[1:])
