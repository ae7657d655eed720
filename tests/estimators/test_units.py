"""Estimators of runs that come in units, such as the pairs of a study that leaves one out."""

import numpy as np
import pytest

from memkit import comparisons, estimators, trajectories
from memkit.errors import InputError
from memkit.estimators import convergence, intervals, margins, paired, units

U, N = 8, 9
UNIT = np.repeat(np.arange(U), 2)
MASK = np.tile(np.array([[True], [False]]), (U, N))


@pytest.fixture
def prob():
    """Probabilities [2U, N] whose arms share the noise of their unit."""
    rng = np.random.default_rng(0)
    shared = rng.uniform(0.2, 0.8, (U, N)).repeat(2, axis=0)
    return np.clip(shared + 0.2 * MASK * np.arange(N) / N + rng.normal(0, 0.02, (2 * U, N)), 0, 1)


def _differences(prob):
    return prob[::2] - prob[1::2]


def test_units_are_numbered_in_their_order():
    np.testing.assert_array_equal(units.numbered([7, 3, 7, 9], 4), [1, 0, 1, 2])
    np.testing.assert_array_equal(units.numbered(None, 3), [0, 1, 2])
    assert units.count(units.numbered(None, 0)) == 0
    with pytest.raises(InputError, match="unit: expected shape"):
        units.numbered([0, 1], 3)


def test_sums_and_means_are_those_of_the_runs_of_a_unit():
    values, unit = np.arange(8.0).reshape(4, 2), np.array([1, 0, 1, 2])
    np.testing.assert_array_equal(units.sums(values, unit), [[2, 3], [4, 6], [6, 7]])
    np.testing.assert_array_equal(units.means(values[:, 0], np.array([5, 2, 5, 9])), [2, 2, 6])
    np.testing.assert_array_equal(units.sums(values > 0, np.arange(4)), values > 0)


def test_memorization_of_pairs_is_the_mean_difference_with_its_error(prob):
    estimate = estimators.memorization(prob, MASK, UNIT)
    differences = _differences(prob)
    np.testing.assert_allclose(estimate.value, differences.mean(axis=0))
    np.testing.assert_allclose(estimate.stderr, differences.std(axis=0, ddof=1) / np.sqrt(U))
    mean = differences.mean(axis=0, keepdims=True)
    padded = np.concatenate([differences, mean - 0.1, mean + 0.1])
    half = margins.student(U + 1) * padded.std(axis=0, ddof=1) / np.sqrt(U + 2)
    np.testing.assert_allclose(estimate.lower, mean[0] - half)
    np.testing.assert_allclose(estimate.upper, mean[0] + half)
    assert (estimate.num_in == U).all() and (estimate.num_out == U).all()
    apart = estimators.memorization(prob, MASK)
    np.testing.assert_array_equal(apart.value, estimate.value)
    assert (apart.stderr > 3 * estimate.stderr).all()


def test_interval_of_paired_right_or_wrong_answers_is_padded_with_both_extremes(prob):
    correct = prob > 0.5
    estimate = estimators.memorization(correct, MASK, UNIT)
    differences = _differences(correct.astype(float))
    padded = np.concatenate([differences, np.ones((1, N)), -np.ones((1, N))])
    half = intervals.Z * padded.std(axis=0, ddof=1) / np.sqrt(U + 2)
    np.testing.assert_allclose(estimate.lower, np.maximum(padded.mean(axis=0) - half, -1))
    np.testing.assert_allclose(estimate.upper, np.minimum(padded.mean(axis=0) + half, 1))


def test_memorization_does_not_depend_on_the_order_of_the_runs(prob):
    order = np.random.default_rng(1).permutation(2 * U)
    expected = estimators.memorization(prob, MASK, UNIT)
    actual = estimators.memorization(prob[order], MASK[order], UNIT[order])
    for name, value in vars(expected).items():
        np.testing.assert_allclose(getattr(actual, name), value)


def test_jackknife_leaves_out_both_runs_of_a_pair(prob):
    means = estimators.jackknife_mean(prob, MASK, unit=UNIT)
    per_unit = _differences(prob).mean(axis=1)
    assert means.memorization.value == pytest.approx(per_unit.mean())
    assert means.memorization.stderr == pytest.approx(per_unit.std(ddof=1) / np.sqrt(U))
    assert means.memorization.df == U - 1


def test_change_of_means_leaves_out_both_runs_of_a_pair(prob):
    other = np.clip(prob + 0.1 * MASK * np.random.default_rng(2).random((2 * U, 1)), 0, 1)
    (change,) = paired.change_of_means(prob, other, MASK, unit=UNIT)
    per_unit = (_differences(other) - _differences(prob)).mean(axis=1)
    assert change.memorization.value == pytest.approx(per_unit.mean())
    assert change.memorization.stderr == pytest.approx(per_unit.std(ddof=1) / np.sqrt(U))
    assert change.memorization.df == U - 1


