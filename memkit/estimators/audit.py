"""Detects given labels that look wrong, from the predictions of runs that held the example out.

The prediction of a run that trained on an example says little about its label, because the run may
have memorized it. Only votes count: the predictions of runs that held the example out. Votes show
on which label models agree, which need not be the true one: a rare example with a correct label is
outvoted, too. `rarity` tells it apart.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from memkit import big_arrays
from memkit.errors import expected
from memkit.estimators import arms, intervals
from memkit.estimators import rarity as rarities
from memkit.estimators.consistency import Mean, consistency
from memkit.estimators.memorization import memorization
from memkit.typing import Array, BoolArray, FloatArray, IntArray

LEAST = 5  # Four votes to none would be significant, but a fair coin gives them in 1 of 16 cases.
LEAST_MEMBERS = 10  # examples of a class, below which held-out labels cannot be judged
HARD = 0.5
KINDS = ("mislabeled", "rare", "duplicate", "ambiguous", "not judged", "unsuspected")
MISLABELED, RARE, DUPLICATE, AMBIGUOUS, NOT_JUDGED, UNSUSPECTED = range(len(KINDS))


@dataclasses.dataclass(frozen=True)
class Votes:
    """Predictions of the runs that held each of N examples out.

    Attributes:
      num: [N] int64, number of these runs.
      given: [N] int64, number of votes for the given label.
      rival: [N] int64, the other class with the most votes, the smallest in a tie; -1 if no other
        class has a vote.
      rival_votes: [N] int64, number of votes for the rival.
    """

    num: IntArray
    given: IntArray
    rival: IntArray
    rival_votes: IntArray

    def most(self, given_labels: IntArray) -> IntArray:
        """Returns the class with the most votes, [N] int64; -1 if there is no vote.

        In a tie it is the smallest class.

        Args:
          given_labels: [N] int, the labels that the votes were counted with.
        """
        is_rival = (self.rival_votes > self.given) | (
            (self.rival_votes == self.given) & (self.rival < given_labels)
        )
        return np.where(self.num > 0, np.where(is_rival, self.rival, given_labels), -1)


@dataclasses.dataclass(frozen=True)
class Audit:
    """The verdict on N examples.

    Attributes:
      kind: [N] int8, index in `KINDS`.
      score: [N] float64, 1 - out-of-sample probability of the given label, in [0, 1]; higher = more
        suspect; NaN where fewer than `LEAST` runs held the example out.
      out_prob: out-of-sample probability of the given label; NaN for the same examples.
      rarity: [N] float64 in [0, 1), see `rarity.rarity`; higher = farther from the images of the
        rival class, so rather rare than mislabeled; NaN if it is undefined.
      votes: `Votes`.
    """

    kind: IntArray
    score: FloatArray
    out_prob: Mean
    rarity: FloatArray
    votes: Votes


def with_copies(train_mask: BoolArray, groups: Sequence[IntArray]) -> BoolArray:
    """Returns a mask [M, N] of the runs that trained on an example or on an exact copy of it.

    A run that trained on a copy did not hold the example out.

    Args:
      train_mask: [M, N] bool.
      groups: int arrays, one for each set of identical images, with the indices of the examples.
    """
    if not len(groups):
        return train_mask
    joined = big_arrays.empty(train_mask.shape, bool)
    for rows in big_arrays.row_blocks(joined):
        joined[rows] = train_mask[rows]
    for group in groups:
        joined[:, group] = train_mask[:, group].any(axis=1, keepdims=True)
    return joined


def votes(
    predicted: IntArray, train_mask: BoolArray, given_labels: IntArray, num_classes: int
) -> Votes:
    """Counts the predictions of the runs that held each example out.

    Args:
      predicted: [M, N] int, predicted class.
      train_mask: [M, N] bool, True where run m trained on example i.
      given_labels: [N] int.

    Raises:
      InputError: on shapes that differ.
    """
    if np.shape(predicted) != np.shape(train_mask):
        shape = np.shape(predicted)
        raise expected("predicted", f"the train mask's shape {np.shape(train_mask)}", shape)
    counted = [np.empty((4, 0), np.int64)]
    for columns in arms.blocks(max(len(train_mask), num_classes), train_mask.shape[1]):
        outside, labels = ~train_mask[:, columns], given_labels[columns]
        rows = np.arange(len(labels))
        cells = rows * num_classes + predicted[:, columns]
        counts = np.bincount(cells[outside], minlength=len(labels) * num_classes)
        counts = counts.reshape(len(labels), num_classes)
        given = counts[rows, labels]
        counts[rows, labels] = 0
        rival, rival_votes = counts.argmax(axis=1), counts.max(axis=1)
        rival[rival_votes == 0] = -1
        counted.append(np.stack([np.count_nonzero(outside, axis=0), given, rival, rival_votes]))
    return Votes(*np.concatenate(counted, axis=1))


def rival_wins(counted: Votes) -> BoolArray:
    """Returns [N] bool, True where the rival wins the votes over the given label.

    The rival must have more than half of the votes, and the 95% interval (Wilson) of its share must
    lie above that of the given label's share. If both are equally likely, this happens by chance in
    at most 4% of cases (exact, 5 to 400 runs). With fewer than `LEAST` runs the rival never wins.
    """
    lower, _ = intervals.wilson(counted.rival_votes, counted.num)
    _, upper = intervals.wilson(counted.given, counted.num)
    has_majority = 2 * counted.rival_votes > counted.num
    return has_majority & (lower > upper) & (counted.num >= LEAST)


def audit(
    predicted: IntArray,
    prob: FloatArray,
    train_mask: BoolArray,
    given_labels: IntArray,
    num_classes: int,
    *,
    copied: BoolArray,
    images: Array | None = None,
) -> Audit:
    """Classifies examples by what may be wrong with their given labels.

    The first kind that applies is chosen. Mislabeled: the rival wins the votes, see `rival_wins`,
    and the image is not rare. Rare: the rival wins or the example is missed as an ambiguous one
    is, but its rarity is above `rarity.RARE`: it is far from the images of the rival class.
    Duplicate: an exact copy exists. Not judged: fewer than `LEAST` runs held the example out, so
    it has no score. Ambiguous: the 95% interval of the out-of-sample probability of the given
    label lies below `HARD`; models that held the example out miss it, but agree on no other class.

    Args:
      predicted: [M, N] int, predicted class.
      prob: [M, N] float in [0, 1], probability of the given label.
      train_mask: [M, N] bool; see `with_copies`.
      given_labels: [N] int.
      copied: [N] bool, True if an identical image exists.
      images: [N, ...] numbers, from which rarity is computed; None if no image can be called rare.

    Raises:
      InputError: on shapes that differ and values that are out of range.
    """
    counted = votes(predicted, train_mask, given_labels, num_classes)
    judged = counted.num >= LEAST
    out_prob = consistency(prob, train_mask)
    undefined = {
        name: np.where(judged, getattr(out_prob, name), np.nan)
        for name in ("value", "stderr", "lower", "upper")
    }
    out_prob = dataclasses.replace(out_prob, **undefined)
    rarity = _rarity(images, given_labels, counted)
    wins, is_missed, is_rare = rival_wins(counted), out_prob.upper < HARD, rarity > rarities.RARE
    kind = np.select(
        [wins & ~is_rare, (wins | is_missed) & is_rare, copied, ~judged, is_missed],
        [MISLABELED, RARE, DUPLICATE, NOT_JUDGED, AMBIGUOUS],
        UNSUSPECTED,
    )
    return Audit(kind.astype(np.int8), 1 - out_prob.value, out_prob, rarity, counted)


def _rarity(images: Array | None, given_labels: IntArray, counted: Votes) -> FloatArray:
    if images is None:
        return np.full(len(given_labels), np.nan)
    rival = np.where(counted.num >= LEAST, counted.rival, -1)
    trusted = (counted.num >= LEAST) & (2 * counted.given > counted.num)
    return rarities.rarity(images, given_labels, rival, trusted=trusted)


def ranked(result: Audit, conflicting: BoolArray) -> IntArray:
    """Returns the indices of all examples but the unsuspected, in the order of a list for review.

    Kinds are in the order of `KINDS`, duplicates with different labels before other duplicates, and
    examples of one kind from the highest score to the lowest.

    Args:
      conflicting: [N] bool, True if an identical image has another label.
    """
    is_same_label = (result.kind == DUPLICATE) & ~conflicting
    order = np.lexsort((np.nan_to_num(-result.score, nan=np.inf), is_same_label, result.kind))
    return order[result.kind[order] != UNSUSPECTED]


def class_influence(
    test_prob: FloatArray,
    test_labels: IntArray,
    train_mask: BoolArray,
    given_labels: IntArray,
    num_classes: int,
    *,
    unit: IntArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Estimates the influence of an example on the test examples of its given class.

    The influence of Feldman & Zhang (2020) on label probabilities, averaged over the test examples
    whose label is the example's given one. If all subsets have the same number of members of a
    class, the influences of the members sum to 0. A value below 0 then means that a member helps
    less than the average member of its class; it need not do harm.

    Args:
      test_prob: [M, T] float in [0, 1], probability of the label of a test example.
      test_labels: [T] int.
      train_mask: [M, N] bool.
      given_labels: [N] int.
      unit: [M] int, equal for runs that are paired, see `memorization`.

    Returns:
      (value, stderr), [N] float64 each; value in [-1, 1], higher = helps more than the rest of its
      class; NaN if the class has no test example or the example was in all runs or in none.
    """
    value, stderr = np.full((2, len(given_labels)), np.nan)
    for number in range(num_classes):
        tests, members = test_labels == number, np.flatnonzero(given_labels == number)
        if not tests.any() or not len(members):
            continue
        mean = test_prob[:, tests].mean(axis=1, dtype=np.float64)
        mask = train_mask[:, members]
        influence = memorization(np.broadcast_to(mean[:, None], mask.shape), mask, unit)
        value[members], stderr[members] = influence.value, influence.stderr
    return value, stderr
