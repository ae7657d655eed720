"""Estimates means and tails of the distribution of memorization."""

from collections.abc import Callable, Sequence

import numpy as np

from memkit import estimators
from memkit.analysis.distribution.result import Distribution, Means, PointDistribution
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.summary import Results
from memkit.estimators import WithError
from memkit.studies import Study
from memkit.typing import BoolArray, FloatArray


def analyze(study: Study, outcomes: Sequence[PointOutcomes], results: Results) -> Distribution:
    """Returns the distribution of memorization at every point."""
    del results  # of no other question
    return Distribution({o.point.name: _of_point(study, o) for o in outcomes})


def _of_point(study: Study, outcomes: PointOutcomes) -> PointDistribution:
    everything = np.ones(study.sizes.train, bool)
    scores = [outcomes.estimates["correct"].value, *replicates(study, outcomes)]

    def share(statistic: Callable[[FloatArray], float]) -> WithError:
        return estimators.over_replicates(list(map(statistic, scores)), len(outcomes.index))

    return PointDistribution(
        all_examples=means(outcomes, everything),
        clean=means(outcomes, ~study.examples.planted),
        memorization_prob=estimators.jackknife_mean(outcomes.prob, outcomes.mask).memorization,
        share_below_01=share(lambda s: 1 - estimators.share_above(s, np.nextafter(0.1, 0))),
        share_above_025=share(lambda s: estimators.share_above(s, 0.25)),
        share_above_09=share(lambda s: estimators.share_above(s, 0.9)),
    )


def means(outcomes: PointOutcomes, examples: BoolArray) -> Means:
    """Returns the Means of some examples, bool [N]."""
    estimated = estimators.jackknife_mean(outcomes.correct, outcomes.mask, examples)
    return Means(
        count=int(examples.sum()),
        memorization=estimated.memorization,
        in_mean=estimated.in_mean,
        out_mean=estimated.out_mean,
    )


def replicates(study: Study, outcomes: PointOutcomes) -> FloatArray:
    """Returns memorization [R, N] for weightings of the runs, see `estimators.run_weights`."""
    weights = estimators.run_weights(len(outcomes.index), study.config["seed"])
    if not len(outcomes.index):
        return np.full((len(weights), study.sizes.train), np.nan)
    return estimators.replicate_memorization(outcomes.correct, outcomes.mask, weights)
