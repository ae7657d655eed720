"""Turn the run records of a study into scores with intervals: flags plus one call."""

import sys
import time

from memkit.launch import flags, stages, values

from memkit import cli, studies

_WORKDIR = flags.workdir()


def main() -> int:
    started = time.monotonic()
    study = studies.load(values.required("workdir", _WORKDIR.value))
    stages.warn_of_vanished(study)
    stages.estimate(study, started=started)
    return 0


if __name__ == "__main__":
    cli.launch("estimate", main, sys.argv[1:])
