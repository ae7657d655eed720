"""Train the missing runs of a study, or a part of them: flags plus one call."""

import sys
import time

from memkit.launch import flags, stages, values

from memkit import cli

_CONFIG = flags.config()
_WORKDIR = flags.workdir()
_MODEL = flags.model()
_PLACEMENT = flags.placement()
_EXECUTOR = flags.executor()
_TENSORBOARD = flags.tensorboard()
_SELECTION = flags.selection()


def main() -> int:
    started = time.monotonic()
    workdir = values.required("workdir", _WORKDIR.value)
    selected = values.selected(_SELECTION)
    config = values.resolved(_CONFIG.value, workdir, _MODEL.value)
    placement = values.placed(_PLACEMENT, config, _EXECUTOR)
    curves = values.curves(_TENSORBOARD.value)
    study = stages.open_study(config, workdir, placement)
    trained = stages.train(study, placement, **selected, curves=curves)
    stages.print_time(started)
    return stages.print_failures(trained)


if __name__ == "__main__":
    cli.launch("train", main, sys.argv[1:])
