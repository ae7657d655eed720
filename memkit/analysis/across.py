"""A study's scores beside those of a published file or of another study."""

import dataclasses

import numpy as np

from memkit import comparisons, estimators, studies
from memkit.analysis.outcomes import read_outcomes
from memkit.comparisons.joins import match
from memkit.errors import expected

SCORES = ("memorization", "consistency")


@dataclasses.dataclass(frozen=True, eq=False)
class Compared:
    """Two scores of the same J examples.

    Attributes:
      numbers: {name: text or number}: point, other, outcome, score, the fields of
        `comparisons.Agreement` (mean_difference only where both measure the same), ceiling of the
        rank correlation, jaccard at the study's memorization threshold.
      first: [J] float, scores of the study.
      second: [J] float, the other scores.
      is_same: True where both measure the same quantity, so that levels can be compared.
    """

    numbers: dict
    first: np.ndarray
    second: np.ndarray
    is_same: bool


def chosen_points(study, names):
    """Returns the Points of some names, or all of a study where none is named.

    Raises:
      InputError: an unknown name.
    """
    return [study.point(name) for name in names] or list(study.points)


def matching_points(study, other, names, other_names):
    """Returns the pairs of Points to compare.

    Args:
      study: Study.
      other: Study.
      names: names of points of `study`; [] = those whose names `other` has too, or the only one.
      other_names: as many names of points of `other`; [] = the same names.

    Raises:
      InputError: names that do not pair up.
    """
    if len(study.points) == len(other.points) == 1 and not names and not other_names:
        return [(study.points[0], other.points[0])]
    if not names:
        present = {point.name for point in other.points}
        names = [point.name for point in study.points if point.name in present]
    other_names = other_names or names
    if not names or len(names) != len(other_names):
        known = ", ".join(point.name for point in other.points)
        raise expected("--with_points", f"{len(names) or 1} of {known}", ", ".join(other_names))
    return [(study.point(a), other.point(b)) for a, b in zip(names, other_names, strict=True)]


def with_file(study, points, published, *, is_original_order=False):
    """Compares points of a study with a published file.

    Args:
      study: Study with estimates.
      points: list of Point.
      published: `comparisons.Published`.
      is_original_order: the file's rows are known to be in the data set's original order.

    Returns:
      (`comparisons.Joined`, list of Compared: per point and outcome, memorization and consistency).

    Raises:
      InputError: as `comparisons.join`.
    """
    joined = comparisons.join(published, _examples(study), is_original_order=is_original_order)
    theirs = published.values[joined.places]
    found = []
    for point in points:
        reliability = _reliability(study, point)
        for outcome, estimate in studies.read_estimates(study, point).items():
            for score, ours in (
                ("memorization", estimate.value),
                ("consistency", estimate.out_mean),
            ):
                names = {"point": point.name, "other": published.layout}
                is_memorization = score == "memorization"
                found.append(
                    _compared(
                        {**names, "outcome": outcome, "score": score},
                        ours[joined.columns],
                        theirs,
                        is_same=score == published.quantity,
                        ceiling=comparisons.ceiling(reliability[outcome])
                        if is_memorization
                        else np.nan,
                        threshold=study.config["report"]["min_memorization"],
                    )
                )
    return joined, found


def pairs_with_file(study, points, published):
    """Compares the high-influence pairs of points with those of a file.

    Returns:
      A list of {"point", "file" (pairs with both examples in the study), "study", "both",
      "jaccard", "spearman" (influence of the pairs that both have)}; [] where the file has no
      pairs, the test examples cannot be joined or the study has no influence.
    """
    if published.pairs is None:
        return []
    joined = comparisons.join_pairs(published.pairs, _examples(study))
    rows = []
    for point in points if joined is not None else ():
        arrays = studies.read_arrays(study, "influence", point=point)
        if arrays is None:
            continue
        theirs = dict(
            zip(
                zip(joined.train.tolist(), joined.test.tolist(), strict=True),
                published.pairs.influence[joined.places].tolist(),
                strict=True,
            )
        )
        keys = zip(arrays["tr_idx"].tolist(), arrays["tt_idx"].tolist(), strict=True)
        ours = dict(zip(keys, arrays["infl"].tolist(), strict=True))
        both = sorted(set(ours) & set(theirs))
        rows.append(
            {
                "point": point.name,
                "file": len(theirs),
                "study": len(ours),
                "both": len(both),
                "jaccard": comparisons.pair_jaccard(list(ours), list(theirs)),
                "spearman": comparisons.spearman(
                    np.array([ours[k] for k in both]), np.array([theirs[k] for k in both])
                ),
            }
        )
    return rows


def with_study(study, other, points):
    """Compares points of a study with points of another, or of the same, study.

    Examples are joined by id. Those whose given labels differ are left out: they are memorized
    with other labels.

    Args:
      study: Study with estimates.
      other: Study with estimates.
      points: list of (Point of `study`, Point of `other`).

    Returns:
      (number of common examples, list of Compared: memorization and consistency, per outcome).

    Raises:
      InputError: no common example, or labels of the source that differ (says how many).
    """
    a, b = study.examples, other.examples
    first, second = match(a.train_ids, b.train_ids)
    if not len(first):
        raise expected("--with", f"ids such as {a.train_ids[0]}", f"ids such as {b.train_ids[0]}")
    wrong = np.count_nonzero(a.train_labels[first] != b.train_labels[second])
    if wrong:
        raise expected("--with", f"equal labels at the {len(first)} common ids", f"{wrong} others")
    same = a.given_labels[first] == b.given_labels[second]
    first, second = first[same], second[same]
    found = []
    for one, two in points:
        estimates = [studies.read_estimates(s, p) for s, p in ((study, one), (other, two))]
        reliabilities = [_reliability(s, p) for s, p in ((study, one), (other, two))]
        for outcome in studies.OUTCOMES:
            ceiling = comparisons.ceiling(*(part[outcome] for part in reliabilities))
            for score, field in (("memorization", "value"), ("consistency", "out_mean")):
                ours, theirs = (getattr(part[outcome], field) for part in estimates)
                found.append(
                    _compared(
                        {
                            "point": one.name,
                            "other": two.name,
                            "outcome": outcome,
                            "score": score,
                        },
                        ours[first],
                        theirs[second],
                        is_same=True,
                        ceiling=ceiling if score == "memorization" else np.nan,
                        threshold=study.config["report"]["min_memorization"],
                    )
                )
    return len(first), found


def _compared(names, first, second, *, is_same, ceiling, threshold):
    numbers = names | dataclasses.asdict(comparisons.compare(first, second)) | {"ceiling": ceiling}
    numbers["jaccard"] = comparisons.jaccard(first, second, threshold)
    if not is_same:
        for name in ("mean_difference", "mean_absolute_difference", "jaccard"):
            numbers[name] = np.nan
    return Compared(numbers, first, second, is_same)


def _reliability(study, point):
    """Returns {outcome: split-half reliability of memorization}; NaN without records."""
    outcomes = read_outcomes(study, point)
    mask = study.train_mask[outcomes.index]
    return {
        name: estimators.split_half(
            getattr(outcomes, name), mask, study.config["seed"]
        ).spearman_brown
        for name in studies.OUTCOMES
    }


def _examples(study):
    names = [field.name for field in dataclasses.fields(comparisons.Examples)]
    return comparisons.Examples(**{name: getattr(study.examples, name) for name in names})
