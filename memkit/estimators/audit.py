"""Which given labels look wrong: what the runs that held an example out say of it.

The answer of a run that trained on an example says little about its label, since it may have been
memorized; what counts are votes, the predictions of the runs that held it out. They find labels on
which models agree, not the truth: an odd but rightly labeled example gets outvoted too.
"""

import dataclasses

import numpy as np

from memkit import big_arrays
from memkit.errors import expected
from memkit.estimators import arms, intervals
from memkit.estimators.consistency import Mean, consistency
from memkit.estimators.memorization import memorization

LEAST = 5  # Four votes against none would already do, by a coin in 1 of 16 cases.
HARD = 0.5
KINDS = ("mislabeled", "duplicate", "ambiguous", "not judged", "unsuspected")
MISLABELED, DUPLICATE, AMBIGUOUS, NOT_JUDGED, UNSUSPECTED = range(len(KINDS))


@dataclasses.dataclass(frozen=True)
class Votes:
    """What the runs that held an example out predict, N examples.

    Attributes:
      num: [N] int64, number of those runs.
      given: [N] int64, how many of them predict the given label.
      rival: [N] int64, the other class that most of them predict, the smallest among equals; -1
        where they predict no other class.
      rival_votes: [N] int64, how many predict the rival.
    """

    num: np.ndarray
    given: np.ndarray
    rival: np.ndarray
    rival_votes: np.ndarray

    def most(self, given_labels: np.ndarray) -> np.ndarray:
        """Returns the class that most votes name, [N] int64; -1 where there is no vote.

        Among equals it is the smallest class.

        Args:
          given_labels: [N] int, those that the votes were counted with.
        """
        is_rival = (self.rival_votes > self.given) | (
            (self.rival_votes == self.given) & (self.rival < given_labels)
        )
        return np.where(self.num > 0, np.where(is_rival, self.rival, given_labels), -1)


@dataclasses.dataclass(frozen=True)
class Audit:
    """The verdict on N examples.

    Attributes:
      kind: [N] int8, place in `KINDS`.
      score: [N] float64, 1 - out-of-sample probability of the given label, in [0, 1]; higher = more
        suspect; NaN where fewer than `LEAST` runs held the example out.
      out_prob: `Mean`, out-of-sample probability of the given label; NaN in the same places.
      votes: `Votes`.
    """

    kind: np.ndarray
    score: np.ndarray
    out_prob: Mean
    votes: Votes


def with_copies(train_mask, groups):
    """Returns the mask of runs that trained on an example or on an exact copy of it.

    A run that trained on a copy has not held the example out.

    Args:
      train_mask: [M, N] bool.
      groups: int arrays, the examples of each set of identical images.
    """
    if not len(groups):
        return train_mask
    joined = big_arrays.empty(train_mask.shape, bool)
    for rows in big_arrays.row_blocks(joined):
        joined[rows] = train_mask[rows]
    for group in groups:
        joined[:, group] = train_mask[:, group].any(axis=1, keepdims=True)
    return joined


def votes(predicted, train_mask, given_labels, num_classes):
    """Counts the predictions of the runs that held each example out.

    Args:
      predicted: [M, N] int, predicted class.
      train_mask: [M, N] bool, True where run m trained on example i.
      given_labels: [N] int.
      num_classes: int.

    Returns:
      `Votes`.

    Raises:
      InputError: on shapes that differ.
    """
    if np.shape(predicted) != np.shape(train_mask):
        shape = np.shape(predicted)
        raise expected("predicted", f"the train mask's shape {np.shape(train_mask)}", shape)
    parts = [np.empty((4, 0), np.int64)]
    for columns in arms.blocks(max(len(train_mask), num_classes), train_mask.shape[1]):
        outside, labels = ~train_mask[:, columns], given_labels[columns]
        rows = np.arange(len(labels))
        places = rows * num_classes + predicted[:, columns]
        counts = np.bincount(places[outside], minlength=len(labels) * num_classes)
        counts = counts.reshape(len(labels), num_classes)
        given = counts[rows, labels]
        counts[rows, labels] = 0
        rival, rival_votes = counts.argmax(axis=1), counts.max(axis=1)
        rival[rival_votes == 0] = -1
        parts.append(np.stack([np.count_nonzero(outside, axis=0), given, rival, rival_votes]))
    return Votes(*np.concatenate(parts, axis=1))


