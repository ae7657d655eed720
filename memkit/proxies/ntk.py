"""Leave-one-out in closed form, on the empirical neural tangent kernel of one trained network.

A network is nearly linear in its weights around their final values (Jacot et al., NeurIPS 2018). A
linear classifier on the gradients of its logits, the tangent features, therefore says what other
training data would have taught the network, and leaving out an example of a linear classifier
needs no second fit. Rad and Maleki (JRSS B 2020) derive the formula from one Newton step. For
squared loss it is exact: the leave-one-out residual of ridge regression.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
from etils import epy

from memkit.typing import FloatArray, IntArray

with epy.lazy_imports():  # Slow to import, and needed only where such runs are trained.
    import scipy.linalg
    import scipy.special

# Ridge penalties, for features whose mean squared length is 1; the larger ones are fitted first.
PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
_MOST_STEPS = 2_000
_TOLERANCE = 1e-3  # of logits, in one step


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A ridge-penalized softmax regression, and what each example does to its own logits.

    Attributes:
      logits: [n, C] of the fit to all examples.
      left_out: [n, C]; row i is that of example i in a fit without example i.
    """

    logits: FloatArray
    left_out: FloatArray


def memorization(features: FloatArray, labels: IntArray, *, num_classes: int) -> FloatArray:
    """Estimates memorization by label probability from the tangent features of one network.

    The penalty is the one of `PENALTIES` with the smallest mean leave-one-out loss.

    Args:
      features: [n, D] of the examples that the network was trained on; see
        `training.tangent_features`.
      labels: [n] int, the given labels.
      num_classes: C.

    Returns:
      [n] float64 in [-1, 1]: the probability of the label in the fit, minus that in the fit without
      the example; higher = more memorized. NaN if a feature is not finite.

    Examples:
      >>> features = np.eye(2)[[0, 0, 0, 1, 1, 1, 1]]
      >>> scores = memorization(features, np.array([0, 0, 0, 1, 1, 1, 0]), num_classes=2)
      >>> scores.argmax().item()
      6
    """
    rows = np.arange(len(labels))
    scores, smallest = np.full(len(labels), np.nan), np.inf
    for fit in _fits(features, labels, num_classes):
        loss = -scipy.special.log_softmax(fit.left_out, axis=1)[rows, labels].mean()
        if loss < smallest:
            inside, outside = (
                scipy.special.softmax(logits, axis=1)[rows, labels]
                for logits in (fit.logits, fit.left_out)
            )
            scores, smallest = inside - outside, loss
    return scores


def _fits(features: FloatArray, labels: IntArray, num_classes: int) -> Iterator[Fit]:
    """Yields the Fit of each penalty; none if a feature is not finite."""
    if not np.isfinite(features).all():
        return
    coordinates, squares = principal_coordinates(features)
    targets = np.eye(num_classes)[labels]
    weights: FloatArray = np.zeros((coordinates.shape[1], num_classes))
    for penalty in PENALTIES:
        weights = fit(coordinates, squares, targets, penalty, weights)
        logits = coordinates @ weights
        probs = scipy.special.softmax(logits, axis=1)
        curvature = (probs * (1 - probs)).sum(axis=1) / (num_classes - 1)
        change = leverage(coordinates, curvature, penalty)[:, None] * (targets - probs)
        yield Fit(logits, logits - change)


def principal_coordinates(features: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns coordinates [n, min(n, D)] with the same inner products, and their squared lengths.

    The features are first divided by their root mean square length. The coordinates are
    orthogonal: their Gram matrix is the diagonal matrix of the second result.
    """
    scale = np.sqrt(np.einsum("nd,nd->", features, features, dtype=np.float64) / len(features))
    scaled = features / (scale if scale > 0 else 1)
    is_wide = scaled.shape[0] < scaled.shape[1]
    gram = scaled @ scaled.T if is_wide else scaled.T @ scaled
    squares, vectors = np.linalg.eigh(gram.astype(np.float64))
    squares = np.maximum(squares, 0)
    return (vectors * np.sqrt(squares) if is_wide else scaled @ vectors), squares


def fit(
    coordinates: FloatArray,
    squares: FloatArray,
    targets: FloatArray,
    penalty: float,
    start: FloatArray,
) -> FloatArray:
    """Returns the weights [m, C] that minimize the loss + penalty / 2 x squared weights.

    The loss is the sum of the cross-entropies. Each step minimizes a quadratic upper bound of the
    loss, whose curvature is 1/2 in every direction (Boehning 1992), from a point extrapolated as
    in Nesterov's method; the extrapolation starts anew where it points uphill.

    Args:
      coordinates: [n, m], see `principal_coordinates`.
      squares: [m], see `principal_coordinates`.
      targets: [n, C], one-hot labels.
      penalty: above 0.
      start: [m, C], weights to start from.
    """
    scale = (squares / 2 + penalty)[:, None]
    weights, ahead, speed = start, start, 1.0
    for _ in range(_MOST_STEPS):
        residuals = targets - scipy.special.softmax(coordinates @ ahead, axis=1)
        step = (coordinates.T @ residuals - penalty * ahead) / scale
        moved = ahead + step - weights
        faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
        if np.vdot(step * scale, moved) < 0:
            faster = 1.0
        weights = weights + moved
        ahead = weights + (speed - 1) / faster * moved
        speed = faster
        if np.abs(np.sqrt(squares)[:, None] * step).max() < _TOLERANCE:
            break
    return weights


def leverage(coordinates: FloatArray, curvature: FloatArray, penalty: float) -> FloatArray:
    """Returns how much each example moves its own logits, [n]; 0 or more.

    Leaving out example i changes its logits by minus this number times its residual (one-hot label
    minus probabilities). With h[i] = x[i] (penalty I + sum over j of curvature[j] x[j]' x[j])^-1
    x[i]' it is h[i] / (1 - curvature[i] h[i]). For squared loss, whose curvature is 1, this is the
    well-known leave-one-out formula of ridge regression.

    Args:
      coordinates: [n, m], the rows x[i].
      curvature: [n], second derivative of the loss of each example in its logits, 0 or more.
      penalty: above 0.

    Examples:
      >>> leverage(np.array([[1.0], [1.0]]), np.ones(2), 1.0).round(6).tolist()
      [0.5, 0.5]
    """
    hessian = (coordinates.T * curvature) @ coordinates
    hessian[np.diag_indices_from(hessian)] += penalty
    factor = np.linalg.cholesky(hessian)
    whitened = scipy.linalg.solve_triangular(factor, coordinates.T, lower=True)
    hat = (whitened**2).sum(axis=0)
    return hat / (1 - curvature * hat)
