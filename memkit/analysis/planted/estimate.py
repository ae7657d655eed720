"""Estimates how well scores find the planted labels."""

from collections.abc import Sequence

import numpy as np

from memkit import estimators
from memkit.analysis.distribution import estimate as distribution
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.planted.result import Planted, PointPlanted
from memkit.analysis.summary import Results
from memkit.estimators import WithError, arms
from memkit.studies import Study
from memkit.typing import FloatArray


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> Planted:
    """Returns means and detection of the planted labels at every point."""
    if not study.examples.planted.any():
        return Planted({})
    return Planted({o.point.name: _of_point(study, o) for o in outcomes})


def _of_point(study: Study, outcomes: PointOutcomes) -> PointPlanted:
    planted, estimates = study.examples.planted, outcomes.estimates

    def auroc(scores: Sequence[FloatArray]) -> WithError:
        numbers = [estimators.auroc(score, planted) for score in scores]
        return estimators.over_replicates(numbers, outcomes.num_units)

    memorized = distribution.replicates(study, outcomes)
    return PointPlanted(
        count=int(planted.sum()),
        means=estimators.jackknife_mean(
            outcomes.correct, outcomes.mask, planted, unit=outcomes.unit
        ),
        auroc=auroc([estimates["correct"].value, *memorized]),
        auroc_out_prob=auroc([1 - estimates["prob"].out_mean, *_doubts(study, outcomes)]),
    )


def _doubts(study: Study, outcomes: PointOutcomes) -> FloatArray:
    """Returns one minus the out-of-sample probability [R, N] for weightings of the runs."""
    mask = outcomes.mask
    weights = estimators.run_weights(len(mask), study.config["seed"], unit=outcomes.unit)
    weights = weights.astype(np.float32)
    doubts = np.empty((len(weights), mask.shape[1]), np.float32)
    for columns in arms.blocks(*mask.shape):
        out = ~mask[:, columns]
        with np.errstate(invalid="ignore"):
            mean = (weights @ (outcomes.prob[:, columns] * out)) / (weights @ out)
        doubts[:, columns] = 1 - mean
    return doubts
