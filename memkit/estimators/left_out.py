"""How well the other examples predict the label of each one, from images alone: no run needed.

Kernel ridge regression of the labels on the images has its predictions without each example in
closed form: leave-one-out costs no more than one fit. An example whose label the others predict
is likely to be answered rightly without training on it, so the numbers are a feature of the
pooled scores.
"""

import dataclasses

import numpy as np

from memkit import seeds
from memkit.errors import expected
from memkit.seeds import Generator
from memkit.typing import Array, FloatArray, IntArray

WIDTHS = (0.5, 1.0, 2.0, 4.0, 8.0)  # of the kernel exp(-width * squared distance / their median)
RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
_LANDMARKS = 600
_CHOICE = 1000  # examples from which width and ridge are chosen
_BLOCK = 2048


@dataclasses.dataclass(frozen=True)
class _Fit:
    accuracy: float
    margins: FloatArray
    width: float
    ridge: float


def left_out_margins(images: Array, labels: IntArray, num_classes: int) -> FloatArray:
    """Predicts the label of each example from all others by kernel ridge regression.

    The kernel is Gaussian in the pixels. Above 600 examples it is approximated with 600
    landmarks (Nystroem). Its width and the ridge are those with the best accuracy.

    Args:
      images: [N, ...], numbers of any shape.
      labels: [N] int, the given labels.
      num_classes: number of classes.

    Returns:
      [N] float64, prediction of the label minus the largest other one, about -1 to 1; lower = the
      other examples contradict the label.

    Raises:
      InputError: on lengths that differ.

    Examples:
      >>> images = np.repeat(np.arange(4.0), 10)[:, None]
      >>> labels = np.repeat([0, 0, 1, 1], 10)
      >>> labels[0] = 1
      >>> int(left_out_margins(images, labels, num_classes=2).argmin())
      0
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if labels.shape != (len(images),):
        raise expected("labels", f"{len(images)} labels, one per image", f"shape {labels.shape}")
    if len(images) < 2:
        return np.zeros(len(images))
    pixels = images.reshape(len(images), -1)
    rng = seeds.stream(0, "left_out_margins")
    some = np.sort(rng.permutation(len(pixels))[:_CHOICE])
    best = _best(pixels[some], labels[some], num_classes, rng, WIDTHS, RIDGES)
    if len(some) < len(pixels):
        best = _best(pixels, labels, num_classes, rng, (best.width,), (best.ridge,))
    return best.margins


def _best(
    pixels: FloatArray,
    labels: IntArray,
    num_classes: int,
    rng: Generator,
    widths: tuple[float, ...],
    ridges: tuple[float, ...],
) -> _Fit:
    landmarks = pixels[np.sort(rng.permutation(len(pixels))[:_LANDMARKS])].astype(np.float32)
    distances = np.concatenate(
        [
            _squared_distances(pixels[start : start + _BLOCK].astype(np.float32), landmarks)
            for start in range(0, len(pixels), _BLOCK)
        ]
    )
    among = _squared_distances(landmarks, landmarks)
    scale = float(np.median(among)) or 1.0
    fits = []
    for width in widths:
        basis, strengths = _basis(np.exp(distances * (-width / scale)), among * (width / scale))
        for ridge in ridges:
            margins = _margins(basis, strengths, ridge, labels, num_classes)
            fits.append(_Fit(float(np.mean(margins > 0)), margins, width, ridge))
    return max(fits, key=lambda fit: fit.accuracy)


def _squared_distances(first: FloatArray, second: FloatArray) -> FloatArray:
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)
    return np.maximum(squares - 2 * first @ second.T, 0)


def _basis(kernel: FloatArray, exponents: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns orthogonal columns [N, m] that span the kernel, and their squared lengths [m].

    Args:
      kernel: [N, L] float32, between examples and landmarks.
      exponents: [L, L], minus the logarithm of the kernel among landmarks.
    """
    values, vectors = np.linalg.eigh(np.exp(-exponents.astype(np.float64)))
    kept = values > values[-1] * 1e-6
    whiten = vectors[:, kept] / np.sqrt(values[kept])
    gram = whiten.T @ (kernel.T @ kernel).astype(np.float64) @ whiten
    strengths, rotation = np.linalg.eigh(gram)
    return kernel @ (whiten @ rotation).astype(np.float32), np.maximum(strengths, 1e-9)


def _margins(
    basis: FloatArray, strengths: FloatArray, ridge: float, labels: IntArray, num_classes: int
) -> FloatArray:
    """Returns the margins [N] of the predictions without each example."""
    sums = np.zeros((num_classes, basis.shape[1]))
    for start in range(0, len(labels), _BLOCK):
        rows = slice(start, start + _BLOCK)
        sums += _targets(labels[rows], num_classes).T @ basis[rows].astype(np.float64)
    margins = np.empty(len(labels))
    for start in range(0, len(labels), _BLOCK):
        rows = slice(start, start + _BLOCK)
        columns = basis[rows].astype(np.float64)
        shrunk = columns / (strengths + ridge)
        leverage = np.minimum(np.einsum("nm,nm->n", shrunk, columns), 1 - 1e-6)
        target = _targets(labels[rows], num_classes)
        predicted = target - (target - shrunk @ sums.T) / (1 - leverage[:, None])
        index = np.arange(len(predicted))
        own = predicted[index, labels[rows]]
        predicted[index, labels[rows]] = -np.inf
        margins[rows] = own - predicted.max(axis=1)
    return margins


def _targets(labels: IntArray, num_classes: int) -> FloatArray:
    """Returns labels as [n, classes] float64 rows that sum to 0."""
    return np.eye(num_classes)[labels] - 1 / num_classes
