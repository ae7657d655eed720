"""Reads published scores, joins them to a study by id, and measures how well scores agree."""

from memkit.comparisons.agreement import (
    THRESHOLDS,
    Agreement,
    CrossHalf,
    Curves,
    ceiling,
    compare,
    cross_half,
    jaccard,
    pair_jaccard,
    threshold_curves,
)
from memkit.comparisons.headlines import headlines
from memkit.comparisons.joins import Examples, Joined, JoinedPairs, join, join_pairs
from memkit.comparisons.published import QUANTITIES, Pairs, Published
from memkit.comparisons.readers import LAYOUTS, read
from memkit.estimators.correlation import pearson, spearman

__all__ = [
    "LAYOUTS",
    "QUANTITIES",
    "THRESHOLDS",
    "Agreement",
    "CrossHalf",
    "Curves",
    "Examples",
    "Joined",
    "JoinedPairs",
    "Pairs",
    "Published",
    "ceiling",
    "compare",
    "cross_half",
    "headlines",
    "jaccard",
    "join",
    "join_pairs",
    "pair_jaccard",
    "pearson",
    "read",
    "spearman",
    "threshold_curves",
]
