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
    actual = []
    for row, label in zip(wide, labels, strict=True):
        other_logits = np.delete(row, label)
        actual.append(row[label] - scipy.special.logsumexp(other_logits))
    return np.array(actual)


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 1e3, 1e6])
@pytest.mark.parametrize("num_classes", [2, 10, 300])
def test_log_odds_equal_a_float64_reference(spread, num_classes):
    logits, labels = _logits(spread, num_classes)
    actual = np.asarray(losses.log_odds(logits, labels))
    assert actual.dtype == np.float32
    expected = _reference_log_odds(logits, labels)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_log_odds_are_those_of_the_softmax_probability():
    logits, labels = _logits(2.0)
    p = scipy.special.softmax(logits.astype(float), axis=1)[np.arange(200), labels]
    actual = np.asarray(losses.log_odds(logits, labels))
    np.testing.assert_allclose(scipy.special.expit(actual), p, rtol=1e-4)


@pytest.mark.parametrize("distance", [20.0, 100.0, 1e3])
def test_log_odds_stay_exact_where_probabilities_round(distance):
    logits = np.array([[distance, 0, 0], [0, distance, 0]], np.float32)
    actual = np.asarray(losses.log_odds(logits, np.array([0, 0], np.int32)))
    np.testing.assert_allclose(actual, [distance - np.log(2), -distance], rtol=1e-6)


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 1e3])
def test_cross_entropy_equals_a_float64_reference(spread):
    logits, labels = _logits(spread)
    actual = np.asarray(losses.cross_entropy(logits, labels))
    expected = -scipy.special.log_softmax(logits.astype(float), axis=1)[np.arange(200), labels]
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_label_loss_is_the_cross_entropy_to_smoothed_and_mixed_targets():
    logits, labels = _logits(2.0)
    shares = np.random.default_rng(1).random(200).astype(np.float32)
    one_hot = np.eye(10)[labels]
    mixed = shares[:, None] * one_hot + (1 - shares[:, None]) * one_hot[::-1]
    targets = 0.9 * mixed + 0.1 / 10
    expected = -(targets * scipy.special.log_softmax(logits.astype(float), axis=1)).sum(axis=1)
    actual = losses.label_loss(logits, labels, smoothing=0.1, shares=shares)
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=1e-4)


def test_label_loss_without_either_is_the_cross_entropy():
    logits, labels = _logits(2.0)
    actual = losses.label_loss(logits, labels, smoothing=0.0, shares=None)
    np.testing.assert_array_equal(
        np.asarray(actual), np.asarray(losses.cross_entropy(logits, labels))
    )
