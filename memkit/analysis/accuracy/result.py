"""Result of the question of accuracy."""

import dataclasses
from collections.abc import Mapping

from memkit.analysis.results import point_arrays
from memkit.estimators import WithError
from memkit.typing import Array


@dataclasses.dataclass(frozen=True)
class PointAccuracy:
    """Mean accuracy of the runs of one point, each from 0 to 1, higher = better.

    Attributes:
      train_in: on the train examples that a run trained on, by their given labels.
      train_out: on the train examples that a run did not train on, by their given labels.
      test: on the test examples.
      outlying_runs: runs whose accuracy is far from that of the others, see `estimators.outliers`.
    """

    train_in: WithError
    train_out: WithError
    test: WithError
    outlying_runs: tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Accuracy:
    """Accuracy of every point.

    Attributes:
      points: {point: PointAccuracy}.
      predictions: {point: {"out_predicted": [N] int}}, the class predicted most often by the runs
        that trained on neither an example nor an exact copy of it; -1 where there is no such run.
    """

    points: Mapping[str, PointAccuracy]
    predictions: Mapping[str, Mapping[str, Array]] = point_arrays()
