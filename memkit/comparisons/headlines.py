"""The headline counts of a published file."""

import numpy as np

from memkit.comparisons.feldman_zhang import MIN_INFLUENCE, MIN_MEMORIZATION

STRONG_INFLUENCE = 0.4


def headlines(published):
    """Returns {text: number} of what a file holds, in the order in which it is read aloud."""
    found = dict(published.facts)
    if published.layout != "pairs":
        found |= _of_scores(published)
    if published.pairs is not None:
        found |= of_pairs(published.pairs)
    return found


def _of_scores(published):
    values = published.values[~np.isnan(published.values)]
    found = {"examples": len(published.values), "of them without a score": 0}
    found["of them without a score"] = len(published.values) - len(values)
    if len(values):
        statistics = {"mean": np.mean, "median": np.median, "smallest": np.min, "largest": np.max}
        for name, statistic in statistics.items():
            found[f"{name} {published.quantity}"] = float(statistic(values))
        if published.quantity == "memorization":
            count = int(np.count_nonzero(values >= MIN_MEMORIZATION))
            found[f"memorization >= {MIN_MEMORIZATION}"] = count
            found["share of them"] = count / len(values)
    return found


def of_pairs(pairs):
    """Returns {text: number} of high-influence pairs, the counts of Feldman & Zhang's table."""
    _, per_test = np.unique(pairs.test, return_counts=True)
    train, first = np.unique(pairs.train, return_index=True)
    found = {
        "pairs": len(pairs.train),
        "distinct train examples": len(train),
        "distinct test examples": len(per_test),
        "test examples with one influencer": int(np.count_nonzero(per_test == 1)),
    }
    if len(pairs.train):
        found |= {
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
            found["mean memorization of the train examples"] = float(memorized.mean())
            found[f"train examples with memorization >= {MIN_MEMORIZATION}"] = int(
                np.count_nonzero(memorized >= MIN_MEMORIZATION)
            )
    below = int(np.count_nonzero(pairs.influence < MIN_INFLUENCE))
    if below:
        found[f"pairs with influence < {MIN_INFLUENCE}"] = below
    return found
