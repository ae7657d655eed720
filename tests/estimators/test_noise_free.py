"""The distribution of true memorization in simulated worlds whose rates are known."""

import numpy as np
import pytest

from memkit import estimators, subsets
from memkit.estimators import noise_free
from memkit.estimators.distribution import STATISTICS
from memkit.estimators.pooled import posterior
from memkit.seeds import stream
from tests.estimators.test_pooled import _means, world

NUM_RUNS = 40
SHARES = ("share_below_01", "share_above_025", "share_above_09")


def _shares(scores):
    return {name: number for name, (number, _) in noise_free.statistics(scores).items()}


def _spread_means(rng, num_examples):
    """Returns mean margins without and with training whose memorization takes all values."""
    out = rng.normal(1.5, 2.0, num_examples)
    return out, out + rng.gamma(1.5, 2.0, num_examples)


def _study(noise, seed, means=_means):
    """Returns the true scores, the raw ones and the draws of a study, [D, N] each."""
    correct, logodds, mask, feature, truth = world(noise, seed, num_runs=NUM_RUNS, means=means)
    fitted = posterior(correct, logodds, mask, features=feature)
    draws = noise_free.draws(fitted, rng=stream(seed, "tests/noise_free"), num_draws=40)
    return truth[None], fitted.raw.value[None], draws


# With heavy tails or runs that are worse than others, margins follow no common normal distribution.
@pytest.mark.parametrize("noise", ["normal", "skewed", "bimodal", "uneven"])
def test_shares_of_the_draws_are_nearer_to_the_true_ones_than_those_of_noisy_scores(noise):
    errors = {"noisy": 0.0, "drawn": 0.0}
    for seed in range(5):
        truth, raw, draws = map(_shares, _study(noise, seed, means=_spread_means))
        for name in SHARES:
            errors["noisy"] += (raw[name] - truth[name]) ** 2
            errors["drawn"] += (draws[name] - truth[name]) ** 2
    assert errors["drawn"] < errors["noisy"]


def test_the_variance_of_the_draws_is_the_unbiased_one_where_a_stretch_reaches_it():
    correct, logodds, mask, feature, _ = world("normal", 1, num_runs=NUM_RUNS, means=_spread_means)
    fitted = posterior(correct, logodds, mask, features=feature)
    draws = noise_free.draws(fitted, rng=stream(0, "tests/noise_free"), num_draws=200)
    unbiased = np.var(fitted.raw.value) - np.mean(fitted.raw.stderr**2)
    assert np.var(fitted.estimate.value) < unbiased
    assert np.var(draws, axis=1).mean() == pytest.approx(unbiased, rel=0.01)


def test_the_mean_over_draws_is_the_pooled_score():
    correct, logodds, mask, feature, _ = world("normal", 2, num_runs=NUM_RUNS)
    fitted = posterior(correct, logodds, mask, features=feature)
    draws = noise_free.draws(fitted, rng=stream(0, "tests/noise_free"), num_draws=400)
    np.testing.assert_allclose(draws.mean(axis=0), fitted.estimate.value, atol=0.05)


def test_examples_that_were_in_all_runs_have_no_draws():
    correct, logodds, mask, feature, _ = world("normal", 3)
    mask = mask.copy()
    mask[:, 7] = True
    draws = noise_free.draws(
        posterior(correct, logodds, mask, features=feature),
        rng=stream(0, "tests/noise_free"),
        num_draws=3,
    )
    assert np.isnan(draws[:, 7]).all()
    assert np.isfinite(np.delete(draws, 7, axis=1)).all()


def test_without_rates_the_raw_scores_are_the_only_draw():
    rng = stream(0, "tests/noise_free")
    mask = subsets.balanced(np.zeros(10), 20, 0.7, 0)
    correct = rng.random(mask.shape) < 0.5
    fitted = posterior(correct, np.where(correct, 1.0, -1.0), mask)
    draws = noise_free.draws(fitted, rng=rng, num_draws=5)
    raw = estimators.memorization(correct, mask).value
    np.testing.assert_array_equal(draws, raw[None].astype(np.float32))


def test_statistics_are_means_and_variances_over_draws():
    draws = np.array([[0.0, 0.05, 0.5, 1.0], [0.2, 0.05, 0.95, 1.0]], np.float32)
    numbers = noise_free.statistics(draws)
    assert set(numbers) == set(STATISTICS)
    assert numbers["share_below_01"] == pytest.approx(((2 / 4 + 1 / 4) / 2, 0.125**2))
    assert numbers["share_above_09"] == pytest.approx(((1 / 4 + 2 / 4) / 2, 0.125**2))
