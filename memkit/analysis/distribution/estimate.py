"""Estimates means and shape of the distribution of memorization."""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from memkit import estimators
from memkit.analysis import noise_free
from memkit.analysis.distribution.result import Distribution, Histograms, PointDistribution, Shape
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.summary import Results
from memkit.estimators import distribution
from memkit.studies import Study
from memkit.typing import BoolArray, FloatArray

BIN_EDGES = np.linspace(-1, 1, 41).round(6)


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> Distribution:
    """Returns the distribution of memorization at every point."""
    planted = study.examples.planted
    return Distribution(
        points={o.point.name: _of_point(study, o) for o in outcomes},
        histograms={
            o.point.name: histograms(o.noise_free.draws, planted) for o in outcomes if len(o.index)
        },
    )


def _of_point(study: Study, outcomes: PointOutcomes) -> PointDistribution:
    correct, mask, clean = outcomes.correct, outcomes.mask, ~study.examples.planted
    unit = outcomes.unit
    scores = itertools.chain([outcomes.estimates["correct"].value], replicates(study, outcomes))
    return PointDistribution(
        all_examples=estimators.jackknife_mean(correct, mask, unit=unit),
        clean=estimators.jackknife_mean(correct, mask, clean, unit=unit),
        memorization_prob=estimators.jackknife_mean(outcomes.prob, mask, unit=unit).memorization,
        shape=noise_free.shape(outcomes.noise_free, np.ones(len(clean), bool)),
        noisy_shape=noisy_shape(shape_numbers(scores), outcomes.num_units),
    )


def shape_numbers(scores: Iterable[FloatArray]) -> dict[str, FloatArray]:
    """Returns {name of STATISTICS: [K]} of K scores [N] each."""
    statistics = distribution.STATISTICS
    numbers = [[statistic(row) for statistic in statistics.values()] for row in scores]
    return dict(zip(statistics, map(np.array, zip(*numbers)), strict=True))


def noisy_shape(numbers: Mapping[str, FloatArray], num_units: int) -> Shape:
    """Returns the shape of the distribution of estimated scores, with errors over replicates.

    Args:
      numbers: {name of STATISTICS: [1 + R]}, of the estimates, then of each replicate over the
        runs; or the change of these numbers.
      num_units: number of sampling units.
    """
    return Shape(
        **{name: estimators.over_replicates(of, num_units) for name, of in numbers.items()}
    )


def histograms(scores: FloatArray, planted: BoolArray, edges: FloatArray = BIN_EDGES) -> Histograms:
    """Returns how many examples have which memorization, on average over D draws.

    Args:
      scores: [D, N] float in [-1, 1]; NaN is not counted.
      planted: [N] bool, True where the label was planted.
      edges: [B + 1], edges of the bins.
    """
    clean, of_planted = (_counts(scores[:, of], edges) for of in (~planted, planted))
    return Histograms(clean=clean, planted=of_planted)


def _counts(scores: FloatArray, edges: FloatArray) -> FloatArray:
    # Means of 0/1 outcomes lie on bin edges up to float rounding.
    defined = scores[np.isfinite(scores)].astype(np.float64)
    return np.histogram(np.clip(defined + 1e-9, -1, 1), edges)[0] / len(scores)


def edges_of_scores(num_out: int) -> FloatArray:
    """Returns edges of bins, at least about 0.05 wide, for scores of 0/1 outcomes of few runs.

    An example that every run learned has a score that is a multiple of 1 / num_out. All bins hold
    the same number of these multiples, since others would look like a comb.

    Args:
      num_out: number of runs that did not train on an example.

    Returns:
      [B + 1] float, from at most -1 to above 1.

    Example:

      >>> edges_of_scores(2)
      array([-1.25, -0.75, -0.25,  0.25,  0.75,  1.25])
    """
    held = max(1, round(0.05 * num_out))
    bins_below = -(-num_out // held)
    edges = (held * np.arange(-bins_below, num_out // held + 2) - 0.5) / num_out
    return edges.round(6)


def replicates(study: Study, outcomes: PointOutcomes) -> FloatArray:
    """Returns memorization [R, N] for weightings of the runs, see `estimators.run_weights`."""
    weights = estimators.run_weights(len(outcomes.index), study.config["seed"], unit=outcomes.unit)
    if not len(outcomes.index):
        return np.full((len(weights), study.sizes.train), np.nan)
    return estimators.replicate_memorization(outcomes.correct, outcomes.mask, weights)
