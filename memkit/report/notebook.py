"""Scores of one point as a notebook shows them: a headline, and pictures of a few examples."""

from collections.abc import Callable, Iterable

import numpy as np

from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.audit import text
from memkit.analysis.audit.result import AuditedExamples
from memkit.analysis.distribution.result import Distribution
from memkit.estimators import audit as auditing
from memkit.printable import printable
from memkit.report import assets, formatting, gallery, sprites
from memkit.report import content as contents
from memkit.report.content import Content
from memkit.typing import FloatArray, IntArray, Json

SHOWN = 6  # examples per list


def headline(content: Content, point: str) -> str:
    """Returns a sentence on the mean memorization and the accuracies at a point."""
    num_runs = contents.point(content, point).num_runs
    mean = content.results[Distribution].points[point].all_examples.memorization
    accuracy = content.results[Accuracy].points[point]
    return (
        f"Mean memorization is {formatting.estimate(mean)}: accuracy is "
        f"{formatting.percent(accuracy.train_in.value)} on the images that a run trained on and "
        f"{formatting.percent(accuracy.train_out.value)} on the other training images "
        f"({num_runs} {'run' if num_runs == 1 else 'runs'})."
    )


def caution(content: Content, point: str) -> str:
    """Returns a warning if the models hardly learned their training images, otherwise ""."""
    inside = content.results[Accuracy].points[point].train_in.value
    chance = float(np.bincount(content.given_labels).max() / len(content.given_labels))
    return text.unlearned(inside, chance)


def html(content: Content, point: str, audited: AuditedExamples) -> str:
    """Returns HTML that needs no other file, for light and for dark notebooks.

    Args:
      content: Content of a study.
      point: name of a point that has runs.
      audited: the audit of the labels at this point.
    """
    of_point = contents.point(content, point)
    page = assets.fragment(
        __package__,
        "notebook.html",
        headline=headline(content, point),
        caution=caution(content, point),
        num_examples=f"{len(content.ids):,}",
        point=printable(contents.size_text(content, of_point)),
        lists=[_memorized(content, point), _suspected(content, audited)],
    )
    # Bytes of file names that are not UTF-8 would break the notebook's file.
    return page.encode(errors="backslashreplace").decode()


def _memorized(content: Content, point: str) -> Json:
    pooled, prob = (content.scores[point][score] for score in ("pooled", "prob"))

    def cells(i: int) -> tuple[str, ...]:
        return (
            _given(content, i),
            _interval(pooled.value, pooled.lower, pooled.upper, i),
            formatting.cell(float(prob.out_mean[i])),
        )

    return {
        "title": "Most memorized images",
        "columns": ("Label", "Memorization", "Probability"),
        "rows": _rows(content, gallery.top(pooled.value, SHOWN), cells),
        "absent": "No image has a score.",
    }


def _suspected(content: Content, audited: AuditedExamples) -> Json:
    order = audited.order[audited.kind[audited.order] == auditing.MISLABELED]

    def cells(i: int) -> tuple[str, ...]:
        interval = _interval(audited.out_prob, audited.out_prob_lower, audited.out_prob_upper, i)
        return _given(content, i), _name(content, audited.rival[i]), interval

    return {
        "title": f"Likely wrong labels ({len(order):,})" if len(order) else "Likely wrong labels",
        "columns": ("Label", "Suggested", "Probability"),
        "rows": _rows(content, order[:SHOWN], cells),
        "absent": "No label is outvoted by the models that did not train on the image.",
    }


def _rows(
    content: Content, examples: IntArray, cells: Callable[[int], Iterable[str]]
) -> list[Json]:
    """Returns a row per example: its picture, its id, and the cells that a function returns."""
    return [
        {
            "id": printable(str(content.ids[i])),
            "picture": _picture(content, i),
            "cells": [printable(cell) for cell in cells(i)],
        }
        for i in examples.tolist()
    ]


def _picture(content: Content, example: int) -> str:
    """Returns the picture of a train example as a data URL."""
    return sprites.picture(content.thumbnails[example])


def _interval(value: FloatArray, lower: FloatArray, upper: FloatArray, example: int) -> str:
    numbers = [float(array[example]) for array in (value, lower, upper)]
    if not np.isfinite(numbers).all():
        return formatting.cell(numbers[0])
    return "{} ({} to {})".format(*map(formatting.number, numbers))


def _given(content: Content, example: int) -> str:
    return _name(content, content.given_labels[example])


def _name(content: Content, label: int) -> str:
    return str(content.class_names[int(label)])
