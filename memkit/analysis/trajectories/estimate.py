"""Estimates the trajectories of each series over the runs that all of its points have."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from memkit import big_arrays, estimators, trajectories
from memkit.analysis.outcomes import PointOutcomes
from memkit.studies import Study
from memkit.typing import Array, BoolArray, Json

ALPHAS = (0.1, 0.2, 0.3)


def analyze(
    study: Study, outcomes: Sequence[PointOutcomes]
) -> dict[str, tuple[dict[str, Any], dict[float, Json]]]:
    """Returns {series: (arrays of trajectories.npz, {alpha: {"": shares, "_stderr": ...}})}."""
    by_series = {}
    for series in study.config["series"]:
        along = [o for o in outcomes if o.point.series == series and len(o.index)]
        if len(along) < 2:
            continue
        common = sorted(set.intersection(*(set(o.index) for o in along)))
        rows = [big_arrays.take(o.correct, np.isin(o.index, common)) for o in along]
        if len(common) < 2:
            continue
        mask = big_arrays.take(study.train_mask, common)
        by_series[series] = _series_trajectories(study, along, rows, mask)
    return by_series


def _series_trajectories(
    study: Study, along: Sequence[PointOutcomes], correct: Sequence[Array], mask: BoolArray
) -> tuple[dict[str, Any], dict[float, Json]]:
    """Returns (arrays, shares of the classes) of a series; correct is [A][M, N], mask [M, N]."""
    stacked = trajectories.stack([estimators.memorization(rows, mask) for rows in correct])
    test = trajectories.permutation_null(correct, mask, ALPHAS, seed=study.config["seed"])
    errors = trajectories.share_errors(correct, mask, ALPHAS, seed=study.config["seed"])
    margins = trajectories.share_margins(errors, len(mask))
    arrays = {
        "points": np.array([o.point.name for o in along]),
        "values": np.array([o.point.axis_value for o in along]),
        "runs": len(mask),
        **vars(stacked),
        "p": test.p,
    }
    shares = {}
    for alpha in ALPHAS:
        classes = trajectories.classify(stacked.value, alpha, test.p)
        arrays[f"classes_{alpha}"] = classes
        shares[alpha] = {
            "": trajectories.shares(classes),
            "_stderr": errors[alpha],
            "_margin": margins[alpha],
            "_null": test.null_shares[alpha],
            "_nonconstant": trajectories.shares_among_nonconstant(classes),
        }
    return arrays, shares
