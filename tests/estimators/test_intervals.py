import numpy as np
import pytest
from scipy import stats

from memkit.estimators import arms, consistency, intervals, memorization

RATES = (0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1)
NUM_RUNS = (20, 40, 60, 100, 200, 400)


def _newcombe_coverage(num_in, num_out, in_rate, out_rate):
    """Returns the exact coverage, summed over all pairs of counts."""
    in_count, out_count = np.arange(num_in + 1), np.arange(num_out + 1)
    lower, upper = intervals.newcombe(in_count[:, None], num_in, out_count, num_out)
    truth = in_rate - out_rate
    covered = (lower <= truth + 1e-12) & (truth - 1e-12 <= upper)
    return (
        stats.binom.pmf(in_count, num_in, in_rate)
        @ covered
        @ stats.binom.pmf(out_count, num_out, out_rate)
    )


def _simulated_coverage(num_runs, in_mean, out_mean, concentration, rng):
    """Returns coverage of memorization and consistency for Beta probabilities."""
    num_in, repeats = round(0.7 * num_runs), 2000
    mask = np.zeros((num_runs, repeats), bool)
    mask[:num_in] = True
    outcome = np.concatenate(
        [
            np.full((num, repeats), float(mean))
            if mean in (0, 1)
            else rng.beta(concentration * mean, concentration * (1 - mean), (num, repeats))
            for num, mean in ((num_in, in_mean), (num_runs - num_in, out_mean))
        ]
    )
    coverage = []
    for estimate, truth in (
        (memorization(outcome, mask), in_mean - out_mean),
        (consistency(outcome, mask), out_mean),
    ):
        coverage.append(np.mean((estimate.lower <= truth) & (truth <= estimate.upper)))
    return coverage


def test_newcombe_covers_in_every_cell():
    coverage = np.array(
        [
            [
                _newcombe_coverage(round(0.7 * runs), runs - round(0.7 * runs), p, q)
                for p in RATES
                for q in RATES
            ]
            for runs in NUM_RUNS
        ]
    )
    assert coverage.min() > 0.92
    assert (coverage.mean(axis=1) > 0.95).all() and (coverage.mean(axis=1) < 0.97).all()


@pytest.mark.parametrize("num_runs, least", [(20, 0.86), (40, 0.88), (100, 0.91), (400, 0.93)])
def test_newcombe_falls_short_only_so_far_at_extreme_rates(num_runs, least):
    extreme = (0, 0.01, 0.02, 0.05, 0.95, 0.98, 0.99, 1)
    num_in = round(0.7 * num_runs)
    coverage = [
        _newcombe_coverage(num_in, num_runs - num_in, p, q) for p in extreme for q in extreme
    ]
    assert least < min(coverage) < 0.96


def test_padded_normal_covers_in_every_cell():
    rng = np.random.default_rng(0)
    coverage = np.array(
        [
            _simulated_coverage(num_runs, p, q, concentration, rng)
            for num_runs in (20, 60, 400)
            for concentration in (0.1, 0.5, 2)
            for p in (0, 0.1, 0.5, 0.95, 1)
            for q in (0.02, 0.1, 0.5, 0.9, 1)
        ]
    )
    assert coverage.min() > 0.92
    assert 0.94 < coverage[:, 0].mean() < 0.98


def test_wilson_meets_textbook_values():
    # Newcombe (1998a), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    lower, upper = intervals.wilson(np.array([81, 15, 0, 1]), np.array([263, 148, 20, 29]))
    np.testing.assert_allclose(lower, [0.2553, 0.0624, 0.0000, 0.0061], atol=5e-5)
    np.testing.assert_allclose(upper, [0.3662, 0.1605, 0.1611, 0.1718], atol=5e-5)


def test_newcombe_meets_textbook_values():
    # Newcombe (1998b), table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/10.
    lower, upper = intervals.newcombe(
        np.array([56, 9, 10]), np.array([70, 10, 10]), np.array([48, 3, 0]), np.array([80, 10, 10])
    )
    np.testing.assert_allclose(lower, [0.0524, 0.1705, 0.6075], atol=5e-5)
    np.testing.assert_allclose(upper, [0.3339, 0.8090, 1.0000], atol=5e-5)


def test_wilson_equals_scipy():
    for successes in range(12):
        expected = stats.binomtest(successes, 11).proportion_ci(method="wilson")
        np.testing.assert_allclose(intervals.wilson(successes, 11), expected, atol=1e-14)


@pytest.mark.parametrize("low", [0, -1])
def test_padding_equals_appended_values(low):
    rng = np.random.default_rng(1)
    inside, outside = rng.uniform(low, 1, 9), rng.uniform(low, 1, 5)
    outcome = np.concatenate([inside, outside])[:, None]
    mask = (np.arange(14) < 9)[:, None]
    bounds = intervals.padded_normal_difference(*arms.split(outcome, mask, low), low)
    padded = [np.append(values, [low, 1]) for values in (inside, outside)]
    center = padded[0].mean() - padded[1].mean()
    half = 1.959964 * np.sqrt(sum(values.var(ddof=1) / len(values) for values in padded))
    np.testing.assert_allclose(np.ravel(bounds), [center - half, center + half], atol=1e-6)


def test_no_runs_give_nan_without_warnings():
    zero = np.zeros(2, int)
    for bounds in (
        intervals.wilson(zero, zero),
        intervals.newcombe(zero, zero, zero, zero + 5),
        intervals.newcombe(zero, zero + 5, zero, zero),
    ):
        assert np.isnan(bounds).all()
    _, empty = arms.split(np.ones((3, 2)), np.ones((3, 2), bool))
    assert np.isnan(intervals.padded_normal(empty)).all()
