"""Estimates accuracy inside and outside of the subsets and on the test set."""

from collections.abc import Sequence

import numpy as np

from memkit import estimators
from memkit.analysis.accuracy.result import Accuracy, PointAccuracy
from memkit.analysis.copies import copies_of
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.summary import Results, Summary
from memkit.estimators import audit, outliers, units
from memkit.studies import Study
from memkit.typing import IntArray

_MOST_NAMED = 5  # the most outlying runs that a sentence names


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> Accuracy:
    """Returns the accuracy of every point."""
    groups = copies_of(study).groups
    return Accuracy(
        points={o.point.name: _of_point(o) for o in outcomes},
        predictions={
            o.point.name: {"out_predicted": _most_votes(study, o, groups)} for o in outcomes
        },
    )


def _of_point(outcomes: PointOutcomes) -> PointAccuracy:
    # Joined rows hold either examples that a run trained on or those that runs left out.
    arms = outcomes.mask, ~outcomes.mask
    rows_in, rows_out = (np.flatnonzero(arm.any(axis=1)) for arm in arms)
    train_in, train_out = (
        np.array([outcomes.correct[row, arm[row]].mean() for row in rows])
        for arm, rows in zip(arms, (rows_in, rows_out), strict=True)
    )
    num_in, num_out = (
        np.count_nonzero(arm) / max(1, len(rows))
        for arm, rows in zip(arms, (rows_in, rows_out), strict=True)
    )
    is_outlying = outliers.outlying_runs(train_in, train_out, num_in=num_in, num_out=num_out)
    test = units.means(outcomes.test_accuracy, outcomes.test_unit)
    return PointAccuracy(
        train_in=estimators.mean_over_runs(train_in),
        train_out=estimators.mean_over_runs(train_out),
        test=estimators.mean_over_runs(test),
        outlying_runs=tuple(outcomes.index[rows_in[is_outlying]].tolist()),
    )


def _most_votes(study: Study, outcomes: PointOutcomes, copies: Sequence[IntArray]) -> IntArray:
    """Returns the class [N] with the most votes, see `estimators.audit.Votes.most`."""
    labels = study.examples.given_labels
    if not len(outcomes.index):
        return np.full(len(labels), -1)
    in_subset = outcomes.with_copies(copies)
    return audit.votes(outcomes.predicted, in_subset, labels, study.sizes.classes).most(labels)


def outlying(summary: Summary) -> list[str]:
    """Returns a sentence per point whose intervals over runs rest on a few outlying runs."""
    accuracy = summary.results[Accuracy].points
    return [
        _outlying_text(point.name, point.num_runs, runs)
        for point in summary.points
        if (runs := accuracy[point.name].outlying_runs)
    ]


def _outlying_text(name: str, num_runs: int, runs: Sequence[int]) -> str:
    named = ", ".join(map(str, runs[:_MOST_NAMED])) + (", ..." if len(runs) > _MOST_NAMED else "")
    return (
        f"{name}: the accuracy of {len(runs)} of {num_runs} runs ({named}) is far "
        "from that of the others, and most of the spread of the runs comes from them. Its "
        "intervals over runs may hold the true value less often than 95%: look at these runs, and "
        "train more runs if such runs belong to the recipe"
    )
