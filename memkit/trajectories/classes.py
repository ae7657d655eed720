"""Trajectories, the classes of their shapes, and the shares of the classes."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from memkit.errors import expected
from memkit.estimators import Estimate
from memkit.typing import FloatArray, IntArray

CLASSES = ("constant", "increasing", "decreasing", "cap_shaped", "u_shaped", "mixed", "undefined")
LEVEL = 0.05

# Differences that are equal in exact arithmetic differ by at most this much in float32.
ROUNDING = 1e-6


@dataclasses.dataclass(frozen=True)
class Trajectories:
    """Memorization and its two means for N examples at the A points of an axis.

    Attributes:
      value: [N, A] float64, memorization; higher = more memorized; NaN where undefined.
      in_mean: [N, A] float64, mean outcome of the runs that trained on the example.
      out_mean: [N, A] float64, mean outcome of the runs that did not.
    """

    value: FloatArray
    in_mean: FloatArray
    out_mean: FloatArray


def stack(estimates: Sequence[Estimate]) -> Trajectories:
    """Stacks one `Estimate` per point, in axis order, into `Trajectories`.

    Raises:
      InputError: there is no estimate, or they have different numbers of examples.
    """
    if not estimates:
        raise expected("estimates", "one per point of the axis", "none")
    lengths = [len(estimate.value) for estimate in estimates]
    if len(set(lengths)) > 1:
        raise expected("estimates", "the same examples at every point", f"{lengths} examples")
    return Trajectories(
        *(
            np.stack([getattr(estimate, field.name) for estimate in estimates], axis=1)
            for field in dataclasses.fields(Trajectories)
        )
    )


def classify(
    value: npt.ArrayLike, alpha: float, p: npt.ArrayLike | None = None, level: float = LEVEL
) -> npt.NDArray[np.int8]:
    """Assigns each trajectory to the first class whose rule it meets.

    The classes are those of Lukasik et al. (2024); the rules are memkit's own, since theirs are not
    public:

      undefined: memorization or p is NaN.
      constant: the range is below alpha, or its p is above the level.
      increasing: last - first is at least alpha, and no drop from a running maximum exceeds alpha.
      decreasing: the mirror image of increasing.
      cap_shaped: the maximum exceeds both ends by at least alpha.
      u_shaped: the mirror image of cap_shaped.
      mixed: anything else.

    Args:
      value: [N, A] memorization at the points of the axis, in axis order.
      alpha: float > 0, the smallest change of memorization that counts.
      p: [N] p from `change_test`, or None to treat every change as significant.
      level: float in (0, 1), the largest p of a significant change.

    Returns:
      [N] int8, indices into `CLASSES`.

    Raises:
      InputError: value is not a matrix with at least one point, or alpha is not above 0.

    Examples:
      >>> value = [[0.0, 0.3, 0.6], [0.2, 0.2, 0.2], [0.1, 0.9, 0.1]]
      >>> [CLASSES[code] for code in classify(value, alpha=0.1)]
      ['increasing', 'constant', 'cap_shaped']
    """
    value = np.asarray(value, np.float64)
    if value.ndim != 2 or not value.shape[1]:
        raise expected("value", "a matrix [N, A] with A >= 1", f"shape {value.shape}")
    if not alpha > 0:
        raise expected("alpha", "a number above 0", alpha)
    least, most = alpha - ROUNDING, alpha + ROUNDING
    # One row per point, since NumPy compares whole rows at a time.
    value = np.ascontiguousarray(value.T)
    defined = ~np.isnan(value).any(axis=0)
    significant = np.ones(len(defined), bool)
    if p is not None:
        defined &= ~np.isnan(p)
        significant = np.asarray(p) <= level
    value = np.where(defined, value, 0)
    first, last = value[0], value[-1]
    top, bottom = value.max(axis=0), value.min(axis=0)
    drop = (np.maximum.accumulate(value) - value).max(axis=0)
    rise = (value - np.minimum.accumulate(value)).max(axis=0)
    # Neither end exceeds itself, so the peak of a cap is always an interior point.
    rules = (
        ~defined,
        ~significant | (top - bottom < least),
        (last - first >= least) & (drop <= most),
        (first - last >= least) & (rise <= most),
        top - np.maximum(first, last) >= least,
        np.minimum(first, last) - bottom >= least,
    )
    order = ("undefined", "constant", "increasing", "decreasing", "cap_shaped", "u_shaped")
    return np.select(rules, [*map(CLASSES.index, order)], CLASSES.index("mixed")).astype(np.int8)


def shares(classes: IntArray) -> dict[str, float]:
    """Returns {class: share} of [N] class indices.

    The share of "undefined" is relative to all examples. The other shares are relative to the
    defined examples, so they sum to 1. A share of zero examples is NaN.

    Examples:
      >>> classes = classify([[0.0, 0.6], [0.2, 0.2], [0.3, 0.3]], alpha=0.1)
      >>> round(shares(classes)["constant"], 3), round(shares(classes)["increasing"], 3)
      (0.667, 0.333)
    """
    return shares_of_counts(np.bincount(classes, minlength=len(CLASSES)))


def shares_of_counts(counts: IntArray) -> dict[str, float]:
    """Returns the shares of `shares`, from the number of examples of each class [K]."""
    defined = counts.sum() - counts[CLASSES.index("undefined")]
    totals = dict.fromkeys(CLASSES, defined) | {"undefined": counts.sum()}
    return {name: _share(count, totals[name]) for name, count in zip(CLASSES, counts)}


def shares_among_nonconstant(classes: IntArray) -> dict[str, float]:
    """Returns {class: share}, relative to the examples that are neither constant nor undefined."""
    counts = dict(zip(CLASSES, np.bincount(classes, minlength=len(CLASSES))))
    del counts["constant"], counts["undefined"]
    total = sum(counts.values())
    return {name: _share(count, total) for name, count in counts.items()}


def _share(count: int, total: int) -> float:
    return float(count / total) if total else float("nan")