def test_every_run_as_a_unit_changes_no_number():
    rng = np.random.default_rng(3)
    mask = rng.random((20, N)) < 0.6
    outcomes = [rng.random((20, N)) < 0.5 for _ in range(2)]
    alone = np.arange(20)
    for of_both in (
        lambda unit: estimators.jackknife_mean(outcomes[0], mask, unit=unit),
        lambda unit: estimators.run_weights(20, 5, unit=unit).tolist(),
        lambda unit: estimators.split_half(outcomes[0], mask, 5, unit),
        lambda unit: convergence.agreements(outcomes[0], mask, 5, unit=unit),
        lambda unit: paired.change_of_means(*outcomes, mask, unit=unit),
        lambda unit: comparisons.cross_half(*outcomes, mask, 5, unit),
        lambda unit: trajectories.share_errors(outcomes, mask, (0.1,), unit=unit),
        lambda unit: estimators.memorization(outcomes[0], mask, unit).lower.tolist(),
    ):
        assert repr(of_both(alone)) == repr(of_both(None))


def test_runs_of_a_unit_count_equally_often():
    weights = estimators.run_weights(2 * U, 0, 50, unit=UNIT)
    np.testing.assert_array_equal(weights[:, ::2], weights[:, 1::2])
    assert (weights.sum(axis=1) == 2 * U).all() and (weights.std(axis=1) > 0).any()


def test_halves_hold_whole_units(prob):
    first, second = estimators.split_halves.halves(2 * U, 3, UNIT)
    assert not set(UNIT[first]) & set(UNIT[second])
    assert len(set(UNIT[first])) == len(set(UNIT[second])) == U // 2
    assert estimators.split_half(prob, MASK, 3, UNIT).num_examples == N
    (agreement,) = convergence.agreements(prob, MASK, 3, unit=UNIT)["memorization"]
    assert (agreement.runs, agreement.num_examples) == (U // 2, N)
    assert comparisons.cross_half(prob, prob, MASK, 3, UNIT).first <= 1


def test_equal_differences_of_pairs_are_no_change_along_the_axis():
    rng = np.random.default_rng(4)
    # Multiples of 1/64 have exact sums.
    base = rng.integers(0, 32, (U, N)).repeat(2, axis=0) / 64
    points = [base + MASK * 0.25, base[::-1] + MASK * 0.25]
    test = trajectories.change_test(points, MASK, num_draws=256)
    np.testing.assert_array_equal(test.p, 1)
    errors = trajectories.share_errors(points, MASK, (0.1,), unit=UNIT)
    assert all(np.isfinite(list(errors[0.1].values())))


@pytest.mark.parametrize("skewness", [0.0, 1.0, 2.0])
def test_intervals_of_paired_probabilities_cover(skewness):
    """Differences of 8 pairs with a spread from that of easy to that of hard examples."""
    rng = np.random.default_rng(6)
    for spread in (0.003, 0.03, 0.1):
        draws = rng.standard_normal((8, 4000))
        if skewness:
            shape = 4 / skewness**2
            draws = (rng.gamma(shape, 1, (8, 4000)) - shape) / np.sqrt(shape)
        outcome = np.full((16, 4000), 0.4)
        outcome[::2] = np.clip(0.5 + spread * draws, 0, 1)
        truth = np.mean(np.clip(0.5 + spread * draws, 0, 1)) - 0.4
        mask = np.tile(np.array([[True], [False]]), (8, 4000))
        estimate = estimators.memorization(outcome, mask, np.repeat(np.arange(8), 2))
        covered = (estimate.lower <= truth) & (truth <= estimate.upper)
        assert covered.mean() > 0.9


@pytest.mark.parametrize("num_units", [4, 8, 16])
def test_intervals_of_paired_outcomes_cover(num_units):
    """Rates of all four outcomes of a pair, from none to always memorized."""
    rng, rates = np.random.default_rng(5), (0, 0.05, 0.2, 0.5, 0.8, 0.95, 1)
    for gained in rates:
        for lost in (0, 0.05, 0.2):
            if gained + lost > 1:
                continue
            unchanged = max(0, 1 - gained - lost)
            draws = rng.choice(3, (num_units, 4000), p=[gained, lost, unchanged])
            outcome = np.empty((2 * num_units, 4000), bool)
            outcome[::2] = (draws == 0) | ((draws == 2) & (rng.random(draws.shape) < 0.5))
            outcome[1::2] = np.where(draws == 0, False, (draws == 1) | outcome[::2])
            mask = np.tile(np.array([[True], [False]]), (num_units, 4000))
            estimate = estimators.memorization(outcome, mask, np.repeat(np.arange(num_units), 2))
            truth = gained - lost
            covered = (estimate.lower <= truth + 1e-9) & (truth - 1e-9 <= estimate.upper)
            assert covered.mean() > (0.87 if num_units == 4 else 0.92)
