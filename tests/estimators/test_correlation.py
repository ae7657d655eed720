import numpy as np
import pytest
import scipy.stats

from memkit.estimators.correlation import pearson, ranks, spearman


def _scores(seed, decimals):
    scores = np.random.default_rng(seed).normal(size=(2, 40))
    return np.round(scores, decimals)


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_correlations_equal_those_of_scipy(decimals):
    for seed in range(20):
        first, second = _scores(seed, decimals)
        assert pearson(first, second) == pytest.approx(scipy.stats.pearsonr(first, second)[0])
        assert spearman(first, second) == pytest.approx(scipy.stats.spearmanr(first, second)[0])
        np.testing.assert_array_equal(ranks(first), scipy.stats.rankdata(first))


@pytest.mark.parametrize("correlation", [pearson, spearman])
def test_pairs_with_nan_are_left_out(correlation):
    first, second = _scores(0, 2)
    expected = correlation(first[5:], second[5:])
    first[:3], second[3:5] = np.nan, np.nan
    assert correlation(first, second) == expected


@pytest.mark.parametrize("correlation", [pearson, spearman])
def test_correlation_is_nan_below_3_pairs_and_where_a_side_does_not_vary(correlation):
    nan = float("nan")
    assert np.isnan(correlation([], []))
    assert np.isnan(correlation([1, 2], [3, 5]))
    assert np.isnan(correlation([1, 2, nan], [3, 5, 6]))
    assert np.isnan(correlation([1, 1, 1], [3, 5, 6]))
    assert np.isnan(correlation([1, 2, nan, 4], [3, 3, 6, 3]))
    assert correlation([1, 2, 3], [3, 5, 7]) == pytest.approx(1)


@pytest.mark.parametrize("correlation", [pearson, spearman])
def test_correlation_never_leaves_its_range(correlation):
    for seed in range(50):
        first, _ = _scores(seed, 12)
        assert correlation(first, 0.1 * first) <= 1
        assert correlation(first, -0.3 * first) >= -1
