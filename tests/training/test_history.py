import numpy as np
import pytest

from memkit.training.engines import Steps
from memkit.training.history import History


def _steps(loss, margin):
    loss, margin = np.array([loss], np.float32), np.array([margin], np.float32)
    return Steps(objective=loss.mean(axis=1), loss=loss, margin=margin, correct=margin > 0)


@pytest.fixture
def history():
    """Three examples over four epochs; example 2 is never seen, example 1 misses epoch 2."""
    actual = History(3, 4)
    actual.add(0, np.array([[1, 0]]), _steps([2.0, 1.0], [-1.0, 1.0]))
    actual.add(1, np.array([[0, 1]]), _steps([3.0, 0.5], [-2.0, 2.0]))
    actual.add(2, np.array([[0]]), _steps([0.1], [3.0]))
    actual.add(3, np.array([[1, 0]]), _steps([0.2, 0.3], [4.0, 1.0]))
    return actual.arrays()


def test_presentations_and_correct_predictions_are_counted(history):
    assert history["num_seen"].tolist() == [4, 3, 0]
    assert history["num_correct"].tolist() == [3, 2, 0]


def test_forgetting_is_a_correct_prediction_followed_by_a_wrong_one(history):
    assert history["num_forgotten"].tolist() == [1, 0, 0]


def test_epoch_learned_is_the_first_epoch_after_the_last_wrong_prediction(history):
    assert history["epoch_learned"].tolist() == [2, 1, 4]


def test_sums_and_means_equal_a_loop(history):
    np.testing.assert_allclose(history["loss_sum"], [4.4, 2.7, 0], rtol=1e-6)
    probs = [np.exp([-1.0, -3.0, -0.1, -0.3]), np.exp([-2.0, -0.5, -0.2])]
    np.testing.assert_allclose(history["prob_mean"][:2], [p.mean() for p in probs], rtol=1e-3)
    np.testing.assert_allclose(history["prob_variance"][:2], [p.var() for p in probs], rtol=1e-2)
    np.testing.assert_allclose(history["margin_mean"][:2], [0.75, 5 / 3], rtol=1e-3)


def test_means_of_unseen_examples_are_nan(history):
    for name in ("prob_mean", "prob_variance", "margin_mean"):
        assert np.isnan(history[name][2])
