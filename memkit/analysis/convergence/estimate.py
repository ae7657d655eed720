"""Whether the runs suffice: agreement between halves, and how many runs a target width takes."""

import dataclasses
from collections.abc import Sequence

from memkit import big_arrays, estimators, studies
from memkit.analysis.outcomes import PointOutcomes
from memkit.estimators import convergence
from memkit.studies import Study
from memkit.typing import Json

TARGETS = (0.1, 0.05)  # half widths of 95% intervals


def analyze(study: Study, outcomes: Sequence[PointOutcomes]) -> Json:
    """Returns {point: {"num_runs", "agreement", "half_widths"}} of points with two usable runs.

    "agreement": {outcome: {score: [one dict per number of runs in a half]}}; spearman_full and
    pearson_full are predictions for all runs (Spearman-Brown). "half_widths": {outcome: {score:
    {"median", "q90", "runs_for": {target half width: {"median", "q90"}}}}}.
    """
    by_point = {}
    for point in outcomes:
        if len(point.index) < 2:
            continue
        mask = big_arrays.take(study.train_mask, point.index)
        numbers: Json = {"num_runs": len(mask), "agreement": {}, "half_widths": {}}
        for name in studies.OUTCOMES:
            outcome = getattr(point, name)
            by_score = convergence.agreements(outcome, mask, study.config["seed"])
            numbers["agreement"][name] = {
                score: [_row(entry, len(mask)) for entry in entries]
                for score, entries in by_score.items()
            }
            numbers["half_widths"][name] = {
                "memorization": _widths(estimators.memorization(outcome, mask), len(mask)),
                "consistency": _widths(estimators.consistency(outcome, mask), len(mask)),
            }
        by_point[point.point.name] = numbers
    return by_point


def _row(entry: convergence.Agreement, num_runs: int) -> Json:
    row = dataclasses.asdict(entry)
    for kind in ("spearman", "pearson"):
        row[f"{kind}_full"] = convergence.spearman_brown(row[kind], num_runs / entry.runs)
    return row


def _widths(estimate: estimators.Estimate | estimators.Mean, num_runs: int) -> Json:
    median, high = convergence.half_widths(estimate.lower, estimate.upper)
    needed = {
        str(target): {
            "median": convergence.runs_needed(median, num_runs, target),
            "q90": convergence.runs_needed(high, num_runs, target),
        }
        for target in TARGETS
    }
    return {"median": median, "q90": high, "runs_for": needed}
