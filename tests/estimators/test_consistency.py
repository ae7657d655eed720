import numpy as np
import pytest

from memkit import subsets
from memkit.estimators import consistency, memorization


@pytest.mark.parametrize("probabilities", [False, True])
def test_equals_a_loop_over_held_out_runs(probabilities):
    rng = np.random.default_rng(0)
    mask = subsets.random(15, 30, 0.7, 0)
    outcome = rng.random(mask.shape) if probabilities else rng.random(mask.shape) < 0.6
    mean = consistency(outcome, mask)
    for example in range(15):
        held_out = [float(outcome[m, example]) for m in range(30) if not mask[m, example]]
        assert mean.value[example] == pytest.approx(np.mean(held_out))
        assert mean.stderr[example] == pytest.approx(
            np.std(held_out, ddof=1) / np.sqrt(len(held_out))
        )
        assert mean.num[example] == len(held_out)
        assert 0 <= mean.lower[example] <= mean.value[example] <= mean.upper[example] <= 1


def test_is_the_out_mean_of_memorization():
    mask = subsets.random(15, 30, 0.7, 1)
    outcome = np.random.default_rng(1).random(mask.shape)
    np.testing.assert_array_equal(
        consistency(outcome, mask).value, memorization(outcome, mask).out_mean
    )


@pytest.mark.parametrize("kind", [bool, float])
def test_never_held_out_is_nan(kind):
    mask = subsets.random(15, 30, 0.7, 2)
    mask[:, 5] = True
    mean = consistency(np.ones(mask.shape, kind), mask)
    assert mean.num[5] == 0
    for name in ("value", "stderr", "lower", "upper"):
        assert np.flatnonzero(np.isnan(getattr(mean, name))).tolist() == [5]


def test_always_right_still_has_an_interval():
    mask = np.zeros((20, 1), bool)
    for outcome in (np.ones((20, 1), bool), np.ones((20, 1))):
        mean = consistency(outcome, mask)
        assert mean.value[0] == mean.upper[0] == 1 and mean.lower[0] < 0.9
