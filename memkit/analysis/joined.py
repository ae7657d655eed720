"""Joins the runs of a unit into two rows of outcomes: in the subset, and left out of it.

In a study of the design `leave_one_out`, the outcome of an example is of interest in two runs of a
unit: the run on all examples, and the run that leaves this example out. Row 2u of the joined
outcomes is that of the run of unit u on all examples. Column i of row 2u + 1 is that of the run
that leaves out example i. Memorization is the mean difference of the two rows, and everything that
is computed from outcomes and masks works on these rows as on the runs of any other study.
"""

import dataclasses

import numpy as np
from absl import logging

from memkit import big_arrays
from memkit.estimators import units
from memkit.studies import Point, Study
from memkit.typing import Array, IntArray


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Where the outcomes of R rows come from.

    Attributes:
      first: [R] int, position among the Q runs of the first run of each row.
      source: [R, N] int, the run of each example; None if the rows are the runs.
    """

    first: IntArray
    source: IntArray | None

    def take(self, outcomes: Array) -> Array:
        """Returns the rows [R, N] of the outcomes [Q, N] of the runs."""
        if self.source is None:
            return outcomes
        rows = big_arrays.empty(self.source.shape, outcomes.dtype)
        for row, runs in enumerate(self.source):
            rows[row] = outcomes[runs, np.arange(len(runs))]
        return rows


def rows(study: Study, point: Point, index: IntArray) -> Rows:
    """Returns the Rows of the usable runs of a point; warns of units that lack runs.

    Args:
      study: Study.
      point: Point.
      index: [Q] int, numbers of the usable runs, ascending.
    """
    if units.are_single(study.unit):
        return Rows(np.arange(len(index)), None)
    num = study.sizes.train
    unit, counts = np.unique(study.unit[index], return_counts=True)
    complete = unit[counts == num + 1]
    if len(complete) < len(unit):
        text = "%s: %d units of %d runs lack runs and are left out of the scores of examples"
        logging.warning(text, point.name, len(unit) - len(complete), num + 1)
    whole = np.searchsorted(index, complete * (num + 1))
    source = np.empty((2 * len(complete), num), int)
    source[::2] = whole[:, None]
    source[1::2] = whole[:, None] + 1 + np.arange(num)
    first = np.stack([whole, whole + 1], axis=1).ravel()
    return Rows(first, source)
