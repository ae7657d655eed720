"""Result of the question whether two sizes memorize the same examples."""

import dataclasses
from collections.abc import Mapping

from memkit.analysis.results import arrays
from memkit.comparisons import CrossHalf
from memkit.estimators import WithError
from memkit.typing import Array


@dataclasses.dataclass(frozen=True)
class PairAgreement:
    """Agreement of memorization at two points of a series, over the runs that both have.

    Attributes:
      series: name of the series.
      outcome: one of `studies.OUTCOMES`.
      first: name of the first point.
      second: name of the second point, which comes later on the axis.
      steps: their distance on the axis, 1 for neighbors.
      num_runs: number of runs.
      num_examples: number of examples defined at both points.
      spearman: rank correlation, -1 to 1, higher = more agreement.
      pearson: correlation, -1 to 1.
      mean_difference: mean of second - first.
      mean_absolute_difference: mean of its absolute value.
      ceiling: what the noise of the runs leaves of a perfect rank correlation, 0 to 1.
      halves: correlations between halves of the runs, see `comparisons.CrossHalf`.
      jaccard: Jaccard index of the sets at or above the threshold, 0 to 1.
    """

    series: str
    outcome: str
    first: str
    second: str
    steps: int
    num_runs: int
    num_examples: int
    spearman: WithError
    pearson: float
    mean_difference: WithError
    mean_absolute_difference: float
    ceiling: float
    halves: CrossHalf
    jaccard: WithError


@dataclasses.dataclass(frozen=True, eq=False)
class Agreement:
    """Agreement of every two points of each series.

    Attributes:
      threshold: memorization from which an example counts as memorized.
      pairs: one entry per outcome and two points.
      curves: {name: [P, K]} of the P pairs, in their order: the fields of `comparisons.Curves`, and
        "jaccard_stderr", "jaccard_margin", "difference_stderr", "difference_margin".
    """

    threshold: float
    pairs: tuple[PairAgreement, ...]
    curves: Mapping[str, Array] = arrays()
