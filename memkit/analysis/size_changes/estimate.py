"""Memorization along the sizes: its distribution, its change, and both without saturation.

Everything is estimated over the runs that all points of a series have, for both outcomes, and
under the restrictions of `memkit.estimators.restricted`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from memkit import big_arrays, estimators, studies, trajectories
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.trajectories.estimate import ALPHAS
from memkit.estimators import distribution, paired, restricted
from memkit.studies import Point, Study
from memkit.typing import Array, BoolArray, FloatArray, IntArray, Json

RESTRICTIONS = ("all", "unsaturated_examples", "unsaturated_points")


def analyze(study: Study, outcomes: Sequence[PointOutcomes]) -> Json:
    """Returns {series: {"points", "num_runs", outcome: {restriction: numbers}}}.

    The numbers of a restriction: "num_examples", "points" (list of one dict per point),
    "first_to_last" (None with fewer than two points) and "classes" ({alpha: {"shares", "null",
    "nonconstant"}}, {} with fewer than two points). A series without two common runs is left out.
    """
    by_series: Json = {}
    for series in study.config["series"]:
        along = [o for o in outcomes if o.point.series == series and len(o.index)]
        common = sorted(set.intersection(*(set(o.index) for o in along))) if along else []
        if len(common) < 2:
            continue
        mask, seed = big_arrays.take(study.train_mask, common), study.config["seed"]
        points = [o.point for o in along]
        stacks = {
            name: [big_arrays.take(getattr(o, name), np.isin(o.index, common)) for o in along]
            for name in studies.OUTCOMES
        }
        selected = _restrictions(stacks["correct"], mask)
        by_series[series] = {"points": [p.name for p in points], "num_runs": len(common)}
        for outcome, stack in stacks.items():
            by_series[series][outcome] = _under_restrictions(stack, mask, seed, points, selected)
    return by_series


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
    mask: BoolArray,
    seed: int,
    points: Sequence[Point],
    selected: Mapping[str, tuple[BoolArray, BoolArray]],
) -> Json:
    """Returns {restriction: numbers} of one outcome [A][M, N]."""
    weights = estimators.run_weights(len(mask), seed)
    numbers: Json = {}
    for restriction in RESTRICTIONS:
        chosen, examples = selected[restriction]
        if restriction == "unsaturated_points" and chosen.all():
            numbers[restriction] = numbers["all"]
            continue
        rows = [
            (point, big_arrays.take(outcome, examples, axis=1))
            for point, outcome, is_chosen in zip(points, stack, chosen, strict=True)
            if is_chosen
        ]
        selected_mask = big_arrays.take(mask, examples, axis=1)
        numbers[restriction] = _numbers(rows, selected_mask, weights, seed)
    return numbers


def _numbers(
    rows: Sequence[tuple[Point, Array]], mask: BoolArray, weights: IntArray, seed: int
) -> Json:
    """Returns the numbers of points [(Point, outcome [M, N])] that share a mask [M, N]."""
    shapes = [_shape(outcome, mask, weights) for _, outcome in rows]
    numbers = {
        "num_examples": mask.shape[1],
        "points": [
            _of_point(point, outcome, mask, shape)
            for (point, outcome), shape in zip(rows, shapes, strict=True)
        ],
        "first_to_last": None,
        "classes": {},
    }
    if len(rows) > 1 and mask.shape[1]:
        numbers["first_to_last"] = _first_to_last(rows, mask, shapes)
        numbers["classes"] = _classes([outcome for _, outcome in rows], mask, seed)
    return numbers


def _shape(outcome: Array, mask: BoolArray, weights: IntArray) -> dict[str, FloatArray]:
    """Returns {statistic: [1 + R]}: of the estimates, then of each replicate over the runs."""
    with_estimate = np.vstack([np.ones((1, len(mask))), weights])
    replicates = estimators.replicate_memorization(outcome, mask, with_estimate)
    return {
        name: np.array([statistic(row) for row in replicates])
        for name, statistic in distribution.STATISTICS.items()
    }


def _of_point(
    point: Point, outcome: Array, mask: BoolArray, shape: Mapping[str, FloatArray]
) -> Json:
    means = estimators.jackknife_mean(outcome, mask)
    return {
        "name": point.name,
        "series": point.series,
        "axis_value": point.axis_value,
        **_means(means),
        **_with_spread(shape, len(mask)),
    }


def _first_to_last(
    rows: Sequence[tuple[Point, Array]], mask: BoolArray, shapes: Sequence[Mapping[str, FloatArray]]
) -> Json:
    """Returns changes from the first to the last point, last minus first, with paired errors."""
    (first, before), (last, after) = rows[0], rows[-1]
    (change,) = paired.change_of_means(before, after, mask)
    differences = {name: shapes[-1][name] - shapes[0][name] for name in shapes[0]}
    names = {"first": first.name, "last": last.name}
    return {**names, **_means(change), **_with_spread(differences, len(mask))}


def _means(means: estimators.DatasetMeans) -> dict[str, float]:
    named = {
        "mean_memorization": means.memorization,
        "mean_in": means.in_mean,
        "mean_out": means.out_mean,
    }
    return {k: v for name, error in named.items() for k, v in error.named(name).items()}


def _with_spread(shape: Mapping[str, FloatArray], num_runs: int) -> dict[str, float]:
    errors = {name: estimators.over_replicates(v, num_runs) for name, v in shape.items()}
    return {k: v for name, error in errors.items() for k, v in error.named(name).items()}


def _classes(outcomes: Sequence[Array], mask: BoolArray, seed: int) -> Json:
    """Returns {alpha: shares of trajectory classes, under the null, among the non-constant}."""
    value = trajectories.stack([estimators.memorization(rows, mask) for rows in outcomes]).value
    test = trajectories.permutation_null(outcomes, mask, ALPHAS, seed=seed)
    by_alpha = {}
    for alpha in ALPHAS:
        classes = trajectories.classify(value, alpha, test.p)
        by_alpha[str(alpha)] = {
            "shares": trajectories.shares(classes),
            "null": test.null_shares[alpha],
            "nonconstant": trajectories.shares_among_nonconstant(classes),
        }
    return by_alpha
