"""Result of the question which train examples influence which test examples."""

import dataclasses
from collections.abc import Mapping

from memkit.analysis.results import point_arrays
from memkit.estimators.headline import Headline
from memkit.typing import Array, FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class PairCounts:
    """Pairs of high influence by one outcome at one point.

    Attributes:
      headline: their numbers, as Feldman & Zhang (2020) give them.
      pairs_q05: pairs at a false discovery rate of at most 0.05.
      expected_by_chance: expected number of pairs if no train example had any influence.
      family_size: pairs of equal class whose train example is memorized.
      largest_q: the largest false discovery rate that is known, 1 unless the family is huge.
    """

    headline: Headline
    pairs_q05: int
    expected_by_chance: float
    family_size: int
    largest_q: float


@dataclasses.dataclass(frozen=True)
class PointInfluence:
    """Influence at one point.

    Attributes:
      num_runs: number of runs.
      outcomes: {outcome: PairCounts}.
    """

    num_runs: int
    outcomes: Mapping[str, PairCounts]


@dataclasses.dataclass(frozen=True, eq=False)
class OutcomeInfluence:
    """Pairs of high influence and the strongest influences by one outcome, at one point.

    Attributes:
      tr_idx: [P] int, train examples of the pairs, in descending order of influence.
      tt_idx: [P] int, test examples of the pairs.
      infl: [P] float, influence, -1 to 1, higher = helps more.
      mem: [P] float, memorization of the train examples.
      p: [P] float, one-sided p-values.
      q: [P] float, false discovery rates; NaN above `PairCounts.largest_q`.
      test_top_idx: [T, k] int, the train examples with the most influence on a test example.
      test_top_infl: [T, k] float, their influence.
      train_top_idx: [N, k] int, the test examples on which a train example has the most influence.
      train_top_infl: [N, k] float, its influence.
      shown_tr_idx: [S] int, train examples to show pictures of.
      shown_tt_idx: [S, 4] int, test examples of their class that they influence most; -1 = none.
      shown_infl: [S, 4] float, the influence on them.
      shown_q: [S, 4] float, the false discovery rate of listed pairs.
      chance: [18] float, pairs expected by chance per bin of `estimators.influence.bin_edges`.
    """

    tr_idx: IntArray
    tt_idx: IntArray
    infl: FloatArray
    mem: FloatArray
    p: FloatArray
    q: FloatArray
    test_top_idx: IntArray
    test_top_infl: FloatArray
    train_top_idx: IntArray
    train_top_infl: FloatArray
    shown_tr_idx: IntArray
    shown_tt_idx: IntArray
    shown_infl: FloatArray
    shown_q: FloatArray
    chance: FloatArray


# The outcome of the papers has the names of the published files.
_PREFIXES = {"correct": "", "prob": "prob_"}


@dataclasses.dataclass(frozen=True, eq=False)
class Influence:
    """Influence at every point.

    Attributes:
      points: {point: PointInfluence}, of points with two runs or more; empty without test
        examples.
      arrays: {point: {name: array}}, the fields of `OutcomeInfluence` by their names for the
        outcome right or wrong, and as "prob_<name>" for the probability of the label, see
        `of_outcome`.
    """

    points: Mapping[str, PointInfluence]
    arrays: Mapping[str, Mapping[str, Array]] = point_arrays()

    def of_outcome(self, point: str, outcome: str) -> OutcomeInfluence:
        """Returns the arrays of one outcome at a point, a key of `points`."""
        names = [field.name for field in dataclasses.fields(OutcomeInfluence)]
        arrays, prefix = self.arrays[point], _PREFIXES[outcome]
        return OutcomeInfluence(**{name: arrays[prefix + name] for name in names})


def named(by_outcome: Mapping[str, OutcomeInfluence]) -> dict[str, Array]:
    """Returns {outcome: OutcomeInfluence} as the arrays of one point."""
    return {
        _PREFIXES[outcome] + name: array
        for outcome, influence in by_outcome.items()
        for name, array in vars(influence).items()
    }
