"""When a study has runs enough: the rule of `memkit run --until_halfwidth`.

Intervals decide when to stop, so they hold a little less often than they say; looking at whole
blocks, and never before 100 runs, keeps that small.
"""

import dataclasses

import numpy as np

from memkit import analysis, big_arrays, estimators, subsets
from memkit.errors import expected
from memkit.estimators import intervals

LEAST_RUNS = 100
SHARE = 0.95  # of the examples whose intervals must be narrow enough


@dataclasses.dataclass(frozen=True)
class Stop:
    """Where a rule stopped a study.

    Attributes:
      wanted: float, the half width asked for.
      half_width: float, the one that 95% of the examples do not exceed at any point.
      runs: int, runs per point after which the rule was looked at last.
      block: int, runs that were added at a time.
    """

    wanted: float
    half_width: float
    runs: int
    block: int

    @property
    def is_reached(self):
        """True where the intervals are as narrow as wanted."""
        return self.half_width <= self.wanted


def check(wanted, config):
    """Refuses a half width, or a study too small for the rule, with an InputError."""
    if not 0 < wanted < 1:
        raise expected("--until_halfwidth", "a half width above 0 and below 1", wanted)
    if (num_runs := config["subsets"]["num_runs"]) <= LEAST_RUNS:
        wanted = f"a study of more than {LEAST_RUNS} runs (subsets.num_runs)"
        raise expected("--until_halfwidth", wanted, num_runs)


def looks(config):
    """Returns (numbers of runs after which to look, block): whole blocks, at last all runs."""
    block = subsets.block_size(config["subsets"]["train_fraction"])
    first = -(-LEAST_RUNS // block) * block
    num_runs = config["subsets"]["num_runs"]
    return [*range(first, num_runs, block), num_runs], block


def half_width(study):
    """Returns the half width of the 95% intervals that 95% of the examples do not exceed.

    The intervals are the padded ones of memorization by label probability. The largest of all
    points; infinity where a point has no estimate.
    """
    found = []
    for point in study.points:
        outcomes = analysis.read_outcomes(study, point)
        mask = big_arrays.take(study.train_mask, outcomes.index)
        estimate = estimators.memorization(outcomes.prob, mask)
        halves = intervals.half_widths(estimate.lower, estimate.upper)
        found.append(float(np.quantile(halves, SHARE)) if halves.size else np.inf)
    return max(found)
