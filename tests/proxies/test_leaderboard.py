import itertools

import numpy as np
import pytest
from scipy import stats

from memkit import estimators, proxies
from memkit.estimators import grouped
from memkit.estimators.correlation import pearson, spearman
from memkit.proxies import correlations, leaderboard

RUNS, EXAMPLES, HISTORY = 24, 40, 16


def _world(seed=0, num_runs=RUNS, num_examples=EXAMPLES, sizes=1):
    """Returns outcomes [A, M, N], the mask, true memorization [N, A]; out-of-sample rate 0.1."""
    rng = np.random.default_rng(seed)
    mask = rng.random((num_runs, num_examples)).argsort(axis=0) < round(0.7 * num_runs)
    truth = rng.uniform(0, 0.9, (num_examples, sizes))
    rate = np.where(mask, 0.1 + truth.T[:, None], 0.1)
    return rng.random(rate.shape) < rate, mask, truth


def _everywhere(truth, mask, history):
    """Returns a proxy that is the truth in every run that trained on the example."""
    return np.where(mask[history], truth.T[:, None], np.nan)


def _board(values, outcomes, mask, first, statistics=correlations.AT_ONE_SIZE, history=None):
    history = np.arange(HISTORY) if history is None else history
    return leaderboard.board(
        values, outcomes, mask, history=history, first=first, statistics=statistics
    )


def _slow_memorization(outcome, mask, runs, i):
    inside = [outcome[m, i] for m in runs if mask[m, i]]
    outside = [outcome[m, i] for m in runs if not mask[m, i]]
    return np.mean(inside) - np.mean(outside) if inside and outside else np.nan


def _slow_pairs(proxy, score):
    selected = [(a, b) for a, b in zip(proxy, score, strict=True) if not np.isnan(a + b)]
    return zip(*selected, strict=True)


def test_board_equals_a_slow_loop():
    outcomes, mask, _ = _world()
    value = np.where(mask[:HISTORY], np.random.default_rng(1).random((HISTORY, EXAMPLES)), np.nan)
    first = leaderboard.halves(RUNS, HISTORY, 0, 2)
    averaged, single, between = [], [], []
    for half in first:
        sides = [[m for m in range(RUNS) if half[m] == reference] for reference in (True, False)]
        scores = [
            [_slow_memorization(outcomes[0], mask, runs, i) for i in range(EXAMPLES)]
            for runs in sides
        ]
        between.append(stats.spearmanr(*_slow_pairs(*scores)).statistic)
        for runs, score in zip(sides, scores[::-1], strict=True):
            rows = [m for m in runs if m < HISTORY]
            assert mask[rows].any(axis=0).all()
            mean = [np.nanmean(value[rows, i]) for i in range(EXAMPLES)]
            averaged.append(stats.spearmanr(*_slow_pairs(mean, score)).statistic)
            for m in rows[: leaderboard.SINGLE_RUNS]:
                single.append(stats.spearmanr(*_slow_pairs(value[m], score)).statistic)
    result = _board({"final_loss": value[None]}, outcomes, mask, first)
    assert result.averaged["final_loss"]["spearman"] == pytest.approx(np.mean(averaged))
    assert result.single["final_loss"]["spearman"] == pytest.approx(np.mean(single))
    assert result.single_deviation["final_loss"]["spearman"] == pytest.approx(
        np.std(single, ddof=1)
    )
    assert result.reliability["spearman"] == pytest.approx(np.mean(between))
    assert result.ceiling["spearman"] == pytest.approx(np.sqrt(np.mean(between)))


def test_reliability_equals_the_split_half_estimator():
    outcomes, mask, _ = _world(num_runs=200, num_examples=200)
    first = leaderboard.halves(200, 200, 0, 6)
    result = _board({}, outcomes, mask, first, history=np.arange(200))
    known = [estimators.split_half(outcomes[0], mask, seed).spearman for seed in range(6)]
    assert result.reliability["spearman"] == pytest.approx(np.mean(known), abs=0.01)


