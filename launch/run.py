"""Train what is missing, estimate, and write the report: flags plus one call."""

import sys
import time

from memkit import cli
from memkit.training import engines

from . import flags, stages

_CONFIG = flags.config()
_WORKDIR = flags.workdir()
_ENGINE = flags.engine()
_WORKERS = flags.workers()


def main():
    started = time.monotonic()
    workdir = flags.required("workdir", _WORKDIR.value)
    engines.check(_ENGINE.value)
    study = stages.open_study(flags.resolved(_CONFIG.value, workdir), workdir)
    trained = stages.train(study, engine=_ENGINE.value, workers=_WORKERS.value)
    stages.estimate(study, started=started, trained=trained)
    stages.write_report(study)
    stages.say_time(started)
    return stages.say_failures(trained.failures)


if __name__ == "__main__":
    cli.launch("run", main, sys.argv[1:])
