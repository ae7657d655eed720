"""The audit of a data set's labels: likely mislabeled, rare, duplicate and ambiguous examples."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from memkit import studies
from memkit.analysis.audit.result import AuditedExamples, LabelAudit, PlantedFound
from memkit.analysis.copies import copies_of
from memkit.analysis.outcomes import PointOutcomes, image_features, read_outcomes
from memkit.analysis.summary import Results
from memkit.errors import InputError, expected
from memkit.estimators import Estimate
from memkit.estimators import audit as auditing
from memkit.estimators.audit import Audit
from memkit.studies import Point, Study
from memkit.typing import Array, BoolArray, IntArray, TextArray

_AS_TEXT = ("order", "kind", "rival", "copy", "test_copy")
LISTED = auditing.KINDS[: auditing.UNSUSPECTED]


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> LabelAudit:
    """Audits the study at its default point."""
    point = default_point(study)
    of_point = next(o for o in outcomes if o.point.name == point.name)
    return audit(study, of_point, of_point.estimates)


def default_point(study: Study) -> Point:
    """Returns the last point of the first series, the largest model in a study of sizes."""
    return [p for p in study.points if p.series == study.points[0].series][-1]


def at_point(
    study: Study, name: str = "", *, estimates: Mapping[str, Estimate] | None = None
) -> LabelAudit:
    """Returns the audit at a point, or at the default point if no name is given.

    Args:
      study: Study.
      name: name of the point.
      estimates: {score: Estimate} of its present records, as `studies.read_estimates` returns
        them; if None, those on disk if they are up to date, otherwise computed.

    Raises:
      InputError: the point is unknown or has no usable run.
    """
    point = study.point(name) if name else default_point(study)
    estimates = estimates or _stored_estimates(study, point)
    if estimates is not None:
        return audit(study, read_outcomes(study, point), estimates)
    features = image_features(study)
    outcomes = read_outcomes(study, point, with_training=True, features=features)
    if not len(outcomes.index):
        raise expected("--point", "a point with finished runs (run `memkit train`)", point.name)
    return audit(study, outcomes, outcomes.estimates)


def _stored_estimates(study: Study, point: Point) -> Mapping[str, Estimate] | None:
    """Returns the estimates of a point on disk, None if there are none of the present records."""
    try:
        studies.check_sources(study, with_removals=False)
        return studies.read_estimates(study, point)
    except InputError:
        return None


def audit(study: Study, outcomes: PointOutcomes, estimates: Mapping[str, Estimate]) -> LabelAudit:
    """Returns the audit at a point; without usable runs no example is judged.

    Args:
      study: Study.
      outcomes: outcomes of the point's runs.
      estimates: {score: Estimate} from these outcomes.
    """
    name, num_runs = outcomes.point.name, len(outcomes.runs)
    if not num_runs:
        return nothing(name)
    copies, labels = copies_of(study), study.examples.given_labels
    copied = np.zeros(study.sizes.train, bool)
    copied[[*copies.in_train, *copies.in_test]] = True
    in_subset = outcomes.with_copies(copies.groups)
    pictures = studies.read_thumbnails(study)
    result = auditing.audit(
        outcomes.predicted,
        outcomes.prob,
        in_subset,
        labels,
        study.sizes.classes,
        copied=copied,
        images=pictures[0] if pictures else None,
    )
    inside = outcomes.correct[outcomes.mask]
    counts = np.bincount(result.kind, minlength=len(auditing.KINDS)).tolist()
    return LabelAudit(
        point=name,
        num_runs=num_runs,
        held_out=(int(result.votes.num.min()), int(result.votes.num.max())),
        kinds=dict(zip(auditing.KINDS, counts, strict=True)),
        conflicting=int(copies.conflicting.sum()),
        planted=_planted(study.examples.planted, result),
        accuracy=float(inside.mean()) if inside.size else np.nan,
        chance=float(np.bincount(labels).max() / len(labels)),
        planned=len(study.train_mask),
        missing=_missing(study, outcomes),
        small=_small(study),
        test_copies=studies.duplicates(study)["test_in_train"],
        examples=_examples(study, outcomes, result, estimates),
    )


def nothing(point: str) -> LabelAudit:
    """Returns the audit at a point without usable runs."""
    return LabelAudit(
        point=point,
        num_runs=0,
        held_out=(0, 0),
        kinds={},
        conflicting=0,
        planted=None,
        accuracy=np.nan,
        chance=np.nan,
        planned=0,
        missing={},
        small={},
        test_copies=0,
        examples=None,
    )


def _missing(study: Study, outcomes: PointOutcomes) -> dict[str, int]:
    """Returns {why runs of a point are missing: how many}."""
    if study.workdir is None:
        return {}
    present = {info["run"] for info in outcomes.infos} | {*outcomes.left_out}
    failed = studies.failed_runs(study, outcomes.point) - present
    counts = {
        "diverged": outcomes.count("diverged"),
        "blocked": outcomes.count("blocked"),
        "damaged": len(outcomes.left_out),
        "failed": len(failed),
        "not finished": len(study.train_mask) - len(present) - len(failed),
    }
    return {why: count for why, count in counts.items() if count}


def _small(study: Study) -> dict[str, int]:
    """Returns {class: number of train examples} of classes that are too small to judge."""
    examples = study.examples
    counts = np.bincount(examples.given_labels, minlength=study.sizes.classes)
    small = np.flatnonzero((counts > 0) & (counts < auditing.LEAST_MEMBERS))
    order = small[np.argsort(counts[small], kind="stable")]
    return {str(examples.class_names[label]): int(counts[label]) for label in order}


def _examples(
    study: Study, outcomes: PointOutcomes, result: Audit, estimates: Mapping[str, Estimate]
) -> AuditedExamples:
    labels, num_train, copies = study.examples.given_labels, study.sizes.train, copies_of(study)
    memorized, raw = (estimates[name] for name in ("pooled", "correct"))
    influence, influence_stderr = auditing.class_influence(
        outcomes.test_prob,
        study.examples.test_labels,
        outcomes.test_mask,
        labels,
        study.sizes.classes,
        unit=outcomes.test_unit,
    )
    judged = ~np.isnan(result.score)
    num = np.where(judged, result.votes.num, np.nan)
    return AuditedExamples(
        order=auditing.ranked(result, copies.conflicting),
        kind=result.kind,
        score=result.score,
        out_prob=result.out_prob.value,
        out_prob_lower=result.out_prob.lower,
        out_prob_upper=result.out_prob.upper,
        given_share=result.votes.given / num,
        rival=np.where(judged, result.votes.rival, -1),
        rival_share=result.votes.rival_votes / num,
        rarity=result.rarity,
        memorization=memorized.value,
        memorization_lower=memorized.lower,
        memorization_upper=memorized.upper,
        memorization_raw=raw.value,
        class_influence=influence,
        class_influence_stderr=influence_stderr,
        num_out=result.votes.num,
        copy=_first(copies.in_train, num_train),
        test_copy=_first(copies.in_test, num_train),
    )


def _planted(planted: BoolArray, result: Audit) -> PlantedFound | None:
    if not planted.any():
        return None
    is_called = result.kind == auditing.MISLABELED
    hits, is_judged = int((is_called & planted).sum()), ~np.isnan(result.score)
    return PlantedFound(
        count=int(planted.sum()),
        judged=int((planted & is_judged).sum()),
        found=hits,
        precision=hits / is_called.sum() if is_called.any() else np.nan,
        recall=hits / planted.sum(),
    )


def _first(copies: Mapping[int, Sequence[int]], count: int) -> IntArray:
    first = np.full(count, -1)
    for i, others in copies.items():
        first[i] = others[0]
    return first


def columns(study: Study, result: LabelAudit) -> dict[str, Array]:
    """Returns the columns of the audit's table, one row per listed example, most suspect first.

    Args:
      study: Study.
      result: an audit of a point that has usable runs.

    Returns:
      {name: array [L]}; "" or a missing value if there is none.
    """
    if result.examples is None:
        remedy = "if all diverged, train with a smaller --config.schedule.peak"
        received = f"{result.point} ({remedy})"
        raise expected("--point", "a point with runs that did not diverge", received)
    examples, arrays, copies = study.examples, vars(result.examples), copies_of(study)
    order = result.examples.order
    names = np.asarray(examples.class_names).astype(str)
    kind, rival = result.examples.kind[order], result.examples.rival[order]
    rivals = np.where(rival < 0, "", names[rival])
    source = study.config["dataset"]
    folder = pathlib.PurePath(source["path"]) if source["name"] == "folder" else None
    ids = examples.train_ids[order]
    return {
        "rank": np.arange(1, len(order) + 1),
        "id": ids,
        "point": np.full(len(order), result.point),
        "kind": np.array(auditing.KINDS)[kind],
        "given_label": names[examples.given_labels[order]],
        "suggested_label": np.where(kind == auditing.MISLABELED, rivals, ""),
        "rival": rivals,
        **{name: array[order] for name, array in arrays.items() if name not in _AS_TEXT},
        "duplicate_of": _joined(copies.in_train, order, examples.train_ids),
        "duplicate_in_test": _joined(copies.in_test, order, examples.test_ids),
        "different_labels": copies.conflicting[order],
        "planted": examples.planted[order],
        "path": np.array(["" if folder is None else str(folder / name) for name in ids], str),
    }


def _joined(copies: Mapping[int, Sequence[int]], order: IntArray, ids: TextArray) -> TextArray:
    return np.array([";".join(ids[copies[i]]) if i in copies else "" for i in order.tolist()], str)
