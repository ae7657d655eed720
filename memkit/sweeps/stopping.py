"""When a study has enough runs: the rule of `memkit run --until_halfwidth`.

Since the intervals decide when to stop, their coverage is slightly below the nominal one. Checking
only after whole blocks, and never before 100 runs, keeps the difference small.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from memkit import analysis, subsets
from memkit.errors import expected
from memkit.estimators import intervals
from memkit.estimators.precision import SHARE
from memkit.studies import Point, Study
from memkit.typing import Config

LEAST_RUNS = 100


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


@dataclasses.dataclass(frozen=True)
class PointWidth:
    """The half width that 95% of the pooled 95% intervals of a point do not exceed.

    Attributes:
      runs: usable runs of the point.
      half_width: infinity if there is no estimate.
    """

    runs: int
    half_width: float


def check(wanted: float, config: Config) -> None:
    """Checks the requested half width, and that the study has enough runs for the rule.

    Raises:
      InputError: it is not between 0 and 1, or the study has at most 100 runs or no random subsets.
    """
    check_half_width("--until_halfwidth", wanted, config)
    if (num_runs := config["subsets"]["num_runs"]) <= LEAST_RUNS:
        expectation = f"a study of more than {LEAST_RUNS} runs (subsets.num_runs)"
        raise expected("--until_halfwidth", expectation, num_runs)


def check_half_width(flag: str, wanted: float, config: Config) -> None:
    """Checks a half width of a flag, and that the study has random subsets.

    Raises:
      InputError: it is not between 0 and 1, or the study leaves single examples out.
    """
    if not 0 < wanted < 1:
        raise expected(flag, "a half width above 0 and below 1", wanted)
    if (design := config["subsets"]["design"]) == subsets.LEAVE_ONE_OUT:
        raise expected(flag, "a study of random subsets (subsets.design)", design)


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
    return max(width.half_width for width in half_widths(study, study.points).values())


def half_widths(study: Study, points: Sequence[Point]) -> dict[str, PointWidth]:
    """Returns {name: PointWidth} of some points, from the records that they have now."""
    features, widths = analysis.image_features(study), {}
    for point in points:
        outcomes = analysis.read_outcomes(study, point, with_training=True, features=features)
        estimate = outcomes.estimates["pooled"]
        halves = intervals.half_widths(estimate.lower, estimate.upper)
        high = float(np.quantile(halves, SHARE)) if halves.size else np.inf
        widths[point.name] = PointWidth(len(outcomes.runs), high)
    return widths
