"""Summary numbers of a published file."""

import numpy as np

from memkit.comparisons.feldman_zhang import MIN_INFLUENCE, MIN_MEMORIZATION
from memkit.comparisons.published import Pairs, Published

STRONG_INFLUENCE = 0.4


def headlines(published: Published) -> dict[str, float]:
    """Returns {text: number} that describe the content of a file, in the order of display."""
    numbers = dict(published.facts)
    if published.layout != "pairs":
        numbers |= _of_scores(published)
    if published.pairs is not None:
        numbers |= of_pairs(published.pairs)
    return numbers


def _of_scores(published: Published) -> dict[str, float]:
    values = published.values[~np.isnan(published.values)]
    numbers: dict[str, float] = {
        "examples": len(published.values),
        "of them without a score": len(published.values) - len(values),
    }
    if len(values):
        numbers |= {
            f"mean {published.quantity}": float(values.mean()),
            f"median {published.quantity}": float(np.median(values)),
            f"smallest {published.quantity}": float(values.min()),
            f"largest {published.quantity}": float(values.max()),
        }
        if published.quantity == "memorization":
            count = int(np.count_nonzero(values >= MIN_MEMORIZATION))
            numbers[f"memorization >= {MIN_MEMORIZATION}"] = count
            numbers["share of them"] = count / len(values)
    return numbers


def of_pairs(pairs: Pairs) -> dict[str, float]:
    """Returns {text: number} of high-influence pairs, as in the table of Feldman & Zhang."""
    _, per_test = np.unique(pairs.test, return_counts=True)
    train, first = np.unique(pairs.train, return_index=True)
    numbers: dict[str, float] = {
        "pairs": len(pairs.train),
        "distinct train examples": len(train),
        "distinct test examples": len(per_test),
        "test examples with one influencer": int(np.count_nonzero(per_test == 1)),
    }
    if len(pairs.train):
        numbers |= {
            "mean influence": float(pairs.influence.mean()),
            "median influence": float(np.median(pairs.influence)),
            "smallest influence": float(pairs.influence.min()),
            "largest influence": float(pairs.influence.max()),
            "sum of influences": float(pairs.influence.sum()),
            f"pairs with influence > {STRONG_INFLUENCE}": int(
                np.count_nonzero(pairs.influence > STRONG_INFLUENCE)
            ),
        }
        memorized = pairs.memorization[first]
        if not np.isnan(memorized).any():
            numbers["mean memorization of the train examples"] = float(memorized.mean())
            numbers[f"train examples with memorization >= {MIN_MEMORIZATION}"] = int(
                np.count_nonzero(memorized >= MIN_MEMORIZATION)
            )
    below = int(np.count_nonzero(pairs.influence < MIN_INFLUENCE))
    if below:
        numbers[f"pairs with influence < {MIN_INFLUENCE}"] = below
    return numbers
