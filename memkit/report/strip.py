"""The strip of pictures on the first screen: the suspects, or the most memorized images."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from memkit.analysis import PointSummary
from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.audit.result import AuditedExamples, LabelAudit
from memkit.estimators import audit as auditing
from memkit.report import content as contents
from memkit.report import explorer, formatting, gallery
from memkit.report.content import Content
from memkit.typing import IntArray

SHOWN = 8


@dataclasses.dataclass(frozen=True)
class Card:
    """An image of the strip.

    Attributes:
      example: its row.
      id: of the example.
      given: name of its label.
      predicted: name of the class that most runs predict that did not train on it; "" if none.
      alt: words for the picture.
      score: its memorization at the last size, or the votes against its label.
    """

    example: int
    id: str
    given: str
    predicted: str
    alt: str
    score: str


@dataclasses.dataclass(frozen=True)
class Strip:
    """Images with a title and a note on what is shown."""

    title: str
    note: str
    cards: tuple[Card, ...]
    has_lines: bool


def strip(content: Content) -> Strip | None:
    """Returns the suspects in a study of one point, otherwise the most memorized images.

    Images with planted labels are left out, since they show what is known. None if there is no
    image to show.
    """
    points = explorer.scored(content)
    if not points or not len(content.thumbnails):
        return None
    audit = content.results[LabelAudit]
    if len(points) == 1 and audit.examples is not None and audit.kinds["mislabeled"]:
        return _suspects(content, audit.examples)
    return _memorized(content, [p for p in points if p.series == points[0].series])


def _suspects(content: Content, examples: AuditedExamples) -> Strip:
    order = examples.order[examples.kind[examples.order] == auditing.MISLABELED][:SHOWN]

    def votes(i: int) -> str:
        num = int(examples.num_out[i])
        return f"{examples.rival_share[i] * num:.0f} of {num} models"

    return Strip(
        title="Labels that look wrong, the most suspect first",
        note="Models that did not train on an image vote on its label.",
        cards=_cards(content, order, examples.rival, [votes(i) for i in order.tolist()]),
        has_lines=False,
    )


def _memorized(content: Content, points: Sequence[PointSummary]) -> Strip | None:
    last = points[-1]
    value = np.asarray(content.scores[last.name]["pooled"].value, float)
    flipped = contents.planted(content)
    order = gallery.top(np.where(flipped, np.nan, value), SHOWN)
    if not len(order):
        return None
    predicted = content.results[Accuracy].predictions[last.name]["out_predicted"]
    at = f" at {contents.place_text(content, last)}" if len(points) > 1 else ""
    kept = " whose labels were not flipped" if flipped.any() else ""
    scores = [formatting.number(value[i]) for i in order.tolist()]
    return Strip(
        title=f"The most memorized images{kept}{at}",
        note="Under each: its label, what models say that did not train on it, and its pooled "
        f"score{' along the sizes' if len(points) > 1 else ''}.",
        cards=_cards(content, order, predicted, scores),
        has_lines=len(points) > 1,
    )


def _cards(
    content: Content, order: IntArray, predicted: IntArray, scores: Sequence[str]
) -> tuple[Card, ...]:
    def name(label: int) -> str:
        return str(content.class_names[label]) if label >= 0 else ""

    cards = []
    for i, score in zip(order.tolist(), scores, strict=True):
        given = name(int(content.given_labels[i]))
        alt = f"Image {content.ids[i]}, labeled {given}"
        voted = name(int(predicted[i]))
        cards.append(Card(i, str(content.ids[i]), given, voted, alt, score))
    return tuple(cards)
