"""Say what a study costs, before anything starts: flags plus one call."""

import sys

from memkit.launch import flags, values

from memkit import cli, studies
from memkit.data import description
from memkit.sweeps import costs
from memkit.training import images

_CONFIG = flags.config()
_WORKDIR = flags.workdir()
_MODEL = flags.model()
_PLACEMENT = flags.placement()
_NO_MEASURE = flags.switch("no_measure", "only count; train nothing and import no engine")


def main():
    config = values.resolved(_CONFIG.value, _WORKDIR.value, _MODEL.value)
    placement = values.placed(_PLACEMENT, config)
    dataset = images.load_dataset(config)
    study = studies.draft(config, dataset)
    print("\n".join(description.lines(dataset)))
    print(costs.text(study, placement, is_measured=not _NO_MEASURE.value))
    return 0


if __name__ == "__main__":
    cli.launch("plan", main, sys.argv[1:])