def test_the_true_proxy_reaches_the_ceiling():
    outcomes, mask, truth = _world(num_runs=80, num_examples=400)
    first, history = leaderboard.halves(80, 20, 0, 4), np.arange(20)
    value = _everywhere(truth, mask, history)
    result = _board({"final_loss": value}, outcomes, mask, first, history=history)
    for statistic in correlations.AT_ONE_SIZE:
        assert 0.6 < result.ceiling[statistic] < 0.97
        for column in (result.averaged, result.single):
            assert column["final_loss"][statistic] == pytest.approx(
                result.ceiling[statistic], abs=0.02
            )


def test_the_true_proxy_reaches_the_ceiling_across_sizes():
    outcomes, mask, truth = _world(num_runs=80, num_examples=400, sizes=4)
    first, history = leaderboard.halves(80, 20, 0, 3), np.arange(20)
    everyone = np.ones(400, bool)
    result = _board(
        {"final_loss": _everywhere(truth, mask, history)},
        outcomes,
        mask,
        first,
        correlations.across_sizes(everyone, everyone),
        history,
    )
    for statistic, ceiling in result.ceiling.items():
        assert 0.6 < ceiling < 0.97
        assert ceiling - 0.06 < result.averaged["final_loss"][statistic] < ceiling + 0.02, statistic


def test_an_independent_proxy_has_agreement_zero_within_its_error():
    outcomes, mask, _ = _world(num_runs=40, num_examples=300, sizes=3)
    rng, history = np.random.default_rng(9), np.arange(20)
    value = np.where(mask[:20], rng.random((3, 20, 300)), np.nan)
    first, everyone = leaderboard.halves(40, 20, 0, 4), np.ones(300, bool)
    for size in range(3):
        result = _board(
            {"final_loss": value[[size]]}, outcomes[[size]], mask, first, history=history
        )
        assert abs(result.averaged["final_loss"]["spearman"]) < 3 / np.sqrt(300)
        assert abs(result.single["final_loss"]["pearson"]) < 3 / np.sqrt(300)
    statistics = correlations.across_sizes(everyone, everyone)
    result = _board({"final_loss": value}, outcomes, mask, first, statistics, history)
    for statistic in statistics:
        assert abs(result.averaged["final_loss"][statistic]) < 3 / np.sqrt(300), statistic


def test_noise_shared_within_a_run_does_not_count_as_agreement():
    """A proxy made of the noise of the very outcomes would look good if halves overlapped."""
    rng, history = np.random.default_rng(2), np.arange(40)
    mask = rng.random((40, 300)).argsort(axis=0) < 28
    outcomes = rng.random((1, 40, 300)) < 0.5
    value = np.where(mask, outcomes, np.nan).astype(float)
    from_same_runs = estimators.memorization(outcomes[0], mask).value
    assert spearman(proxies.average(value[0]), from_same_runs) > 0.4
    first = leaderboard.halves(40, 40, 0, 4)
    result = _board({"final_loss": value}, outcomes, mask, first, history=history)
    assert abs(result.averaged["final_loss"]["spearman"]) < 3 / np.sqrt(300)


def test_halves_are_disjoint_and_share_the_history():
    first = leaderboard.halves(31, 12, 5, 6)
    assert first.shape == (6, 31)
    np.testing.assert_array_equal(first[:, :12].sum(axis=1), 6)
    np.testing.assert_array_equal(first[:, 12:].sum(axis=1), 9)
    assert len({row.tobytes() for row in first}) == 6
    np.testing.assert_array_equal(first[:3], leaderboard.halves(31, 12, 5, 3))
    assert (first != leaderboard.halves(31, 12, 6, 6)).any()


def _two_boards(change):
    """Returns the board of a world before and after a permutation of it."""
    outcomes, mask, truth = _world(sizes=3)
    history = np.arange(HISTORY)
    value = _everywhere(truth, mask, history) + np.random.default_rng(4).random(
        (3, HISTORY, EXAMPLES)
    )
    first = leaderboard.halves(RUNS, HISTORY, 0, 2)
    changing = np.arange(EXAMPLES) % 3 > 0
    everyone = np.ones(EXAMPLES, bool)
    before = _board(
        {"final_loss": value}, outcomes, mask, first, correlations.across_sizes(changing, everyone)
    )
    rng = np.random.default_rng(8)
    if change == "examples":
        order = rng.permutation(EXAMPLES)
        value, outcomes, mask = value[:, :, order], outcomes[:, :, order], mask[:, order]
        changing = changing[order]
    else:
        order = np.concatenate([np.arange(HISTORY), HISTORY + rng.permutation(RUNS - HISTORY)])
        outcomes, mask, first = outcomes[:, order], mask[order], first[:, order]
    after = _board(
        {"final_loss": value}, outcomes, mask, first, correlations.across_sizes(changing, everyone)
    )
    return before, after


