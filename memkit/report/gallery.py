"""The gallery's presets: which examples are worth a look, and in which order."""

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from memkit.analysis.trajectories.chart import label, middle_alpha
from memkit.report import content as contents
from memkit.report.content import Content
from memkit.trajectories import CLASSES
from memkit.typing import BoolArray, FloatArray, IntArray, TextArray

TOP = 24
TOP_PER_LABEL = 12
MAX_LABELS = 30


@dataclasses.dataclass(frozen=True)
class Preset:
    """A titled list of examples of one series, in the order in which they are shown."""

    title: str
    note: str
    examples: tuple[int, ...]
    series: str


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """One series as arrays: its name, places [A], memorization [N, A], classes as text [N]."""

    series: str
    places: tuple[str, ...]
    value: FloatArray
    kinds: TextArray


def view(content: Content, series: str) -> View | None:
    """Returns the View of a series at its points that have runs, or None where none has."""
    points = tuple(p for p in contents.series(content)[series] if p["num_runs"])
    if not points:
        return None
    scores = [content.scores[p["name"]]["correct"] for p in points]
    return View(
        series=series,
        places=tuple(contents.size_text(content, p) for p in points),
        value=np.stack([np.asarray(s.value, dtype=float) for s in scores], axis=1),
        kinds=kinds(content, series),
    )


def kind_codes(content: Content, series: str) -> IntArray | None:
    """Returns the class of trajectory of every example, indices into CLASSES [N], or None."""
    if series not in content.trajectories or not content.trajectories[series]["classes"]:
        return None
    classes = content.trajectories[series]["classes"]
    return np.asarray(classes[middle_alpha(classes)])


def kinds(content: Content, series: str) -> TextArray:
    """Returns the class of trajectory of every example, text [N]; "" without trajectories."""
    codes = kind_codes(content, series)
    return np.full(len(content.ids), "") if codes is None else np.asarray(CLASSES)[codes]


def groups(content: Content) -> tuple[Preset, ...]:
    """Returns the Presets of every series; empty where no example has a score."""
    views = (view(content, series) for series in contents.series(content))
    return tuple(
        preset
        for seen in views
        if seen is not None
        for preset in _of_series(content, seen)
        if preset.examples
    )


def _of_series(content: Content, seen: View) -> list[Preset]:
    last, first = seen.value[:, -1], seen.value[:, 0]
    title = f"Most memorized at {seen.places[-1]}"
    found = [_preset(seen, title, "", top(last))]
    if contents.planted(content).any():
        clean = np.where(contents.planted(content), np.nan, last)
        note = "Examples whose recorded label was not touched."
        found.append(_preset(seen, f"{title}, clean labels only", note, top(clean)))
        found += _planted(content, seen)
    if len(seen.places) > 1:
        found.append(_preset(seen, f"Most memorized at {seen.places[0]}", "", top(first)))
    return found + _changes(seen) + _per_kind(seen) + _per_class_name(content, seen)


def top(score: npt.ArrayLike, count: int = TOP) -> IntArray:
    """Returns the indices of the `count` highest defined scores, highest first, ties in order."""
    order = np.argsort(-np.asarray(score, dtype=float), kind="stable")
    return order[np.isfinite(score)[order]][:count]


def among_highest(score: FloatArray, count: int) -> BoolArray:
    """Returns bool [N], True for the `count` highest defined scores."""
    chosen = np.zeros(len(score), bool)
    chosen[top(score, count)] = True
    return chosen


def _planted(content: Content, seen: View) -> list[Preset]:
    last, flipped = seen.value[:, -1], contents.planted(content)
    highest = among_highest(last, int(flipped.sum()))
    hits, misses = np.flatnonzero(flipped & highest), np.flatnonzero(flipped & ~highest)
    misses = misses[np.isfinite(last[misses])]
    note = (
        f"{len(hits)} of the {int(flipped.sum())} planted labels are among the "
        f"{int(flipped.sum())} most memorized examples at {seen.places[-1]}; the highest first."
    )
    lost = f"{len(misses)} are not among the most memorized; the lowest first."
    return [
        _preset(seen, "Planted labels that were found", note, hits[top(last[hits])]),
        _preset(seen, "Planted labels that were not found", lost, misses[top(-last[misses])]),
    ]


def _changes(seen: View) -> list[Preset]:
    if len(seen.places) == 1:
        return []
    change = seen.value[:, -1] - seen.value[:, 0]
    note = f"From {seen.places[0]} to {seen.places[-1]}; the greatest change first."
    falls = top(np.where(change < 0, -change, np.nan))
    return [
        _preset(seen, "Memorization rises most", note, top(np.where(change > 0, change, np.nan))),
        _preset(seen, "Memorization falls most", note, falls),
    ]


def _per_kind(seen: View) -> list[Preset]:
    found = []
    change = np.nan_to_num(np.ptp(seen.value, axis=1), nan=-1)
    for kind in dict.fromkeys(CLASSES):
        member = np.flatnonzero(seen.kinds == kind)
        if kind == "undefined" or not len(member):
            continue
        # Of constant trajectories the most memorized tell most, of others the greatest change.
        score = seen.value[:, -1] if kind == "constant" else change
        order = "the most memorized first" if kind == "constant" else "the greatest change first"
        note = f"{len(member)} examples; {order}."
        found.append(_preset(seen, f"Trajectory: {label(kind)}", note, member[top(score[member])]))
    return found


def _per_class_name(content: Content, seen: View) -> list[Preset]:
    given, last = np.asarray(content.given_labels), seen.value[:, -1]
    present = np.unique(given[np.isfinite(last)])
    means = np.array([np.nanmean(last[given == code]) for code in present])
    shown = set(present[top(means, MAX_LABELS)].tolist())
    note = "The most memorized first."
    if len(shown) < len(present):
        note += f" The {len(shown)} of {len(present)} labels with the highest mean are listed."
    found = []
    for code in sorted(shown):
        member = np.flatnonzero(given == code)
        best = member[top(last[member], TOP_PER_LABEL)]
        found.append(_preset(seen, f"Label: {content.class_names[code]}", note, best))
    return found


def _preset(seen: View, title: str, note: str, indices: Iterable[int]) -> Preset:
    return Preset(title=title, note=note, examples=tuple(map(int, indices)), series=seen.series)
