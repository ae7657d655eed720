"""Result of the question what the memorized examples are worth."""

import dataclasses
from collections.abc import Mapping

from memkit.estimators.removal import Utility


@dataclasses.dataclass(frozen=True)
class PointRemoval:
    """Test accuracy without some train examples, at one point.

    Attributes:
      runs: number of runs of the removal study.
      all_tests: one Utility per removal, over all test examples.
      influenced_tests: number of test examples of high-influence pairs.
      influenced: the removals of influential examples, over these test examples.
    """

    runs: int
    all_tests: tuple[Utility, ...]
    influenced_tests: int
    influenced: tuple[Utility, ...]


@dataclasses.dataclass(frozen=True)
class Removal:
    """Removal at every point that has a removal study.

    Attributes:
      points: {point: PointRemoval}.
    """

    points: Mapping[str, PointRemoval]
