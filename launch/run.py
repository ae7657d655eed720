"""Train what is missing, estimate, and write the report: flags plus one call."""

import sys
import time

from memkit import cli

from . import flags, stages, values

_CONFIG = flags.config()
_WORKDIR = flags.workdir()
_PLACEMENT = flags.placement()
_EXECUTOR = flags.executor()


def main():
    started = time.monotonic()
    workdir = values.required("workdir", _WORKDIR.value)
    config = values.resolved(_CONFIG.value, workdir)
    placement = values.placed(_PLACEMENT, config, _EXECUTOR)
    study = stages.open_study(config, workdir)
    trained = stages.train(study, placement)
    stages.estimate(study, started=started, trained=trained)
    stages.write_report(study)
    stages.say_time(started)
    return stages.say_failures(trained)


if __name__ == "__main__":
    cli.launch("run", main, sys.argv[1:])
