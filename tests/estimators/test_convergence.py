import numpy as np
import pytest
from scipy import stats

from memkit import errors, estimators, seeds, subsets
from memkit.estimators import consistency, grouped, memorization
from memkit.estimators.convergence import (
    agreements,
    half_sizes,
    half_widths,
    pooled_agreements,
    pooled_sizes,
    runs_needed,
    spearman_brown,
)
from tests.estimators.test_pooled import world


def _world(num_runs, num_examples, seed=0):
    rng = np.random.default_rng(seed)
    mask = subsets.balanced(np.zeros(num_examples, int), num_runs, 0.7, 0)
    out_rate = rng.random(num_examples)
    return rng.random(mask.shape) < np.where(mask, 0.95, out_rate), mask, out_rate


@pytest.mark.parametrize(
    ("num_runs", "sizes"),
    [(1, ()), (4, (2,)), (8, (4,)), (16, (4, 8)), (40, (4, 8, 16, 20)), (41, (4, 8, 16, 20))],
)
def test_halves_double_up_to_half_of_the_runs(num_runs, sizes):
    assert half_sizes(num_runs) == sizes


def test_agreements_equal_estimating_each_half_apart():
    outcome, mask, _ = _world(20, 50)
    agreements_by_score = agreements(outcome, mask, seed=7, num_splits=2)
    for name, value in (
        ("memorization", lambda o, t: memorization(o, t).value),
        ("consistency", lambda o, t: consistency(o, t).value),
    ):
        for entry, size in zip(agreements_by_score[name], half_sizes(20), strict=True):
            ranks, plain, counts = [], [], []
            for split in range(2):
                order = seeds.stream(7, "convergence", split).permutation(20)
                halves = order[:size], order[size : 2 * size]
                assert not set(halves[0]) & set(halves[1])
                first, second = (value(outcome[runs], mask[runs]) for runs in halves)
                defined = ~np.isnan(first) & ~np.isnan(second)
                ranks.append(stats.spearmanr(first[defined], second[defined]).statistic)
                plain.append(stats.pearsonr(first[defined], second[defined]).statistic)
                counts.append(defined.sum())
            assert entry.runs == size
            assert entry.spearman == pytest.approx(np.mean(ranks))
            assert entry.pearson.value == pytest.approx(np.mean(plain))
            assert entry.num_examples == pytest.approx(np.mean(counts))


def test_errors_equal_leaving_out_each_group_of_runs():
    outcome, mask, _ = _world(24, 50)
    group = grouped.run_groups(24, 7)
    for entry in agreements(outcome, mask, seed=7, num_splits=2)["memorization"]:
        replicates = []
        for left_out in range(grouped.NUM_GROUPS):
            correlations = []
            for split in range(2):
                order = seeds.stream(7, "convergence", split).permutation(24)
                halves = order[: entry.runs], order[entry.runs : 2 * entry.runs]
                first, second = (
                    memorization(outcome[runs], mask[runs]).value
                    for runs in ([m for m in half if group[m] != left_out] for half in halves)
                )
                defined = ~np.isnan(first) & ~np.isnan(second)
                correlations.append(stats.pearsonr(first[defined], second[defined]).statistic)
            replicates.append(np.mean(correlations))
        expected = np.sqrt((grouped.NUM_GROUPS - 1) * np.var(replicates))
        assert entry.pearson.stderr == pytest.approx(expected)


def test_errors_are_near_the_spread_over_studies():
    """Rates stay, runs are drawn anew."""
    rate = np.random.default_rng(0).random(200)
    values, errors = [], []
    for study in range(40):
        rng = np.random.default_rng(study)
        mask = subsets.balanced(np.zeros(200, int), 40, 0.7, study)
        outcome = rng.random(mask.shape) < np.where(mask, 0.95, rate)
        entry = agreements(outcome, mask, study)["memorization"][-1]
        values.append(entry.pearson.value)
        errors.append(entry.pearson.stderr)
    ratio = np.mean(errors) / np.std(values, ddof=1)
    assert 0.75 < ratio < 1.6, ratio


def test_order_of_examples_does_not_matter():
    outcome, mask, _ = _world(16, 40)
    order = np.random.default_rng(1).permutation(40)
    plain = agreements(outcome, mask, 0)["memorization"]
    moved = agreements(outcome[:, order], mask[:, order], 0)["memorization"]
    for a, b in zip(plain, moved, strict=True):
        assert a.spearman == pytest.approx(b.spearman)
        assert a.pearson.value == pytest.approx(b.pearson.value)


