"""What subsets cost: scores from subsets of several sizes against leaving out one example alone."""

import dataclasses
import functools
import sys
from collections.abc import Sequence

import altair as alt
import numpy as np

from memkit import comparisons, subsets, tables
from memkit.analysis import across
from memkit.charts import lines, theme
from memkit.errors import expected
from memkit.estimators import WithError, extrapolation
from memkit.studies import Point, Study
from memkit.sweeps import progress
from memkit.typing import FloatArray, Json

EXTRAPOLATED = "extrapolated"
TITLES = {"correct": "right or wrong", "prob": "probability"}
_COLUMNS = ("subsets", "outcome", "runs", "mean", "bias", "±", "Spearman", "±", "RMSE", "ceiling")
_NOTES = (
    "bias: mean of the score minus memorization with one example left out",
    "±: half a 95% interval over the runs of all studies",
    "extrapolated: from all of these studies to leaving out one example, see docs/methods.md",
    "ceiling: what the noise of the leave-one-out scores leaves of a perfect rank correlation",
)


@dataclasses.dataclass(frozen=True)
class Cost:
    """How scores from subsets of one size differ from leave-one-out scores.

    Attributes:
      name: share of the examples that the runs train on, such as "70%", or `EXTRAPOLATED`.
      outcome: a key of `TITLES`.
      num_runs: number of runs on subsets.
      mean: mean leave-one-out memorization.
      bias: mean difference, score minus leave-one-out memorization.
      spearman: rank correlation of both.
      rmse: root of the mean squared difference.
      ceiling: the largest rank correlation that the noise of the leave-one-out scores allows.
    """

    name: str
    outcome: str
    num_runs: int
    mean: float
    bias: WithError
    spearman: WithError
    rmse: float
    ceiling: float


def costs(
    truth: tuple[Study, Point], others: Sequence[tuple[Study, Point]]
) -> tuple[int, list[Cost]]:
    """Compares points of random subsets, and what they extrapolate to, with leave-one-out scores.

    Args:
      truth: a study of the design `leave_one_out`, with estimates, and one of its points.
      others: studies of random subsets, each of another fraction, with a point.

    Returns:
      (number of common examples with the same given label, a Cost per outcome and study, from small
      subsets to large ones, and then of the extrapolation if there are two studies or more).

    Raises:
      InputError: the studies are not of these designs, two have the same fraction, or no examples
        are common.
    """
    study, point = truth
    design = study.config["subsets"]["design"]
    if design != subsets.LEAVE_ONE_OUT:
        raise expected("--workdir", f"a study of the design {subsets.LEAVE_ONE_OUT}", design)
    others = sorted(others, key=lambda other: other[0].train_mask.mean())
    fractions = [float(other.train_mask.mean()) for other, _ in others]
    if len(set(fractions)) < len(fractions) or fractions[-1] > 1 - 1 / study.sizes.train:
        raise expected("--and_with", "studies of different subset fractions", fractions)
    joined = [across.join(study, other)[:2] for other, _ in others]
    common = functools.reduce(np.intersect1d, [columns for columns, _ in joined])
    ours = across.Side(study, point, common)
    theirs = [
        across.Side(other, of_other, positions[np.isin(columns, common)])
        for (other, of_other), (columns, positions) in zip(others, joined, strict=True)
    ]
    results = [
        cost
        for outcome in progress.counted(tuple(TITLES), "compare", sys.stderr)
        for cost in _of_outcome(outcome, ours, theirs, fractions)
    ]
    return len(common), results


def _of_outcome(
    outcome: str, ours: across.Side, theirs: Sequence[across.Side], fractions: Sequence[float]
) -> list[Cost]:
    """Returns the Cost of each side and of the extrapolation."""
    truth = _replicated(ours, outcome, 0)
    scores = [_replicated(side, outcome, 1 + k) for k, side in enumerate(theirs)]
    sizes = [len(side.mask) for side in theirs]
    names = [f"{fraction:.0%}" for fraction in fractions]
    if len(theirs) > 1:
        errors = np.stack([side.score(outcome, "stderr") for side in theirs])
        by_replicate = [
            extrapolation.to_leaving_one_out(np.stack(values), errors, fractions)
            for values in zip(*scores, strict=True)
        ]
        scores, names = [*scores, np.stack(by_replicate)], [*names, EXTRAPOLATED]
        sizes = [*sizes, sum(sizes)]
    df = min(side.num_units for side in (ours, *theirs)) - 1
    return [
        Cost(
            name=name,
            outcome=outcome,
            num_runs=size,
            mean=float(np.nanmean(truth[0])),
            bias=_over(np.nanmean(score - truth, axis=1), df),
            spearman=_over([comparisons.spearman(*p) for p in zip(score, truth, strict=True)], df),
            rmse=float(np.sqrt(np.nanmean((score[0] - truth[0]) ** 2))),
            ceiling=comparisons.ceiling(ours.reliability(outcome)),
        )
        for name, size, score in zip(names, sizes, scores, strict=True)
    ]


def _replicated(side: across.Side, outcome: str, place: int) -> FloatArray:
    """Returns memorization [1 + R, J]: as estimated, then from each weighting of the runs."""
    replicates = side.replicates(outcome, "memorization", place=place)
    return np.stack([side.score(outcome, "memorization"), *replicates])


def _over(numbers: Sequence[float] | FloatArray, df: int) -> WithError:
    """Returns the first number with the spread of the others as its error."""
    return WithError(float(numbers[0]), float(np.nanstd(numbers[1:], ddof=1)), df)


def text(count: int, results: Sequence[Cost]) -> str:
    """Returns the table that `memkit compare` prints; count is the number of common examples."""
    rows: list[list[str | float | None]] = [
        [
            cost.name,
            cost.outcome,
            cost.num_runs,
            cost.mean,
            *(cost.bias.value, cost.bias.margin),
            *(cost.spearman.value, cost.spearman.margin),
            *(cost.rmse, cost.ceiling),
        ]
        for cost in results
    ]
    joined = f"{count} examples with the same id and given label"
    return "\n".join([joined, "", tables.text(list(_COLUMNS), rows), *_NOTES])


def table(results: Sequence[Cost]) -> list[Json]:
    """Returns the rows of `chart`: two panels per Cost."""
    names = {cost.name: cost.name for cost in results} | {EXTRAPOLATED: "100%"}
    return [
        lines.row(
            lines.Sized(names[cost.name], "all", names[cost.name]),
            TITLES[cost.outcome],
            number,
            bounds=(-1, 1),
            panel=panel,
        )
        for cost in results
        for panel, number in (("bias", cost.bias), ("Spearman's correlation", cost.spearman))
    ]


def chart(rows: Sequence[Json]) -> theme.Panels:
    """Returns bias and rank correlation against the size of the subsets.

    Args:
      rows: rows of `table`.
    """
    return lines.against_size(
        rows,
        size_title="Share of the examples that a run trains on (100%: extrapolated)",
        title=["Against memorization with", "one example left out"],
        names=list(TITLES.values()),
        column="panel",
        shared_y=False,
        scale=alt.Scale(zero=False),
        description="Bias (mean difference) and rank correlation of memorization from random "
        "subsets of several sizes, and extrapolated from them, against memorization with a single "
        "example left out, for both outcomes. Bars are 95% intervals over runs.",
    )
