"""The content of a report: a frozen dataclass of arrays and numbers, filled from a study."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from memkit.analysis import PointSummary, Results, Summary
from memkit.charts import lines
from memkit.errors import expected
from memkit.estimators import Estimate
from memkit.report.sprites import Pictures
from memkit.typing import BoolArray, Config, IntArray, TextArray


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Content:
    """Everything a report shows. N examples; A sizes on the axis.

    Attributes:
      title: name of the study.
      summary: Summary of the study; `results` are those of its questions.
      config: resolved config.
      provenance: {label: text}: versions, device, engine, dates, durations, workdir; "command" is
        the command that reproduces the study, and "study fingerprint" tells it from all others.
      ids: text [N].
      labels: int [N], true labels.
      given_labels: int [N], the labels trained on; they differ where a label was planted.
      class_names: text per label.
      thumbnails: uint8 [N, h, w, 1 or 3]; large studies read them from files.
      test_ids: text [T].
      test_labels: int [T].
      test_thumbnails: uint8 [T, h, w, 1 or 3].
      scores: {point: {"correct": Estimate, "prob": Estimate}}, see `memkit.estimators`; points
        without runs may be absent; memorization in [-1, 1], higher = more memorized.

    Raises:
      InputError: arrays of different lengths, a label without a class name, a point that has runs
        but no scores.
    """

    title: str
    summary: Summary
    config: Config
    provenance: Mapping[str, str]
    ids: TextArray
    labels: IntArray
    given_labels: IntArray
    class_names: tuple[str, ...]
    thumbnails: Pictures
    test_ids: TextArray
    test_labels: IntArray
    test_thumbnails: Pictures
    scores: Mapping[str, Mapping[str, Estimate]]

    def __post_init__(self) -> None:
        count, classes = len(self.ids), len(self.class_names)
        for name in ("labels", "given_labels", "thumbnails"):
            if len(getattr(self, name)) != count:
                raise expected(name, f"{count} entries, one per id", len(getattr(self, name)))
        for name in ("labels", "given_labels"):
            values = getattr(self, name)
            if count and not 0 <= np.min(values) <= np.max(values) < classes:
                raise expected(
                    name,
                    f"values from 0 to {classes - 1}, one per class name",
                    f"{np.min(values)} to {np.max(values)}",
                )
        for point in self.summary.points:
            self._check_scores(point)

    @property
    def results(self) -> Results:
        """The results of the questions, by their types."""
        return self.summary.results

    def _check_scores(self, point: PointSummary) -> None:
        name, count = point.name, len(self.ids)
        if point.num_runs and name not in self.scores:
            expectation = f"an entry for point {name}, which has runs"
            raise expected("scores", expectation, sorted(self.scores))
        if name in self.scores and len(self.scores[name]["correct"].value) != count:
            raise expected(
                f"scores of point {name}",
                f"{count} values, one per id",
                len(self.scores[name]["correct"].value),
            )


def planted(content: Content) -> BoolArray:
    """Returns [N] bool, True if the label trained on is not the true one."""
    return np.asarray(content.labels) != np.asarray(content.given_labels)


def were_planted(content: Content) -> str:
    """Returns how planted labels came about, such as "were flipped on purpose"."""
    if content.config["labels"]["file"]:
        return "differ from those of the data set (labels.file)"
    return "were flipped on purpose"


def series(content: Content) -> dict[str, list[PointSummary]]:
    """Returns {series: its points of the summary, in order}."""
    groups: dict[str, list[PointSummary]] = {}
    for point in content.summary.points:
        groups.setdefault(point.series, []).append(point)
    return groups


def size_title(content: Content) -> str:
    """Returns the title of the axis of sizes, such as "Width (model.width)"."""
    axis = content.summary.axis
    if axis is None:
        return "Point"
    return f"{noun(content).capitalize()} ({axis.field})"


def noun(content: Content) -> str:
    """Returns the name of the axis in words, such as "width"."""
    axis = content.summary.axis
    return "point" if axis is None else axis.field.rsplit(".", 1)[-1].replace("_", " ")


def size_text(content: Content, point: lines.OnAxis) -> str:
    """Returns a point in words, such as "width 4", or its name in a study without an axis."""
    value = point.axis_value
    if value is None or content.summary.axis is None:
        return point.name
    return f"{noun(content)} {value:g}" if isinstance(value, float) else f"{noun(content)} {value}"


def place_text(content: Content, point: PointSummary) -> str:
    """Returns a point in words, with its series if there are several, as in "width 4, one hot"."""
    size = size_text(content, point)
    return f"{size}, {series_words(point.series)}" if several_series(content) else size


def series_words(name: str) -> str:
    """Returns a series in words, such as "one hot"."""
    return name.replace("_", " ")


def several_series(content: Content) -> bool:
    """Returns True if the points belong to more than one series."""
    return len(series(content)) > 1


def series_prefix(content: Content, name: str) -> str:
    """Returns what starts the caption of one series, "" if the study has no other series."""
    return f"Series {name}. " if several_series(content) else ""


def point(content: Content, name: str) -> PointSummary:
    """Returns the summary's entry of a point."""
    return next(point for point in content.summary.points if point.name == name)
