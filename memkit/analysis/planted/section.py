"""The section of planted labels: do the scores find labels that were flipped on purpose?"""

from memkit.analysis.planted import chart
from memkit.report import content as contents
from memkit.report.blocks import Section, absent, figure
from memkit.report.content import Content
from memkit.report.point_tables import NOTE, estimate, per_point

INTRO = "A planted label was flipped on purpose before training, to check that the scores find it."
EMPTY = "This study planted no labels, so nothing here checks the scores against a known answer."
CAPTION = (
    "How well two scores find the planted labels. 95% bands over runs; the dashed line is chance."
)


def section(content: Content) -> Section:
    """Returns the section of planted labels."""
    points = [p for p in content.summary["points"] if p["planted"] is not None]
    if not points:
        figures = (absent("planted_detection"),)
        return Section(anchor="planted", title="Planted labels", blocks=figures, empty=EMPTY)
    cells = {
        "Memorization, planted": estimate("mean_memorization", "planted"),
        "Memorization, clean": estimate("mean_memorization", "clean"),
        "AUROC by memorization": estimate("auroc", "planted"),
        "AUROC by 1 - out-of-sample probability": estimate("auroc_out_prob", "planted"),
    }
    table = f"Planted labels: memorization and detection (0.5 = chance, 1 = perfect). {NOTE}"
    rows, title = chart.table(content.summary["points"]), contents.size_title(content)
    return Section(
        anchor="planted",
        title="Planted labels",
        intro=INTRO,
        blocks=(
            figure("planted_detection", CAPTION, rows, chart.chart, size_title=title),
            per_point(content, table, cells, points),
        ),
    )
