import numpy as np
import pytest

from benchmarks import coverage
from memkit.estimators import outliers


def _accuracies(num_runs, seed=0):
    rng = np.random.default_rng(seed)
    return np.clip([0.95, 0.7] + rng.normal(0, 0.01, (num_runs, 2)), 0, 1).T


def _outliers(accuracies):
    return outliers.outlying_runs(*accuracies, num_in=700, num_out=300)


@pytest.mark.parametrize("num_runs", [10, 20, 40, 100, 400])
def test_healthy_runs_are_hardly_ever_called_outliers(num_runs):
    called = [_outliers(_accuracies(num_runs, seed)).any() for seed in range(200)]
    assert np.mean(called) <= 0.02


@pytest.mark.parametrize("num_runs, num_bad", [(10, 1), (20, 1), (40, 2), (100, 5), (400, 20)])
def test_failed_runs_are_found_and_no_others(num_runs, num_bad):
    accuracies = _accuracies(num_runs)
    accuracies[:, 3 : 3 + num_bad] = 0.4
    np.testing.assert_array_equal(np.flatnonzero(_outliers(accuracies)), np.arange(3, 3 + num_bad))


def test_runs_that_memorize_otherwise_are_found_though_they_answer_as_well():
    accuracies = _accuracies(20)
    accuracies[:, 7] = 0.83, 0.82
    np.testing.assert_array_equal(np.flatnonzero(_outliers(accuracies)), [7])


def test_a_far_run_among_many_does_an_interval_no_harm():
    accuracies = _accuracies(400)
    accuracies[:, 0] -= 0.07
    assert not _outliers(accuracies).any()
    accuracies[:, 0] -= 0.3
    assert _outliers(accuracies).sum() == 1


def test_differences_below_the_noise_of_so_many_examples_are_none():
    accuracies = np.tile([[1.0], [0.8]], 20)
    assert not _outliers(accuracies).any()
    accuracies[0, 0] = 0.997
    assert not _outliers(accuracies).any()
    accuracies[0, 0] = 0.9
    assert _outliers(accuracies).sum() == 1


def test_order_of_runs_does_not_matter():
    accuracies = _accuracies(30)
    accuracies[:, :2] = 0.3
    order = np.random.default_rng(1).permutation(30)
    np.testing.assert_array_equal(_outliers(accuracies[:, order]), _outliers(accuracies)[order])


@pytest.mark.parametrize("num_runs", [0, 1, 2])
def test_too_few_runs_have_no_outliers(num_runs):
    is_outlier = _outliers(np.full((2, num_runs), 0.5))
    assert is_outlier.shape == (num_runs,) and not is_outlier.any()


@pytest.mark.parametrize("num_runs", [20, 100])
def test_simulated_studies_with_bad_runs_are_warned_of_and_healthy_ones_are_not(num_runs):
    for by_chance, least, most in ((0, 0, 0.05), (1, 0.95, 1)):
        warned = []
        for seed in range(40):
            world = coverage.WORLDS["easy"]
            outcome, mask, is_bad = coverage.study(world, num_runs, by_chance=by_chance, seed=seed)
            if by_chance == 0 or is_bad.any():
                warned.append(coverage.outlying(outcome, mask).any())
        assert least <= np.mean(warned) <= most


def test_intervals_cover_as_often_as_they_say_where_all_runs_are_healthy():
    rows = coverage.measure("normal", "none", 60)
    covered = sum(row["t"] * row["studies"] for row in rows)
    number = sum(row["studies"] for row in rows)
    assert covered / number == pytest.approx(0.95, abs=0.045)
