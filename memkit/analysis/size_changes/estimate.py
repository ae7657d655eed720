"""Memorization along the sizes: its distribution, its change, and both without saturation.

Means and classes are estimated over the runs that all points of a series have, for both outcomes,
and under the restrictions of `memkit.estimators.restricted`. By right or wrong answers, the shapes
of the distribution are those of the true scores, without the noise of the estimates, and follow
from all runs of a point.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from memkit import big_arrays, estimators, studies, trajectories
from memkit.analysis import noise_free
from memkit.analysis.common_runs import CommonRuns, common_runs
from memkit.analysis.distribution.estimate import noisy_shape, shape_numbers
from memkit.analysis.distribution.result import Shape
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.size_changes.result import (
    Change,
    Classes,
    Numbers,
    Restricted,
    SeriesChanges,
    SizeChanges,
)
from memkit.analysis.summary import Results
from memkit.analysis.trajectories.result import ALPHAS, ClassShares, TrajectoryClasses
from memkit.estimators import paired, restricted
from memkit.studies import Study
from memkit.typing import Array, BoolArray

RESTRICTIONS = ("all", "unsaturated_examples", "unsaturated_points")


def analyze(study: Study, outcomes: Sequence[PointOutcomes], results: Results) -> SizeChanges:
    """Returns the change with size in every series that has two common runs."""
    by_series: dict[str, SeriesChanges] = {}
    for series in study.config["series"]:
        along = [o for o in outcomes if o.point.series == series and len(o.index)]
        common = common_runs(along)
        if common.num_units < 2:
            continue
        selected = _restrictions([common.take(o, "correct") for o in along], common.mask)
        seed = study.config["seed"]
        shares = results[TrajectoryClasses].series
        # Of all examples by right or wrong, the trajectories have been classified before.
        known = {"correct": _known(shares[series]) if series in shares else {}, "prob": {}}
        by_series[series] = SeriesChanges(
            points=tuple(o.point.name for o in along),
            num_runs=common.num_units,
            outcomes={
                outcome: _under_restrictions(outcome, along, common, seed, selected, known[outcome])
                for outcome in studies.OUTCOMES
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
    outcome: str,
    along: Sequence[PointOutcomes],
    common: CommonRuns,
    seed: int,
    selected: Mapping[str, tuple[BoolArray, BoolArray]],
    known: Mapping[float, Classes],
) -> dict[str, Restricted]:
    """Returns {restriction: Restricted} of one outcome of A points.

    Args:
      known: classes of trajectory without a restriction; empty if they are not known.
    """
    restricted_to: dict[str, Restricted] = {}
    for restriction in RESTRICTIONS:
        chosen, examples = selected[restriction]
        if restriction == "unsaturated_points" and chosen.all():
            restricted_to[restriction] = restricted_to["all"]
            continue
        points = [point for point, is_chosen in zip(along, chosen, strict=True) if is_chosen]
        classes = known if restriction == "all" else {}
        restricted_to[restriction] = _restricted(outcome, points, common, seed, examples, classes)
    return restricted_to


def _restricted(
    outcome: str,
    points: Sequence[PointOutcomes],
    common: CommonRuns,
    seed: int,
    examples: BoolArray,
    known: Mapping[float, Classes],
) -> Restricted:
    """Returns the numbers of some examples [N] in the runs that all points have."""
    outcomes = {
        point.point.name: big_arrays.take(common.take(point, outcome), examples, axis=1)
        for point in points
    }
    mask = big_arrays.take(common.mask, examples, axis=1)
    runs = dataclasses.replace(common, mask=mask)
    if outcome == "correct":
        shapes, change = _true_shapes(points, examples)
    else:
        shapes, change = _noisy_shapes(outcomes, runs, seed)
    means = {
        name: estimators.jackknife_mean(rows, mask, unit=runs.unit)
        for name, rows in outcomes.items()
    }
    return Restricted(
        num_examples=mask.shape[1],
        points={name: Numbers(means[name], shapes[name]) for name in outcomes},
        first_to_last=_first_to_last(outcomes, runs, change) if change else None,
        classes=known or (_classes(list(outcomes.values()), runs, seed) if change else {}),
    )


def _true_shapes(
    points: Sequence[PointOutcomes], examples: BoolArray
) -> tuple[dict[str, Shape], Shape | None]:
    """Returns the shape of the true scores at each point, and the last minus the first one."""
    scores = {point.point.name: point.noise_free for point in points}
    shapes = {name: noise_free.shape(of_point, examples) for name, of_point in scores.items()}
    if len(points) < 2 or not examples.any():
        return shapes, None
    return shapes, noise_free.change(points[0].noise_free, points[-1].noise_free, examples)


def _noisy_shapes(
    outcomes: Mapping[str, Array], runs: CommonRuns, seed: int
) -> tuple[dict[str, Shape], Shape | None]:
    """Returns the shape of the estimated scores at each point, and the last minus the first one."""
    weights = estimators.run_weights(len(runs.mask), seed, unit=runs.unit)
    with_estimate = np.vstack([np.ones((1, len(weights[0]))), weights])
    numbers = {
        name: shape_numbers(estimators.replicate_memorization(rows, runs.mask, with_estimate))
        for name, rows in outcomes.items()
    }
    shapes = {name: noisy_shape(of_point, runs.num_units) for name, of_point in numbers.items()}
    if len(outcomes) < 2 or not runs.mask.shape[1]:
        return shapes, None
    first, *_, last = numbers.values()
    change = {name: last[name] - first[name] for name in first}
    return shapes, noisy_shape(change, runs.num_units)


def _first_to_last(outcomes: Mapping[str, Array], runs: CommonRuns, shape: Shape) -> Change:
    """Returns changes from the first to the last point, last minus first, with paired errors."""
    first, *_, last = outcomes
    (change,) = paired.change_of_means(outcomes[first], outcomes[last], runs.mask, unit=runs.unit)
    return Change(first, last, Numbers(change, shape))


def _known(shares: Mapping[float, ClassShares]) -> dict[float, Classes]:
    return {
        alpha: Classes(shares=of.shares, null=of.null, nonconstant=of.nonconstant)
        for alpha, of in shares.items()
    }


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
