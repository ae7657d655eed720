"""The section on suspected label errors: counts of each kind, and pictures of examples."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from memkit.analysis.audit import text
from memkit.analysis.audit.result import AuditedExamples, LabelAudit
from memkit.analysis.similar_images.result import SimilarImages
from memkit.estimators import audit as auditing
from memkit.report import assets, findings, formatting
from memkit.report import content as contents
from memkit.report.blocks import Block, Definitions, Section, Table
from memkit.report.content import Content
from memkit.typing import FloatArray, Json

ANCHOR, TITLE = "label-errors", "Suspected label errors"
INTRO = (
    "Of the {} runs{}, those that trained on neither an image nor an exact copy of it vote on its "
    "label, {} per image. Votes show on which label the models agree, not which label "
    "is true, so look at an image before you relabel or remove it. `memkit audit --workdir=...` "
    "writes the whole list as a CSV file."
)
EMPTY = (
    "`memkit run` fills this section when the last point of the first series has runs, and "
    "`memkit audit --workdir=...` then lists the examples."
)
DECISIONS = Markup("<div data-decisions></div>")  # filled by decisions.js
AT_ONCE = 8  # likely mislabeled images that are not folded
SHOWN = {
    auditing.MISLABELED: (24, "Likely mislabeled: another class wins the votes"),
    auditing.RARE: (12, "Rare but probably right: unlike the images of the other class"),
    auditing.DUPLICATE: (8, "Exact copies, those with different labels first"),
    auditing.AMBIGUOUS: (8, "Ambiguous: missed when held out, without another class that wins"),
}


def section(content: Content) -> Section:
    """Returns the section on label errors; empty if the audited point has no runs."""
    audit = content.results[LabelAudit]
    examples = audit.examples
    if examples is None:
        return Section(anchor="label-errors", title=TITLE, intro="", empty=EMPTY)
    members = {kind: _members(examples, kind) for kind in SHOWN}
    groups = {kind: _group(content, examples, kind, *of_kind) for kind, of_kind in members.items()}
    at = ""
    if len(content.summary.points) > 1:
        at = f" at {contents.size_text(content, contents.point(content, audit.point))}"
    votes = " to ".join(str(count) for count in dict.fromkeys(audit.held_out))
    return Section(
        anchor=ANCHOR,
        title=TITLE,
        finding=_finding(audit),
        intro=INTRO.format(audit.num_runs, at, votes),
        blocks=(
            *_notes(audit, content.results[SimilarImages]),
            DECISIONS,
            *groups.pop(auditing.MISLABELED),
            *groups.pop(auditing.RARE),
        ),
        details=(
            *(block for group in groups.values() for block in group),
            _kinds(audit),
            Definitions((("Class influence", text.CLASS_INFLUENCE),)),
        ),
        is_wide=True,
        pictures={"train": [i for of_kind, _ in members.values() for i in of_kind]},
    )


def _finding(audit: LabelAudit) -> str:
    count, unjudged = audit.kinds["mislabeled"], audit.kinds["not judged"]
    if unjudged > sum(audit.kinds.values()) / 2:
        return "Too few runs held the images out to judge most labels"
    if not count:
        return "No label looks wrong"
    return f"{findings.counted(count, 'label')} look{'s' if count == 1 else ''} wrong"


def _notes(audit: LabelAudit, similar: SimilarImages) -> tuple[Block, ...]:
    """Returns why the verdicts cannot be trusted, and how many planted labels were found."""
    notes = [("Caution", line) for line in text.cautions(audit, similar)]
    if audit.planted:
        notes.append(("Planted labels", f"{text.planted(audit.planted)}."))
    return (Definitions(tuple(notes)),) if notes else ()


def _kinds(audit: LabelAudit) -> Table:
    rows = [(f"{audit.kinds[kind]} {kind}", text.CRITERIA[kind]) for kind in auditing.KINDS]
    caption = "Train examples of each kind, by the predictions of the runs that held them out."
    return Table(
        caption=caption, columns=("Examples", "Criterion"), rows=tuple(rows), has_words=True
    )


def _members(examples: AuditedExamples, kind: int) -> tuple[list[int], int]:
    """Returns the shown examples of a kind, most suspect first, and their number."""
    order, (limit, _) = examples.order, SHOWN[kind]
    members = order[examples.kind[order] == kind]
    return members[:limit].tolist(), len(members)


def _group(
    content: Content, examples: AuditedExamples, kind: int, members: Sequence[int], count: int
) -> tuple[Markup, ...]:
    """Returns the cards of a kind, or nothing if there is no example of it."""
    if not count:
        return ()
    note = "The least probable given labels first. In brackets: votes, and intervals."
    if count > len(members):
        note = f"The first {len(members)} of {count}. {note}"
    cards = [_card(content, examples, kind, i) for i in members]
    at_once = AT_ONCE if kind == auditing.MISLABELED else len(cards)
    fragment = assets.fragment(
        __package__,
        "cards.html",
        title=SHOWN[kind][1],
        note=note,
        parts=[cards[:at_once], cards[at_once:]],
    )
    return (fragment,)


def _card(content: Content, examples: AuditedExamples, kind: int, index: int) -> Json:
    given = _name(content, content.given_labels[index])
    flipped = bool(contents.planted(content)[index])
    facts = [("given", f"{given}{_votes(examples, examples.given_share, index)}")]
    if flipped:
        facts.append(("true", _name(content, content.labels[index])))
    rival = examples.rival[index]
    if rival >= 0:
        name = "suggested" if kind == auditing.MISLABELED else "other"
        votes = _votes(examples, examples.rival_share, index)
        facts.append((name, f"{_name(content, rival)}{votes}"))
    if examples.copy[index] >= 0:
        facts.append(("copy of", str(content.ids[examples.copy[index]])))
    if examples.test_copy[index] >= 0:
        facts.append(("same as test", str(content.test_ids[examples.test_copy[index]])))
    out_prob = (examples.out_prob, examples.out_prob_lower, examples.out_prob_upper)
    memorization = (
        examples.memorization,
        examples.memorization_lower,
        examples.memorization_upper,
    )
    facts += [
        ("probability", _interval(out_prob, index)),
        ("memorization", _interval(memorization, index)),
        ("raw score", formatting.cell(float(examples.memorization_raw[index]))),
    ]
    return {
        "id": str(content.ids[index]),
        "example": index,
        "alt": f"Example {content.ids[index]}, labeled {given}",
        "planted": flipped,
        "facts": facts,
    }


def _votes(examples: AuditedExamples, share: FloatArray, index: int) -> str:
    if not np.isfinite(share[index]):
        return ""
    num = int(examples.num_out[index])
    return f" ({share[index] * num:.0f} of {num})"


def _interval(estimate: Sequence[FloatArray], index: int) -> str:
    values = [float(numbers[index]) for numbers in estimate]
    if not np.isfinite(values).all():
        return formatting.ABSENT
    return "{} ({} to {})".format(*map(formatting.number, values))


def _name(content: Content, label: int) -> str:
    return str(content.class_names[int(label)])
