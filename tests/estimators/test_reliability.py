import numpy as np
import pytest
from scipy import stats

from memkit import errors, subsets
from memkit.comparisons import agreement
from memkit.estimators import (
    jackknife_mean,
    memorization,
    removal,
    replicate_memorization,
    run_weights,
    share_above,
    split_half,
    standard_error,
)


def _study(seed, num_runs=40, num_examples=30):
    """Simulates outcomes whose runs differ in quality, so that examples are dependent."""
    rng = np.random.default_rng(seed)
    mask = rng.random((num_runs, num_examples)).argsort(axis=1) < round(0.7 * num_examples)
    quality = 0.15 * rng.standard_normal((num_runs, 1))
    easy = np.linspace(0.2, 0.8, num_examples)
    rate = np.clip(easy + quality + np.where(mask, 0.2, -0.1 - quality), 0, 1)
    return rng.random(mask.shape) < rate, mask


def _mean_after(outcome, mask, runs):
    estimate = memorization(outcome[runs], mask[runs])
    defined = ~np.isnan(estimate.value)
    return [
        np.mean(part[defined]) for part in (estimate.value, estimate.in_mean, estimate.out_mean)
    ]


@pytest.mark.parametrize("num_runs, examples", [(40, None), (7, None), (40, [3, 5, 8])])
def test_jackknife_equals_recomputing_without_each_run(num_runs, examples):
    outcome, mask = _study(0, num_runs)
    means = jackknife_mean(outcome, mask, examples)
    if examples is not None:
        outcome, mask = outcome[:, examples], mask[:, examples]
    smallest = np.minimum(mask.sum(axis=0), (~mask).sum(axis=0))
    assert num_runs == 40 or {0, 1} < set(smallest.tolist())
    deleted = np.array(
        [_mean_after(outcome, mask, np.arange(num_runs) != m) for m in range(num_runs)]
    )
    expected = np.sqrt((num_runs - 1) ** 2 / num_runs * deleted.var(axis=0, ddof=1))
    parts = (means.memorization, means.in_mean, means.out_mean)
    np.testing.assert_allclose([part.stderr for part in parts], expected)
    np.testing.assert_allclose(
        [part.value for part in parts], _mean_after(outcome, mask, slice(None))
    )
    assert means.num_examples == np.count_nonzero(smallest)


def test_mean_memorization_is_in_accuracy_minus_out_accuracy():
    outcome, mask = _study(1)
    mask[:, 2] = True
    means = jackknife_mean(outcome, mask)
    assert means.num_examples == 29
    assert means.memorization.value == pytest.approx(
        means.in_mean.value - means.out_mean.value, abs=1e-15
    )
    balanced = subsets.balanced(np.zeros(30, int), 40, 0.7, 0)
    means = jackknife_mean(outcome, balanced)
    assert means.memorization.value == pytest.approx(
        outcome[balanced].mean() - outcome[~balanced].mean()
    )


def test_bool_examples_select_like_indices():
    outcome, mask = _study(2)
    chosen = np.isin(np.arange(30), [1, 4])
    assert jackknife_mean(outcome, mask, chosen) == jackknife_mean(outcome, mask, [1, 4])


def test_jackknife_and_run_weights_find_the_true_standard_errors():
    values, jackknife, weighted, above, above_errors = [], [], [], [], []
    for seed in range(800):
        outcome, mask = _study(seed)
        means = jackknife_mean(outcome, mask)
        parts = (means.memorization, means.in_mean, means.out_mean)
        values.append([part.value for part in parts])
        jackknife.append([part.stderr for part in parts])
        if seed < 200:
            replicates = replicate_memorization(outcome, mask, run_weights(40, seed, 100))
            weighted.append(standard_error(np.nanmean, replicates))
            above_errors.append(standard_error(lambda v: share_above(v, 0.25), replicates))
        above.append(share_above(memorization(outcome, mask).value, 0.25))
    truth = np.std(values, axis=0, ddof=1)
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(jackknife), axis=0)), truth, rtol=0.08)
    assert np.sqrt(np.mean(np.square(weighted))) == pytest.approx(truth[0], rel=0.1)
    assert np.sqrt(np.mean(np.square(above_errors))) == pytest.approx(np.std(above), rel=0.3)
    # Runs differ in quality, so answers as independent as coins would vary less.
    assert truth[1] > 1.3 * np.sqrt(0.25 / (40 * 0.7 * 30))


def test_standard_error_is_the_sample_deviation_over_replicates():
    replicates = np.random.default_rng(0).random((5, 8))
    assert standard_error(np.max, replicates) == pytest.approx(
        np.std(replicates.max(axis=1), ddof=1)
    )


