import numpy as np
import pytest
from scipy import stats

from memkit.estimators.distribution import STATISTICS, bimodality, share_below, upper_mode


def test_two_values_have_bimodality_one_and_a_normal_has_a_third():
    assert bimodality([0, 0, 1, 1, 1]) == pytest.approx(1)
    grid = (np.arange(100_000) + 0.5) / 100_000
    assert bimodality(grid) == pytest.approx(5 / 9, abs=1e-4)
    assert bimodality(stats.norm.ppf(grid)) == pytest.approx(1 / 3, abs=1e-3)


def test_bimodality_equals_its_formula_from_scipy_and_ignores_place_and_scale():
    values = np.random.default_rng(0).gamma(2, size=300)
    expected = (1 + stats.skew(values) ** 2) / stats.kurtosis(values, fisher=False)
    assert bimodality(values) == pytest.approx(expected)
    assert bimodality(-3 * values + 7) == pytest.approx(expected)


def test_upper_mode_is_a_difference_of_densities():
    values = np.array([0.95, 1.0, 0.9, 0.5, 0.25, 0.75, 0.0, 0.0, 0.1, np.nan])
    assert upper_mode(values) == pytest.approx(3 / 9 / 0.1 - 2 / 9 / 0.5)
    uniform = (np.arange(1000) + 0.5) / 1000
    assert upper_mode(uniform) == pytest.approx(0, abs=1e-9)


def test_share_below_is_strict():
    assert share_below([0.0, 0.05, 0.1, 0.5, np.nan]) == pytest.approx(0.5)


@pytest.mark.parametrize("name", STATISTICS)
def test_nothing_has_no_shape(name):
    assert np.isnan(STATISTICS[name](np.array([np.nan, np.nan])))
    assert np.isnan(STATISTICS[name](np.array([])))


def test_values_that_do_not_vary_have_no_bimodality():
    assert np.isnan(bimodality([0.3, 0.3]))


@pytest.mark.parametrize("name", STATISTICS)
def test_order_does_not_matter(name):
    values = np.random.default_rng(1).uniform(-0.2, 1, 200)
    assert STATISTICS[name](values[::-1]) == pytest.approx(STATISTICS[name](values))
