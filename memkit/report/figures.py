"""The report's charts: which apply to a study, and the captions they carry."""

import dataclasses

import altair as alt
import numpy as np

from memkit.charts import accuracy, curves, detection, histograms, means, trajectories
from memkit.report import content as contents
from memkit.report import gallery, headline


@dataclasses.dataclass(frozen=True)
class Figure:
    """A chart with its file name and caption; `chart` is None where `caption` says why."""

    name: str
    caption: str
    chart: alt.TopLevelMixin | None


def figures(content):
    """Returns {name: Figure} of every chart of the report."""
    points, size_title = content.summary["points"], contents.size_title(content)
    planted = contents.planted(content)
    values = {name: score["correct"].value for name, score in content.scores.items()}
    shares = content.summary["trajectory_classes"]
    made = (
        _figure(
            "training_curves",
            "Training loss, training accuracy and learning rate per epoch: "
            "mean over runs, band from the 10% to the 90% quantile of the runs.",
            curves.table(points, content.curves),
            curves.chart,
            size_title=size_title,
        ),
        _figure(
            "accuracy",
            "Accuracy against model size, with 95% bands over runs.",
            accuracy.table(points),
            accuracy.chart,
            size_title=size_title,
        ),
        _figure(
            "mean_memorization",
            "Mean memorization is the gap between the in-sample and the "
            "out-of-sample mean. 95% bands over runs.",
            means.table(points),
            means.chart,
            size_title=size_title,
        ),
        _figure(
            "memorization_histograms",
            "Distribution of memorization per model size. Shares "
            "are of each group by itself, on a square-root scale that keeps small groups "
            "visible.",
            histograms.table(points, values, planted=planted),
            histograms.chart,
            size_title=size_title,
        ),
        _figure(
            "trajectory_classes",
            "Share of examples per class of trajectory and threshold "
            "α. Ticks: the share expected if size had no effect.",
            trajectories.table(shares, content.summary["trajectory_classes_null"]),
            trajectories.chart,
        ),
        _figure(
            "mean_trajectories",
            "Mean memorization per class of trajectory; the number of "
            "examples is in brackets. Bands hold the middle 80% of the examples.",
            _mean_trajectories(content),
            trajectories.mean_chart,
            size_title=size_title,
        ),
        _figure(
            "planted_detection",
            "How well two scores find the planted labels. 95% bands "
            "over runs; the dashed line is chance.",
            detection.table(points),
            detection.chart,
            size_title=size_title,
        ),
    )
    return {figure.name: figure for figure in made}


def _figure(name, caption, rows, chart, **options):
    drawn = [r for r in rows if any(np.isfinite(r[k]) for k in ("value", "share") if k in r)]
    if not drawn:
        return Figure(
            name=name,
            chart=None,
            caption="There is no chart here: the study has no numbers for it.",
        )
    return Figure(name=name, caption=caption, chart=chart(drawn, **options))


def _mean_trajectories(content):
    rows = []
    for series, part in content.trajectories.items():
        alpha = headline.middle(part["classes"]) if part["classes"] else None
        if alpha is not None:
            rows += trajectories.mean_table(
                part["value"],
                gallery.kinds(content, series),
                series=series,
                sizes=list(part["values"]),
            )
    return rows
