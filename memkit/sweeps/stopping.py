"""When a study has enough runs: the rule of `memkit run --until_halfwidth`.

Since the intervals decide when to stop, their coverage is slightly below the nominal one. Checking
only after whole blocks, and never before 100 runs, keeps the difference small.
"""

import dataclasses

import numpy as np

from memkit import analysis, subsets
from memkit.errors import expected
from memkit.estimators import intervals
from memkit.studies import Study
from memkit.typing import Config

LEAST_RUNS = 100
SHARE = 0.95  # of the examples whose intervals must be narrow enough


@dataclasses.dataclass(frozen=True)
class Stop:
    """Where a rule stopped a study.

    Attributes:
      half_width: the half width that 95% of the examples do not exceed at any point.
      runs: runs per point after which the rule was checked last.
      block: runs that were added at a time.
    """

    wanted: float
    half_width: float
    runs: int
    block: int

    @property
    def is_reached(self) -> bool:
        """Whether the intervals are as narrow as requested."""
        return self.half_width <= self.wanted


def check(wanted: float, config: Config) -> None:
    """Checks the requested half width, and that the study has enough runs for the rule.

    Raises:
      InputError: it is not between 0 and 1, or the study has at most 100 runs or no random subsets.
    """
    if not 0 < wanted < 1:
        raise expected("--until_halfwidth", "a half width above 0 and below 1", wanted)
    if (design := config["subsets"]["design"]) == subsets.LEAVE_ONE_OUT:
        raise expected("--until_halfwidth", "a study of random subsets (subsets.design)", design)
    if (num_runs := config["subsets"]["num_runs"]) <= LEAST_RUNS:
        expectation = f"a study of more than {LEAST_RUNS} runs (subsets.num_runs)"
        raise expected("--until_halfwidth", expectation, num_runs)


def looks(config: Config) -> tuple[list[int], int]:
    """Returns (numbers of runs after which to check, runs of a block); the last is all runs."""
    block = subsets.block_size(config["subsets"]["train_fraction"])
    first = -(-LEAST_RUNS // block) * block
    num_runs = config["subsets"]["num_runs"]
    return [*range(first, num_runs, block), num_runs], block


def half_width(study: Study) -> float:
    """Returns the half width of the 95% intervals that 95% of the examples do not exceed.

    This is the largest of all points, infinity if a point has no estimate. The intervals are those
    of the pooled score.
    """
    features, by_point = analysis.image_features(study), []
    for point in study.points:
        outcomes = analysis.read_outcomes(study, point, with_training=True, features=features)
        estimate = outcomes.estimates["pooled"]
        halves = intervals.half_widths(estimate.lower, estimate.upper)
        by_point.append(float(np.quantile(halves, SHARE)) if halves.size else np.inf)
    return max(by_point)
