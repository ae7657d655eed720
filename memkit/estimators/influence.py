"""Influence of train examples on test examples, and the pairs whose influence is high.

All N x T influences are never held in memory: pairs are searched class by class among the memorized
train examples, and the strongest influences on all test examples are computed in blocks
(`memkit.estimators.top_influences`).
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from memkit.errors import expected
from memkit.estimators import arms, discoveries, null_distribution
from memkit.estimators.headline import headline as headline
from memkit.typing import Array, BoolArray, FloatArray, IntArray

BINS = 18  # as in the paper
_BLOCK_ELEMENTS = 2**21


@dataclasses.dataclass(frozen=True)
class Pairs:
    """P pairs of high influence, in descending order of influence.

    The first four carry the names of the published files of Feldman & Zhang.

    Attributes:
      tr_idx: [P] int64, train example.
      tt_idx: [P] int64, test example of the same class.
      infl: [P] float64 in [-1, 1], influence; higher = the train example helps more.
      mem: [P] float64, memorization of the train example.
      p: [P] float64, one-sided, see `null_distribution.tail`.
      q: [P] float64, false discovery rate over the family (Benjamini & Hochberg); NaN above
        `largest_q`.
      family_size: number of pairs of equal class whose train example is memorized.
      largest_q: the largest q that is known; 1 unless the family is huge.
      expected_by_chance: expected number of pairs of the family with at least
        `min_influence` if no train example had any influence.
      chance: [BINS] float64, these pairs per bin of `bin_edges`.
    """

    tr_idx: IntArray
    tt_idx: IntArray
    infl: FloatArray
    mem: FloatArray
    p: FloatArray
    q: FloatArray
    family_size: int
    largest_q: float
    expected_by_chance: float
    chance: FloatArray


def bin_edges(min_influence: float) -> FloatArray:
    """Returns [BINS + 1] edges of equal bins from the smallest influence of a pair to 1."""
    return np.linspace(min_influence, 1, BINS + 1).round(6)


def influence_of(
    train_examples: IntArray, test_outcome: Array, train_mask: BoolArray
) -> FloatArray:
    """Estimates the influence of a few train examples on all test examples.

    infl(i, j) = mean outcome of test example j over the runs that trained on i - mean over the
    other runs: Feldman & Zhang (2020), section 2.

    Args:
      train_examples: [n] int, columns of the train mask.
      test_outcome: [R, T] bool or float in [0, 1], outcome of test example j in run m.
      train_mask: [R, N] bool, True where run m trained on example i.

    Returns:
      [n, T] float64 in [-1, 1]; higher = training on i helps j more; NaN if i was in all runs or
      in none.

    Raises:
      InputError: on matrices of other shapes, types or values.
    """
    test_outcome, train_mask = check(test_outcome, train_mask)
    return _influence(train_mask[:, train_examples], test_outcome)


def _influence(mask: BoolArray, outcome: Array) -> FloatArray:
    outcome = outcome.astype(np.float64)
    num_in = np.count_nonzero(mask, axis=0)
    # The influence on an outcome that never varies is exactly 0, without a rounding error.
    outcome = np.where(np.ptp(outcome, axis=0) > 0, outcome, 0)
    in_sum = mask.T.astype(np.float64) @ outcome
    in_num = arms.undefined_below(num_in, 1)[:, None]
    out_num = arms.undefined_below(len(mask) - num_in, 1)[:, None]
    return in_sum / in_num - (outcome.sum(axis=0) - in_sum) / out_num


def pairs(
    test_outcome: Array,
    train_mask: BoolArray,
    *,
    memorization: npt.ArrayLike,
    given_labels: npt.ArrayLike,
    test_labels: npt.ArrayLike,
    min_influence: float = 0.15,
    min_memorization: float = 0.25,
) -> Pairs:
    """Finds all pairs of one class with a memorized train example and high influence.

    The selection is that of Feldman & Zhang (2020), section 3.2. The family of q does not depend on
    any influence: it is all pairs of one class whose train example has memorization at or above
    the threshold.

    Args:
      test_outcome: [R, T] bool or float in [0, 1], outcome of test example j in run m.
      train_mask: [R, N] bool, True where run m trained on example i.
      memorization: [N] float from the same kind of outcome; examples with NaN are left out.
      given_labels: [N] int, labels trained on.
      test_labels: [T] int.
      min_influence: float > 0, smallest influence of a pair.
      min_memorization: smallest memorization of its train example.

    Returns:
      `Pairs`. Time grows with R times the size of the family.

    Raises:
      InputError: on arrays of other shapes, types or values, or min_influence not above 0.
    """
    test_outcome, train_mask = check(test_outcome, train_mask)
    scores = np.asarray(memorization)
    labels = np.asarray(given_labels), np.asarray(test_labels)
    _check_examples(train_mask, test_outcome, scores, *labels)
    if not min_influence > 0:
        raise expected("min_influence", "a number above 0", min_influence)
    is_memorized = scores >= min_memorization - null_distribution.ROUNDING
    blocks: list[_Block] = []

    def family_p() -> Iterator[FloatArray]:
        """Yields the p of the whole family block by block, and keeps the pairs of each block."""
        for train, test in _blocks(train_mask, is_memorized, labels):
            block, p = _search(
                train, test, test_outcome[:, test], train_mask[:, train], min_influence
            )
            blocks.append(block)
            yield p

    members = discoveries.family(family_p())
    tr_idx = np.concatenate([np.empty(0, int), *(block.train for block in blocks)])
    tt_idx = np.concatenate([np.empty(0, int), *(block.test for block in blocks)])
    infl = np.concatenate([np.empty(0), *(block.infl for block in blocks)])
    p = np.concatenate([np.empty(0), *(block.p for block in blocks)])
    order = np.lexsort((tt_idx, tr_idx, -infl))
    by_chance = np.sum([np.zeros(BINS), *(block.by_chance for block in blocks)], axis=0)
    return Pairs(
        tr_idx=tr_idx[order],
        tt_idx=tt_idx[order],
        infl=infl[order],
        mem=scores[tr_idx[order]].astype(np.float64),
        p=p[order],
        q=discoveries.q_values(p[order], members),
        family_size=members.size,
        largest_q=members.cut,
        expected_by_chance=float(by_chance[0]),
        chance=by_chance - np.append(by_chance[1:], 0),
    )


@dataclasses.dataclass(frozen=True)
class _Block:
    """The pairs of high influence in one block, and how many are expected by chance.

    `by_chance` [BINS] counts the pairs from the start of each bin upwards.
    """

    train: IntArray
    test: IntArray
    infl: FloatArray
    p: FloatArray
    by_chance: FloatArray


def check(test_outcome: Array, train_mask: BoolArray) -> tuple[Array, BoolArray]:
    """Checks test outcomes [R, T] and a train mask [R, N]; returns both as arrays.

    Raises:
      InputError: on matrices of other shapes, types or values.
    """
    test_outcome, train_mask = np.asarray(test_outcome), np.asarray(train_mask)
    if train_mask.ndim != 2 or train_mask.dtype != bool:
        received = f"{train_mask.dtype} {train_mask.shape}"
        raise expected("train_mask", "a bool matrix [R, N]", received)
    if test_outcome.ndim != 2 or len(test_outcome) != len(train_mask):
        shape = f"a matrix with a row for each of the {len(train_mask)} runs"
        raise expected("test_outcome", shape, f"shape {test_outcome.shape}")
    # Only the outcomes are left to check, so any mask of their shape will do.
    arms.check(test_outcome, np.empty(test_outcome.shape, bool))
    return test_outcome, train_mask


def _check_examples(
    train_mask: BoolArray,
    test_outcome: Array,
    memorization: Array,
    given_labels: Array,
    test_labels: Array,
) -> None:
    for name, values, length in (
        ("memorization", memorization, train_mask.shape[1]),
        ("given_labels", given_labels, train_mask.shape[1]),
        ("test_labels", test_labels, test_outcome.shape[1]),
    ):
        if np.shape(values) != (length,):
            raise expected(name, f"{length} values, one per example", f"shape {np.shape(values)}")


def _blocks(
    train_mask: BoolArray, member: BoolArray, labels: tuple[Array, Array]
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yields (train, test) indices: members of one class, and all test examples of that class."""
    given_labels, test_labels = labels
    num_in = np.count_nonzero(train_mask, axis=0)
    member = member & (num_in > 0) & (num_in < len(train_mask))
    for label in np.intersect1d(given_labels[member], test_labels):
        test = np.flatnonzero(test_labels == label)
        train = np.flatnonzero(member & (given_labels == label))
        step = max(1, _BLOCK_ELEMENTS // max(len(test), len(train_mask)))
        for start in range(0, len(train), step):
            yield train[start : start + step], test


def _search(
    train: IntArray, test: IntArray, outcome: Array, mask: BoolArray, min_influence: float
) -> tuple[_Block, FloatArray]:
    """Returns (pairs of high influence, p of all pairs of the block)."""
    influence, num_in = _influence(mask, outcome), np.count_nonzero(mask, axis=0)
    p = null_distribution.tail(influence, outcome, num_in=num_in)
    row, column = np.nonzero(influence >= min_influence - null_distribution.ROUNDING)
    distinct, times = np.unique(num_in, return_counts=True)
    by_chance = np.zeros(BINS)
    for b, start in enumerate(bin_edges(min_influence)[:-1]):
        threshold = np.full((len(distinct), len(test)), start)
        tails = null_distribution.tail(threshold, outcome, num_in=distinct)
        by_chance[b] = times @ tails.sum(axis=1)
    block = _Block(
        train=train[row],
        test=test[column],
        infl=influence[row, column],
        p=p[row, column],
        by_chance=by_chance,
    )
    return block, p
