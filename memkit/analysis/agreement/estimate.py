"""Estimates whether two sizes of a series memorize the same examples."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from etils import epy

from memkit import big_arrays, comparisons, estimators, studies
from memkit.analysis.outcomes import PointOutcomes
from memkit.comparisons import errors
from memkit.studies import Study
from memkit.typing import Array, BoolArray, FloatArray, IntArray, Json

with epy.lazy_imports():  # Only ranks need it, and it takes long to import.
    import scipy.stats

_ELEMENTS = 2**24  # the most replicated estimates in memory at a time


def analyze(study: Study, outcomes: Sequence[PointOutcomes]) -> Json:
    """Compares every two points of each series over the runs that both have.

    Args:
      study: Study.
      outcomes: list of PointOutcomes.

    Returns:
      {"threshold", "pairs": [row]}; a row has first, second (point names), series, steps (their
      distance on the axis), outcome, num_runs, the fields of `comparisons.Agreement` and
      `comparisons.CrossHalf` (`half_first`, `half_second`, `half_across`, `corrected`), ceiling,
      jaccard at the threshold, and `<key>_stderr` and `<key>_margin` over runs of spearman,
      mean_difference and jaccard. The curves of all thresholds go to the file `agreement`, row by
      row, with the standard errors and margins of jaccard and difference.
    """
    threshold = study.config["report"]["min_memorization"]
    rows, curves = [], []
    for series in study.config["series"]:
        along = [o for o in outcomes if o.point.series == series and len(o.index) >= 4]
        for outcome in studies.OUTCOMES:
            for row, curve in _of_series(study, along, outcome, threshold):
                rows.append({"series": series, "outcome": outcome, **row})
                curves.append(curve)
    if curves:
        stacked = {name: np.stack([curve[name] for curve in curves]) for name in curves[0]}
        studies.write_arrays(study, "agreement", stacked)
    return {"threshold": threshold, "pairs": rows}


def _of_series(
    study: Study, along: Sequence[PointOutcomes], outcome: str, threshold: float
) -> Iterator[tuple[Json, dict[str, FloatArray]]]:
    """Yields (row, {array of the file: [K]}) of every two points."""
    if len(along) < 2:
        return
    common = sorted(set.intersection(*(set(o.index) for o in along)))
    if len(common) < 4:
        return
    mask, seed = big_arrays.take(study.train_mask, common), study.config["seed"]
    values = [big_arrays.take(getattr(o, outcome), np.isin(o.index, common)) for o in along]
    scores = [estimators.memorization(value, mask).value for value in values]
    reliability = [estimators.split_half(value, mask, seed).spearman_brown for value in values]
    errors_of = _errors(values, mask, estimators.run_weights(len(mask), seed), threshold)
    for a, b in itertools.combinations(range(len(along)), 2):
        half = comparisons.cross_half(values[a], values[b], mask, seed)
        of_numbers, of_curves = errors_of[a, b]
        row = {
            "first": along[a].point.name,
            "second": along[b].point.name,
            "steps": b - a,
            "num_runs": len(mask),
            **dataclasses.asdict(comparisons.compare(scores[a], scores[b])),
            "ceiling": comparisons.ceiling(reliability[a], reliability[b]),
            "half_first": half.first,
            "half_second": half.second,
            "half_across": half.across,
            "corrected": half.corrected,
            "jaccard": comparisons.jaccard(scores[a], scores[b], threshold),
            **of_numbers,
        }
        yield row, vars(comparisons.threshold_curves(scores[a], scores[b])) | of_curves


def _errors(
    values: Sequence[Array], mask: BoolArray, weights: IntArray, threshold: float
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
            ranks = scipy.stats.rankdata(defined, axis=1)
            for a, b in pairs:
                agreements[a, b].append(
                    errors.agreement(defined[a], defined[b], threshold, ranks=(ranks[a], ranks[b]))
                )
    return {pair: errors.standard_errors(rows, len(mask)) for pair, rows in agreements.items()}
