"""What a report shows: one frozen dataclass of arrays and numbers, filled from a study."""

import dataclasses

import numpy as np

from memkit.errors import expected


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Content:
    """Everything a report shows. N examples; A sizes on the axis.

    Attributes:
      title: name of the study.
      summary: headline numbers, the layout of `summary.json`; every number may be None.
      config: resolved config, nested dicts.
      provenance: {label: text}: versions, device, engine, when, how long, workdir; the entry
        "command" is shown as the way to reproduce the study.
      ids: text [N].
      labels: int [N], true labels.
      given_labels: int [N], the labels trained on; they differ where a label was planted.
      class_names: text per label.
      thumbnails: uint8 [N, h, w, 1 or 3].
      test_ids: text [T].
      test_labels: int [T].
      test_thumbnails: uint8 [T, h, w, 1 or 3].
      curves: {point: float [runs, epochs, 3]} of loss, accuracy, rate; points without runs may be
        absent.
      scores: {point: {"correct": Estimate, "prob": Estimate}}, see `memkit.estimators`; points
        without runs may be absent; memorization in [-1, 1], higher = more memorized.
      out_predicted: {point: int [N]} most frequent prediction of the runs that trained on neither
        the example nor an exact copy; -1 where there is none; points without runs may be absent.
      trajectories: {series: {"points", "values", "value" [N, A], "in_mean", "out_mean", "p" [N],
        "classes": {alpha: int8 [N]}}}; empty without an axis.
      arrays: {analysis: {key: array}} of the whole study; {} for one that wrote none.
      point_arrays: {analysis: {point: {key: array}}}; only points that have some.

    Raises:
      InputError: arrays of different lengths, a label without a class name, a point that has runs
        but no scores.
    """

    title: str
    summary: dict
    config: dict
    provenance: dict
    ids: np.ndarray
    labels: np.ndarray
    given_labels: np.ndarray
    class_names: tuple
    thumbnails: np.ndarray
    test_ids: np.ndarray
    test_labels: np.ndarray
    test_thumbnails: np.ndarray
    curves: dict
    scores: dict
    out_predicted: dict
    trajectories: dict
    arrays: dict
    point_arrays: dict

    def __post_init__(self):
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
        for point in self.summary["points"]:
            self._check_scores(point)

    def _check_scores(self, point):
        name, count = point["name"], len(self.ids)
        for field in ("scores", "out_predicted"):
            if point["num_runs"] and name not in getattr(self, field):
                raise expected(
                    field,
                    f"an entry for point {name}, which has runs",
                    sorted(getattr(self, field)),
                )
        if name in self.scores and len(self.scores[name]["correct"].value) != count:
            raise expected(
                f"scores of point {name}",
                f"{count} values, one per id",
                len(self.scores[name]["correct"].value),
            )


def planted(content):
    """Returns bool [N], True where the label trained on is not the true one."""
    return np.asarray(content.labels) != np.asarray(content.given_labels)


def series(content):
    """Returns {series: its points of the summary, in order}."""
    groups = {}
    for point in content.summary["points"]:
        groups.setdefault(point["series"], []).append(point)
    return groups


def size_title(content):
    """Returns what the axis of sizes holds, such as "Width (model.width)"."""
    axis = content.summary["axis"]
    if axis is None:
        return "Point"
    return f"{noun(content).capitalize()} ({axis['field']})"


def noun(content):
    """Returns the axis in one word, such as "width"."""
    axis = content.summary["axis"]
    return "point" if axis is None else axis["field"].rsplit(".", 1)[-1].replace("_", " ")


def size_text(content, point):
    """Returns a point as its reader knows it, such as "width 4", or its name."""
    value = point["axis_value"]
    if value is None or content.summary["axis"] is None:
        return point["name"]
    return f"{noun(content)} {value:g}" if isinstance(value, float) else f"{noun(content)} {value}"


def several_series(content):
    """Returns True where points belong to more than one series."""
    return len(series(content)) > 1
