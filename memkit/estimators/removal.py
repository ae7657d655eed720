"""The value of examples: test accuracy without memorized examples and without random ones.

The experiment is that of Feldman and Zhang (2020), Figure 2 and section 3.3. Each run of a removal
study leaves out the examples whose memorization is at least a threshold ("memorized"), the train
members of high-influence pairs ("influential"), as many random examples ("random"), or nothing
("nothing").
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from memkit import seeds
from memkit.estimators import null_distribution
from memkit.estimators.margins import WithError, mean_over_runs, pooled_df
from memkit.typing import BoolArray, FloatArray, IntArray, TextArray

KINDS = ("nothing", "memorized", "influential", "random")


@dataclasses.dataclass(frozen=True)
class Rows:
    """The examples that each of M runs trains on, and why.

    Attributes:
      train_mask: [M, N] bool.
      kind: [M] text, one of KINDS.
      threshold: [M] float, the smallest memorization that is removed, also in the random rows for
        comparison; NaN for "nothing", for "influential" and for their random rows.
      repeat: [M] int; rows of one kind and threshold differ only in the seeds of training, random
        rows also in the examples they remove.
    """

    train_mask: BoolArray
    kind: TextArray
    threshold: FloatArray
    repeat: IntArray


def design(
    memorization: FloatArray,
    *,
    thresholds: Sequence[float],
    repeats: int,
    seed: int,
    influential: npt.ArrayLike = (),
) -> Rows:
    """Returns the Rows of a removal study.

    Args:
      memorization: [N] float in [-1, 1]; examples with NaN are never removed as memorized.
      thresholds: floats; a threshold that removes nothing is left out.
      repeats: runs per kind and threshold.
      seed: the study's root seed; random removals draw from the stream "removal".
      influential: indices of the train members of high-influence pairs; empty = no such runs.
    """
    count, rounding = len(memorization), null_distribution.ROUNDING
    removals = {t: np.flatnonzero(memorization >= t - rounding) for t in thresholds}
    rows = [("nothing", np.nan, repeat, np.array([], int)) for repeat in range(repeats)]
    sets = [("memorized", t, removed) for t, removed in removals.items() if len(removed)]
    if np.size(influential):
        sets.append(("influential", np.nan, np.unique(np.asarray(influential))))
    for kind, threshold, removed in sets:
        stamp = 0 if np.isnan(threshold) else round(1e6 * (threshold + 2))
        for repeat in range(repeats):
            rng = seeds.stream(seed, "removal", stamp, repeat)
            random = rng.choice(count, len(removed), replace=False)
            rows.append((kind, threshold, repeat, removed))
            rows.append(("random", threshold, repeat, random))
    mask = np.ones((len(rows), count), bool)
    for row, (*_, removed) in enumerate(rows):
        mask[row, removed] = False
    kinds, row_thresholds, row_repeats, _ = zip(*rows, strict=True)
    return Rows(mask, np.array(kinds), np.array(row_thresholds), np.array(row_repeats))


@dataclasses.dataclass(frozen=True)
class Utility:
    """Test accuracy without some train examples, 0 to 1, with standard errors over runs.

    Attributes:
      kind: "memorized" or "influential" examples are removed.
      threshold: memorization from which they are removed; NaN for influential ones.
      removed: number of removed examples.
      remaining: share of the train examples that is left.
      without: accuracy without these examples.
      random: accuracy without as many random examples.
      nothing: accuracy with all examples.
      difference: without - random, below 0 if the removed examples are worth more than random ones;
        its degrees of freedom are Welch's.
    """

    kind: str
    threshold: float
    removed: int
    remaining: float
    without: WithError
    random: WithError
    nothing: WithError
    difference: WithError


def utility(
    rows: Rows, test_correct: BoolArray, tests: IntArray | BoolArray | None = None
) -> list[Utility]:
    """Returns the Utility of each removal, in the order of the rows; NaN where runs are missing.

    Args:
      rows: Rows of the runs that exist.
      test_correct: [M, T] bool.
      tests: test examples to average over, such as the influenced ones; all if None.
    """
    accuracy = (test_correct if tests is None else test_correct[:, tests]).mean(axis=1)
    nothing = mean_over_runs(accuracy[rows.kind == "nothing"])
    num_examples = rows.train_mask.shape[1]
    table = []
    for kind, threshold, is_threshold in _removals(rows):
        removed = is_threshold & (rows.kind == kind)
        num_left = int(rows.train_mask[removed][0].sum())
        without = mean_over_runs(accuracy[removed])
        random = mean_over_runs(accuracy[is_threshold & (rows.kind == "random")])
        table.append(
            Utility(
                kind=kind,
                threshold=threshold,
                removed=num_examples - num_left,
                remaining=num_left / num_examples,
                without=without,
                random=random,
                nothing=nothing,
                difference=_difference(without, random),
            )
        )
    return table


def _removals(rows: Rows) -> Iterator[tuple[str, float, BoolArray]]:
    """Yields (kind, threshold, rows [M] bool of this threshold) of each removal but the random."""
    seen = set()
    for kind, threshold in zip(rows.kind.tolist(), rows.threshold.tolist(), strict=True):
        key = (kind, str(threshold))
        if kind in ("memorized", "influential") and key not in seen:
            seen.add(key)
            is_same = (
                np.isnan(rows.threshold) if np.isnan(threshold) else rows.threshold == threshold
            )
            yield kind, threshold, is_same


def _difference(without: WithError, random: WithError) -> WithError:
    """Returns without - random, both means over separate runs."""
    errors, dfs = (without.stderr, random.stderr), (without.df, random.df)
    difference = without.value - random.value
    return WithError(difference, float(np.hypot(*errors)), pooled_df(errors, dfs))
