"""Trajectories: memorization of each example along the study's axis, and their classes.

Noise alone makes trajectories: with 400 runs most examples that do not change at all have a range
of at least 0.1. So an example is given a class other than constant only if its range beats the
ranges that come out when the points are shuffled within each run.
"""

import dataclasses

import numpy as np

from memkit import matrices, seeds
from memkit.errors import expected

CLASSES = ("constant", "increasing", "decreasing", "cap_shaped", "u_shaped", "mixed", "undefined")
LEVEL = 0.05

# Differences that are equal on paper differ by this much at most after rounding in float32.
_ROUNDING = 1e-6
_BLOCK_ELEMENTS = 10**7


@dataclasses.dataclass(frozen=True)
class Trajectories:
    """Estimates of N examples at the A points of an axis.

    Attributes:
      value: [N, A] float64, memorization; higher = more memorized; NaN where undefined.
      in_mean: [N, A] float64, mean outcome of the runs that trained on the example.
      out_mean: [N, A] float64, mean outcome of the runs that did not.
    """

    value: np.ndarray
    in_mean: np.ndarray
    out_mean: np.ndarray


@dataclasses.dataclass(frozen=True)
class RangeTest:
    """Result of the permutation test of each example's range along the axis.

    Attributes:
      p: [N] float64 in (0, 1], small = the example changes along the axis; NaN where undefined.
      null_shares: {alpha: {class: share}}, mean shares of classes among defined examples in
        studies whose points were shuffled within each run, classified with their own p.
    """

    p: np.ndarray
    null_shares: dict


