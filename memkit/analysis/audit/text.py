"""The text that `memkit audit` prints: counts and criteria of the kinds, and the first rows."""

from collections.abc import Mapping

from memkit import tables
from memkit.analysis.audit.result import LabelAudit, PlantedFound
from memkit.analysis.similar_images import text as near_duplicates
from memkit.analysis.similar_images.result import SimilarImages
from memkit.estimators import audit as auditing
from memkit.estimators import rarity
from memkit.printable import printable
from memkit.studies import Study
from memkit.typing import Array

CRITERIA = {
    "mislabeled": "another class has over half of the votes, and the 95% interval of its share "
    "lies above that of the given label's",
    "rare": "mislabeled or ambiguous by these rules, but far from the images of the other class: "
    f"more than {rarity.RARE:.0%} of the undisputed images are nearer to their own",
    "duplicate": "neither, but another image has the same pixels",
    "ambiguous": "none of these, but the 95% interval of the out-of-sample probability of the "
    f"given label lies below {auditing.HARD:g}",
    "not judged": f"fewer than {auditing.LEAST} runs trained on neither the example nor a copy",
    "unsuspected": "none of these",
}
_MOST_CLASSES = 5  # that are named
CLASS_INFLUENCE = (
    "The column `class_influence` of the CSV file is relative to the other examples of the given "
    "label: a negative number means that the example helps the test examples of this label less "
    "than the average does, which need not mean harm."
)
_SHOWN = {
    "id": "id",
    "kind": "kind",
    "given_label": "given",
    "suggested_label": "suggested",
    "out_prob": "probability",
    "given_share": "votes given",
    "rival_share": "votes other",
    "rarity": "rarity",
    "memorization": "memorization",
    "memorization_lower": "lower",
    "memorization_upper": "upper",
    "memorization_raw": "raw",
    "num_out": "runs",
}


def text(
    study: Study,
    audit: LabelAudit,
    columns: Mapping[str, Array],
    top: int,
    *,
    similar: SimilarImages,
) -> str:
    """Returns the text of an audit.

    Args:
      study: Study.
      audit: the audit of a point.
      columns: {name: array [L]}, the table of the audit.
      top: number of rows to show.
      similar: near-duplicates among the images.
    """
    fewest, most = audit.held_out
    counts: list[list[tables.Cell]] = [
        [kind, audit.kinds[kind], CRITERIA[kind]] for kind in auditing.KINDS
    ]
    lines = [
        f"{audit.point}: {study.sizes.train} train examples, each held out by {fewest} to "
        f"{most} of {audit.num_runs} runs, whose predictions are the votes",
        tables.text(["kind", "examples", "criterion"], counts),
    ]
    lines += [f"caution: {line}" for line in cautions(audit, similar)]
    if audit.conflicting:
        lines.append(f"{audit.conflicting} images have a copy with another label")
    if similar.space:
        lines.append(near_duplicates.found(similar))
    if audit.planted:
        lines.append(f"planted labels: {planted(audit.planted)}")
    if study.sizes.test:
        lines.append(CLASS_INFLUENCE)
    listed = len(columns["id"])
    if listed:
        shown = [[columns[name][i].item() for name in _SHOWN] for i in range(min(top, listed))]
        lines += ["", f"first {len(shown)} of {listed}:", tables.text(_SHOWN.values(), shown)]
    return "\n".join(lines)


def found(audit: LabelAudit) -> str:
    """Returns how many images look mislabeled and how many rare, in words.

    Args:
      audit: the audit of a point that has runs.
    """
    return (
        f"{audit.kinds['mislabeled']:,} suspects, {audit.kinds['rare']:,} rare but probably right"
    )


def cautions(audit: LabelAudit, similar: SimilarImages) -> list[str]:
    """Returns why the verdicts of an audit cannot be trusted, and what would help; often nothing.

    Args:
      audit: the audit of a point that has runs.
      similar: near-duplicates among the images.
    """
    unjudged, total = audit.kinds["not judged"], sum(audit.kinds.values())
    lines = [
        unlearned(audit.accuracy, audit.chance),
        missing(audit.missing, audit.planned),
        f"{unjudged:,} of {total:,} images are not judged, because fewer than {auditing.LEAST} "
        "runs held them out. More runs (subsets.num_runs) judge them."
        if unjudged
        else "",
        small_classes(audit.small),
        known_tests(audit.test_copies, similar.test_examples),
    ]
    return [line for line in lines if line]


def missing(counts: Mapping[str, int], planned: int) -> str:
    """Returns a warning of missing runs, otherwise "".

    Args:
      counts: {why: number of runs}, see `LabelAudit.missing`.
      planned: number of runs of the finished study.

    Examples:
      >>> missing({"not finished": 3}, 20)
      '3 of 20 runs are missing (3 not finished). `memkit train` trains the missing ones.'
    """
    if not counts:
        return ""
    listed = ", ".join(f"{count} {why}" for why, count in counts.items())
    lost = sum(counts.values())
    text = f"{lost} of {planned} runs are missing ({listed})."
    if lost > sum(counts[why] for why in ("diverged", "blocked") if why in counts):
        text += " `memkit train` trains the missing ones."
    if "diverged" in counts:
        text += " Runs that diverge need a lower learning rate (schedule.peak), in a new study."
    return text


def small_classes(counts: Mapping[str, int]) -> str:
    """Returns a warning of classes that are too small to judge, otherwise "".

    Args:
      counts: {class: number of train examples}, the smallest first.
    """
    if not counts:
        return ""
    names = [f"{printable(name)} ({count})" for name, count in counts.items()]
    more = f" and {len(names) - _MOST_CLASSES:,} more" if len(names) > _MOST_CLASSES else ""
    classes = f"{len(names):,} class{'' if len(names) == 1 else 'es'}"
    return (
        f"{classes} of fewer than {auditing.LEAST_MEMBERS} images cannot be judged well: "
        f"{', '.join(names[:_MOST_CLASSES])}{more}. Models hardly know such a class without the "
        "held-out image, so right labels look wrong. Add images, or merge or leave out the class."
    )


def known_tests(copies: int, near: int) -> str:
    """Returns a warning of test images that models know from training, otherwise "".

    Args:
      copies: number of test images with the same pixels as a train image.
      near: number of test images that are near-duplicates of train images.
    """
    if not copies and not near:
        return ""
    return (
        f"Test images that are exact copies of train images: {copies:,}, near-duplicates: {near:,}."
        " The test accuracy is not held out there. Remove them from the train or the test images."
    )


def unlearned(accuracy: float, chance: float) -> str:
    """Returns a warning if models hardly learned the images that they trained on, otherwise "".

    Args:
      accuracy: their accuracy on these images, 0 to 1, or NaN.
      chance: share of the most frequent label.

    Examples:
      >>> unlearned(0.97, 0.1)
      ''
    """
    if not accuracy < (1 + chance) / 2:  # NaN where no run trained on anything.
        return ""
    return (
        f"The models classify only {accuracy:.1%} of the images that they trained on correctly; "
        f"the most frequent label alone is right for {chance:.1%}. Models memorize only what they "
        "learn, so train longer or with another learning rate."
    )


def planted(labels: PlantedFound) -> str:
    """Returns in words how many planted labels the audit found, with recall and precision."""
    recall = f"{labels.found} of {labels.count} called mislabeled"
    if not labels.found:
        return recall
    precision = f"{labels.precision:.1%} of all that are called so are planted"
    return f"{recall} ({labels.recall:.1%}); {precision}"
