"""The section of accuracy and mean memorization by size."""

from memkit.analysis.accuracy import chart
from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.distribution import means_chart
from memkit.analysis.distribution.result import Distribution
from memkit.analysis.planted.result import Planted
from memkit.report import content as contents
from memkit.report import findings, formatting
from memkit.report.blocks import Section, Table, figure
from memkit.report.content import Content
from memkit.report.point_tables import GROUPS, NOTE, estimate, means_by_group, per_point

ACCURACY = "Accuracy by model size. The bands are 95% intervals over runs."
MEANS = (
    "Mean memorization is the difference between the in-sample and the out-of-sample mean. The "
    "bands are 95% intervals over runs."
)


def section(content: Content) -> Section:
    """Returns the section of accuracy and mean memorization."""
    points, by_size = content.summary.points, {"size_title": contents.size_title(content)}
    accuracy = content.results[Accuracy].points
    groups = {GROUPS[name]: means for name, means in means_by_group(content).items()}
    by_accuracy = (
        figure("accuracy", ACCURACY, chart.table(points, accuracy), chart.chart, **by_size),
        _accuracy(content),
    )
    # One point needs no chart.
    shown, folded = by_accuracy if content.summary.axis is not None else by_accuracy[::-1]
    rows = means_chart.table(points, groups)
    return Section(
        anchor="sizes",
        title="Accuracy",
        finding=_finding(content),
        blocks=(shown,),
        details=(
            folded,
            figure("mean_memorization", MEANS, rows, means_chart.chart, **by_size),
            _memorization(content),
        ),
    )


def _finding(content: Content) -> str:
    accuracy, done = content.results[Accuracy].points, findings.finished(content)
    if not done:
        return ""
    if not formatting.defined(accuracy[done[-1].name].test.value):
        inside = findings.along(content, lambda name: accuracy[name].train_out)
        return f"Accuracy on images that a run did not train on {inside}"
    return f"Test accuracy {findings.along(content, lambda name: accuracy[name].test)}"


def _accuracy(content: Content) -> Table:
    points = content.results[Accuracy].points
    cells = {
        "Train, in-sample": estimate(points, lambda p: p.train_in),
        "Train, out-of-sample": estimate(points, lambda p: p.train_out),
        "Test": estimate(points, lambda p: p.test),
    }
    return per_point(content, f"Accuracy (0 to 1, higher = better). {NOTE}", cells)


def _memorization(content: Content) -> Table:
    points, planted = content.results[Distribution].points, content.results[Planted].points
    cells = {
        "Mean": estimate(points, lambda p: p.all_examples.memorization),
        "Mean, label probability": estimate(points, lambda p: p.memorization_prob),
        "In-sample mean": estimate(points, lambda p: p.all_examples.in_mean),
        "Out-of-sample mean": estimate(points, lambda p: p.all_examples.out_mean),
    }
    if planted:
        cells |= {
            "Clean labels": estimate(points, lambda p: p.clean.memorization),
            "Planted labels": estimate(planted, lambda p: p.means.memorization),
        }
    caption = f"Mean memorization (-1 to 1, higher = more memorized). {NOTE}"
    return per_point(content, caption, cells)
