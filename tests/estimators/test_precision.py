"""Predicted numbers of runs, in worlds that are simulated with as many."""

import itertools

import numpy as np
import pytest

from memkit import estimators
from memkit.errors import InputError
from memkit.estimators import intervals, precision
from memkit.estimators.margins import NORMAL_QUANTILE
from tests.estimators.test_pooled import NOISES, world

FRACTION = 0.7


def _half_width(noise, num_runs, seed):
    """Returns the half width that 95% of the intervals of a simulated study do not exceed."""
    correct, logodds, mask, feature, _ = world(noise, seed, num_runs=num_runs)
    estimate = estimators.pooled(correct, logodds, mask, features=feature)
    return np.quantile(intervals.half_widths(estimate.lower, estimate.upper), precision.SHARE)


@pytest.mark.parametrize("noise", NOISES)
def test_the_range_from_20_runs_holds_the_number_that_has_the_half_width(noise):
    half_width = np.mean([_half_width(noise, 100, seed) for seed in range(2)])
    needed = [
        precision.needed(
            half_width, _half_width(noise, 20, seed), num_runs=20, train_fraction=FRACTION
        )
        for seed in range(2)
    ]
    least, likely, most = np.mean([(n.least, n.likely, n.most) for n in needed], axis=0)
    assert least < 100 < most
    assert 80 <= likely <= 150


@pytest.mark.parametrize("num_runs", [20, 160])
def test_the_number_follows_the_equation(num_runs):
    half_width = NORMAL_QUANTILE / 2 / np.sqrt(0.3 * num_runs + 17)
    worth = precision.worth(half_width, num_runs=num_runs, train_fraction=FRACTION)
    assert worth == pytest.approx(17)
    target = NORMAL_QUANTILE / 2 / np.sqrt(0.3 * 500 + 17)
    needed = precision.needed(target, half_width, num_runs=num_runs, train_fraction=FRACTION)
    assert needed.likely == 500


def test_a_half_width_that_is_reached_needs_no_more_runs():
    needed = precision.needed(0.2, 0.2, num_runs=60, train_fraction=FRACTION)
    assert (needed.least, needed.likely, needed.most) == (60, 60, 60)


def test_a_narrower_interval_takes_more_runs_and_the_range_is_in_order():
    for fraction in (0.5, 0.7, 0.9):
        known = dict(num_runs=20, train_fraction=fraction)
        functions = (
            lambda w, known=known: precision.needed(w, 0.3, **known),
            lambda w, fraction=fraction: precision.needed_before(w, 600, train_fraction=fraction),
        )
        for function in functions:
            needed = [function(target) for target in (0.25, 0.15, 0.1, 0.05, 0.01)]
            assert all(0 <= n.least <= n.likely <= n.most for n in needed)
            assert all(a.likely < b.likely for a, b in itertools.pairwise(needed))


def test_the_reference_depends_on_the_size_of_the_data_between_200_and_1400_examples():
    numbers = [
        precision.needed_before(0.1, size, train_fraction=FRACTION).likely
        for size in (50, 200, 600, 1400, 50_000)
    ]
    assert numbers[0] == numbers[1] > numbers[2] > numbers[3] == numbers[4]


def test_without_other_examples_rates_near_one_half_take_the_most_runs():
    """Both arms of that many runs give the wanted interval around two rates of one half."""
    most = precision.needed_before(0.05, 600, train_fraction=FRACTION).most
    squared_error = 0.25 / (FRACTION * most) + 0.25 / ((1 - FRACTION) * most)
    assert NORMAL_QUANTILE * np.sqrt(squared_error) == pytest.approx(0.05, rel=0.01)


def test_a_half_width_of_zero_is_an_error():
    with pytest.raises(InputError, match="half_width: expected a half width above 0"):
        precision.needed_before(0, 600, train_fraction=FRACTION)


@pytest.mark.parametrize("wanted", [0.05, 0.1, 0.17])
def test_the_half_width_after_the_needed_runs_is_the_wanted_one(wanted):
    before = precision.needed_before(wanted, 600, train_fraction=FRACTION).likely
    worth = precision.worth_before(600, train_fraction=FRACTION)
    options = dict(train_fraction=FRACTION, worth=worth)
    assert (
        precision.half_width(before, **options)
        <= wanted
        < precision.half_width(before - 1, **options)
    )
    worth = precision.worth(0.2, num_runs=40, train_fraction=FRACTION)
    needed = precision.needed(wanted, 0.2, num_runs=40, train_fraction=FRACTION).likely
    assert precision.half_width(40, train_fraction=FRACTION, worth=worth) == pytest.approx(0.2)
    assert precision.half_width(needed, train_fraction=FRACTION, worth=worth) <= wanted


def test_no_half_width_exceeds_one():
    assert precision.half_width(1, train_fraction=FRACTION, worth=-5.0) == 1
    assert precision.half_width(20, train_fraction=FRACTION, worth=-5.9) == 1
