"""Compares a study's scores with those of a published file or of another study."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from memkit import big_arrays, comparisons, estimators, studies
from memkit.analysis.outcomes import read_outcomes
from memkit.comparisons import Joined, Published, errors
from memkit.comparisons.matching import match
from memkit.errors import expected
from memkit.studies import Point, Study
from memkit.typing import FloatArray, IntArray, Json

SCORES = ("memorization", "consistency")
NUM_REPLICATES = 100
_CHUNK = 10
_REPLICATE = {
    "memorization": estimators.replicate_memorization,
    "consistency": estimators.replicate_consistency,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Compared:
    """Two scores of the same J examples.

    Attributes:
      numbers: {name: text or number}: point, other, outcome, score, the fields of
        `comparisons.Agreement` (mean_difference only if `is_same`), ceiling of the rank
        correlation, jaccard at the study's memorization threshold; `<key>_stderr` over runs of
        spearman, mean_difference and jaccard. The runs behind a published file are unknown, so
        these errors then cover the runs of the study alone.
      curve_errors: {"jaccard_stderr", "difference_stderr": [K]} of `comparisons.Curves`.
      first: [J] float, scores of the study.
      second: [J] float, the other scores.
      is_same: True if both measure the same quantity, so that their levels can be compared.
      num_out: number of runs behind each score that did not train on an example, the median over
        examples; None if it is unknown.
    """

    numbers: Json
    curve_errors: Mapping[str, FloatArray]
    first: FloatArray
    second: FloatArray
    is_same: bool
    num_out: tuple[int, int | None]


def with_file(
    study: Study, points: Iterable[Point], published: Published, *, is_original_order: bool = False
) -> tuple[Joined, list[Compared]]:
    """Compares points of a study with a published file.

    Args:
      study: Study with estimates.
      points: the Points, each of which takes a while.
      published: `comparisons.Published`.
      is_original_order: the file's rows are known to be in the data set's original order.

    Returns:
      (`comparisons.Joined`, list of Compared: per point and outcome, memorization and consistency).

    Raises:
      InputError: as `comparisons.join`.
    """
    joined = comparisons.join(published, _examples(study), is_original_order=is_original_order)
    theirs = published.values[joined.positions]
    results = []
    for point in points:
        ours = Side(study, point, joined.columns)
        for outcome in studies.OUTCOMES:
            ceiling = comparisons.ceiling(ours.reliability(outcome))
            for score in SCORES:
                replicates = ((replicate, theirs) for replicate in ours.replicates(outcome, score))
                results.append(
                    _compared(
                        (point.name, published.layout, outcome, score),
                        (ours.score(outcome, score), theirs),
                        replicates,
                        num_runs=ours.num_units,
                        is_same=score == published.quantity,
                        num_out=(ours.num_out, None),
                        ceiling=ceiling,
                        threshold=study.config["report"]["min_memorization"],
                    )
                )
    return joined, results


def pairs_with_file(study: Study, points: Sequence[Point], published: Published) -> list[Json]:
    """Compares the high-influence pairs of points with those of a file.

    Returns:
      A list of {"point", "file" (pairs with both examples in the study), "study", "both",
      "jaccard", "spearman" (influence of the pairs that both have)}; [] if the file has no
      pairs, the test examples cannot be joined or the study has no influence.
    """
    if published.pairs is None:
        return []
    joined = comparisons.join_pairs(published.pairs, _examples(study))
    if joined is None:
        return []
    rows = []
    for point in points:
        arrays = studies.read_arrays(study, "influence", point=point)
        if arrays is None:
            continue
        theirs = dict(
            zip(
                zip(joined.train.tolist(), joined.test.tolist(), strict=True),
                published.pairs.influence[joined.positions].tolist(),
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


def with_study(
    study: Study, other: Study, points: Iterable[tuple[Point, Point]]
) -> tuple[int, int, list[Compared]]:
    """Compares points of a study with points of another, or of the same, study.

    Examples are joined by id. Those whose given labels differ are left out: they are memorized
    with other labels.

    Args:
      study: Study with estimates.
      other: Study with estimates.
      points: pairs (Point of `study`, Point of `other`), each of which takes a while.

    Returns:
      (number of common examples, number of ids of `other` that are left out because they fit
      several examples, list of Compared: memorization and consistency, per outcome).

    Raises:
      InputError: no common example, or labels of the source that differ (says how many).
    """
    first, second, num_ambiguous = join(study, other)
    results = []
    for point, other_point in points:
        ours, theirs = Side(study, point, first), Side(other, other_point, second)
        is_paired = np.array_equal(ours.mask, theirs.mask)
        for outcome in studies.OUTCOMES:
            ceiling = comparisons.ceiling(*(side.reliability(outcome) for side in (ours, theirs)))
            for score in SCORES:
                replicates = zip(
                    ours.replicates(outcome, score),
                    theirs.replicates(outcome, score, place=int(not is_paired)),
                    strict=True,
                )
                results.append(
                    _compared(
                        (point.name, other_point.name, outcome, score),
                        (ours.score(outcome, score), theirs.score(outcome, score)),
                        replicates,
                        num_runs=min(ours.num_units, theirs.num_units),
                        is_same=True,
                        num_out=(ours.num_out, theirs.num_out),
                        ceiling=ceiling,
                        threshold=study.config["report"]["min_memorization"],
                    )
                )
    return len(first), num_ambiguous, results


def join(study: Study, other: Study) -> tuple[IntArray, IntArray, int]:
    """Joins the examples of two studies by id, without those whose given labels differ.

    Returns:
      (columns of `study` [J], ascending; columns of `other` [J]; number of ids of `other` that are
      left out because they fit several examples).

    Raises:
      InputError: no common example, or labels of the source that differ (says how many).
    """
    a, b = study.examples, other.examples
    matched = match(a.train_ids, b.train_ids)
    first, second = matched.columns, matched.positions
    if not len(first):
        raise expected("--with", f"ids such as {a.train_ids[0]}", f"ids such as {b.train_ids[0]}")
    wrong = np.count_nonzero(a.train_labels[first] != b.train_labels[second])
    if wrong:
        raise expected("--with", f"equal labels at the {len(first)} common ids", f"{wrong} others")
    same = a.given_labels[first] == b.given_labels[second]
    return first[same], second[same], matched.num_ambiguous


class Side:
    """The scores of a point for J joined examples, and their replicates over runs."""

    def __init__(self, study: Study, point: Point, columns: IntArray) -> None:
        self._outcomes = read_outcomes(study, point)
        self._estimates = studies.read_estimates(study, point)
        self._columns, self._seed = columns, study.config["seed"]
        self.mask = big_arrays.take(self._outcomes.mask, columns, axis=1)
        self.num_units = self._outcomes.num_units
        self.num_out = max(1, int(np.median(self._estimates["correct"].num_out[columns])))

    def score(self, outcome: str, score: str) -> FloatArray:
        """Returns one of SCORES, or the standard error "stderr" of memorization, [J]."""
        field = {"memorization": "value", "consistency": "out_mean", "stderr": "stderr"}[score]
        return getattr(self._estimates[outcome], field)[self._columns]

    def reliability(self, outcome: str) -> float:
        """Returns the split-half reliability of memorization; NaN without records."""
        values = getattr(self._outcomes, outcome)
        of_halves = estimators.split_half(
            values, self._outcomes.mask, self._seed, self._outcomes.unit
        )
        return of_halves.spearman_brown

    def replicates(self, outcome: str, score: str, *, place: int = 0) -> Iterator[FloatArray]:
        """Yields replicates [J] of a score.

        Points with the same subsets are paired: their k-th replicates weight the runs alike. Other
        points that are compared have different places, which reverse and rotate the order of the
        replicates, so that no two replicates of the same number use the same weights.
        """
        weights = estimators.run_weights(
            len(self.mask), self._seed, NUM_REPLICATES, unit=self._outcomes.unit
        )
        if place:
            weights = np.roll(weights[::-1], (place - 1) * _CHUNK, axis=0)
        values = big_arrays.take(getattr(self._outcomes, outcome), self._columns, axis=1)
        for start in range(0, NUM_REPLICATES, _CHUNK):
            yield from _REPLICATE[score](values, self.mask, weights[start : start + _CHUNK])


def _compared(
    names: tuple[str, str, str, str],
    scores: tuple[FloatArray, FloatArray],
    replicates: Iterable[tuple[FloatArray, FloatArray]],
    *,
    num_runs: int,
    is_same: bool,
    num_out: tuple[int, int | None],
    ceiling: float,
    threshold: float,
) -> Compared:
    numbers: Json = dict(zip(("point", "other", "outcome", "score"), names, strict=True))
    numbers |= dataclasses.asdict(comparisons.compare(*scores))
    numbers["ceiling"] = ceiling if numbers["score"] == "memorization" else np.nan
    numbers["jaccard"] = comparisons.jaccard(*scores, threshold)
    rows = []
    for first, second in replicates:
        defined = ~(np.isnan(first) | np.isnan(second))
        prepared = (errors.prepare(score[defined], threshold) for score in (first, second))
        rows.append(errors.agreement(*prepared))
    of_numbers, of_curves = errors.standard_errors(rows, num_runs)
    numbers |= of_numbers
    if not is_same:
        for name in numbers:
            if name.startswith(("mean_", "jaccard")):
                numbers[name] = np.nan
    return Compared(numbers, of_curves, *scores, is_same, num_out)


def _examples(study: Study) -> comparisons.Examples:
    names = [field.name for field in dataclasses.fields(comparisons.Examples)]
    return comparisons.Examples(**{name: getattr(study.examples, name) for name in names})
