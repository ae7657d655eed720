"""The gallery: which examples to show, and what each card says."""

import base64
import dataclasses
import io

import numpy as np
from PIL import Image

from memkit.charts.trajectories import label
from memkit.report import content as contents
from memkit.report import headline, wording
from memkit.report.sparkline import sparkline
from memkit.trajectories import CLASSES

TOP = 12
TOP_PER_LABEL = 6
MAX_LABELS = 30


@dataclasses.dataclass(frozen=True)
class Card:
    """One example, as text and inline images."""

    id: str
    image: str
    alt: str
    given: str
    true: str
    predicted: str
    planted: bool
    ends: str
    interval: str
    kind: str
    spark: str


@dataclasses.dataclass(frozen=True)
class Group:
    """A titled row of cards; `folded` groups start closed."""

    title: str
    note: str
    cards: tuple
    folded: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """One series as arrays: memorization and its means [N, A], at the points that have runs."""

    points: tuple
    places: tuple
    value: np.ndarray
    in_mean: np.ndarray
    out_mean: np.ndarray
    kinds: np.ndarray


def view(content):
    """Returns the View of the first series, or None where none of its points has runs."""
    name, members = next(iter(contents.series(content).items()), (None, ()))
    points = tuple(p for p in members if p["num_runs"])
    if not points:
        return None
    scores = [content.scores[p["name"]]["correct"] for p in points]
    return View(
        points=points,
        places=tuple(contents.size_text(content, p) for p in points),
        kinds=kinds(content, name),
        **{
            key: np.stack([np.asarray(getattr(s, key), dtype=float) for s in scores], axis=1)
            for key in ("value", "in_mean", "out_mean")
        },
    )


def kinds(content, series):
    """Returns the class of trajectory of every example, text [N]; "" without trajectories."""
    if series not in content.trajectories or not content.trajectories[series]["classes"]:
        return np.full(len(content.ids), "")
    classes = content.trajectories[series]["classes"]
    return np.asarray(CLASSES)[np.asarray(classes[headline.middle(classes)])]


def groups(content):
    """Returns the groups of the gallery; empty where no example has a score."""
    seen = view(content)
    if seen is None or not np.isfinite(seen.value).any():
        return ()
    last, first = seen.value[:, -1], seen.value[:, 0]
    title = f"Most memorized at {seen.places[-1]}"
    found = [_group(content, seen, title, "", top(last))]
    if contents.planted(content).any():
        clean = np.where(contents.planted(content), np.nan, last)
        found.append(
            _group(
                content,
                seen,
                f"{title}, clean labels only",
                "Examples whose recorded label was not touched.",
                top(clean),
            )
        )
        found += _planted(content, seen)
    if len(seen.points) > 1:
        found.append(_group(content, seen, f"Most memorized at {seen.places[0]}", "", top(first)))
    found += _per_kind(content, seen) + _per_class_name(content, seen)
    return tuple(group for group in found if group.cards)


def top(score, count=TOP):
    """Returns the indices of the `count` highest defined scores, highest first, ties in order."""
    order = np.argsort(-np.asarray(score, dtype=float), kind="stable")
    return order[np.isfinite(score)[order]][:count]


def among_highest(score, count):
    """Returns bool [N], True for the `count` highest defined scores."""
    chosen = np.zeros(len(score), bool)
    chosen[top(score, count)] = True
    return chosen


def _planted(content, seen):
    last, flipped = seen.value[:, -1], contents.planted(content)
    highest = among_highest(last, int(flipped.sum()))
    hits, misses = np.flatnonzero(flipped & highest), np.flatnonzero(flipped & ~highest)
    misses = misses[np.isfinite(last[misses])]
    note = (
        f"{len(hits)} of the {int(flipped.sum())} planted labels are among the "
        f"{int(flipped.sum())} most memorized examples at {seen.places[-1]}"
    )
    return [
        _group(
            content,
            seen,
            "Planted labels that were found",
            f"{note}; the highest first.",
            hits[top(last[hits])],
        ),
        _group(
            content,
            seen,
            "Planted labels that were not found",
            f"{len(misses)} are not; the lowest first.",
            misses[top(-last[misses])],
        ),
    ]


def _per_kind(content, seen):
    found = []
    change = np.nan_to_num(np.ptp(seen.value, axis=1), nan=-1)
    for kind in dict.fromkeys(CLASSES):
        member = np.flatnonzero(seen.kinds == kind)
        if kind == "undefined" or not len(member):
            continue
        # Of constant trajectories the most memorized tell most, of others the greatest change.
        score = seen.value[:, -1] if kind == "constant" else change
        order = "the most memorized first" if kind == "constant" else "the greatest change first"
        found.append(
            _group(
                content,
                seen,
                f"Trajectory: {label(kind)}",
                f"{len(member)} examples; {order}.",
                member[top(score[member])],
                folded=True,
            )
        )
    return found


def _per_class_name(content, seen):
    given, last = np.asarray(content.given_labels), seen.value[:, -1]
    present = np.unique(given[np.isfinite(last)])
    means = np.array([np.nanmean(last[given == code]) for code in present])
    shown = set(present[top(means, MAX_LABELS)].tolist())
    note = "The most memorized first."
    if len(shown) < len(present):
        note += f" The {len(shown)} of {len(present)} labels with the highest mean are shown."
    found = []
    for code in sorted(shown):
        member = np.flatnonzero(given == code)
        found.append(
            _group(
                content,
                seen,
                f"Label: {_class_name(content, code)}",
                note,
                member[top(last[member], TOP_PER_LABEL)],
                folded=True,
            )
        )
    return found


def _group(content, seen, title, note, indices, folded=False):
    cards = tuple(card(content, seen, int(i)) for i in indices)
    return Group(title=title, note=note, cards=cards, folded=folded)


def card(content, seen, index):
    """Returns the card of one example."""
    score = content.scores[seen.points[-1]["name"]]["correct"]
    flipped = bool(contents.planted(content)[index])
    given, true = (
        _class_name(content, labels[index]) for labels in (content.given_labels, content.labels)
    )
    values = [wording.number(v, missing=wording.ABSENT) for v in seen.value[index]]
    ends = values[0] if len(values) == 1 else f"{values[0]} → {values[-1]}"
    low, high = (
        wording.number(getattr(score, k)[index], missing=wording.ABSENT) for k in ("lower", "upper")
    )
    return Card(
        id=str(content.ids[index]),
        image=data_url(content.thumbnails[index]),
        alt=f"Example {content.ids[index]}, labeled {given}",
        given=given,
        true=true,
        predicted=_class_name(content, content.out_predicted[seen.points[-1]["name"]][index]),
        planted=flipped,
        ends=ends,
        interval=f"{low} to {high}",
        kind=label(str(seen.kinds[index])),
        spark=sparkline(
            seen.value[index], seen.in_mean[index], seen.out_mean[index], sizes=seen.places
        ),
    )


def _class_name(content, code):
    return str(content.class_names[code]) if code >= 0 else "none (never held out)"


def data_url(image):
    """Returns one image, uint8 [h, w, 1 or 3], as a PNG data URL."""
    pixels = np.asarray(image)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
