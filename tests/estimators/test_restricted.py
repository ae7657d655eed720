import numpy as np
import pytest

from memkit import errors
from memkit.estimators.restricted import (
    in_sample_accuracy,
    unsaturated_examples,
    unsaturated_points,
)


def test_an_example_stays_where_its_in_mean_is_below_one_at_every_point():
    in_means = [[0.5, 0.5, 1.0, np.nan], [0.9, 1.0, 0.2, 0.1]]
    assert unsaturated_examples(in_means).tolist() == [True, False, False, False]


def test_an_arm_that_is_always_right_counts_as_saturated_whatever_its_size():
    for num in range(1, 400):
        assert not unsaturated_examples([[np.full(num, 1.0).sum() / num]])[0]


def test_in_sample_accuracy_equals_a_double_loop():
    rng = np.random.default_rng(0)
    correct, mask = rng.random((2, 9, 7)) < 0.6
    right = [c for row, inside in zip(correct, mask) for c, t in zip(row, inside) if t]
    assert in_sample_accuracy(correct, mask) == pytest.approx(np.mean(right))


def test_points_at_the_limit_are_saturated():
    assert unsaturated_points([0.5, 0.989, 0.99, 1.0, np.nan]).tolist() == [True, True] + 3 * [
        False
    ]
    assert unsaturated_points([0.9], limit=0.9).tolist() == [False]


def test_no_points_are_refused():
    with pytest.raises(errors.InputError, match="in_means: expected a matrix"):
        unsaturated_examples(np.ones(4))
