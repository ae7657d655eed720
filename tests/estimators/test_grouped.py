import numpy as np
import pytest

from memkit.estimators import grouped


def test_groups_spread_all_runs_and_the_first_ones_evenly():
    group = grouped.run_groups(50, 0, num_first=22)
    assert set(np.bincount(group)) == {2, 3}
    assert set(np.bincount(group[:22])) == {1, 2}


@pytest.mark.parametrize("num_runs", [0, 1, 7])
def test_few_runs_are_a_group_each(num_runs):
    assert sorted(grouped.run_groups(num_runs, 0)) == list(range(num_runs))


def test_each_replicate_leaves_out_one_group():
    is_used = grouped.left_out(np.array([0, 1, 0, 2]))
    np.testing.assert_array_equal(~is_used, [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


def test_the_error_of_a_mean_of_groups_of_one_is_the_usual_one():
    values = np.random.default_rng(0).normal(size=(13, 2))
    replicates = [np.delete(values, k, axis=0).mean(axis=0) for k in range(13)]
    expected = values.std(axis=0, ddof=1) / np.sqrt(13)
    np.testing.assert_allclose(grouped.jackknife(replicates), expected)


def test_an_error_is_undefined_below_two_groups_or_where_a_replicate_is():
    assert np.isnan(grouped.jackknife(np.ones((1, 3)))).all()
    error = grouped.jackknife([[1, 2, np.nan], [1, 4, 1]])
    np.testing.assert_allclose(error, [0, 1, np.nan])
