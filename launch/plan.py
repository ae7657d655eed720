"""Print what a study costs, before anything starts: flags plus one call."""

import sys
from collections.abc import Callable

from memkit.launch import flags, stages, values

from memkit import cli, studies, subsets
from memkit.data import description
from memkit.printable import printable
from memkit.sweeps import costs, runs_needed, stopping
from memkit.training import compiler

_CONFIG = flags.config()
_WORKDIR = flags.workdir()
_MODEL = flags.model()
_PLACEMENT = flags.placement()
_NO_MEASURE = flags.switch("no_measure", "count only; train nothing and import no engine")
_HALF_WIDTH = flags.number(
    "halfwidth",
    "also print how many runs it takes until the pooled intervals of 95% of the examples are plus "
    "or minus this or narrower at every point, and what they cost; for points with a block of runs "
    "in --workdir from their records, for others from a reference",
)


def main() -> int:
    config = values.resolved(_CONFIG.value, _WORKDIR.value, _MODEL.value)
    if _HALF_WIDTH.value is not None:
        stopping.check_half_width("--halfwidth", _HALF_WIDTH.value, config)
    placement = values.placed(_PLACEMENT, config)
    dataset = stages.read_dataset(config)
    study = studies.draft(config, dataset)
    print("\n".join(description.lines(dataset)), flush=True)
    if compiler.needs_trial(config) and not _NO_MEASURE.value:
        stages.try_out(study, dataset, placement)
    if _NO_MEASURE.value:
        of_points = costs.counted(study)
    else:
        if warning := stages.warning_of_memory(study, dataset, placement):
            print(warning, flush=True)
        print(f"measuring the seconds per run of {len(study.points)} points ...", flush=True)
        of_points = costs.measured(study, placement)
    workers = len(placement.worker_envs)
    print(costs.text(study, of_points, workers), flush=True)
    if config["subsets"]["design"] != subsets.LEAVE_ONE_OUT:
        print(f"\n{_advice(study, lambda runs: costs.seconds(of_points, runs, workers))}")
    return 0


def _advice(study: studies.Study, seconds: Callable[[int], float | None]) -> str:
    """Returns what several numbers of runs cost and give, and what --halfwidth asks for."""
    workdir, wanted = _WORKDIR.value, _HALF_WIDTH.value
    is_stored = workdir and studies.exists(workdir)
    widths: dict[str, stopping.PointWidth] = {}
    if is_stored:
        print(f"reading the records in {printable(workdir)} ...", flush=True)
        widths = runs_needed.recorded(study, studies.load(workdir))
    advice = runs_needed.table(study, widths, seconds, wanted)
    return advice if wanted is None else f"{advice}\n\n{runs_needed.text(study, wanted, widths)}"


if __name__ == "__main__":
    cli.launch("plan", main, sys.argv[1:])
