"""Reports in a real browser: a smoke study, 50,000 examples, and small synthetic studies."""

import dataclasses
import pathlib
import time

import numpy as np
import pytest

from memkit import charts, studies
from memkit.analysis.audit import estimate as audit
from memkit.report import Content, gather, render
from tests.browser import worlds
from tests.simulated import build

_SERIOUS = ("error", "warning")
_OWN = "Canvas2D: Multiple readback operations"  # a warning about tests that look at pixels
DRAWN = """() => document.querySelector("#cards li") && !document.querySelector(".picture.waiting")
  && [...document.querySelectorAll("[data-chart]")].every((place) =>
    place.closest("details:not([open])") || place.querySelector("svg"))"""

# Where the scatter is orange, as shares of it: the dots of planted labels, without the legend's.
ORANGE = """(c) => {
  const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
  const found = [];
  for (let k = 0; k < data.length; k += 4) {
    const place = [(k / 4) % c.width / c.width, Math.floor(k / 4 / c.width) / c.height];
    const near = [213, 94, 0].every((value, part) => Math.abs(data[k + part] - value) < 40);
    if (near && place[1] > 0.1) found.push(place);
  }
  return found;
}"""


@dataclasses.dataclass(frozen=True, eq=False)
class Report:
    """A report as a file, and the Content from which it was made."""

    path: pathlib.Path
    content: Content

    def scores(self, place):
        """Returns {"correct", "prob"} of the first series' point at a place of its axis."""
        return self.content.scores[self.content.summary.points[place].name]

    @property
    def last(self):
        """Returns the place of the last point of the first series."""
        points = self.content.summary.points
        return sum(point.series == points[0].series for point in points) - 1


@pytest.fixture
def visit(browser):
    """Returns a function that opens a report and waits until everything is drawn.

    `hash` follows the address, `before` is a script that runs before those of the page, and a page
    `beside` another one shares its storage.

    After the test it fails where the page wrote an error or a warning, or asked for anything but
    itself.
    """
    pages, problems, requests = [], [], []

    def noted(message):
        if message.type in _SERIOUS and not message.text.startswith(_OWN):
            problems.append(message.text)

    def opened(report, *, width=1200, height=900, scheme="light", hash="", before="", beside=None):
        viewport = {"width": width, "height": height}
        new = not beside and browser.new_context(viewport=viewport, color_scheme=scheme)
        page = (new or beside.context).new_page()
        pages.append(page)
        page.add_init_script(before)
        page.set_default_timeout(0)
        page.on("console", noted)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        start = time.monotonic()
        page.goto(report.path.as_uri() + hash)
        page.wait_for_selector("#cards li")
        listed = time.monotonic() - start
        page.wait_for_function(DRAWN)
        size = report.path.stat().st_size / 1e6
        print(f"{report.path}: {size:.1f} MB, list {listed:.2f} s, ", end="")
        print(f"all charts {time.monotonic() - start:.2f} s")
        return page

    yield opened
    for context in {page.context for page in pages}:
        context.close()
    assert problems == []
    assert all(url.startswith(("data:", "blob:")) for url in requests if "file:" not in url)
    assert len([url for url in requests if "file:" in url]) == len(pages)


_images = charts.images


def _svg(spec):
    """Returns a chart as SVG alone: the page reserves the heights that these files have."""
    return _images(spec, ("svg",))


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Returns a function that writes the page of a Content, without its charts as files."""

    def write(content):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(charts, "images", _svg)
            page = render(content)["index.html"]
        path = tmp_path_factory.mktemp("report") / "index.html"
        path.write_bytes(page)
        return Report(path=path, content=content)

    return write


@pytest.fixture(scope="session")
def small(written):
    """Returns the report of 80 examples at five sizes."""
    content = worlds.with_similar(build(also=(audit,)))
    return written(worlds.with_influence(content, per_example=3))


@pytest.fixture(scope="session")
def audited(written):
    """Returns the report of 80 examples at two sizes, of which some look mislabeled."""
    return written(build(sizes=(1, 4), also=(audit,)))


@pytest.fixture(scope="session")
def two_series(written):
    """Returns the report of 80 examples in two series of two sizes."""
    content = build(sizes=(1, 16), series=("one_hot", "distilled"))
    return written(worlds.with_influence(content, per_example=2))


@pytest.fixture(scope="session")
def large(written):
    """Returns the report of 50,000 examples at five sizes."""
    return written(worlds.large(50_000))


@pytest.fixture(scope="session")
def smoke(smoke_study):
    """Returns the report that `memkit run` wrote of a smoke study."""
    path = smoke_study / "report" / "index.html"
    return Report(path=path, content=gather.content(studies.load(smoke_study)))


@pytest.fixture(
    params=[
        "small",
        pytest.param("large", marks=pytest.mark.slow),
    ]
)
def report(request, browser):
    """Returns each of the reports in turn."""
    return request.getfixturevalue(request.param)


def thousandths(values):
    """Returns numbers as the page has them: rounded, NaN last in any order."""
    return np.round(np.asarray(values, float) * 1000) / 1000


def best(values, member, count=24):
    """Returns the first examples of a list sorted by values, highest first, ties by index."""
    values = thousandths(values)
    order = np.lexsort((np.arange(len(values)), -np.nan_to_num(values, nan=-9)))
    return order[member[order]][:count]
