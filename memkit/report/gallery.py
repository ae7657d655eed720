"""Presets of the gallery: titled lists of examples that are worth a look, in order."""

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from memkit.analysis.trajectories.chart import label, middle_alpha
from memkit.analysis.trajectories.result import TrajectoryClasses
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
    """One series as arrays.

    Attributes:
      series: its name.
      sizes: A names of the sizes, such as "width 4".
      value: [N, A] memorization, the pooled score.
      kinds: [N] text, classes of trajectory; "" without trajectories.
    """

    series: str
    sizes: tuple[str, ...]
    value: FloatArray
    kinds: TextArray


def view_of(content: Content, series: str) -> View | None:
    """Returns the View of a series at its points that have runs, or None if none has."""
    points = tuple(p for p in contents.series(content)[series] if p.num_runs)
    if not points:
        return None
    scores = [content.scores[p.name]["pooled"] for p in points]
    return View(
        series=series,
        sizes=tuple(contents.size_text(content, p) for p in points),
        value=np.stack([np.asarray(s.value, dtype=float) for s in scores], axis=1),
        kinds=kinds(content, series),
    )


def kind_codes(content: Content, series: str) -> IntArray | None:
    """Returns the class of trajectory of every example, indices into CLASSES [N], or None."""
    trajectories = content.results[TrajectoryClasses]
    if series not in trajectories.series:
        return None
    classes = trajectories.of_series(series).classes
    return classes[middle_alpha(classes)]


def kinds(content: Content, series: str) -> TextArray:
    """Returns the class of trajectory of every example, text [N]; "" without trajectories."""
    codes = kind_codes(content, series)
    return np.full(len(content.ids), "") if codes is None else np.asarray(CLASSES)[codes]


def groups(content: Content) -> tuple[Preset, ...]:
    """Returns the Presets of every series; empty if no example has a score."""
    views = (view_of(content, series) for series in contents.series(content))
    return tuple(
        preset
        for view in views
        if view is not None
        for preset in _of_series(content, view)
        if preset.examples
    )


def _of_series(content: Content, view: View) -> list[Preset]:
    last, first = view.value[:, -1], view.value[:, 0]
    title = f"Most memorized at {view.sizes[-1]}"
    presets = [_preset(view, title, "", top(last))]
    if contents.planted(content).any():
        clean = np.where(contents.planted(content), np.nan, last)
        note = "Examples whose recorded label was not touched."
        presets.append(_preset(view, f"{title}, clean labels only", note, top(clean)))
        presets += _planted(content, view)
    if len(view.sizes) > 1:
        presets.append(_preset(view, f"Most memorized at {view.sizes[0]}", "", top(first)))
    return presets + _changes(view) + _per_kind(view) + _per_class_name(content, view)


def top(score: npt.ArrayLike, count: int = TOP) -> IntArray:
    """Returns the indices of the `count` highest defined scores, highest first, ties by index."""
    order = np.argsort(-np.asarray(score, dtype=float), kind="stable")
    return order[np.isfinite(score)[order]][:count]


def among_highest(score: FloatArray, count: int) -> BoolArray:
    """Returns bool [N], True for the `count` highest defined scores."""
    chosen = np.zeros(len(score), bool)
    chosen[top(score, count)] = True
    return chosen


def _planted(content: Content, view: View) -> list[Preset]:
    last, flipped = view.value[:, -1], contents.planted(content)
    highest = among_highest(last, int(flipped.sum()))
    hits, misses = np.flatnonzero(flipped & highest), np.flatnonzero(flipped & ~highest)
    misses = misses[np.isfinite(last[misses])]
    note = (
        f"{len(hits)} of the {int(flipped.sum())} planted labels are among the "
        f"{int(flipped.sum())} most memorized examples at {view.sizes[-1]}; the highest first."
    )
    missed = f"{len(misses)} are not among the most memorized; the lowest first."
    return [
        _preset(view, "Planted labels that were found", note, hits[top(last[hits])]),
        _preset(view, "Planted labels that were not found", missed, misses[top(-last[misses])]),
    ]


def _changes(view: View) -> list[Preset]:
    if len(view.sizes) == 1:
        return []
    change = view.value[:, -1] - view.value[:, 0]
    note = f"From {view.sizes[0]} to {view.sizes[-1]}; the greatest change first."
    falls = top(np.where(change < 0, -change, np.nan))
    return [
        _preset(view, "Memorization rises most", note, top(np.where(change > 0, change, np.nan))),
        _preset(view, "Memorization falls most", note, falls),
    ]


def _per_kind(view: View) -> list[Preset]:
    presets = []
    change = np.nan_to_num(np.ptp(view.value, axis=1), nan=-1)
    for kind in dict.fromkeys(CLASSES):
        member = np.flatnonzero(view.kinds == kind)
        if kind == "undefined" or not len(member):
            continue
        # Constant trajectories are sorted by memorization, the others by their change.
        score = view.value[:, -1] if kind == "constant" else change
        order = "the most memorized first" if kind == "constant" else "the greatest change first"
        note = f"{len(member)} examples; {order}."
        presets.append(
            _preset(view, f"Trajectory: {label(kind)}", note, member[top(score[member])])
        )
    return presets


def _per_class_name(content: Content, view: View) -> list[Preset]:
    given, last = np.asarray(content.given_labels), view.value[:, -1]
    present = np.unique(given[np.isfinite(last)])
    means = np.array([np.nanmean(last[given == code]) for code in present])
    shown = set(present[top(means, MAX_LABELS)].tolist())
    note = "The most memorized first."
    if len(shown) < len(present):
        note += f" The {len(shown)} of {len(present)} labels with the highest mean are listed."
    presets = []
    for code in sorted(shown):
        member = np.flatnonzero(given == code)
        best = member[top(last[member], TOP_PER_LABEL)]
        presets.append(_preset(view, f"Label: {content.class_names[code]}", note, best))
    return presets


def _preset(view: View, title: str, note: str, indices: Iterable[int]) -> Preset:
    return Preset(title=title, note=note, examples=tuple(map(int, indices)), series=view.series)
