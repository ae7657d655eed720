"""Result of the question whether the runs suffice."""

import dataclasses
from collections.abc import Mapping

from memkit.estimators import SplitHalf
from memkit.estimators.convergence import Agreement


@dataclasses.dataclass(frozen=True)
class Halves:
    """Agreement of two halves of the runs, with what it predicts for all runs.

    Attributes:
      halves: agreement of scores from separate halves of the runs.
      pearson_full: correlation that `halves` predicts for all runs (Spearman-Brown); NaN for pooled
        scores, to which the formula does not apply.
      spearman_full: rank correlation that it predicts for all runs; NaN for pooled scores.
    """

    halves: Agreement
    pearson_full: float
    spearman_full: float


@dataclasses.dataclass(frozen=True)
class Quantiles:
    """A quantity of the examples.

    Attributes:
      median: over examples.
      q90: 90% quantile over examples.
    """

    median: float
    q90: float


@dataclasses.dataclass(frozen=True)
class HalfWidths:
    """Half widths of the 95% intervals of the examples.

    Attributes:
      now: half widths with the present runs.
      runs_for: {target half width: number of runs at which it is reached}. For pooled scores the
        median is NaN, since no formula is known, and the 90% quantile is that of
        `estimators.precision`.
    """

    now: Quantiles
    runs_for: Mapping[float, Quantiles]


@dataclasses.dataclass(frozen=True)
class PointConvergence:
    """Convergence at one point.

    Attributes:
      num_runs: number of runs.
      agreement: {outcome: {score: one entry per number of runs in a half}}, see
        `estimators.convergence.agreements`. "pooled" has the scores "memorization" and
        "against_raw" of `estimators.convergence.pooled_agreements`, over at most 2,000 random
        examples.
      half_widths: {outcome: {score: HalfWidths}}; "pooled" has the score "memorization".
    """

    num_runs: int
    agreement: Mapping[str, Mapping[str, tuple[Halves, ...]]]
    half_widths: Mapping[str, Mapping[str, HalfWidths]]


@dataclasses.dataclass(frozen=True)
class Convergence:
    """Convergence of every point.

    Attributes:
      points: {point: PointConvergence}, of the points with two runs or more.
      split_half: {point: SplitHalf}, agreement of memorization between two halves of the runs.
    """

    points: Mapping[str, PointConvergence]
    split_half: Mapping[str, SplitHalf]
