"""The summary of a study: its points, how it was trained, and the result of every question."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from memkit import tables
from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.distribution.result import Distribution
from memkit.analysis.planted.result import Planted
from memkit.typing import Json

_R = TypeVar("_R")


class Results:
    """The results of questions, by their type: `results[Accuracy]` is an Accuracy.

    Args:
      results: {type: result of this type}.
    """

    def __init__(self, results: Mapping[type, Any]) -> None:
        self._results = dict(results)

    def __getitem__(self, kind: type[_R]) -> _R:
        """Returns the result of a type."""
        return cast(_R, self._results[kind])


@dataclasses.dataclass(frozen=True)
class Axis:
    """The field of the config along which the points of a series differ.

    Attributes:
      field: its path, such as "model.width".
      values: its values, in the order of the points.
    """

    field: str
    values: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class PointSummary:
    """A point of the study and its runs.

    Attributes:
      name: unique name, such as "one_hot_width16".
      series: its series, such as "one_hot".
      axis_value: its value on the axis; None in a study without an axis.
      num_runs: runs that estimates use, including collapsed ones.
      diverged: runs whose loss left the finite numbers; they are left out.
      blocked: runs whose teacher diverged; they are left out.
      collapsed: runs whose train accuracy is under twice chance, or with two classes under 75%;
        they are used.
    """

    name: str
    series: str
    axis_value: int | float | str | None
    num_runs: int
    diverged: int
    blocked: int
    collapsed: int


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """Images with identical pixels.

    Attributes:
      train_copies: train images that are copies of another train image.
      groups_with_different_labels: groups of copies that have several labels.
      test_in_train: test images that are also train images.
    """

    train_copies: int
    groups_with_different_labels: int
    test_in_train: int


@dataclasses.dataclass(frozen=True)
class Training:
    """What trained the runs.

    Attributes:
      seconds: training time, summed over the runs.
      engines: engines with their devices, such as "tensorflow on cpu".
      versions: packages with their versions, such as "keras 3.15.1".
      num_hosts: number of machines.
      left_out: {file relative to the workdir: why it is not a valid record}.
      mixed: {point: how its runs differ in engine, device or precision}; points whose runs do not
        differ are absent.
    """

    seconds: float
    engines: tuple[str, ...]
    versions: tuple[str, ...]
    num_hosts: int
    left_out: Mapping[str, str]
    mixed: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long the last command took.

    Attributes:
      wall_seconds: seconds from its start to the end of the estimates.
      runs_per_second: runs trained per second; None if it trained nothing.
    """

    wall_seconds: float | None = None
    runs_per_second: float | None = None


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Summary:
    """Everything that `memkit estimate` computes about a study as a whole.

    Attributes:
      layout: version of the layout of summary.json.
      axis: the Axis; None in a study of one point per series.
      points: the points, series by series along the axis.
      duplicates: exact copies among the images.
      training: what trained the runs.
      timing: of the last command.
      stop: where a stopping rule ended the training, see `sweeps.stopping.Stop`; None without one.
      results: the results of all questions, such as `results[Accuracy]`.
    """

    layout: int
    axis: Axis | None
    points: tuple[PointSummary, ...]
    duplicates: Duplicates
    training: Training
    timing: Timing
    stop: Json | None
    results: Results


def table(summary: Summary) -> str:
    """Returns the headline numbers of a study as text for a terminal, a row per point."""
    header = ["point", "runs", "train in", "train out", "test", "memorization", "clean", "planted"]
    accuracy, distribution = summary.results[Accuracy], summary.results[Distribution]
    planted = summary.results[Planted].points
    rows = []
    for point in summary.points:
        of_point, means = accuracy.points[point.name], distribution.points[point.name]
        labels = planted[point.name] if point.name in planted else None
        rows.append(
            [
                point.name,
                point.num_runs,
                *(n.value for n in (of_point.train_in, of_point.train_out, of_point.test)),
                means.all_examples.memorization.value,
                means.clean.memorization.value,
                labels.means.memorization.value if labels else None,
                labels.auroc.value if labels else None,
            ]
        )
    return tables.text([*header, "AUROC"], rows)
