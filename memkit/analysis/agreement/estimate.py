"""Estimates whether two sizes of a series memorize the same examples."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from memkit import comparisons, estimators, studies
from memkit.analysis.agreement.result import Agreement, PairAgreement
from memkit.analysis.common_runs import common_runs
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.summary import Results
from memkit.comparisons import errors
from memkit.studies import Study
from memkit.typing import Array, BoolArray, FloatArray, IntArray

LEAST = 4  # runs; fewer cannot be divided into halves that have both arms
_ELEMENTS = 2**24  # the most replicated estimates in memory at a time


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> Agreement:
    """Compares every two points of each series over the runs that all of its points have."""
    threshold = study.config["report"]["min_memorization"]
    pairs: list[PairAgreement] = []
    curves: list[dict[str, Array]] = []
    for series in study.config["series"]:
        along = [o for o in outcomes if o.point.series == series and o.num_units >= LEAST]
        for outcome in studies.OUTCOMES:
            for pair, curve in _of_series(study, along, outcome, threshold):
                pairs.append(pair)
                curves.append(curve)
    stacked = {name: np.stack([c[name] for c in curves]) for name in curves[0]} if curves else {}
    return Agreement(threshold, tuple(pairs), stacked)


def _of_series(
    study: Study, along: Sequence[PointOutcomes], outcome: str, threshold: float
) -> Iterator[tuple[PairAgreement, dict[str, Array]]]:
    """Yields every two points with their curves {name: [K]}."""
    common = common_runs(along)
    if len(along) < 2 or common.num_units < LEAST:
        return
    mask, unit, num_units = common.mask, common.unit, common.num_units
    seed = study.config["seed"]
    values = [common.take(o, outcome) for o in along]
    scores = [estimators.memorization(value, mask).value for value in values]
    reliability = [
        estimators.split_half(value, mask, seed, unit).spearman_brown for value in values
    ]
    weights = estimators.run_weights(len(mask), seed, unit=unit)
    errors_of = _errors(values, mask, weights, threshold, num_units=num_units)
    for a, b in itertools.combinations(range(len(along)), 2):
        compared = comparisons.compare(scores[a], scores[b])
        of_numbers, of_curves = errors_of[a, b]
        spearman, mean_difference, jaccard = (
            estimators.WithError(value, of_numbers[f"{name}_stderr"], num_units - 1)
            for name, value in (
                ("spearman", compared.spearman),
                ("mean_difference", compared.mean_difference),
                ("jaccard", comparisons.jaccard(scores[a], scores[b], threshold)),
            )
        )
        pair = PairAgreement(
            series=along[a].point.series,
            outcome=outcome,
            first=along[a].point.name,
            second=along[b].point.name,
            steps=b - a,
            num_runs=num_units,
            num_examples=compared.num_examples,
            spearman=spearman,
            pearson=compared.pearson,
            mean_difference=mean_difference,
            mean_absolute_difference=compared.mean_absolute_difference,
            ceiling=comparisons.ceiling(reliability[a], reliability[b]),
            halves=comparisons.cross_half(values[a], values[b], mask, seed, unit),
            jaccard=jaccard,
        )
        yield pair, vars(comparisons.threshold_curves(scores[a], scores[b])) | of_curves


def _errors(
    values: Sequence[Array],
    mask: BoolArray,
    weights: IntArray,
    threshold: float,
    *,
    num_units: int,
) -> dict[tuple[int, int], tuple[dict[str, float], dict[str, FloatArray]]]:
    """Returns {(a, b): what `errors.standard_errors` returns}.

    Every replicate weights the runs of all points alike, so the differences are paired. Examples
    that are undefined in a replicate at any point are left out of it.
    """
    pairs = list(itertools.combinations(range(len(values)), 2))
    agreements: dict[tuple[int, int], list[FloatArray]] = {pair: [] for pair in pairs}
    step = max(1, _ELEMENTS // max(1, len(values) * mask.shape[1]))
    for start in range(0, len(weights), step):
        chunk = weights[start : start + step]
        replicates = [estimators.replicate_memorization(value, mask, chunk) for value in values]
        for points in zip(*replicates, strict=True):
            defined = np.stack(points)
            defined = defined[:, ~np.isnan(defined).any(axis=0)]
            prepared = [errors.prepare(score, threshold) for score in defined]
            for a, b in pairs:
                agreements[a, b].append(errors.agreement(prepared[a], prepared[b]))
    return {pair: errors.standard_errors(rows, num_units) for pair, rows in agreements.items()}
