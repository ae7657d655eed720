"""Marginal utility: how much memorized examples and high-influence pairs add to accuracy."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from memkit import studies
from memkit.analysis.outcomes import PointOutcomes, read_outcomes
from memkit.estimators import removal
from memkit.studies import Study
from memkit.typing import Json


def analyze(study: Study, outcomes: Sequence[PointOutcomes]) -> Json:
    """Returns {point: {"all": utilities, "influenced": utilities}} of points with removal studies.

    "influenced" holds the influential removals, with the accuracy on the test examples of the pairs
    instead of all. See `removal.utility`.
    """
    by_point: Json = {}
    for point in (o.point for o in outcomes):
        removal_study = studies.removal.find(study, point)
        if removal_study is None:
            continue
        child, rows = removal_study
        runs = read_outcomes(child, child.points[0])
        if study.staging is not None:
            study.staging.sources[f"removal/{point.name}"] = runs.source
        rows = removal.Rows(*(getattr(rows, f.name)[runs.index] for f in dataclasses.fields(rows)))
        pairs = studies.read_arrays(study, "influence", point=point)
        tests = np.unique(pairs["tt_idx"]) if pairs is not None else np.empty(0, int)
        influenced = removal.utility(rows, runs.test_correct, tests) if len(tests) else []
        by_point[point.name] = {
            "all": removal.utility(rows, runs.test_correct),
            "influenced": [row for row in influenced if row["kind"] == "influential"],
            "influenced_tests": len(tests),
            "runs": len(runs.index),
        }
    return by_point
