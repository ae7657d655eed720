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


CAPTIONS = {
    "training_curves": "Training loss, training accuracy and learning rate per epoch: "
    "mean over runs, band from the 10% to the 90% quantile of the runs.",
    "accuracy": "Accuracy against model size, with 95% bands over runs.",
    "mean_memorization": "Mean memorization is the gap between the in-sample and the "
    "out-of-sample mean. 95% bands over runs.",
    "memorization_histograms": "Distribution of memorization per model size. Shares are of each "
    "group by itself, on a square-root scale that keeps small groups visible.",
    "trajectory_classes": "Share of examples per class of trajectory and threshold α. "
    "Lines: 95% intervals over runs. Ticks: the share expected if size had no effect.",
    "mean_trajectories": "Mean memorization per class of trajectory; the number of examples is "
    "in brackets. Bands hold the middle 80% of the examples.",
    "planted_detection": "How well two scores find the planted labels. 95% bands over runs; "
    "the dashed line is chance.",
}


def figures(content):
    """Returns {name: Figure} of every chart of the report."""
    points, planted = content.summary["points"], contents.planted(content)
    values = {name: score["correct"].value for name, score in content.scores.items()}
    shares, errors, by_chance = (
        content.summary[f"trajectory_classes{suffix}"] for suffix in ("", "_margin", "_null")
    )
    by_size = {"size_title": contents.size_title(content)}
    drawn = {
        "training_curves": (curves.table(points, content.curves), curves.chart, by_size),
        "accuracy": (accuracy.table(points), accuracy.chart, by_size),
        "mean_memorization": (means.table(points), means.chart, by_size),
        "memorization_histograms": (
            histograms.table(points, values, planted=planted),
            histograms.chart,
            by_size,
        ),
        "trajectory_classes": (
            trajectories.table(shares, errors, by_chance),
            trajectories.chart,
            {},
        ),
        "mean_trajectories": (_mean_trajectories(content), trajectories.mean_chart, by_size),
        "planted_detection": (detection.table(points), detection.chart, by_size),
    }
    return {name: _figure(name, *parts) for name, parts in drawn.items()}


def _figure(name, rows, chart, options):
    drawn = [r for r in rows if any(np.isfinite(r[k]) for k in ("value", "share") if k in r)]
    if not drawn:
        return Figure(
            name=name,
            chart=None,
            caption="There is no chart here: the study has no numbers for it.",
        )
    return Figure(name=name, caption=CAPTIONS[name], chart=chart(drawn, **options))


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
