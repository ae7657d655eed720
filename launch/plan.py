"""Print what a study costs, before anything starts: flags plus one call."""

import sys

from memkit.launch import flags, stages, values

from memkit import cli, studies
from memkit.data import description
from memkit.sweeps import costs, runs_needed, stopping
from memkit.training import compiler, images

_CONFIG = flags.config()
_WORKDIR = flags.workdir()
_MODEL = flags.model()
_PLACEMENT = flags.placement()
_NO_MEASURE = flags.switch("no_measure", "count only; train nothing and import no engine")
_HALF_WIDTH = flags.number(
    "halfwidth",
    "also print how many runs it takes until the pooled intervals of 95% of the examples are plus "
    "or minus this or narrower at every point; for points with a block of runs in --workdir from "
    "their records, for others from a reference",
)


def main() -> int:
    config = values.resolved(_CONFIG.value, _WORKDIR.value, _MODEL.value)
    if _HALF_WIDTH.value is not None:
        stopping.check_half_width("--halfwidth", _HALF_WIDTH.value, config)
    placement = values.placed(_PLACEMENT, config)
    dataset = images.load_dataset(config)
    study = studies.draft(config, dataset)
    print("\n".join(description.lines(dataset)))
    if compiler.needs_trial(config) and not _NO_MEASURE.value:
        stages.try_out(study, dataset, placement)
    print(costs.text(study, placement, is_measured=not _NO_MEASURE.value))
    if _HALF_WIDTH.value is not None:
        workdir = _WORKDIR.value
        stored = studies.load(workdir) if workdir and studies.exists(workdir) else None
        print(runs_needed.text(study, _HALF_WIDTH.value, stored))
    return 0


if __name__ == "__main__":
    cli.launch("plan", main, sys.argv[1:])
