"""Say what a study costs, before anything starts: flags plus one call."""

import sys

from memkit import cli, studies
from memkit.sweeps import costs, local
from memkit.training import engines, work

from . import flags

_CONFIG = flags.config()
_WORKDIR = flags.workdir()
_ENGINE = flags.engine()
_WORKERS = flags.workers()
_NO_MEASURE = flags.switch("no_measure", "only count; train nothing and import no engine")


def main():
    config = flags.resolved(_CONFIG.value, _WORKDIR.value)
    engine = None if _NO_MEASURE.value else _ENGINE.value
    if engine:
        engines.check(engine)
    study = studies.draft(config, work.load_dataset(config))
    workers = _WORKERS.value or local.available_cores()
    print(costs.text(study, engine=engine, workers=workers))
    return 0


if __name__ == "__main__":
    cli.launch("plan", main, sys.argv[1:])
