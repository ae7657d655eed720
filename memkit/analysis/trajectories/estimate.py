"""Estimates the trajectories of each series over the runs that all of its points have."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from memkit import big_arrays, estimators, trajectories
from memkit.analysis.outcomes import PointOutcomes, common_runs
from memkit.analysis.summary import Results
from memkit.analysis.trajectories.result import ALPHAS, ClassShares, TrajectoryClasses
from memkit.studies import Study
from memkit.typing import Array, BoolArray


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> TrajectoryClasses:
    """Returns the trajectories of every series that has two points with two common runs."""
    shares: dict[str, dict[float, ClassShares]] = {}
    arrays: dict[str, Any] = {}
    for series in study.config["series"]:
        along = [o for o in outcomes if o.point.series == series and len(o.index)]
        common = common_runs(along)
        if len(along) < 2 or len(common) < 2:
            continue
        rows = [big_arrays.take(o.correct, np.isin(o.index, common)) for o in along]
        mask = big_arrays.take(study.train_mask, common)
        shares[series], of_series = _of_series(study, along, rows, mask)
        arrays |= {f"{series}/{name}": array for name, array in of_series.items()}
    return TrajectoryClasses(shares, arrays)


def _of_series(
    study: Study, along: Sequence[PointOutcomes], correct: Sequence[Array], mask: BoolArray
) -> tuple[dict[float, ClassShares], dict[str, Any]]:
    """Returns ({alpha: shares}, arrays) of a series; correct is [A][M, N], mask [M, N]."""
    stacked = trajectories.stack([estimators.memorization(rows, mask) for rows in correct])
    test = trajectories.change_test(correct, mask, ALPHAS, seed=study.config["seed"])
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
        shares[alpha] = ClassShares(
            shares=trajectories.shares(classes),
            stderr=errors[alpha],
            margin=margins[alpha],
            null=test.null_shares[alpha],
            nonconstant=trajectories.shares_among_nonconstant(classes),
        )
    return shares, arrays