def test_reliability_of_known_rates_is_the_share_of_true_variance():
    outcome, mask, out_rate = _world(80, 3000)
    agreements_by_score = agreements(outcome, mask, 0)
    num_out = 0.3 * 40
    noise = np.mean(out_rate * (1 - out_rate)) / num_out
    truth = np.var(out_rate) / (np.var(out_rate) + noise)
    assert agreements_by_score["consistency"][-1].pearson.value == pytest.approx(truth, abs=0.02)
    curve = [entry.pearson.value for entry in agreements_by_score["memorization"]]
    assert curve[-1] < agreements_by_score["consistency"][-1].pearson.value
    assert curve == sorted(curve)


def test_spearman_brown_predicts_the_agreement_of_twice_the_runs():
    outcome, mask, _ = _world(80, 3000, seed=2)
    entries = agreements(outcome, mask, 0)["consistency"]
    by_size = {entry.runs: entry.pearson.value for entry in entries}
    assert spearman_brown(by_size[16]) == pytest.approx(by_size[32], abs=0.02)
    assert spearman_brown(0.5) == pytest.approx(2 / 3)
    assert spearman_brown(0.5, 4) == pytest.approx(0.8)
    assert spearman_brown(1, 9) == pytest.approx(1)
    assert spearman_brown(0.0, 10) == 0
    assert np.isnan(spearman_brown(-0.2)) and np.isnan(spearman_brown(-0.1, 10))
    assert np.isnan(spearman_brown(-1)) and np.isnan(spearman_brown(float("nan")))


def test_independent_halves_do_not_agree():
    rng = np.random.default_rng(3)
    mask = subsets.balanced(np.zeros(2000, int), 40, 0.7, 0)
    agreements_by_score = agreements(rng.random(mask.shape) < 0.5, mask, 0)
    assert abs(agreements_by_score["memorization"][-1].pearson.value) < 4 / np.sqrt(2000)
    assert abs(agreements_by_score["memorization"][-1].spearman) < 4 / np.sqrt(2000)


@pytest.mark.parametrize("right", [False, True])
def test_scores_that_do_not_vary_have_no_reliability(right):
    mask = subsets.balanced(np.zeros(30, int), 20, 0.7, 0)
    agreements_by_score = agreements(np.full(mask.shape, right), mask, 0)
    assert np.isnan(
        [entry.spearman for entries in agreements_by_score.values() for entry in entries]
    ).all()


def test_half_widths_are_quantiles_of_the_defined_intervals():
    lower, upper = np.array([0.0, 0.1, 0.2, np.nan]), np.array([0.2, 0.5, 0.8, np.nan])
    assert half_widths(lower, upper) == pytest.approx((0.2, 0.28))
    assert np.isnan(half_widths([np.nan], [np.nan])).all()


def test_runs_needed_shrink_the_width_as_stated():
    assert runs_needed(0.2, 40, 0.1) == 160
    assert runs_needed(0.1, 40, 0.1) == 40
    assert np.isnan(runs_needed(float("nan"), 40, 0.1))
    with pytest.raises(errors.InputError, match="wanted: expected a half width above 0"):
        runs_needed(0.2, 40, 0)


@pytest.mark.parametrize(("num_runs", "target", "tolerance"), [(60, 0.1, 0.08), (200, 0.05, 0.04)])
def test_the_runs_needed_give_the_wanted_width_in_a_bernoulli_world(num_runs, target, tolerance):
    rng = np.random.default_rng(4)

    def median(num_runs):
        mask = subsets.balanced(np.zeros(300, int), num_runs, 0.7, 0)
        outcome = rng.random(mask.shape) < np.where(mask, 0.7, 0.4)
        estimate = memorization(outcome, mask)
        return half_widths(estimate.lower, estimate.upper)[0]

    needed = runs_needed(median(num_runs), num_runs, target)
    assert median(round(needed / 20) * 20) == pytest.approx(target, rel=tolerance)


