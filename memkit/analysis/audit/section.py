"""The section on suspected label errors: counts of each kind, and pictures of examples."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from memkit.analysis.audit import text
from memkit.estimators import audit as auditing
from memkit.report import assets, formatting
from memkit.report import content as contents
from memkit.report.blocks import Block, Definitions, Section, Table
from memkit.report.content import Content
from memkit.typing import Array, Json

TITLE = "Suspected label errors"
INTRO = (
    "An example is voted on by those of the {} runs at {} that trained on neither it nor an exact "
    "copy of it, {} to {} per example. Their predictions say on which label models agree, not "
    "which one is true: look at an example before you relabel or remove it. Intervals are 95%. "
    "`memkit audit --workdir=...` writes the whole list as CSV. Its column `class_influence` is "
    "relative to the other examples of the given label: below 0 = helps the test examples of this "
    "label less than their average, which need not mean harm."
)
EMPTY = (
    "`memkit run` fills this section, and `memkit audit --workdir=...` lists the examples, once "
    "the last point of the first series has runs."
)
SHOWN = {
    auditing.MISLABELED: (24, "Likely mislabeled: another class wins the votes"),
    auditing.DUPLICATE: (8, "Exact copies, those with different labels first"),
    auditing.AMBIGUOUS: (8, "Ambiguous: missed when held out, without another class that wins"),
}


def section(content: Content) -> Section:
    """Returns the section on label errors; empty if the audited point has no runs."""
    numbers = content.summary["audit"]
    if not numbers:
        return Section(anchor="label-errors", title=TITLE, intro="", empty=EMPTY)
    arrays = content.arrays["audit"]
    shown = {kind: _members(arrays, kind) for kind in SHOWN}
    groups = [_group(content, arrays, kind, *members) for kind, members in shown.items()]
    size = contents.size_text(content, contents.point(content, numbers["point"]))
    return Section(
        anchor="label-errors",
        title=TITLE,
        intro=INTRO.format(numbers["num_runs"], size, *numbers["held_out"]),
        blocks=(*_kinds(numbers), *filter(None, groups)),
        pictures={"train": [i for examples, _ in shown.values() for i in examples]},
    )


def _kinds(numbers: Json) -> tuple[Block, ...]:
    rows = [(f"{numbers['kinds'][kind]} {kind}", text.CRITERIA[kind]) for kind in auditing.KINDS]
    caption = "Train examples by what the predictions of the runs that held them out."
    table = Table(
        caption=caption, columns=("Examples", "Criterion"), rows=tuple(rows), has_words=True
    )
    if not numbers["planted"]:
        return (table,)
    planted = f"{text.planted(numbers['planted'])}."
    return (Definitions((("Planted labels", planted),)), table)


def _members(arrays: Mapping[str, Array], kind: int) -> tuple[list[int], int]:
    """Returns the shown examples of a kind, most suspect first, and their number."""
    order, (limit, _) = arrays["order"], SHOWN[kind]
    members = order[arrays["kind"][order] == kind]
    return members[:limit].tolist(), len(members)


def _group(
    content: Content, arrays: Mapping[str, Array], kind: int, examples: Sequence[int], count: int
) -> Markup | None:
    if not count:
        return None
    note = "The least probable given labels first. In brackets: votes, and intervals."
    if count > len(examples):
        note = f"The first {len(examples)} of {count}. {note}"
    cards = [_card(content, arrays, kind, i) for i in examples]
    return assets.fragment(__package__, "cards.html", title=SHOWN[kind][1], note=note, cards=cards)


def _card(content: Content, arrays: Mapping[str, Array], kind: int, index: int) -> Json:
    given = _name(content, content.given_labels[index])
    flipped = bool(contents.planted(content)[index])
    facts = [("given", f"{given}{_votes(arrays, 'given_share', index)}")]
    if flipped:
        facts.append(("true", _name(content, content.labels[index])))
    rival = arrays["rival"][index]
    if rival >= 0:
        name = "suggested" if kind == auditing.MISLABELED else "other"
        facts.append((name, f"{_name(content, rival)}{_votes(arrays, 'rival_share', index)}"))
    copies = (("copy of", "copy", content.ids), ("same as test", "test_copy", content.test_ids))
    for label, name, ids in copies:
        if arrays[name][index] >= 0:
            facts.append((label, str(ids[arrays[name][index]])))
    facts += [
        ("probability", _interval(arrays, "out_prob", index)),
        ("memorization", _interval(arrays, "memorization", index)),
    ]
    return {
        "id": str(content.ids[index]),
        "example": index,
        "alt": f"Example {content.ids[index]}, labeled {given}",
        "planted": flipped,
        "facts": facts,
    }


def _votes(arrays: Mapping[str, Array], name: str, index: int) -> str:
    if not np.isfinite(arrays[name][index]):
        return ""
    num = int(arrays["num_out"][index])
    return f" ({arrays[name][index] * num:.0f} of {num})"


def _interval(arrays: Mapping[str, Array], name: str, index: int) -> str:
    values = [float(arrays[name + end][index]) for end in ("", "_lower", "_upper")]
    if not np.isfinite(values).all():
        return formatting.ABSENT
    return "{} ({} to {})".format(*map(formatting.number, values))


def _name(content: Content, label: int) -> str:
    return str(content.class_names[int(label)])
