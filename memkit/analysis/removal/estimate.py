"""Marginal utility: how much memorized examples and high-influence pairs add to accuracy."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from memkit import studies
from memkit.analysis.influence.result import Influence
from memkit.analysis.outcomes import PointOutcomes, read_outcomes
from memkit.analysis.removal.result import PointRemoval, Removal
from memkit.analysis.summary import Results
from memkit.estimators import removal
from memkit.studies import Point, Study


def analyze(study: Study, outcomes: Sequence[PointOutcomes], results: Results) -> Removal:
    """Returns the marginal utility at every point that has a removal study."""
    points = {}
    for point in (o.point for o in outcomes):
        removal_study = studies.removal.find(study, point)
        if removal_study is not None:
            points[point.name] = _of_point(study, point, removal_study, results[Influence])
    return Removal(points)


def _of_point(
    study: Study, point: Point, removal_study: tuple[Study, removal.Rows], influence: Influence
) -> PointRemoval:
    child, rows = removal_study
    runs = read_outcomes(child, child.points[0])
    if study.staging is not None:
        study.staging.sources[f"removal/{point.name}"] = runs.source
    rows = removal.Rows(*(getattr(rows, f.name)[runs.index] for f in dataclasses.fields(rows)))
    tests = np.empty(0, int)
    if point.name in influence.points:
        tests = np.unique(influence.of_outcome(point.name, "correct").tt_idx)
    influenced = removal.utility(rows, runs.test_correct, tests) if len(tests) else []
    return PointRemoval(
        runs=len(runs.index),
        all_tests=tuple(removal.utility(rows, runs.test_correct)),
        influenced_tests=len(tests),
        influenced=tuple(u for u in influenced if u.kind == "influential"),
    )
