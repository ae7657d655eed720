"""Estimates means and tails of the distribution of memorization."""

from collections.abc import Callable, Sequence

import numpy as np

from memkit import estimators
from memkit.analysis.distribution.result import Distribution, PointDistribution
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.summary import Results
from memkit.estimators import WithError
from memkit.studies import Study
from memkit.typing import FloatArray


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> Distribution:
    """Returns the distribution of memorization at every point."""
    return Distribution({o.point.name: _of_point(study, o) for o in outcomes})


def _of_point(study: Study, outcomes: PointOutcomes) -> PointDistribution:
    correct, mask, clean = outcomes.correct, outcomes.mask, ~study.examples.planted
    unit = outcomes.unit
    scores = [outcomes.estimates["correct"].value, *replicates(study, outcomes)]

    def share(statistic: Callable[[FloatArray], float]) -> WithError:
        return estimators.over_replicates(list(map(statistic, scores)), outcomes.num_units)

    return PointDistribution(
        all_examples=estimators.jackknife_mean(correct, mask, unit=unit),
        clean=estimators.jackknife_mean(correct, mask, clean, unit=unit),
        memorization_prob=estimators.jackknife_mean(outcomes.prob, mask, unit=unit).memorization,
        share_below_01=share(lambda s: 1 - estimators.share_above(s, np.nextafter(0.1, 0))),
        share_above_025=share(lambda s: estimators.share_above(s, 0.25)),
        share_above_09=share(lambda s: estimators.share_above(s, 0.9)),
    )


def replicates(study: Study, outcomes: PointOutcomes) -> FloatArray:
    """Returns memorization [R, N] for weightings of the runs, see `estimators.run_weights`."""
    weights = estimators.run_weights(len(outcomes.index), study.config["seed"], unit=outcomes.unit)
    if not len(outcomes.index):
        return np.full((len(weights), study.sizes.train), np.nan)
    return estimators.replicate_memorization(outcomes.correct, outcomes.mask, weights)
