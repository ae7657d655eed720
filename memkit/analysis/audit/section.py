"""The section on suspected label errors: counts of each kind, and pictures of examples."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from memkit.analysis.audit import text
from memkit.analysis.audit.result import AuditedExamples, LabelAudit
from memkit.estimators import audit as auditing
from memkit.report import assets, formatting
from memkit.report import content as contents
from memkit.report.blocks import Block, Definitions, Section, Table
from memkit.report.content import Content
from memkit.typing import FloatArray, Json

TITLE = "Suspected label errors"
INTRO = (
    "The {} runs at {} vote on the label of every example: those runs that trained on neither "
    "the example nor an exact copy of it, {} to {} per example. Their predictions show on which "
    "label the models agree, not which label is true, so look at an example before you relabel "
    "or remove it. Intervals are 95% intervals. `memkit audit --workdir=...` writes the whole "
    "list as a CSV file. Its column `class_influence` is relative to the other examples of the "
    "given label: a negative number means that the example helps the test examples of this label "
    "less than the average does, which need not mean harm."
)
EMPTY = (
    "`memkit run` fills this section when the last point of the first series has runs, and "
    "`memkit audit --workdir=...` then lists the examples."
)
DECISIONS = Markup("<div data-decisions></div>")  # filled by decisions.js
SHOWN = {
    auditing.MISLABELED: (24, "Likely mislabeled: another class wins the votes"),
    auditing.DUPLICATE: (8, "Exact copies, those with different labels first"),
    auditing.AMBIGUOUS: (8, "Ambiguous: missed when held out, without another class that wins"),
}


def section(content: Content) -> Section:
    """Returns the section on label errors; empty if the audited point has no runs."""
    audit = content.results[LabelAudit]
    examples = audit.examples
    if examples is None:
        return Section(anchor="label-errors", title=TITLE, intro="", empty=EMPTY)
    shown = {kind: _members(examples, kind) for kind in SHOWN}
    groups = [_group(content, examples, kind, *members) for kind, members in shown.items()]
    size = contents.size_text(content, contents.point(content, audit.point))
    return Section(
        anchor="label-errors",
        title=TITLE,
        intro=INTRO.format(audit.num_runs, size, *audit.held_out),
        blocks=(*_kinds(audit), DECISIONS, *filter(None, groups)),
        pictures={"train": [i for members, _ in shown.values() for i in members]},
    )


def _kinds(audit: LabelAudit) -> tuple[Block, ...]:
    rows = [(f"{audit.kinds[kind]} {kind}", text.CRITERIA[kind]) for kind in auditing.KINDS]
    caption = "Train examples by what the predictions of the runs that held them out."
    table = Table(
        caption=caption, columns=("Examples", "Criterion"), rows=tuple(rows), has_words=True
    )
    cautions = tuple(("Caution", line) for line in text.cautions(audit))
    if not audit.planted:
        return (Definitions(cautions), table) if cautions else (table,)
    planted = f"{text.planted(audit.planted)}."
    return (Definitions((*cautions, ("Planted labels", planted))), table)


def _members(examples: AuditedExamples, kind: int) -> tuple[list[int], int]:
    """Returns the shown examples of a kind, most suspect first, and their number."""
    order, (limit, _) = examples.order, SHOWN[kind]
    members = order[examples.kind[order] == kind]
    return members[:limit].tolist(), len(members)


def _group(
    content: Content, examples: AuditedExamples, kind: int, members: Sequence[int], count: int
) -> Markup | None:
    if not count:
        return None
    note = "The least probable given labels first. In brackets: votes, and intervals."
    if count > len(members):
        note = f"The first {len(members)} of {count}. {note}"
    cards = [_card(content, examples, kind, i) for i in members]
    return assets.fragment(__package__, "cards.html", title=SHOWN[kind][1], note=note, cards=cards)


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