def _pooled_scores(correct, logodds, mask, feature):
    """Returns a function from runs to pooled and raw scores."""

    def scores(runs):
        chosen = correct[runs], logodds[runs], mask[runs]
        estimate = estimators.pooled(*chosen, features=feature)
        return estimate.value, memorization(correct[runs], mask[runs]).value

    return scores


@pytest.mark.parametrize(
    ("num_runs", "sizes"),
    [(1, ()), (4, (2,)), (8, (4,)), (20, (4, 10)), (40, (8, 20)), (400, (64, 200))],
)
def test_pooled_scores_are_compared_at_half_of_the_runs_and_at_one_smaller_number(num_runs, sizes):
    assert pooled_sizes(num_runs) == sizes


def test_pooled_agreements_equal_estimating_each_half_apart():
    correct, logodds, mask, feature, _ = world("normal", 0, num_runs=20, num_examples=100)
    scores = _pooled_scores(correct, logodds, mask, feature)
    agreements_by_score = pooled_agreements(scores, 20, seed=7)
    group = grouped.run_groups(20, 7, num_groups=5)
    order = seeds.stream(7, "convergence", 0).permutation(20)
    for index, size in enumerate(pooled_sizes(20)):
        first, second = order[:size], order[size : 2 * size]
        same, raw = [], []
        for left_out in (None, *range(5)):
            (p1, r1), (p2, r2) = (
                scores(np.array([m for m in half if group[m] != left_out]))
                for half in (first, second)
            )
            same.append(_pearson(p1, p2))
            raw.append((_pearson(p1, r2) + _pearson(p2, r1)) / 2)
        assert agreements_by_score["memorization"][index].pearson.value == pytest.approx(same[0])
        assert agreements_by_score["against_raw"][index].pearson.value == pytest.approx(raw[0])
        stderr = np.sqrt(4 * np.var(raw[1:]))
        assert agreements_by_score["against_raw"][index].pearson.stderr == pytest.approx(stderr)
        assert agreements_by_score["against_raw"][index].runs == size


def _pearson(first, second):
    defined = ~np.isnan(first) & ~np.isnan(second)
    return stats.pearsonr(first[defined], second[defined]).statistic


def test_pooled_scores_that_are_nearer_to_the_truth_agree_better_with_raw_ones():
    """The raw scores of the other half have independent noise; pooled ones share their bias."""
    for noise in ("normal", "uneven"):
        correct, logodds, mask, feature, truth = world(noise, 1, num_runs=40)
        scores = _pooled_scores(correct, logodds, mask, feature)
        agreements_by_score = pooled_agreements(scores, 40, seed=0)
        raw = agreements(correct, mask, seed=0, num_splits=1)["memorization"][-1]
        pooled, plain = scores(np.arange(20))
        assert _pearson(pooled, truth) > _pearson(plain, truth) + 0.02
        assert agreements_by_score["against_raw"][-1].pearson.value > raw.pearson.value + 0.01
        assert (
            agreements_by_score["memorization"][-1].pearson.value
            > agreements_by_score["against_raw"][-1].pearson.value
        )


def test_pooled_scores_of_a_shared_feature_agree_without_being_right():
    """Two halves agree perfectly although the raw scores contradict the feature."""
    feature = np.random.default_rng(0).random(500)
    agreements_by_score = pooled_agreements(lambda _: (feature, -feature), 40, seed=0)
    assert agreements_by_score["memorization"][-1].pearson.value == pytest.approx(1)
    assert agreements_by_score["against_raw"][-1].pearson.value == pytest.approx(-1)


def test_errors_of_pooled_agreements_are_near_the_spread_over_studies():
    """Rates stay, runs are drawn anew."""
    rng = np.random.default_rng(0)
    inside, outside = 2 + rng.random(150), rng.normal(0, 1.5, 150)
    values, errors = [], []
    for study in range(25):
        rng = np.random.default_rng(study)
        mask = subsets.balanced(np.zeros(150, int), 40, 0.7, study)
        margins = np.where(mask, inside, outside) + rng.normal(0, 1.5, mask.shape)
        scores = _pooled_scores(margins > 0, margins, mask, outside[:, None])
        entry = pooled_agreements(scores, 40, study)["against_raw"][-1]
        values.append(entry.pearson.value)
        errors.append(entry.pearson.stderr)
    ratio = np.mean(errors) / np.std(values, ddof=1)
    assert 0.6 < ratio < 1.8, ratio