def rival_wins(counted):
    """Returns [N] bool, True where the votes show that the rival beats the given label.

    The rival must have over half of the votes, and the 95% interval (Wilson) of its share must lie
    above that of the given label's. Where both are equally likely, that happens by accident in at
    most 4% of cases (exact, 5 to 400 runs); with fewer than `LEAST` runs it is never said.
    """
    lower, _ = intervals.wilson(counted.rival_votes, counted.num)
    _, upper = intervals.wilson(counted.given, counted.num)
    has_majority = 2 * counted.rival_votes > counted.num
    return has_majority & (lower > upper) & (counted.num >= LEAST)


def audit(predicted, prob, train_mask, given_labels, num_classes, *, copied):
    """Sorts examples into the kinds of trouble that their given labels may be in.

    Mislabeled: the rival wins the votes, see `rival_wins`. Duplicate: not that, but there is an
    exact copy. Ambiguous: neither, and the 95% interval of the out-of-sample probability of the
    given label lies below `HARD`: models that held it out miss it, and agree on nothing else. Not
    judged: held out by fewer than `LEAST` runs, so never scored.

    Args:
      predicted: [M, N] int, predicted class.
      prob: [M, N] float in [0, 1], probability of the given label.
      train_mask: [M, N] bool; see `with_copies`.
      given_labels: [N] int.
      num_classes: int.
      copied: [N] bool, True where an identical image exists.

    Returns:
      `Audit`.

    Raises:
      InputError: on shapes that differ and values that cannot be.
    """
    counted = votes(predicted, train_mask, given_labels, num_classes)
    judged = counted.num >= LEAST
    out_prob = consistency(prob, train_mask)
    undefined = {
        name: np.where(judged, getattr(out_prob, name), np.nan)
        for name in ("value", "stderr", "lower", "upper")
    }
    out_prob = dataclasses.replace(out_prob, **undefined)
    kind = np.select(
        [rival_wins(counted), copied, ~judged, out_prob.upper < HARD],
        [MISLABELED, DUPLICATE, NOT_JUDGED, AMBIGUOUS],
        UNSUSPECTED,
    )
    return Audit(kind.astype(np.int8), 1 - out_prob.value, out_prob, counted)


def ranked(found, conflicting):
    """Returns the listed examples, all but the unsuspected, in order.

    Kinds come in the order of `KINDS`, duplicates with different labels before the others, and
    within that the highest score first.

    Args:
      found: `Audit` of N examples.
      conflicting: [N] bool, True where an identical image has another label.
    """
    calm = (found.kind == DUPLICATE) & ~conflicting
    order = np.lexsort((np.nan_to_num(-found.score, nan=np.inf), calm, found.kind))
    return order[found.kind[order] != UNSUSPECTED]


def class_influence(test_prob, test_labels, train_mask, given_labels, num_classes):
    """Estimates what training on an example does to the test examples of its given class.

    The influence of Feldman & Zhang (2020) on label probabilities, averaged over the test examples
    whose label is the example's given one. Under subsets that hold the same number of a class's
    members the influences of these members sum to 0, so below 0 means that a member helps less
    than the average member of its class; it need not do harm.

    Args:
      test_prob: [M, T] float in [0, 1], probability of the label of a test example.
      test_labels: [T] int.
      train_mask: [M, N] bool.
      given_labels: [N] int.
      num_classes: int.

    Returns:
      (value, stderr), [N] float64 each; value in [-1, 1], higher = helps more than the rest of its
      class; NaN where the class has no test example or the example was in all runs or in none.
    """
    value, stderr = np.full((2, len(given_labels)), np.nan)
    for number in range(num_classes):
        tests, members = test_labels == number, np.flatnonzero(given_labels == number)
        if not tests.any() or not len(members):
            continue
        mean = test_prob[:, tests].mean(axis=1, dtype=np.float64)
        mask = train_mask[:, members]
        found = memorization(np.broadcast_to(mean[:, None], mask.shape), mask)
        value[members], stderr[members] = found.value, found.stderr
    return value, stderr
