import io

import numpy as np
import pytest
import vl_convert
from PIL import Image

from memkit import charts
from memkit.analysis.convergence import chart as convergence_chart
from memkit.analysis.distillation import chart as distillation_chart
from memkit.analysis.size_changes import chart as size_changes_chart
from memkit.charts import lines, styles, theme
from memkit.estimators import WithError
from memkit.seeds import stream
from tests.charts.results import ACCURACY, MEANS, class_change, convergence, each, size_changes
from tests.numbers import UNDEFINED, number

TITLE = "Width (model.width)"
CLASSES = ("constant", "increasing", "decreasing", "cap_shaped", "undefined")


PEARSON = {4: number(0.75, 0.1), 8: UNDEFINED, 20: WithError(0.95, np.nan, np.nan)}


def _classes():
    changes = {
        name: class_change(
            change=number(-0.1 * rank, 0.02),
            disjoint=UNDEFINED if name == "undefined" else number(-0.05 * rank, 0.03),
            count=5 - rank,
        )
        for rank, name in enumerate(CLASSES)
    }
    return {0.2: changes, 0.1: changes}


def _joint(points):
    counts = stream(0, "tests/joint").integers(0, 2, size=(len(points), 20, 20))
    sizes = [p.axis_value for p in points]
    return distillation_chart.joint_table(counts, np.linspace(0, 1, 21), sizes)


FAMILIES = {
    "ends": lambda p: size_changes_chart.chart(
        size_changes_chart.table(p, size_changes(p)), size_title=TITLE
    ),
    "means": lambda p: size_changes_chart.means_chart(
        size_changes_chart.means_table(p, size_changes(p)), size_title=TITLE
    ),
    "series": lambda p: distillation_chart.means_chart(
        distillation_chart.means_table(p, each(p, MEANS), each(p, ACCURACY)), size_title=TITLE
    ),
    "classes": lambda p: distillation_chart.class_chart(distillation_chart.class_table(_classes())),
    "joint": lambda p: distillation_chart.joint_chart(_joint(p), size_title=TITLE),
    "convergence": lambda p: convergence_chart.chart(
        convergence_chart.table(convergence(p, PEARSON), p)
    ),
}
STUDIES = {
    "usual": {},
    "one point": {"sizes": (4,)},
    "words": {"sizes": ("small", "large")},
    "three series": {"sizes": (8, 14), "series": ("one_hot", "distilled", "distilled_from_14")},
}


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_chart_is_valid_with_few_rows_and_a_description(make_points, family, study):
    spec = FAMILIES[family](make_points(**STUDIES[study])).to_dict()
    assert vl_convert.vegalite_to_vega(spec)["marks"]
    assert len(spec["description"]) > 40
    assert spec["config"]["background"] == "#ffffff"


def test_rendered_images_are_not_blank(make_points):
    files = charts.images(FAMILIES["joint"](make_points(sizes=(1, 2))).to_dict())
    picture = np.asarray(Image.open(io.BytesIO(files["png"])).convert("RGB"))
    assert picture.shape[1] > 700
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    assert b"NaN" not in files["svg"]


def test_tails_have_each_share_once_per_outcome(make_points):
    points = make_points((1, 2))
    rows = size_changes_chart.table(points, size_changes(points))
    assert len(rows) == 8
    above = [
        r for r in rows if r["quantity"] == "above 0.9" and r["outcome"] == "label probability"
    ]
    assert [r["value"] for r in above] == pytest.approx([0.1, 0.2])
    assert above[0]["upper"] == pytest.approx(0.1 + 0.01)


def test_a_restriction_without_examples_has_no_line(make_points):
    points = make_points((1, 2))
    rows = size_changes_chart.means_table(points, size_changes(points))
    assert {r["quantity"] for r in rows} == {"all examples"}


def test_class_rows_are_sorted_by_alpha_without_undefined_ones():
    rows = distillation_chart.class_table(_classes())
    assert list(dict.fromkeys(r["alpha"] for r in rows)) == ["alpha = 0.1", "alpha = 0.2"]
    assert len(rows) == 2 * (5 + 4)
    row = next(r for r in rows if r["class"] == "cap-shaped" and "same" in r["chosen"])
    assert (row["value"], row["lower"]) == pytest.approx((-0.3, -0.3 - 0.02))


def test_joint_cells_have_the_distilled_score_horizontally():
    counts = np.zeros((2, 20, 20), int)
    counts[0, 3, 17], counts[1, 0, 0] = 4, 1
    rows = distillation_chart.joint_table(counts, np.linspace(0, 1, 21), (1, 2))
    first = next(r for r in rows if r["size"] == "1")
    assert (first["x"], first["y"], first["count"], first["share"]) == pytest.approx(
        (0.15, 0.85, 4, 1)
    )
    pooled = [r for r in rows if r["size"] == distillation_chart.POOLED]
    assert sorted(r["share"] for r in pooled) == pytest.approx([0.2, 0.8])


def test_joint_histograms_of_many_sizes_stay_below_the_row_limit():
    rows = distillation_chart.joint_table(
        np.ones((30, 20, 20), int), np.linspace(0, 1, 21), range(30)
    )
    assert len(rows) <= theme.ROW_LIMIT
    assert {"0", "29", distillation_chart.POOLED} <= {r["size"] for r in rows}


def test_agreement_of_scores_that_do_not_vary_leaves_a_gap(make_points):
    points = make_points((1, 2))
    rows = convergence_chart.table(convergence(points, PEARSON), points, noun="width")
    assert {r["panel"] for r in rows} == {"width 1", "width 2"}
    assert [r["size"] for r in rows] == [4, 20] * 2 * 6
    assert (rows[0]["lower"], rows[0]["upper"]) == pytest.approx((0.65, 0.85))
    assert np.isnan([rows[1]["lower"], rows[1]["upper"]]).all()


def test_panels_of_many_points_are_thinned(make_points):
    points = make_points(tuple(range(1, 41)), ("one_hot", "distilled"))
    rows = convergence_chart.table(convergence(points, PEARSON), points, noun="width")
    panels = {tuple(r["panel"].split(", ")) for r in rows}
    assert len(panels) <= convergence_chart.MAX_PANELS
    one_hot, distilled = (
        {size for of, size in panels if of == series} for series in ("one_hot", "distilled")
    )
    assert one_hot == distilled and "width 40" in one_hot


def test_all_other_styles_differ():
    for part in zip(*styles.OTHER_STYLES, strict=True):
        assert len(set(map(str, part))) == len(part)


def test_a_reference_line_is_drawn_under_the_lines(make_points):
    points = make_points((1, 2))
    rows = size_changes_chart.table(points, size_changes(points))
    x = theme.size_channel([1, 2], title=TITLE)
    plain, ruled = (
        lines.chart(
            rows, x=x, title="t", names=("below 0.1", "above 0.9"), description="d", rule=rule
        ).to_dict()
        for rule in (None, 0.5)
    )
    assert len(ruled["layer"]) == len(plain["layer"]) + 1
    assert ruled["layer"][0]["encoding"]["y"]["datum"] == 0.5