@pytest.mark.parametrize("change", ["examples", "runs"])
def test_results_are_invariant_under_permutation(change):
    before, after = _two_boards(change)
    for field in ("reliability", "ceiling"):
        assert getattr(before, field) == pytest.approx(getattr(after, field))
    for field in ("averaged", "single"):
        assert getattr(before, field)["final_loss"] == pytest.approx(
            getattr(after, field)["final_loss"]
        )


def test_row_correlation_equals_a_slow_loop_in_which_a_flat_proxy_counts_zero():
    rng = np.random.default_rng(0)
    proxy, score = rng.random((2, 9, 4))
    proxy[0], score[1], proxy[2, 1], score[3, 2] = 0.3, 0.5, np.nan, np.nan
    slow = [
        0.0 if np.ptp(proxy[i]) == 0 else stats.pearsonr(proxy[i], score[i]).statistic
        for i in (0, 4, 5, 6, 7, 8)
    ]
    assert correlations.row_correlation(proxy, score) == pytest.approx(np.mean(slow))
    assert np.isnan(correlations.row_correlation(proxy[:0], score[:0]))


def test_a_proxy_with_reversed_trajectories_has_correlation_minus_one():
    rng = np.random.default_rng(1)
    score = rng.random((20, 3))
    everyone = np.ones(20, bool)
    for name, statistic in correlations.across_sizes(everyone, everyone).items():
        assert statistic(-2 * score, score) == pytest.approx(-1), name
        assert statistic(score + rng.random((20, 1)), score) == pytest.approx(1), name


def test_across_sizes_uses_only_the_selected_examples():
    rng = np.random.default_rng(1)
    score = rng.random((30, 3))
    proxy = np.where(np.arange(30)[:, None] < 15, score, -score)
    changing, examples = np.arange(30) % 2 == 0, np.arange(30) < 15
    for name, statistic in correlations.across_sizes(changing, examples, "_few").items():
        assert name.endswith("_few")
        assert statistic(proxy, score) == pytest.approx(1), name
        assert correlations.across_sizes(changing, ~examples)[name.removesuffix("_few")](
            proxy, score
        ) == pytest.approx(-1)


def test_correlations_equal_scipy_with_ties_and_without_nan():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (2, 50)).astype(float)
    first[3] = second[7] = np.nan
    pairs = list(_slow_pairs(first, second))
    expected = stats.spearmanr(*pairs).statistic
    assert spearman(first, second) == pytest.approx(expected)
    expected = stats.pearsonr(*pairs).statistic
    assert pearson(first, second) == pytest.approx(expected)


def test_undefined_correlations_are_nan():
    for function in (pearson, spearman):
        assert np.isnan(function(np.ones(5), np.arange(5.0)))
        assert np.isnan(function(np.array([1, 2, np.nan, np.nan]), np.array([1, 2, 3, 4.0])))
    outcomes, mask, _ = _world()
    first = leaderboard.halves(RUNS, HISTORY, 0, 2)
    result = _board({"final_loss": np.full((1, HISTORY, EXAMPLES), np.nan)}, outcomes, mask, first)
    assert np.isnan(
        [result.averaged["final_loss"]["spearman"], result.single["final_loss"]["pearson"]]
    ).all()


