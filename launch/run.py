"""Train what is missing, estimate, and write the report: flags plus one call."""

import sys
import time

from memkit.launch import flags, stages, values

from memkit import cli
from memkit.sweeps import stopping

_CONFIG = flags.config()
_WORKDIR = flags.workdir()
_MODEL = flags.model()
_PLACEMENT = flags.placement()
_EXECUTOR = flags.executor()
_TENSORBOARD = flags.tensorboard()
_UNTIL = flags.number(
    "until_halfwidth",
    "train blocks of runs, at least 100 runs, until the intervals of 95% of the examples are "
    "plus or minus this or narrower at every point; subsets.num_runs is the maximum",
)


def main() -> int:
    started = time.monotonic()
    workdir = values.required("workdir", _WORKDIR.value)
    config = values.resolved(_CONFIG.value, workdir, _MODEL.value)
    if _UNTIL.value is not None:
        stopping.check(_UNTIL.value, config)
    placement = values.placed(_PLACEMENT, config, _EXECUTOR)
    curves = values.curves(_TENSORBOARD.value)
    study = stages.open_study(config, workdir, placement)
    if _UNTIL.value is None:
        trained = stages.train(study, placement, curves=curves)
    else:
        trained = stages.train_until(study, placement, _UNTIL.value, curves=curves)
    stages.estimate(study, started=started, trained=trained)
    stages.write_report(study)
    stages.print_time(started)
    return stages.print_failures(trained)


if __name__ == "__main__":
    cli.launch("run", main, sys.argv[1:])
