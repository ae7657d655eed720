import numpy as np
import pytest
from scipy import stats

from memkit.estimators.margins import (
    WithError,
    margin,
    mean_over_runs,
    over_replicates,
    pooled_df,
    student,
)


def test_the_quantile_is_that_of_published_tables_of_student():
    quantiles = student(np.array([1, 3, 9, 19, 39, 99, 399, np.inf]))
    table = [12.706, 3.182, 2.262, 2.093, 2.023, 1.984, 1.966, 1.960]
    np.testing.assert_allclose(quantiles, table, atol=6e-4)


def test_one_value_has_no_interval():
    assert np.isnan(student(0)) and np.isnan(student(np.nan)) and np.isnan(margin(0.1, -1))
    assert np.isnan(mean_over_runs([0.5]).margin) and np.isnan(mean_over_runs([]).value)


def test_an_interval_is_value_and_margin():
    error = WithError(0.5, 0.1, 9)
    assert error.margin == pytest.approx(0.2262, abs=1e-4)
    assert (error.lower, error.upper) == pytest.approx((0.5 - error.margin, 0.5 + error.margin))


def test_the_interval_of_a_mean_over_runs_is_the_textbook_one():
    values = np.random.default_rng(0).random(7)
    mean = mean_over_runs(values)
    expected = stats.t.interval(0.95, 6, values.mean(), stats.sem(values))
    assert (mean.lower, mean.upper) == pytest.approx(expected)


def test_replicates_give_their_spread():
    error = over_replicates([0.3, 0.1, 0.2, 0.3], num_runs=20)
    assert (error.value, error.stderr, error.df) == pytest.approx((0.3, 0.1, 19))


def test_the_interval_of_a_difference_is_welchs():
    rng = np.random.default_rng(1)
    first, second = rng.normal(0, 1, 5), rng.normal(0, 3, 9)
    means = mean_over_runs(first), mean_over_runs(second)
    df = pooled_df([mean.stderr for mean in means], [mean.df for mean in means])
    assert df == pytest.approx(stats.ttest_ind(first, second, equal_var=False).df)
    assert np.isinf(pooled_df([0, 0], [4, 4])) and np.isnan(pooled_df([np.nan, 1], [4, 4]))


@pytest.mark.parametrize("num_runs", [5, 10, 20])
def test_intervals_of_few_runs_cover_as_often_as_they_say(num_runs):
    rng = np.random.default_rng(num_runs)
    studies = [mean_over_runs(rng.normal(0, 1, num_runs)) for _ in range(4000)]
    covers = np.mean([abs(mean.value) < mean.margin for mean in studies])
    # The standard error of a share of 4,000 is 0.0034.
    assert covers == pytest.approx(0.95, abs=0.012)
    normal = np.mean([abs(mean.value) < 1.96 * mean.stderr for mean in studies])
    assert normal < covers - 0.01
