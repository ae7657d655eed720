"""Join studies of one fingerprint that were trained separately: flags plus one call."""

import shlex
import sys
import time

from absl import logging
from memkit.launch import flags, stages, values

from memkit import cli, studies
from memkit.errors import expected
from memkit.studies.merge import merge

_WORKDIR = flags.workdir()
_WITH = flags.each(
    "with",
    "a study to take runs from, equal except for its numbers of runs and points; may be repeated",
)
_MOST_LINES = 10  # about individual runs


def main() -> int:
    started = time.monotonic()
    workdir = values.required("workdir", _WORKDIR.value)
    if not _WITH.value:
        raise expected("--with", "at least one study", "none")
    _, merged = merge(workdir, _WITH.value, command=shlex.join(["memkit", *sys.argv[1:]]))
    for source in merged:
        stages.warn_of_vanished(studies.load(source.source))
        for name, reason in source.problems.items():
            logging.warning("%s is left out: %s", source.source / name, reason)
        for name, run in source.different[:_MOST_LINES]:
            logging.info("%s: run %d of %s has other numbers; not taken", source.source, run, name)
        print(
            f"merge: {source.source}: {source.copied} runs copied, {source.same} already present, "
            f"{len(source.different)} already present with other numbers, which are kept"
        )
    stages.print_time(started)
    return 1 if any(source.problems for source in merged) else 0


if __name__ == "__main__":
    cli.launch("merge", main, sys.argv[1:])
