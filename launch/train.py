"""Train the missing runs of a study, or a part of them: flags plus one call."""

import sys
import time

from memkit import cli

from . import flags, stages

_CONFIG = flags.config()
_WORKDIR = flags.workdir()
_PLACEMENT = flags.placement()
_SELECTION = flags.selection()


def main():
    started = time.monotonic()
    workdir = flags.required("workdir", _WORKDIR.value)
    chosen = flags.chosen(_SELECTION)
    config = flags.resolved(_CONFIG.value, workdir)
    placement = flags.placed(_PLACEMENT, config)
    study = stages.open_study(config, workdir)
    trained = stages.train(study, placement, **chosen)
    stages.say_time(started)
    return stages.say_failures(trained.failures)


if __name__ == "__main__":
    cli.launch("train", main, sys.argv[1:])
