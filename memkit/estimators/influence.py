"""Influence of train examples on test examples, and the pairs where it is high.

Nothing here ever holds all N x T influences: pairs are searched class by class among the memorized
train examples, and the strongest influences on all test examples are streamed
(`memkit.estimators.top_influences`).
"""

import dataclasses

import numpy as np

from memkit.errors import expected
from memkit.estimators import arms, discoveries, null_distribution

_BLOCK_ELEMENTS = 2**21


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Pairs of high influence, the highest first. P pairs.

    The first four carry the names of the published files of Feldman & Zhang.

    Attributes:
      tr_idx: [P] int64, train example.
      tt_idx: [P] int64, test example of the same class.
      infl: [P] float64 in [-1, 1], influence; higher = the train example helps more.
      mem: [P] float64, memorization of the train example.
      p: [P] float64, one-sided, see `null_distribution.tail`.
      q: [P] float64, false discovery rate over the family (Benjamini & Hochberg); NaN where it is
        above `largest_q`.
      family_size: int, number of pairs of equal class whose train example is memorized.
      largest_q: float, q are known up to here; 1 unless the family is huge.
      expected_by_chance: float, number of pairs of the family that would reach the least
        influence if no train example had any.
    """

    tr_idx: np.ndarray
    tt_idx: np.ndarray
    infl: np.ndarray
    mem: np.ndarray
    p: np.ndarray
    q: np.ndarray
    family_size: int
    largest_q: float
    expected_by_chance: float


def influence_of(train_examples, test_outcome, train_mask):
    """Estimates the influence of a few train examples on test examples.

    infl(i, j) = mean outcome of test example j over the runs that trained on i - mean over the
    other runs: Feldman & Zhang (2020), section 2. One product: the out-sum is total - in-sum.

    Args:
      train_examples: [n] int, columns of the train mask.
      test_outcome: [R, T] bool or float in [0, 1], outcome of test example j in run m.
      train_mask: [R, N] bool, True where run m trained on example i.

    Returns:
      [n, T] float64 in [-1, 1]; higher = training on i helps j more; NaN where i was in all runs
      or in none.

    Raises:
      InputError: on matrices of other shapes, types or values.
    """
    test_outcome, train_mask = check(test_outcome, train_mask)
    return _influence(train_mask[:, train_examples], test_outcome)


def _influence(mask, outcome):
    outcome = outcome.astype(np.float64)
    num_in = np.count_nonzero(mask, axis=0)
    # Outcomes that never change have influence 0, not what is left of it after rounding.
    outcome = np.where(np.ptp(outcome, axis=0) > 0, outcome, 0)
    in_sum = mask.T.astype(np.float64) @ outcome
    in_num = arms.undefined_below(num_in, 1)[:, None]
    out_num = arms.undefined_below(len(mask) - num_in, 1)[:, None]
    return in_sum / in_num - (outcome.sum(axis=0) - in_sum) / out_num


def pairs(
    test_outcome,
    train_mask,
    *,
    memorization,
    given_labels,
    test_labels,
    min_influence=0.15,
    min_memorization=0.25,
):
    """Finds all pairs of equal class with a memorized train example and high influence.

    The selection is that of Feldman & Zhang (2020), section 3.2. The family of q is fixed before
    any influence is looked at: all pairs of equal class whose train example has memorization at
    or above the threshold.

    Args:
      test_outcome: [R, T] bool or float in [0, 1], outcome of test example j in run m.
      train_mask: [R, N] bool, True where run m trained on example i.
      memorization: [N] float from the same kind of outcome; NaN is never a member.
      given_labels: [N] int, labels trained on.
      test_labels: [T] int.
      min_influence: float > 0, least influence of a pair.
      min_memorization: float, least memorization of its train example.

    Returns:
      `Pairs`. Time grows with R times the size of the family.

    Raises:
      InputError: on arrays of other shapes, types or values, or min_influence not above 0.
    """
    test_outcome, train_mask = check(test_outcome, train_mask)
    memorization = np.asarray(memorization)
    _check_examples(train_mask, test_outcome, memorization, given_labels, test_labels)
    if not min_influence > 0:
        raise expected("min_influence", "a number above 0", min_influence)
    labels = np.asarray(given_labels), np.asarray(test_labels)
    found, by_chance = [], []

    def family_p():
        for train, test in _blocks(train_mask, memorization >= min_memorization, labels):
            part, p, num_chance = _search(
                train, test, test_outcome[:, test], train_mask[:, train], min_influence
            )
            found.append(part)
            by_chance.append(num_chance)
            yield p

    members = discoveries.family(family_p())
    tr_idx, tt_idx, infl, p = (
        np.concatenate([np.empty(0, kind), *parts])
        for kind, parts in zip((int, int, float, float), zip(*found) if found else ((),) * 4)
    )
    order = np.lexsort((tt_idx, tr_idx, -infl))
    tr_idx, tt_idx, infl, p = (part[order] for part in (tr_idx, tt_idx, infl, p))
    return Pairs(
        tr_idx=tr_idx,
        tt_idx=tt_idx,
        infl=infl,
        mem=memorization[tr_idx].astype(np.float64),
        p=p,
        q=discoveries.q_values(p, members),
        family_size=members.size,
        largest_q=members.cut,
        expected_by_chance=float(sum(by_chance)),
    )


def headline(found, *, num_test):
    """Returns the headline counts of Feldman & Zhang (2020), section 3.2, of some pairs.

    Args:
      found: `Pairs`, or anything with tr_idx, tt_idx and infl.
      num_test: int T, number of test examples.

    Returns:
      dict: "pairs"; "train_examples" and "test_examples", distinct; "single_influencer", test
      examples in exactly one pair; "mean_influence", "median_influence", "largest_influence", NaN
      without pairs; "influence_per_test", sum of the influences over T, about the accuracy that
      hangs on these train examples.
    """
    infl = np.asarray(found.infl, np.float64)
    tests, times = np.unique(found.tt_idx, return_counts=True)
    size = infl.size
    return {
        "pairs": size,
        "train_examples": len(np.unique(found.tr_idx)),
        "test_examples": len(tests),
        "single_influencer": int(np.count_nonzero(times == 1)),
        "mean_influence": float(infl.mean()) if size else float("nan"),
        "median_influence": float(np.median(infl)) if size else float("nan"),
        "largest_influence": float(infl.max()) if size else float("nan"),
        "influence_per_test": float(infl.sum()) / num_test if num_test else float("nan"),
    }


def check(test_outcome, train_mask):
    """Returns both as arrays after refusing wrong shapes, types and values with an InputError."""
    test_outcome, train_mask = np.asarray(test_outcome), np.asarray(train_mask)
    if train_mask.ndim != 2 or train_mask.dtype != bool:
        received = f"{train_mask.dtype} {train_mask.shape}"
        raise expected("train_mask", "a bool matrix [R, N]", received)
    if test_outcome.ndim != 2 or len(test_outcome) != len(train_mask):
        wanted = f"a matrix with a row for each of the {len(train_mask)} runs"
        raise expected("test_outcome", wanted, f"shape {test_outcome.shape}")
    # The rest of the check looks at the outcomes alone.
    arms.check(test_outcome, np.empty(test_outcome.shape, bool))
    return test_outcome, train_mask


def _check_examples(train_mask, test_outcome, memorization, given_labels, test_labels):
    for name, values, length in (
        ("memorization", memorization, train_mask.shape[1]),
        ("given_labels", given_labels, train_mask.shape[1]),
        ("test_labels", test_labels, test_outcome.shape[1]),
    ):
        if np.shape(values) != (length,):
            raise expected(name, f"{length} values, one per example", f"shape {np.shape(values)}")


def _blocks(train_mask, member, labels):
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


def _search(train, test, outcome, mask, min_influence):
    """Returns (pairs, p of the whole block, expected number of chance pairs in it)."""
    influence, num_in = _influence(mask, outcome), np.count_nonzero(mask, axis=0)
    p = null_distribution.tail(influence, outcome, num_in=num_in)
    row, column = np.nonzero(influence >= min_influence - null_distribution.ROUNDING)
    part = (train[row], test[column], influence[row, column], p[row, column])
    distinct, times = np.unique(num_in, return_counts=True)
    threshold = np.full((len(distinct), len(test)), min_influence)
    return part, p, times @ null_distribution.tail(threshold, outcome, num_in=distinct).sum(axis=1)
