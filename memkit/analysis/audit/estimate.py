"""The audit of a data set's labels: likely mislabeled, duplicate and ambiguous train examples.

The numbers of summary["audit"], {} if the point has no usable run:
  point, num_runs; held_out: fewest and most runs that held an example out.
  kinds: {kind: number of examples}, see `estimators.audit.audit`.
  conflicting: train examples that have an exact copy with another given label.
  planted: None, or {"count", "judged", "found", "precision", "recall"} of the planted labels among
    those called mislabeled.
The arrays, of N examples: the kind, the order of the listed ones, the evidence, and one exact copy
of each (-1 = none).
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from memkit import big_arrays, estimators, studies
from memkit.analysis.outcomes import PointOutcomes, read_outcomes
from memkit.errors import expected
from memkit.estimators import audit as auditing
from memkit.estimators.audit import Audit
from memkit.studies import Point, Study
from memkit.typing import Array, BoolArray, IntArray, Json, TextArray

_AS_TEXT = ("order", "kind", "rival", "copy", "test_copy")
LISTED = auditing.KINDS[: auditing.UNSUSPECTED]


@dataclasses.dataclass(frozen=True)
class Listing:
    """Result of an audit at one point.

    Attributes:
      numbers: {name: number}, the entry of the summary.
      arrays: {name: array [N]}, and "order" [L] int, the listed examples, most suspect first.
      copies: Copies.
    """

    numbers: Json
    arrays: dict[str, Array]
    copies: "Copies"


@dataclasses.dataclass(frozen=True)
class Copies:
    """Identical images of a study.

    Attributes:
      groups: tuple of int arrays, train examples with the same pixels.
      in_train: {train example: [train examples that are its copies]}.
      in_test: {train example: [test examples that are its copies]}.
      conflicting: [N] bool, True if a copy has another label than the given label of the example.
    """

    groups: tuple[IntArray, ...]
    in_train: dict[int, list[int]]
    in_test: dict[int, list[int]]
    conflicting: BoolArray


def analyze(study: Study, outcomes: Sequence[PointOutcomes]) -> Json:
    """Audits the study at its default point; writes the arrays and returns the numbers."""
    point = default_point(study)
    of_point = next(o for o in outcomes if o.point.name == point.name)
    if not len(of_point.index):
        return {}
    result = listing(study, of_point)
    studies.write_arrays(study, "audit", result.arrays)
    return result.numbers


def default_point(study: Study) -> Point:
    """Returns the last point of the first series, the largest model in a study of sizes."""
    return [p for p in study.points if p.series == study.points[0].series][-1]


def at_point(study: Study, name: str = "") -> Listing:
    """Returns the Listing at a point, or at the default point if no name is given.

    Raises:
      InputError: the point is unknown or has no usable run.
    """
    point = study.point(name) if name else default_point(study)
    outcome = read_outcomes(study, point)
    if not len(outcome.index):
        raise expected("--point", "a point with finished runs (run `memkit train`)", point.name)
    return listing(study, outcome)


def listing(study: Study, outcome: PointOutcomes) -> Listing:
    """Returns the Listing of a point with usable runs.

    Args:
      study: Study.
      outcome: PointOutcomes.
    """
    examples, num_classes = study.examples, study.sizes.classes
    copies, train_mask = copies_of(study), big_arrays.take(study.train_mask, outcome.index)
    runs = studies.read_runs(study, outcome.point, ("train_predicted",))
    predicted = big_arrays.take(runs.arrays["train_predicted"], np.isin(runs.index, outcome.index))
    copied = np.zeros(study.sizes.train, bool)
    copied[[*copies.in_train, *copies.in_test]] = True
    in_subset = auditing.with_copies(train_mask, copies.groups)
    labels = examples.given_labels
    result = auditing.audit(predicted, outcome.prob, in_subset, labels, num_classes, copied=copied)
    memorized = estimators.memorization(outcome.correct, train_mask)
    influence, influence_stderr = auditing.class_influence(
        outcome.test_prob, examples.test_labels, train_mask, labels, num_classes
    )
    judged = ~np.isnan(result.score)
    num = np.where(judged, result.votes.num, np.nan)
    arrays = {
        "order": auditing.ranked(result, copies.conflicting),
        "kind": result.kind,
        "score": result.score,
        "out_prob": result.out_prob.value,
        "out_prob_lower": result.out_prob.lower,
        "out_prob_upper": result.out_prob.upper,
        "given_share": result.votes.given / num,
        "rival": np.where(judged, result.votes.rival, -1),
        "rival_share": result.votes.rival_votes / num,
        "memorization": memorized.value,
        "memorization_lower": memorized.lower,
        "memorization_upper": memorized.upper,
        "class_influence": influence,
        "class_influence_stderr": influence_stderr,
        "num_out": result.votes.num,
        "copy": _first(copies.in_train, study.sizes.train),
        "test_copy": _first(copies.in_test, study.sizes.train),
    }
    return Listing(_numbers(study, outcome, result, copies), arrays, copies)


def _numbers(study: Study, outcome: PointOutcomes, result: Audit, copies: Copies) -> Json:
    held_out = result.votes.num
    counts = np.bincount(result.kind, minlength=len(auditing.KINDS)).tolist()
    return {
        "point": outcome.point.name,
        "num_runs": len(outcome.index),
        "held_out": [int(held_out.min()), int(held_out.max())],
        "kinds": dict(zip(auditing.KINDS, counts, strict=True)),
        "conflicting": int(copies.conflicting.sum()),
        "planted": _planted(study.examples.planted, result),
    }


def _planted(planted: BoolArray, result: Audit) -> Json | None:
    if not planted.any():
        return None
    is_called = result.kind == auditing.MISLABELED
    hits, is_judged = int((is_called & planted).sum()), ~np.isnan(result.score)
    return {
        "count": int(planted.sum()),
        "judged": int((planted & is_judged).sum()),
        "found": hits,
        "precision": hits / is_called.sum() if is_called.any() else np.nan,
        "recall": hits / planted.sum(),
    }


def copies_of(study: Study) -> Copies:
    """Returns the identical images of a study."""
    examples, duplicates = study.examples, studies.duplicates(study)
    row = {name: i for i, name in enumerate(examples.train_ids.tolist())}
    test_row = {name: j for j, name in enumerate(examples.test_ids.tolist())}
    groups = tuple(np.array([row[name] for name in ids]) for ids in duplicates["train_groups"])
    in_train: dict[int, list[int]] = {}
    in_test: dict[int, list[int]] = {}
    conflicting = np.zeros(study.sizes.train, bool)
    given = examples.given_labels
    for group in groups:
        members = group.tolist()
        in_train |= {i: [other for other in members if other != i] for i in members}
        conflicting[group] = len(set(given[group].tolist())) > 1
    for name, test_name in duplicates["train_test_pairs"]:
        i, j = row[name], test_row[test_name]
        in_test.setdefault(i, []).append(j)
        conflicting[i] |= given[i] != examples.test_labels[j]
    return Copies(groups, in_train, in_test, conflicting)


def _first(copies: Mapping[int, Sequence[int]], count: int) -> IntArray:
    first = np.full(count, -1)
    for i, others in copies.items():
        first[i] = others[0]
    return first


def columns(study: Study, result: Listing) -> dict[str, Array]:
    """Returns the columns of the audit's table, one row per listed example, most suspect first.

    Args:
      study: Study.
      result: Listing.

    Returns:
      {name: array [L]}; "" or a missing value if there is none.
    """
    examples, arrays, order = study.examples, result.arrays, result.arrays["order"]
    names = np.asarray(examples.class_names).astype(str)
    kind, rival = arrays["kind"][order], arrays["rival"][order]
    rivals = np.where(rival < 0, "", names[rival])
    evidence = [name for name in arrays if name not in _AS_TEXT]
    source = study.config["dataset"]
    folder = pathlib.PurePath(source["path"]) if source["name"] == "folder" else None
    ids = examples.train_ids[order]
    return {
        "rank": np.arange(1, len(order) + 1),
        "id": ids,
        "point": np.full(len(order), result.numbers["point"]),
        "kind": np.array(auditing.KINDS)[kind],
        "given_label": names[examples.given_labels[order]],
        "suggested_label": np.where(kind == auditing.MISLABELED, rivals, ""),
        "rival": rivals,
        **{name: arrays[name][order] for name in evidence},
        "duplicate_of": _joined(result.copies.in_train, order, examples.train_ids),
        "duplicate_in_test": _joined(result.copies.in_test, order, examples.test_ids),
        "different_labels": result.copies.conflicting[order],
        "planted": examples.planted[order],
        "path": np.array(["" if folder is None else str(folder / name) for name in ids], str),
    }


def _joined(copies: Mapping[int, Sequence[int]], order: IntArray, ids: TextArray) -> TextArray:
    return np.array([";".join(ids[copies[i]]) if i in copies else "" for i in order.tolist()], str)