def test_standard_errors_equal_leaving_out_each_group():
    outcomes, mask, _ = _world()
    value = np.where(mask[:HISTORY], np.random.default_rng(1).random((HISTORY, EXAMPLES)), np.nan)
    first, group = leaderboard.halves(RUNS, HISTORY, 0, 2), np.arange(RUNS) % 5
    slow, ceilings = [], []
    for g in range(5):
        both, between = [], []
        for half in first:
            selected = [[m for m in range(RUNS) if h[m] and group[m] != g] for h in (half, ~half)]
            scores = (
                [_slow_memorization(outcomes[0], mask, part, i) for i in range(EXAMPLES)]
                for part in selected
            )
            between.append(np.corrcoef(*_slow_pairs(*scores))[0, 1])
        ceilings.append(np.sqrt(np.mean(between)))
        for part in (*first, *~first):
            used = [m for m in range(HISTORY) if part[m] and group[m] != g]
            other = [m for m in range(RUNS) if not part[m] and group[m] != g]
            proxy, score = [], []
            for i in range(EXAMPLES):
                values = [value[m, i] for m in used if mask[m, i]]
                proxy.append(np.mean(values) if values else np.nan)
                score.append(_slow_memorization(outcomes[0], mask, other, i))
            both.append(np.corrcoef(*_slow_pairs(proxy, score))[0, 1])
        slow.append(np.mean(both))
    result, ceiling = leaderboard.standard_errors(
        {"final_loss": value[None]},
        outcomes,
        mask,
        history=np.arange(HISTORY),
        first=first,
        group=group,
        statistics=correlations.AT_ONE_SIZE,
    )
    assert result["final_loss"]["pearson"] == pytest.approx(np.sqrt(4 / 5 * 5 * np.var(slow)))
    assert ceiling["pearson"] == pytest.approx(np.sqrt(4 / 5 * 5 * np.var(ceilings)))


@pytest.mark.slow
def test_standard_errors_match_the_spread_over_studies():
    """Examples stay, runs are drawn anew: the error may be too large, by 60% or so."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 0.8, 150)
    history = np.arange(40)
    values, errors = {"final_loss": [], "ceiling": []}, {"final_loss": [], "ceiling": []}
    for study in range(40):
        rng = np.random.default_rng(study)
        mask = rng.random((40, 150)).argsort(axis=0) < 28
        outcomes = rng.random((1, 40, 150)) < np.where(mask, 0.1 + truth, 0.1)
        proxy = np.where(mask, truth + rng.normal(0, 0.5, mask.shape), np.nan)[None]
        first = leaderboard.halves(40, 40, study, 4)
        options = {"history": history, "statistics": correlations.AT_ONE_SIZE}
        result = leaderboard.board({"final_loss": proxy}, outcomes, mask, first=first, **options)
        values["final_loss"].append(result.averaged["final_loss"]["pearson"])
        values["ceiling"].append(result.ceiling["pearson"])
        group = grouped.run_groups(40, study, num_first=40)
        averaged, ceiling = leaderboard.standard_errors(
            {"final_loss": proxy}, outcomes, mask, first=first, group=group, **options
        )
        errors["final_loss"].append(averaged["final_loss"]["pearson"])
        errors["ceiling"].append(ceiling["pearson"])
    for name in values:
        ratio = np.mean(errors[name]) / np.std(values[name], ddof=1)
        assert 0.85 < ratio < 1.9, (name, ratio)


def test_results_do_not_depend_on_the_order_of_proxies():
    outcomes, mask, truth = _world()
    value = _everywhere(truth, mask, np.arange(HISTORY))
    first = leaderboard.halves(RUNS, HISTORY, 0, 2)
    boards = [
        _board(
            {name: value if name == "final_loss" else -value for name in order},
            outcomes,
            mask,
            first,
        )
        for order in itertools.permutations(("final_loss", "epoch_learned"))
    ]
    assert boards[0].averaged["final_loss"] == boards[1].averaged["final_loss"]
    assert boards[0].averaged["final_loss"]["pearson"] == pytest.approx(
        -boards[1].averaged["epoch_learned"]["pearson"]
    )


def test_proxies_are_compared_with_the_sign_for_which_higher_is_harder():
    outcomes, mask, truth = _world(sizes=3)
    everyone, history = np.ones(EXAMPLES, bool), np.arange(HISTORY)
    value = _everywhere(truth, mask, history)
    values = {"final_loss": value, "final_margin": list(-value)}
    statistics = correlations.across_sizes(everyone, everyone)
    first = leaderboard.halves(RUNS, HISTORY, 0, 2)
    result = _board(values, outcomes, mask, first, statistics)
    for by_proxy in (result.averaged, result.single):
        assert by_proxy["final_margin"] == pytest.approx(by_proxy["final_loss"])
    errors, _ = leaderboard.standard_errors(
        values,
        outcomes,
        mask,
        history=history,
        first=first,
        group=np.arange(RUNS) % 5,
        statistics=statistics,
    )
    assert errors["final_margin"] == pytest.approx(errors["final_loss"])
