import numpy as np
import pytest
import scipy.special

from memkit.training import losses


def _logits(spread, num_classes=10, seed=0):
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=(200, num_classes)) * spread).astype(np.float32)
    return logits, rng.integers(0, num_classes, 200).astype(np.int32)


def _reference_log_odds(logits, labels):
    wide = logits.astype(float)
    found = []
    for row, label in zip(wide, labels, strict=True):
        others = np.delete(row, label)
        found.append(row[label] - scipy.special.logsumexp(others))
    return np.array(found)


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 1e3, 1e6])
@pytest.mark.parametrize("num_classes", [2, 10, 300])
def test_log_odds_equal_a_float64_reference(spread, num_classes):
    logits, labels = _logits(spread, num_classes)
    found = np.asarray(losses.log_odds(logits, labels))
    assert found.dtype == np.float32
    wanted = _reference_log_odds(logits, labels)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_log_odds_are_those_of_the_softmax_probability():
    logits, labels = _logits(2.0)
    p = scipy.special.softmax(logits.astype(float), axis=1)[np.arange(200), labels]
    found = np.asarray(losses.log_odds(logits, labels))
    np.testing.assert_allclose(scipy.special.expit(found), p, rtol=1e-4)


@pytest.mark.parametrize("distance", [20.0, 100.0, 1e3])
def test_log_odds_stay_exact_where_probabilities_round(distance):
    logits = np.array([[distance, 0, 0], [0, distance, 0]], np.float32)
    found = np.asarray(losses.log_odds(logits, np.array([0, 0], np.int32)))
    np.testing.assert_allclose(found, [distance - np.log(2), -distance], rtol=1e-6)


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 1e3])
def test_cross_entropy_equals_a_float64_reference(spread):
    logits, labels = _logits(spread)
    found = np.asarray(losses.cross_entropy(logits, labels))
    wanted = -scipy.special.log_softmax(logits.astype(float), axis=1)[np.arange(200), labels]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
