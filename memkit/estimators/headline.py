"""The headline numbers of pairs of high influence."""

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


def headline(selected: PairsLike, *, num_test: int) -> dict[str, int | float]:
    """Returns the headline numbers of Feldman & Zhang (2020), section 3.2, for some pairs.

    Args:
      selected: anything with tr_idx, tt_idx and infl.
      num_test: int T, number of test examples.

    Returns:
      dict: "pairs"; "train_examples" and "test_examples", distinct; "single_influencer", test
      examples in exactly one pair; "mean_influence", "median_influence", "largest_influence", NaN
      without pairs; "influence_per_test", sum of the influences over T, which approximates the
      accuracy that depends on these train examples.
    """
    infl = np.asarray(selected.infl, np.float64)
    tests, times = np.unique(selected.tt_idx, return_counts=True)
    size = infl.size
    return {
        "pairs": size,
        "train_examples": len(np.unique(selected.tr_idx)),
        "test_examples": len(tests),
        "single_influencer": int(np.count_nonzero(times == 1)),
        "mean_influence": float(infl.mean()) if size else float("nan"),
        "median_influence": float(np.median(infl)) if size else float("nan"),
        "largest_influence": float(infl.max()) if size else float("nan"),
        "influence_per_test": float(infl.sum()) / num_test if num_test else float("nan"),
    }
