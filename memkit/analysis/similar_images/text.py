"""Near-duplicates in words."""

from memkit.analysis.similar_images.result import SimilarImages


def found(similar: SimilarImages) -> str:
    """Returns how many pairs of near-duplicates there are.

    Examples:
      >>> found(SimilarImages("one_hot", "pixels", 0, 12, 3, 5, 4, examples=None))
      '12 pairs of near-duplicates, 3 with different labels, 5 across train and test'
    """
    pairs = f"{similar.pairs:,} pair{'' if similar.pairs == 1 else 's'} of near-duplicates"
    parts = [pairs]
    if similar.different_labels:
        parts.append(f"{similar.different_labels:,} with different labels")
    if similar.across:
        parts.append(f"{similar.across:,} across train and test")
    return ", ".join(parts)
