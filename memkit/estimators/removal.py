"""What examples are worth: test accuracy without the memorized ones against without random ones.

Feldman and Zhang (2020), Figure 2 and section 3.3. A removal study has a run per subset: without
the examples whose memorization is at least a threshold ("memorized"), without as many random ones
("random"), without the train members of high-influence pairs ("influential"), and with all
("nothing").
"""

import dataclasses

import numpy as np

from memkit import seeds
from memkit.estimators.margins import WithError, mean_over_runs, pooled_df

KINDS = ("nothing", "memorized", "influential", "random")


@dataclasses.dataclass(frozen=True)
class Rows:
    """Which examples each of M runs trains on, and why.

    Attributes:
      train_mask: [M, N] bool.
      kind: [M] text, one of KINDS.
      threshold: [M] float, the memorization from which on examples are removed, also of the random
        rows beside them; NaN for "nothing" and for influential pairs and the rows beside those.
      repeat: [M] int, rows of the same kind and threshold differ in training chance alone, and
        random ones in what they remove.
    """

    train_mask: np.ndarray
    kind: np.ndarray
    threshold: np.ndarray
    repeat: np.ndarray


def design(memorization, *, thresholds, repeats, seed, influential=()):
    """Returns the Rows of a removal study.

    Args:
      memorization: [N] float in [-1, 1]; undefined ones (NaN) are never removed as memorized.
      thresholds: floats; one that removes nothing is left out.
      repeats: int, runs per kind and threshold.
      seed: the study's root seed; random removals draw from the stream "removal".
      influential: rows of the train members of high-influence pairs; none = no such runs.
    """
    count = len(memorization)
    removals = {t: np.flatnonzero(memorization >= t) for t in thresholds}
    rows = [("nothing", np.nan, repeat, np.array([], int)) for repeat in range(repeats)]
    sets = [("memorized", t, removed) for t, removed in removals.items() if len(removed)]
    if len(influential):
        sets.append(("influential", np.nan, np.unique(influential)))
    for kind, threshold, removed in sets:
        stamp = 0 if np.isnan(threshold) else round(1e6 * (threshold + 2))
        for repeat in range(repeats):
            rng = seeds.stream(seed, "removal", stamp, repeat)
            chance = rng.choice(count, len(removed), replace=False)
            rows.append((kind, threshold, repeat, removed))
            rows.append(("random", threshold, repeat, chance))
    mask = np.ones((len(rows), count), bool)
    for row, (*_, removed) in enumerate(rows):
        mask[row, removed] = False
    kind, threshold, repeat = (np.array([row[k] for row in rows]) for k in range(3))
    return Rows(mask, kind, threshold, repeat)


def utility(rows, test_correct, tests=None):
    """Returns test accuracies per removal, as a list of dicts in the order of the rows.

    Args:
      rows: Rows of the runs that are there.
      test_correct: [M, T] bool.
      tests: test examples to average over, such as the influenced ones; all if None.

    Returns:
      Dicts with `kind` ("memorized" or "influential"), `threshold`, `removed` and `remaining`
      (count, and share of the examples left), and accuracies in [0, 1] with standard errors over
      runs and margins (`WithError.named`): `without` these examples, `random` without as many
      random ones, `nothing` removed, and `difference` = without - random, below 0 where the
      removed examples are worth more than random ones; its margin is Welch's. NaN where runs are
      missing.
    """
    accuracy = (test_correct if tests is None else test_correct[:, tests]).mean(axis=1)
    base = mean_over_runs(accuracy[rows.kind == "nothing"])
    found, seen = [], set()
    for kind, threshold in zip(rows.kind, rows.threshold, strict=True):
        key = (kind, str(threshold))
        if kind not in ("memorized", "influential") or key in seen:
            continue
        seen.add(key)
        same = np.isnan(rows.threshold) if np.isnan(threshold) else rows.threshold == threshold
        chosen = same & (rows.kind == kind)
        left = int(rows.train_mask[chosen][0].sum())
        without, random = (
            mean_over_runs(accuracy[same & (rows.kind == k)]) for k in (kind, "random")
        )
        parts = {
            "without": without,
            "random": random,
            "nothing": base,
            "difference": _difference(without, random),
        }
        count = rows.train_mask.shape[1]
        found.append(
            {
                "kind": str(kind),
                "threshold": float(threshold),
                "removed": count - left,
                "remaining": left / count,
                **{k: v for name, part in parts.items() for k, v in part.named(name).items()},
            }
        )
    return found


def _difference(without: WithError, random: WithError) -> WithError:
    """Returns without - random, the means of separate runs."""
    errors, dfs = (without.stderr, random.stderr), (without.df, random.df)
    difference = without.value - random.value
    return WithError(difference, float(np.hypot(*errors)), pooled_df(errors, dfs))
