import numpy as np
import pytest
import scipy.optimize
import scipy.special

from memkit.estimators import spearman
from memkit.proxies import ntk


def _world(num=40, length=15, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(num, length))
    logits = features[:, :classes] * 2 + rng.normal(size=(num, classes))
    return features, logits.argmax(axis=1)


def _ridge(features, targets, penalty):
    gram = features.T @ features + penalty * np.eye(features.shape[1])
    return np.linalg.solve(gram, features.T @ targets)


@pytest.mark.parametrize("length", [5, 60])
def test_leverage_gives_the_exact_leave_one_out_of_ridge_regression(length):
    features, labels = _world(length=length)
    targets, penalty = np.eye(3)[labels], 0.7
    fitted = features @ _ridge(features, targets, penalty)
    leverage = ntk.leverage(features, np.ones(len(features)), penalty)
    for i in range(len(features)):
        is_other = np.arange(len(features)) != i
        without = features[i] @ _ridge(features[is_other], targets[is_other], penalty)
        closed = fitted[i] - leverage[i] * (targets[i] - fitted[i])
        np.testing.assert_allclose(closed, without, atol=1e-10)


def _slow_fit(features, targets, penalty):
    """Minimizes the penalized cross-entropy with a general optimizer; returns weights [D, C]."""

    def loss(flat):
        weights = flat.reshape(features.shape[1], -1)
        logits = features @ weights
        residuals = scipy.special.softmax(logits, axis=1) - targets
        value = -(scipy.special.log_softmax(logits, axis=1) * targets).sum()
        gradient = features.T @ residuals + penalty * weights
        return value + penalty / 2 * (weights**2).sum(), gradient.ravel()

    start = np.zeros(features.shape[1] * targets.shape[1])
    options = {"gtol": 1e-9, "ftol": 1e-15, "maxiter": 10_000}
    result = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return result.x.reshape(features.shape[1], -1)


@pytest.mark.parametrize("length", [5, 60])
@pytest.mark.parametrize("penalty", [0.01, 0.3])
def test_the_fit_minimizes_the_penalized_cross_entropy(length, penalty):
    features, labels = _world(length=length)
    targets = np.eye(3)[labels]
    coordinates, squares = ntk.principal_coordinates(features)
    start = np.zeros((len(squares), 3))
    fitted = coordinates @ ntk.fit(coordinates, squares, targets, penalty, start)
    slow = coordinates @ _slow_fit(coordinates, targets, penalty)
    np.testing.assert_allclose(fitted, slow, atol=0.05)


@pytest.mark.parametrize("length", [5, 60])
def test_principal_coordinates_keep_inner_products_and_are_orthogonal(length):
    features, _ = _world(length=length)
    coordinates, squares = ntk.principal_coordinates(features)
    scale = (features**2).sum(axis=1).mean()
    np.testing.assert_allclose(coordinates @ coordinates.T, features @ features.T / scale)
    np.testing.assert_allclose(coordinates.T @ coordinates, np.diag(squares), atol=1e-10)


def test_scores_are_close_to_those_of_fits_that_leave_one_example_out(monkeypatch):
    features, labels = _world(num=60, length=100)
    targets, rows, penalty = np.eye(3)[labels], np.arange(60), 0.1
    monkeypatch.setattr(ntk, "PENALTIES", (penalty,))
    scores = ntk.memorization(features, labels, num_classes=3)
    scaled = features / np.sqrt((features**2).sum(axis=1).mean())
    slow = np.empty(60)
    inside = scipy.special.softmax(scaled @ _slow_fit(scaled, targets, penalty), axis=1)
    for i in rows:
        is_other = rows != i
        without = scaled[i] @ _slow_fit(scaled[is_other], targets[is_other], penalty)
        slow[i] = inside[i, labels[i]] - scipy.special.softmax(without)[labels[i]]
    assert spearman(scores, slow) > 0.98
    np.testing.assert_allclose(scores, slow, atol=0.1)


@pytest.mark.parametrize("length", [5, 60])
def test_scores_do_not_depend_on_order_scale_or_rotation(length):
    features, labels = _world(length=length)
    rng = np.random.default_rng(1)
    scores = ntk.memorization(features, labels, num_classes=3)
    order = rng.permutation(len(labels))
    rotation, _ = np.linalg.qr(rng.normal(size=(length, length)))
    for changed, expected in (
        (ntk.memorization(features[order], labels[order], num_classes=3), scores[order]),
        (ntk.memorization(1e4 * features, labels, num_classes=3), scores),
        (ntk.memorization(features @ rotation, labels, num_classes=3), scores),
    ):
        np.testing.assert_allclose(changed, expected, atol=1e-6)


def test_a_wrong_label_has_the_highest_score():
    rng = np.random.default_rng(2)
    labels = np.arange(80) % 4
    features = np.eye(4)[labels] * 3 + rng.normal(size=(80, 4))
    features = np.hstack([features, rng.normal(size=(80, 200))])
    labels[5] = (labels[5] + 1) % 4
    scores = ntk.memorization(features, labels, num_classes=4)
    assert scores.argmax() == 5
    assert (np.abs(scores) <= 1).all()


def test_scores_of_a_diverged_network_are_undefined():
    features, labels = _world()
    features[3, 2] = np.inf
    assert np.isnan(ntk.memorization(features, labels, num_classes=3)).all()


def test_features_without_length_give_no_memorization():
    scores = ntk.memorization(np.zeros((6, 4)), np.arange(6) % 3, num_classes=3)
    np.testing.assert_allclose(scores, 0, atol=1e-12)