def test_run_weights_sum_to_the_runs_and_repeat():
    weights = run_weights(40, 3, num_replicates=500)
    assert weights.shape == (500, 40)
    assert (weights.sum(axis=1) == 40).all()
    np.testing.assert_array_equal(weights, run_weights(40, 3, num_replicates=500))
    assert not np.array_equal(weights, run_weights(40, 4, num_replicates=500))
    assert run_weights(40, 3).shape == (200, 40)
    assert weights.var() == pytest.approx(1 - 1 / 40, rel=0.03)


@pytest.mark.parametrize("probabilities", [False, True])
def test_replicates_equal_repeating_runs(probabilities):
    outcome, mask = _study(0, num_runs=12)
    if probabilities:
        outcome = np.random.default_rng(0).random(mask.shape)
    weights = run_weights(12, 0, num_replicates=30)
    replicates = replicate_memorization(outcome, mask, weights)
    assert np.isnan(replicates).any()
    for weight, replicate in zip(weights, replicates):
        runs = np.repeat(np.arange(12), weight)
        np.testing.assert_allclose(
            replicate, memorization(outcome[runs], mask[runs]).value, atol=1e-14
        )


def test_weights_of_other_runs_are_refused():
    outcome, mask = _study(0)
    with pytest.raises(errors.InputError, match=r"weights: expected shape \(R, 40\)"):
        replicate_memorization(outcome, mask, np.ones((5, 39)))


def test_share_counts_no_nan():
    assert share_above([0.1, 0.25, 0.5, np.nan], 0.25) == pytest.approx(2 / 3)
    assert np.isnan(share_above([np.nan, np.nan], 0.25))


def test_differences_of_rates_that_equal_a_threshold_are_at_it():
    """Rates of 20 runs each: 0.35 - 0.1 is less than 0.25 in floating point."""
    first, second = np.meshgrid(np.arange(21), np.arange(21))
    scores = (first / 20 - second / 20)[first - second == 5]
    assert (scores < 0.25).any()
    assert share_above(scores, 0.25) == 1
    curves = agreement.threshold_curves(scores, scores, (0.25,))
    assert curves.num_first.tolist() == [len(scores)]
    rows = removal.design(scores, thresholds=[0.25], repeats=1, seed=0)
    assert not rows.train_mask[1].any()


def test_split_half_compares_disjoint_halves():
    outcome, mask = _study(0, num_runs=81, num_examples=200)
    outcome |= np.arange(200) < 60
    halves = split_half(outcome, mask, seed=0)
    assert halves == split_half(outcome, mask, seed=0)
    assert halves != split_half(outcome, mask, seed=1)
    assert halves.num_examples == 200
    assert halves.spearman_brown == pytest.approx(2 * halves.spearman / (1 + halves.spearman))
    assert 0.3 < halves.spearman < halves.spearman_brown < 1


def test_split_half_predicts_the_agreement_of_whole_studies():
    rng = np.random.default_rng(0)
    mask = subsets.balanced(np.zeros(3000, int), 40, 0.7, 0)
    rate = np.where(mask, 1, rng.random(3000))
    first, second = (rng.random(mask.shape) < rate for _ in range(2))
    agreement = stats.spearmanr(
        memorization(first, mask).value, memorization(second, mask).value
    ).statistic
    halves = split_half(first, mask, seed=0)
    assert halves.spearman_brown == pytest.approx(agreement, abs=0.03)
    assert halves.spearman < agreement - 0.05


def test_pure_noise_halves_do_not_agree():
    mask = subsets.random(2000, 40, 0.7, 0)
    outcome = np.random.default_rng(0).random(mask.shape) < 0.5
    assert abs(split_half(outcome, mask, seed=0).spearman) < 4 / np.sqrt(2000)


def test_undefined_reliability_is_nan():
    mask = subsets.random(20, 40, 0.7, 0)
    constant = split_half(np.ones(mask.shape, bool), mask, seed=0)
    assert np.isnan(constant.spearman) and np.isnan(constant.spearman_brown)
    everywhere = np.ones((10, 5), bool)
    means = jackknife_mean(everywhere, everywhere)
    assert means.num_examples == 0
    assert np.isnan([means.memorization.value, means.memorization.stderr]).all()
    assert split_half(everywhere, everywhere, seed=0).num_examples == 0


@pytest.mark.parametrize("num_runs, quantile", [(10, 2.262), (20, 2.093), (40, 2.023)])
def test_interval_over_runs_has_the_quantile_of_student(num_runs, quantile):
    mean = jackknife_mean(*_study(0, num_runs)).memorization
    assert mean.upper - mean.value == pytest.approx(quantile * mean.stderr, rel=3e-4)
    assert mean.value - mean.lower == pytest.approx(quantile * mean.stderr, rel=3e-4)


def test_sums_of_0_1_outcomes_are_exact():
    rng = np.random.default_rng(0)
    mask, correct = rng.random((2, 60, 40)) < 0.7
    weights = run_weights(60, 0)
    np.testing.assert_array_equal(
        replicate_memorization(correct, mask, weights),
        replicate_memorization(correct.astype(np.float64), mask, weights),
    )
