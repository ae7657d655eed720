"""The headline numbers of pairs of high influence."""

import dataclasses
from typing import Protocol

import numpy as np

from memkit.typing import FloatArray, IntArray


class PairsLike(Protocol):
    """Anything with the indices and the influence of pairs, such as published ones."""

    @property
    def tr_idx(self) -> IntArray:
        """[P] int, train example."""

    @property
    def tt_idx(self) -> IntArray:
        """[P] int, test example."""

    @property
    def infl(self) -> FloatArray:
        """[P] float, influence."""


@dataclasses.dataclass(frozen=True)
class Headline:
    """Numbers of pairs of high influence (Feldman & Zhang 2020, section 3.2).

    Attributes:
      pairs: number of pairs.
      train_examples: distinct train examples among them.
      test_examples: distinct test examples among them.
      single_influencer: test examples in exactly one pair.
      mean_influence: -1 to 1; NaN without pairs, as are the next two.
      median_influence: over the pairs.
      largest_influence: of a pair.
      influence_per_test: sum of the influences over the number of all test examples, which
        approximates the accuracy that depends on these train examples.
    """

    pairs: int
    train_examples: int
    test_examples: int
    single_influencer: int
    mean_influence: float
    median_influence: float
    largest_influence: float
    influence_per_test: float


def headline(selected: PairsLike, *, num_test: int) -> Headline:
    """Returns the Headline of some pairs.

    Args:
      selected: anything with tr_idx, tt_idx and infl.
      num_test: int T, number of test examples.
    """
    infl = np.asarray(selected.infl, np.float64)
    tests, times = np.unique(selected.tt_idx, return_counts=True)
    size = infl.size
    return Headline(
        pairs=size,
        train_examples=len(np.unique(selected.tr_idx)),
        test_examples=len(tests),
        single_influencer=int(np.count_nonzero(times == 1)),
        mean_influence=float(infl.mean()) if size else float("nan"),
        median_influence=float(np.median(infl)) if size else float("nan"),
        largest_influence=float(infl.max()) if size else float("nan"),
        influence_per_test=float(infl.sum()) / num_test if num_test else float("nan"),
    )
