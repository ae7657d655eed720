"""The heading of the section on removal."""

import math

import pytest

from memkit.analysis.removal import section
from memkit.analysis.removal.result import PointRemoval
from memkit.estimators import WithError
from memkit.estimators.removal import Utility


def removal(threshold, difference, stderr):
    """Returns the Utility of removing examples that are memorized from a threshold on."""
    number = WithError(0.9, 0.001, 9)
    change = WithError(difference, stderr, 9)
    removed = round(100 * (1 - threshold))
    return Utility("memorized", threshold, removed, 0.9, number, number, number, change)


def finding(*utilities):
    points = {"one_hot": PointRemoval(10, utilities, 0, ())}
    return section._finding(points)


def test_a_clear_cost_is_stated_beside_a_larger_one_that_is_noise():
    words = finding(removal(0.3, -0.02, 0.002), removal(0.9, -0.03, 0.02))
    assert words.startswith("Removing the 70 most memorized images costs 2.0 points of accuracy")


@pytest.mark.parametrize("difference", [-0.03, 0.03])
def test_what_is_not_clear_is_not_called_a_cost(difference):
    words = finding(removal(0.9, difference, 0.02))
    assert words == "Memorized images are not clearly worth more than others for test accuracy"


def test_missing_runs_give_no_heading():
    assert finding(removal(0.9, math.nan, math.nan)) == ""