def stack(estimates):
    """Returns the `Trajectories` of a list of `Estimate`, one per point in axis order.

    Raises:
      InputError: if there is no estimate, or if they differ in the number of examples.
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


def classify(value, alpha, p_range=None, level=LEVEL):
    """Assigns each trajectory the first class whose rule it meets.

    The classes are those of Lukasik et al. (2024), the rule is memkit's own (theirs is not public).

      constant: the range is below alpha, or its p is above the level.
      increasing: last - first is at least alpha, and no drop from a running maximum exceeds alpha.
      decreasing: the mirror image of increasing.
      cap_shaped: the maximum exceeds both ends by at least alpha.
      u_shaped: the mirror image of cap_shaped.
      mixed: anything else.
      undefined: memorization or p is NaN.

    Args:
      value: [N, A] memorization at the points of the axis, in axis order.
      alpha: float > 0, smallest change of memorization that counts.
      p_range: [N] p of the range from `permutation_null`, or None to trust every range.
      level: float in (0, 1), largest p at which a range is believed.

    Returns:
      [N] int8, indices into `CLASSES`.

    Raises:
      InputError: if value is not a matrix with at least one point, or alpha is not above 0.
    """
    value = np.asarray(value, np.float64)
    if value.ndim != 2 or not value.shape[1]:
        raise expected("value", "a matrix [N, A] with A >= 1", f"shape {value.shape}")
    if not alpha > 0:
        raise expected("alpha", "a number above 0", alpha)
    least, most = alpha - _ROUNDING, alpha + _ROUNDING
    defined = ~np.isnan(value).any(axis=1)
    believed = np.ones(len(value), bool)
    if p_range is not None:
        defined &= ~np.isnan(p_range)
        believed = np.asarray(p_range) <= level
    value = np.where(defined[:, None], value, 0)
    first, last = value[:, 0], value[:, -1]
    top, bottom = value.max(axis=1), value.min(axis=1)
    drop = (np.maximum.accumulate(value, axis=1) - value).max(axis=1)
    rise = (value - np.minimum.accumulate(value, axis=1)).max(axis=1)
    # An end of the axis never exceeds itself, so the peak of a cap is an interior point.
    rules = (
        ~defined,
        ~believed | (top - bottom < least),
        (last - first >= least) & (drop <= most),
        (first - last >= least) & (rise <= most),
        top - np.maximum(first, last) >= least,
        np.minimum(first, last) - bottom >= least,
    )
    order = ("undefined", "constant", "increasing", "decreasing", "cap_shaped", "u_shaped")
    return np.select(rules, [*map(CLASSES.index, order)], CLASSES.index("mixed")).astype(np.int8)


def shares(classes):
    """Returns {class: share} of [N] class indices.

    The share of "undefined" is among all examples, every other one among the defined examples,
    so these others sum to 1. A share of nothing is NaN.
    """
    return _shares(np.bincount(classes, minlength=len(CLASSES)))


def _shares(counts):
    defined = counts.sum() - counts[CLASSES.index("undefined")]
    wholes = dict.fromkeys(CLASSES, defined) | {"undefined": counts.sum()}
    return {name: _share(count, wholes[name]) for name, count in zip(CLASSES, counts)}


def shares_among_nonconstant(classes):
    """Returns {class: share} among the examples that are neither constant nor undefined."""
    counts = dict(zip(CLASSES, np.bincount(classes, minlength=len(CLASSES))))
    del counts["constant"], counts["undefined"]
    whole = sum(counts.values())
    return {name: _share(count, whole) for name, count in counts.items()}


def permutation_null(
    outcomes, train_mask, alphas=(0.1, 0.2, 0.3), num_permutations=199, seed=0, level=LEVEL
):
    """Tests whether each example's memorization changes along the axis at all.

    If the points did not matter, the outcomes of a run at the A points would be exchangeable. A
    permuted study shuffles the points within each run, in the same way for all examples, which
    keeps what a run's examples have in common. p = (1 + number of permuted studies whose range
    is at least the observed one) / (1 + num_permutations). The p of a permuted study is its rank
    among the same ranges, observed one included.

    Args:
      outcomes: [A, M, N] bool or float, or A matrices [M, N], outcomes at the points of the axis
        for the same runs.
      train_mask: [M, N] bool, True where run m trained on example i.
      alphas: floats > 0, thresholds of `classify` to report null shares for.
      num_permutations: int, enough for a p at or below the level.
      seed: int >= 0.
      level: float in (0, 1), as in `classify`.

    Returns:
      `RangeTest`. Time grows with num_permutations * A^2 * M * N.

    Raises:
      InputError: if the shapes do not fit or there are too few permutations for the level.
    """
    outcomes, train_mask = [np.asarray(point) for point in outcomes], np.asarray(train_mask)
    _check_null(outcomes, train_mask, num_permutations, level)
    num_points, (num_runs, num_examples) = len(outcomes), train_mask.shape
    selection = _selection(num_points, num_runs, num_permutations, seed)
    p = np.full(num_examples, np.nan)
    counts = {alpha: np.zeros(len(CLASSES), int) for alpha in alphas}
    step = max(1, _BLOCK_ELEMENTS // max(selection.shape))
    for start in range(0, num_examples, step):
        columns = slice(start, start + step)
        signed, defined = _signed_weights(train_mask[:, columns])
        terms = [np.multiply(o[:, columns], signed, dtype=np.float32) for o in outcomes]
        values = selection @ np.concatenate(terms)
        values = values.reshape(1 + num_permutations, num_points, -1)[:, :, defined]
        ranks = _range_p(values)
        p[start + np.flatnonzero(defined)] = ranks[0]
        _count_null_classes(counts, values[1:], ranks[1:], level)
    return RangeTest(p, {alpha: _shares(count) for alpha, count in counts.items()})


def _check_null(outcomes, train_mask, num_permutations, level):
    if train_mask.ndim != 2 or train_mask.dtype != bool:
        raise expected(
            "train_mask", "a bool matrix [M, N]", f"{train_mask.dtype} {train_mask.shape}"
        )
    shapes = {point.shape for point in outcomes}
    if shapes != {train_mask.shape}:
        raise expected(
            "outcomes",
            "shape (A, {}, {}) with A >= 1".format(*train_mask.shape),
            f"{len(outcomes)} of shapes {sorted(shapes)}",
        )
    if not all(np.isfinite(o[rows]).all() for o in outcomes for rows in matrices.row_blocks(o)):
        raise expected(
            "outcomes", "finite values (diverged runs must be left out first)", "NaN or infinity"
        )
    if 1 / (1 + num_permutations) > level:
        raise expected("num_permutations", f"enough for a p of {level} or less", num_permutations)


def _selection(num_points, num_runs, num_permutations, seed):
    """Returns the matrix [(R + 1) * A, A * M] float32 that takes terms to (permuted) values.

    Row (r, a) picks for each run the point that stands at place a in permutation r; the first
    "permutation" is the study as observed.
    """
    points = np.tile(np.arange(num_points), (1 + num_permutations, num_runs, 1))
    seeds.stream(seed, "permutation_null").permuted(points[1:], axis=2, out=points[1:])
    chosen = points.transpose(0, 2, 1)[:, :, None, :] == np.arange(num_points)[:, None]
    return chosen.reshape(-1, num_points * num_runs).astype(np.float32)


def _signed_weights(train_mask):
    """Returns weights [M, n] whose product with outcomes is memorization, and where that is so."""
    num_in = np.count_nonzero(train_mask, axis=0)
    num_out = len(train_mask) - num_in
    weights = np.where(train_mask, 1 / np.maximum(num_in, 1), -1 / np.maximum(num_out, 1))
    return weights.astype(np.float32), (num_in > 0) & (num_out > 0)


def _range_p(values):
    """Returns the share of studies with that range or more, [R + 1, n], of values [R + 1, A, n]."""
    ranges = np.ptp(values, axis=1)
    at_least = [np.count_nonzero(ranges >= row - _ROUNDING, axis=0) for row in ranges]
    return np.array(at_least) / len(ranges)


def _count_null_classes(counts, values, p, level):
    """Adds the classes of permuted studies to counts[alpha]; values [R, A, n], p [R, n]."""
    changing = p <= level
    candidates = values.transpose(0, 2, 1)[changing]
    for alpha, count in counts.items():
        count += np.bincount(classify(candidates, alpha), minlength=len(CLASSES))
        count[CLASSES.index("constant")] += np.count_nonzero(~changing)


def _share(count, whole):
    return float(count / whole) if whole else float("nan")
