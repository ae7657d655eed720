"""Whether the runs suffice: agreement between halves, and the runs a wanted precision takes."""

import dataclasses

from memkit import big_arrays, estimators, studies
from memkit.estimators import convergence

WANTED = (0.1, 0.05)


def analyze(study, outcomes):
    """Returns {point: {"num_runs", "agreement", "half_widths"}} of points with two usable runs.

    "agreement": {outcome: {score: [one dict per number of runs in a half]}}; spearman_full and
    pearson_full are predictions for all runs (Spearman-Brown). "half_widths": {outcome: {score:
    {"median", "q90", "runs_for": {wanted half width: {"median", "q90"}}}}}.
    """
    found = {}
    for each in outcomes:
        if len(each.index) < 2:
            continue
        mask = big_arrays.take(study.train_mask, each.index)
        numbers = {"num_runs": len(mask), "agreement": {}, "half_widths": {}}
        for name in studies.OUTCOMES:
            outcome = getattr(each, name)
            by_score = convergence.agreements(outcome, mask, study.config["seed"])
            numbers["agreement"][name] = {
                score: [_row(entry, len(mask)) for entry in entries]
                for score, entries in by_score.items()
            }
            numbers["half_widths"][name] = {
                "memorization": _widths(estimators.memorization(outcome, mask), len(mask)),
                "consistency": _widths(estimators.consistency(outcome, mask), len(mask)),
            }
        found[each.point.name] = numbers
    return found


def _row(entry, num_runs):
    row = dataclasses.asdict(entry)
    for kind in ("spearman", "pearson"):
        row[f"{kind}_full"] = convergence.spearman_brown(row[kind], num_runs / entry.runs)
    return row


def _widths(estimate, num_runs):
    median, high = convergence.half_widths(estimate.lower, estimate.upper)
    needed = {
        str(wanted): {
            "median": convergence.runs_needed(median, num_runs, wanted),
            "q90": convergence.runs_needed(high, num_runs, wanted),
        }
        for wanted in WANTED
    }
    return {"median": median, "q90": high, "runs_for": needed}
