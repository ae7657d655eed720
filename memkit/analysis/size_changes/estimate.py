"""Memorization along the sizes: its distribution, its change, and both without saturation.

Everything is estimated over the runs that all points of a series have, for both outcomes, and
under the restrictions of `memkit.estimators.restricted`.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from memkit import big_arrays, estimators, studies, trajectories
from memkit.analysis.outcomes import CommonRuns, PointOutcomes, common_runs
from memkit.analysis.size_changes.result import (
    Change,
    Classes,
    Restricted,
    SeriesChanges,
    Shape,
    SizeChanges,
)
from memkit.analysis.summary import Results
from memkit.analysis.trajectories.result import ALPHAS
from memkit.estimators import distribution, paired, restricted
from memkit.studies import Study
from memkit.typing import Array, BoolArray, FloatArray

RESTRICTIONS = ("all", "unsaturated_examples", "unsaturated_points")


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> SizeChanges:
    """Returns the change with size in every series that has two common runs."""
    by_series: dict[str, SeriesChanges] = {}
    for series in study.config["series"]:
        along = [o for o in outcomes if o.point.series == series and len(o.index)]
        common = common_runs(along)
        if common.num_units < 2:
            continue
        names = tuple(o.point.name for o in along)
        stacks = {name: [common.take(o, name) for o in along] for name in studies.OUTCOMES}
        selected = _restrictions(stacks["correct"], common.mask)
        seed = study.config["seed"]
        by_series[series] = SeriesChanges(
            points=names,
            num_runs=common.num_units,
            outcomes={
                outcome: _under_restrictions(stack, common, seed, names, selected)
                for outcome, stack in stacks.items()
            },
        )
    return SizeChanges(by_series)


def _restrictions(
    correct: Sequence[Array], mask: BoolArray
) -> dict[str, tuple[BoolArray, BoolArray]]:
    """Returns {restriction: (bool [A] points, bool [N] examples)}, from the outcome `correct`."""
    every_point, every_example = np.ones(len(correct), bool), np.ones(mask.shape[1], bool)
    in_means = [estimators.memorization(rows, mask).in_mean for rows in correct]
    accuracies = [restricted.in_sample_accuracy(rows, mask) for rows in correct]
    return {
        "all": (every_point, every_example),
        "unsaturated_examples": (every_point, restricted.unsaturated_examples(in_means)),
        "unsaturated_points": (restricted.unsaturated_points(accuracies), every_example),
    }


def _under_restrictions(
    stack: Sequence[Array],
    common: CommonRuns,
    seed: int,
    names: Sequence[str],
    selected: Mapping[str, tuple[BoolArray, BoolArray]],
) -> dict[str, Restricted]:
    """Returns {restriction: Restricted} of one outcome [A][M, N] of named points."""
    restricted_to: dict[str, Restricted] = {}
    for restriction in RESTRICTIONS:
        chosen, examples = selected[restriction]
        if restriction == "unsaturated_points" and chosen.all():
            restricted_to[restriction] = restricted_to["all"]
            continue
        outcomes = {
            name: big_arrays.take(outcome, examples, axis=1)
            for name, outcome, is_chosen in zip(names, stack, chosen, strict=True)
            if is_chosen
        }
        mask = big_arrays.take(common.mask, examples, axis=1)
        restricted_to[restriction] = _restricted(
            outcomes, dataclasses.replace(common, mask=mask), seed
        )
    return restricted_to


def _restricted(outcomes: Mapping[str, Array], runs: CommonRuns, seed: int) -> Restricted:
    """Returns the numbers of points {name: outcome [M, N]} of the same runs."""
    statistics = {name: _statistics(rows, runs, seed) for name, rows in outcomes.items()}
    has_change = len(outcomes) > 1 and runs.mask.shape[1] > 0
    means = {
        name: estimators.jackknife_mean(rows, runs.mask, unit=runs.unit)
        for name, rows in outcomes.items()
    }
    return Restricted(
        num_examples=runs.mask.shape[1],
        points={name: _shape(means[name], statistics[name], runs.num_units) for name in outcomes},
        first_to_last=_first_to_last(outcomes, runs, statistics) if has_change else None,
        classes=_classes(list(outcomes.values()), runs, seed) if has_change else {},
    )


def _statistics(outcome: Array, runs: CommonRuns, seed: int) -> dict[str, FloatArray]:
    """Returns {statistic: [1 + R]}: of the estimates, then of each replicate over the runs."""
    weights = estimators.run_weights(len(runs.mask), seed, unit=runs.unit)
    with_estimate = np.vstack([np.ones((1, len(weights[0]))), weights])
    replicates = estimators.replicate_memorization(outcome, runs.mask, with_estimate)
    return {
        name: np.array([statistic(row) for row in replicates])
        for name, statistic in distribution.STATISTICS.items()
    }


def _first_to_last(
    outcomes: Mapping[str, Array],
    runs: CommonRuns,
    statistics: Mapping[str, Mapping[str, FloatArray]],
) -> Change:
    """Returns changes from the first to the last point, last minus first, with paired errors."""
    first, *_, last = outcomes
    (change,) = paired.change_of_means(outcomes[first], outcomes[last], runs.mask, unit=runs.unit)
    before, after = statistics[first], statistics[last]
    differences = {name: after[name] - before[name] for name in before}
    return Change(first, last, _shape(change, differences, runs.num_units))


def _shape(
    means: estimators.DatasetMeans, statistics: Mapping[str, FloatArray], num_runs: int
) -> Shape:
    shape = {
        name: estimators.over_replicates(values, num_runs) for name, values in statistics.items()
    }
    return Shape(means=means, **shape)


def _classes(outcomes: Sequence[Array], runs: CommonRuns, seed: int) -> dict[float, Classes]:
    """Returns {alpha: shares of trajectory classes, under the null, among the non-constant}."""
    mask = runs.mask
    value = trajectories.stack([estimators.memorization(rows, mask) for rows in outcomes]).value
    test = trajectories.change_test(outcomes, mask, ALPHAS, seed=seed)
    by_alpha = {}
    for alpha in ALPHAS:
        classes = trajectories.classify(value, alpha, test.p)
        by_alpha[alpha] = Classes(
            shares=trajectories.shares(classes),
            null=test.null_shares[alpha],
            nonconstant=trajectories.shares_among_nonconstant(classes),
        )
    return by_alpha
