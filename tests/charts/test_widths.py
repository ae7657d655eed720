"""Files of charts have the size in print that was asked for. Sizes are read from the files."""

import io
import math
import re

import pytest
import vl_convert
from PIL import Image

from memkit import charts
from memkit.analysis.trajectories import chart as trajectories_chart
from memkit.charts import widths
from tests.charts.test_every_chart import CHARTS, STUDIES, TITLE

FAST = [
    "accuracy.chart.chart",
    "charts.comparison.joint_chart",
    "proxies.chart.means_chart",
    "trajectories.examples_chart.chart",
]
every_width = pytest.mark.parametrize("name", widths.WIDTHS)


def _check(spec, width):
    """Checks the sizes of all files of a chart; returns its parts."""
    parts = charts.fitted(spec, width)
    for part in parts:
        files = charts.images(part, ("svg", "png", "pdf"), width)
        svg = files["svg"].decode()
        size = r'<svg[^>]* width="([\d.]+)mm" height="([\d.]+)mm"[^>]*viewBox="0 0 ([\d.]+) '
        wide, high, units = map(float, re.search(size, svg).groups())
        assert wide == width.millimeters and 0 < high <= widths.TALLEST
        smallest = min(map(float, re.findall(r'font-size="([\d.]+)px"', svg)))
        assert smallest / units * wide * 72 / 25.4 >= 6
        picture = Image.open(io.BytesIO(files["png"]))
        assert picture.info["dpi"] == pytest.approx((width.dpi, width.dpi), abs=0.02)
        assert picture.width == pytest.approx(wide / 25.4 * width.dpi, abs=1)
        assert picture.height == pytest.approx(high / 25.4 * width.dpi, abs=2)
        (box,) = re.findall(rb"/MediaBox ?\[([^\]]*)\]", files["pdf"])
        in_points = [float(number) for number in box.split()]
        assert in_points[2] / 72 * 25.4 == pytest.approx(wide, abs=0.1)
        assert in_points[3] / 72 * 25.4 == pytest.approx(high, abs=0.1)
    return parts


@every_width
@pytest.mark.parametrize("chart", FAST)
def test_files_are_as_wide_as_asked_with_readable_text_and_no_taller_than_a_page(
    make_points, chart, name
):
    _check(CHARTS[chart](make_points()).to_dict(), widths.WIDTHS[name])


@pytest.mark.slow
@every_width
@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("chart", CHARTS)
def test_every_chart_has_files_of_every_width(make_points, chart, study, name):
    _check(CHARTS[chart](make_points(**STUDIES[study])).to_dict(), widths.WIDTHS[name])


def test_a_chart_taller_than_a_page_is_split_between_its_panels():
    sizes, classes = [1, 2, 4, 8], [f"class {k}" for k in range(24)]
    rows = [
        {"name": str(size), "series": "one", "size": size, "quantity": "constant", "panel": name,
         "value": 0.5, "lower": 0.4, "upper": 0.6, "count": 9}
        for name in classes
        for size in sizes
    ]  # fmt: skip
    spec = trajectories_chart.mean_chart(rows, **TITLE).to_dict()
    parts = _check(spec, widths.WIDTHS["column"])
    assert len(parts) > 1
    titles = [re.findall(r"class \d+", vl_convert.vegalite_to_svg(part)) for part in parts]
    shown = [title for of_part in titles for title in dict.fromkeys(of_part)]
    assert shown == classes


def test_a_wide_chart_has_more_panels_side_by_side_and_text_of_its_width(make_points):
    spec = CHARTS["convergence.chart.chart"](make_points()).to_dict()
    heights = {}
    for name, width in widths.WIDTHS.items():
        (part,) = charts.fitted(spec, width)
        svg = charts.images(part, ["svg"], width)["svg"].decode()
        heights[name] = float(re.search(r'height="([\d.]+)mm"', svg)[1])
    assert heights["page"] < heights["column"]


def test_a_chart_without_a_width_keeps_its_units_and_has_the_size_of_a_column(make_points):
    spec = CHARTS["accuracy.chart.chart"](make_points()).to_dict()
    files = charts.images(spec, ("svg", "png"))
    units = float(re.search(r'<svg[^>]* width="([\d.]+)"', files["svg"].decode())[1])
    picture = Image.open(io.BytesIO(files["png"]))
    assert picture.width == math.ceil(3 * units) or picture.width == round(3 * units)
    assert picture.width / picture.info["dpi"][0] * 25.4 <= 84.5
