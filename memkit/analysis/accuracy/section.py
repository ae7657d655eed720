"""The section of accuracy and mean memorization by size."""

from memkit.analysis.accuracy import chart
from memkit.analysis.distribution import means_chart
from memkit.report import content as contents
from memkit.report.blocks import Section, Table, figure
from memkit.report.content import Content
from memkit.report.point_tables import NOTE, estimate, per_point

ACCURACY = "Accuracy against model size, with 95% bands over runs."
MEANS = (
    "Mean memorization is the gap between the in-sample and the out-of-sample mean. 95% bands over "
    "runs."
)


def section(content: Content) -> Section:
    """Returns the section of accuracy and mean memorization."""
    points, by_size = content.summary["points"], {"size_title": contents.size_title(content)}
    return Section(
        anchor="sizes",
        title="Accuracy and mean memorization by size",
        blocks=(
            figure("accuracy", ACCURACY, chart.table(points), chart.chart, **by_size),
            _accuracy(content),
            figure(
                "mean_memorization",
                MEANS,
                means_chart.table(points),
                means_chart.chart,
                **by_size,
            ),
            _memorization(content),
        ),
    )


def _accuracy(content: Content) -> Table:
    cells = {
        "Train, in-sample": estimate("train_in_accuracy"),
        "Train, out-of-sample": estimate("train_out_accuracy"),
        "Test": estimate("test_accuracy"),
    }
    return per_point(content, f"Accuracy (0 to 1, higher = better). {NOTE}", cells)


def _memorization(content: Content) -> Table:
    cells = {
        "Mean": estimate("mean_memorization"),
        "Mean, label probability": estimate("mean_memorization_prob"),
        "In-sample mean": estimate("mean_in"),
        "Out-of-sample mean": estimate("mean_out"),
    }
    if any(point["planted"] is not None for point in content.summary["points"]):
        cells |= {
            "Clean labels": estimate("mean_memorization", "clean"),
            "Planted labels": estimate("mean_memorization", "planted"),
        }
    caption = f"Mean memorization (-1 to 1, higher = more memorized). {NOTE}"
    return per_point(content, caption, cells)
