"""Intervals of corrected shapes in a simulated world whose rates are known."""

import dataclasses
import types

import numpy as np
import pytest

from memkit import estimators
from memkit.analysis import noise_free
from memkit.analysis.distribution.estimate import noisy_shape, shape_numbers
from memkit.estimators.noise_free import statistics
from tests.analysis import worlds
from tests.estimators.test_noise_free import SHARES, _spread_means
from tests.estimators.test_pooled import world

NUM_RUNS = 40


def _point(seed):
    """Returns the outcomes of a point, and its true memorization [N]."""
    correct, logodds, mask, feature, truth = world(
        "normal", seed, num_runs=NUM_RUNS, means=_spread_means
    )
    study = types.SimpleNamespace(train_mask=mask, config={"seed": seed})
    outcomes = worlds.outcomes(study, correct)
    return dataclasses.replace(outcomes, logodds=logodds, features=feature), truth


def _covered(shape, truth):
    true_shape = statistics(truth[None])
    return [
        abs(getattr(shape, name).value - true_shape[name][0]) <= getattr(shape, name).margin
        for name in SHARES
    ]


def _noisy(outcomes):
    weights = estimators.run_weights(NUM_RUNS, 0)
    weights = np.vstack([np.ones(NUM_RUNS), weights])
    replicates = estimators.replicate_memorization(outcomes.correct, outcomes.mask, weights)
    return noisy_shape(shape_numbers(replicates), NUM_RUNS)


def test_intervals_cover_true_shares_that_those_of_noisy_scores_miss():
    """The corrected ones cover 83% of 60 here, so they are too narrow in this world."""
    corrected, noisy = [], []
    for seed in range(20):
        outcomes, truth = _point(seed)
        everything = np.ones(len(truth), bool)
        corrected += _covered(noise_free.shape(outcomes.noise_free, everything), truth)
        noisy += _covered(_noisy(outcomes), truth)
    assert np.mean(noisy) < 0.5
    assert np.mean(corrected) > 0.8


def test_the_error_has_both_parts():
    outcomes, truth = _point(0)
    scores = outcomes.noise_free
    shares = [np.mean(draws >= 0.25) for draws in scores.replicates]
    jackknife = np.sum((shares - np.mean(shares)) ** 2) * (len(shares) - 1) / len(shares)
    between_draws = np.var(np.mean(scores.draws >= 0.25, axis=1))
    shape = noise_free.shape(scores, np.ones(len(truth), bool))
    assert min(jackknife, between_draws) > 0
    assert shape.share_above_025.stderr**2 == pytest.approx(jackknife + between_draws)


def test_without_a_group_of_runs_its_answers_do_not_count():
    outcomes, _ = _point(1)
    is_used = np.arange(NUM_RUNS) % 5 != 0
    changed = outcomes.correct ^ ~is_used[:, None]
    other = dataclasses.replace(outcomes, correct=changed)
    rows, examples = np.flatnonzero(is_used), np.arange(outcomes.mask.shape[1])
    first, second = (o.posterior_of(rows, examples).estimate.value for o in (outcomes, other))
    np.testing.assert_array_equal(first, second)
