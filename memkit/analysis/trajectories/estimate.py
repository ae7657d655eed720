"""Estimates the trajectories of each series over the runs that all of its points have."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from memkit import estimators, trajectories
from memkit.analysis.common_runs import CommonRuns, common_runs
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.summary import Results
from memkit.analysis.trajectories.result import ALPHAS, ClassShares, TrajectoryClasses
from memkit.studies import Study


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> TrajectoryClasses:
    """Returns the trajectories of every series that has two points with two common runs."""
    shares: dict[str, dict[float, ClassShares]] = {}
    arrays: dict[str, Any] = {}
    for series in study.config["series"]:
        along = [o for o in outcomes if o.point.series == series and len(o.index)]
        common = common_runs(along)
        if len(along) < 2 or common.num_units < 2:
            continue
        shares[series], of_series = _of_series(study, along, common)
        arrays |= {f"{series}/{name}": array for name, array in of_series.items()}
    return TrajectoryClasses(shares, arrays)


def _of_series(
    study: Study, along: Sequence[PointOutcomes], common: CommonRuns
) -> tuple[dict[float, ClassShares], dict[str, Any]]:
    """Returns ({alpha: shares}, arrays) of a series."""
    correct, mask, unit = [common.take(o, "correct") for o in along], common.mask, common.unit
    stacked = trajectories.stack([estimators.memorization(rows, mask, unit) for rows in correct])
    seed = study.config["seed"]
    test = trajectories.change_test(correct, mask, ALPHAS, seed=seed)
    errors = trajectories.share_errors(correct, mask, ALPHAS, seed=seed, unit=unit)
    margins = trajectories.share_margins(errors, common.num_units)
    arrays = {
        "points": np.array([o.point.name for o in along]),
        "values": np.array([o.point.axis_value for o in along]),
        "runs": common.num_units,
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
