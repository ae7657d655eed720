"""Canaries: how well every score and proxy detects planted labels.

The AUROC is the probability that a random planted label has a higher score than a random clean
one: 1 = perfect detection, 0.5 = chance. Every score has the sign for which higher = harder.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from memkit import estimators
from memkit.estimators import WithError, arms
from memkit.proxies import average, weighted_average
from memkit.typing import Array, BoolArray, FloatArray, IntArray

SCORES = {
    "memorization": "in-sample minus out-of-sample accuracy",
    "memorization_prob": "in-sample minus out-of-sample probability of the label",
    "out_error": "1 - out-of-sample accuracy (1 - consistency score)",
    "out_doubt": "1 - out-of-sample probability of the label",
    "in_doubt": "1 - in-sample probability of the label",
}


@dataclasses.dataclass(frozen=True)
class Detection:
    """How well a score finds planted labels.

    Attributes:
      auroc: 0.5 = chance, 1 = all planted labels rank first.
      auroc_single: of a proxy: the mean over runs of a single run's AUROC among the examples that
        it trained on; None for other scores.
    """

    auroc: WithError
    auroc_single: float | None = None


def scores(
    correct: BoolArray,
    prob: FloatArray,
    train_mask: BoolArray,
    planted: BoolArray,
    weights: IntArray | FloatArray,
    *,
    num_units: int,
) -> dict[str, Detection]:
    """Returns the AUROC of every score of `SCORES`.

    Args:
      correct: [M, N] bool, outcomes.
      prob: [M, N] float in [0, 1], probabilities of the given label.
      train_mask: [M, N] bool, True where run m trained on example i.
      planted: [N] bool, True where the given label was planted.
      weights: [R, M] replicates from `estimators.run_weights`, for standard errors over runs.
      num_units: number of runs, or of units of runs, that are weighted.
    """
    exact = np.ones((1, len(weights[0])))
    functions = {
        "memorization": lambda w: estimators.replicate_memorization(correct, train_mask, w),
        "memorization_prob": lambda w: estimators.replicate_memorization(prob, train_mask, w),
        "out_error": lambda w: 1 - _arm_mean(correct, train_mask, False, w),
        "out_doubt": lambda w: 1 - _arm_mean(prob, train_mask, False, w),
        "in_doubt": lambda w: 1 - _arm_mean(prob, train_mask, True, w),
    }
    return {
        name: Detection(_auroc(score(exact)[0], score(weights), planted, num_units))
        for name, score in functions.items()
    }


def proxy_aurocs(
    values: Mapping[str, FloatArray], planted: BoolArray, weights: IntArray | FloatArray
) -> dict[str, Detection]:
    """Returns the AUROC of proxies, both averaged over runs and computed from a single run.

    Args:
      values: {proxy: [H, N]} with the sign for which higher = harder; NaN where undefined.
      planted: [N] bool, True where the given label was planted.
      weights: [R, H], how often each run counts in each replicate.
    """
    aurocs = {}
    for name, value in values.items():
        replicates = weighted_average(value, ~np.isnan(value), weights)
        single = [estimators.auroc(row, planted) for row in value]
        aurocs[name] = Detection(
            _auroc(average(value), replicates, planted, len(value)),
            float(average(np.array(single)[:, None])[0]),
        )
    return aurocs


def _auroc(
    score: FloatArray, replicates: FloatArray, planted: BoolArray, num_runs: int
) -> WithError:
    numbers = [estimators.auroc(values, planted) for values in (score, *replicates)]
    return estimators.over_replicates(numbers, num_runs)


def _arm_mean(values: Array, train_mask: BoolArray, arm: bool, weights: FloatArray) -> FloatArray:
    """Returns means [R, N] over the runs whose train mask equals `arm`, weighted by [R, M]."""
    means: list[FloatArray] = [np.empty((len(weights), 0))]
    for columns in arms.blocks(*train_mask.shape):
        member = train_mask[:, columns] == arm
        means.append(weighted_average(values[:, columns], member, weights))
    return np.concatenate(means, axis=1)
