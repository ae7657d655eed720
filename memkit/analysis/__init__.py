"""From run records to estimates, trajectories, the other analyses and the summary of a study."""

import dataclasses
import importlib

from memkit import estimators, matrices, studies
from memkit import summary as summary_lib
from memkit.analysis import along_axis
from memkit.analysis.outcomes import PointOutcomes, read_outcomes

__all__ = ["ANALYSES", "LAYOUT", "PointOutcomes", "estimate", "read_outcomes"]

# Of the summary; it grows whenever the keys change, so that a report asks for new estimates.
LAYOUT = 2

# Each is a module with `analyze(study, outcomes)`, whose numbers are the entry of the summary and
# whose arrays lie in files of the same name.
ANALYSES = (
    "sizes",
    "distillation",
    "influence",
    "removal",
    "proxies",
    "agreement",
    "convergence",
    "audit",
    "tables",
)


def estimate(study):
    """Estimates every point with at least two usable runs, and the trajectories; writes both.

    Args:
      study: Study.

    Returns:
      The summary without the times of the command: points, trajectory classes, reliability.
    """
    outcomes = [read_outcomes(study, point) for point in study.points]
    axis = study.config["axis"]
    summary = {
        "layout": LAYOUT,
        "axis": axis if axis["field"] else None,
        "points": [],
        "split_half": {},
    }
    counts = ("train_copies", "groups_with_different_labels", "test_in_train")
    summary["duplicates"] = {name: studies.duplicates(study)[name] for name in counts}
    summary["train_seconds"] = sum(i["seconds"] for o in outcomes for i in o.infos)
    for point_outcomes in outcomes:
        mask = matrices.take(study.train_mask, point_outcomes.index)
        found = {
            name: estimators.memorization(getattr(point_outcomes, name), mask)
            for name in studies.OUTCOMES
        }
        studies.write_estimates(study, point_outcomes.point, found)
        summary["points"].append(summary_lib.of_point(study, point_outcomes, found))
        half = estimators.split_half(point_outcomes.correct, mask, study.config["seed"])
        summary["split_half"][point_outcomes.point.name] = dataclasses.asdict(half)
    found = along_axis.analyze(study, outcomes)
    studies.write_trajectories(study, {name: arrays for name, (arrays, _) in found.items()})
    for key in ("", "_stderr", "_null", "_nonconstant"):
        summary[f"trajectory_classes{key}"] = {
            name: {str(alpha): shares[alpha][key] for alpha in along_axis.ALPHAS}
            for name, (_, shares) in found.items()
        }
    for name in ANALYSES:
        module = importlib.import_module(f"memkit.analysis.{name}")
        summary[name] = module.analyze(study, outcomes)
    return summary
