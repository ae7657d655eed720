"""Canaries: how well every score and proxy finds the labels that were planted.

AUROC is the chance that a random planted label has a higher score than a random clean one: 1 =
found perfectly, 0.5 = chance. Every score is turned so that higher = harder.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from memkit import estimators
from memkit.estimators import arms
from memkit.proxies import average
from memkit.typing import Array, BoolArray, FloatArray

SCORES = {
    "memorization": "in-sample minus out-of-sample accuracy",
    "memorization_prob": "in-sample minus out-of-sample probability of the label",
    "out_error": "1 - out-of-sample accuracy (1 - consistency score)",
    "out_doubt": "1 - out-of-sample probability of the label",
    "in_doubt": "1 - in-sample probability of the label",
}


def scores(
    correct: BoolArray,
    prob: FloatArray,
    train_mask: BoolArray,
    planted: BoolArray,
    weights: FloatArray,
) -> dict[str, dict[str, float]]:
    """Returns the AUROC of every score of `SCORES`.

    Args:
      correct: [M, N] bool, outcomes.
      prob: [M, N] float in [0, 1], probabilities of the given label.
      train_mask: [M, N] bool, True where run m trained on example i.
      planted: [N] bool, True where the given label was planted.
      weights: [R, M], from `estimators.run_weights`; standard errors are over runs.

    Returns:
      {score: {"auroc", "auroc_stderr", "auroc_margin": float}}.
    """
    exact = np.ones((1, len(weights[0])))
    parts = {
        "memorization": lambda w: estimators.replicate_memorization(correct, train_mask, w),
        "memorization_prob": lambda w: estimators.replicate_memorization(prob, train_mask, w),
        "out_error": lambda w: 1 - _arm_mean(correct, train_mask, False, w),
        "out_doubt": lambda w: 1 - _arm_mean(prob, train_mask, False, w),
        "in_doubt": lambda w: 1 - _arm_mean(prob, train_mask, True, w),
    }
    return {
        name: _entry(part(exact)[0], part(weights), planted, len(train_mask))
        for name, part in parts.items()
    }


def proxies_found(
    values: Mapping[str, FloatArray], planted: BoolArray, weights: FloatArray
) -> dict[str, dict[str, float]]:
    """Returns the AUROC of proxies, averaged over runs and of one run.

    Args:
      values: {proxy: [H, N]}, turned so that higher = harder, NaN where undefined.
      planted: [N] bool, True where the given label was planted.
      weights: [R, H], how often each of these runs counts.

    Returns:
      {proxy: {"auroc", "auroc_stderr", "auroc_margin", "auroc_single": float}}; the last is the
      mean over runs of the AUROC of one run, among the examples it trained on.
    """
    found = {}
    for name, value in values.items():
        defined = ~np.isnan(value)
        replicates = _weighted_mean(np.where(defined, value, 0), defined, weights)
        single = [estimators.auroc(row, planted) for row in value]
        found[name] = {
            **_entry(average(value), replicates, planted, len(value)),
            "auroc_single": float(average(np.array(single)[:, None])[0]),
        }
    return found


def _entry(
    score: FloatArray, replicates: FloatArray, planted: BoolArray, num_runs: int
) -> dict[str, float]:
    numbers = [estimators.auroc(values, planted) for values in (score, *replicates)]
    return estimators.over_replicates(numbers, num_runs).named("auroc")


def _arm_mean(values: Array, train_mask: BoolArray, arm: bool, weights: FloatArray) -> FloatArray:
    """Returns the weighted means [R, N] of the runs whose train mask is `arm`."""
    means: list[FloatArray] = [np.empty((len(weights), 0))]
    for columns in arms.blocks(*train_mask.shape):
        member = train_mask[:, columns] == arm
        means.append(_weighted_mean(values[:, columns], member, weights))
    return np.concatenate(means, axis=1)


def _weighted_mean(values: Array, member: BoolArray, weights: npt.ArrayLike) -> FloatArray:
    """Returns [R, N]: means of values [M, N] where member, run m counting weights[r, m] times."""
    weights = np.asarray(weights, np.float64)
    count = weights @ member.astype(np.float64)
    total = weights @ np.where(member, values, 0).astype(np.float64)
    return np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)
