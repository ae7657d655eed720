import dataclasses
import html.parser
import io
import itertools
import json
import re

import numpy as np
import pytest
from PIL import Image

from memkit import analysis, charts
from memkit.analysis import Results
from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.training_curves.result import TrainingCurves
from memkit.errors import InputError
from memkit.report import Content, formatting, render
from tests import simulated

SECTIONS = (
    "headline",
    "sizes",
    "distribution",
    "trajectories",
    "planted",
    "training",
    "explore",
    "study",
    "reliability",
    "reproduce",
)
VOID = {"meta", "link", "img", "br", "line", "polyline", "circle", "input"}


class Page(html.parser.HTMLParser):
    """Collects tags, attributes, texts and scripts, and checks that tags nest."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.text, self.scripts, self.styles, self.open = [], [], [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        {"script": self.scripts, "style": self.styles}.get(
            self.open[-1] if self.open else "", self.text
        ).append(data)

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def specs(self):
        """Returns what the charts draw, and apart from it what the explorer reads, or None."""
        result = [json.loads(s) for s in self.scripts if s.lstrip().startswith("{")]
        explorer = [item for item in result if "quantities" in item]
        return [item for item in result if "quantities" not in item], next(iter(explorer), None)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def files(content):
    return render(content)


@pytest.fixture(scope="module")
def page(files):
    return Page(files["index.html"].decode())


@pytest.fixture
def quick(monkeypatch):
    """Renders the page alone, without the pictures that take most of the time."""
    monkeypatch.setattr(charts, "images", lambda chart: {})
    return lambda content: Page(render(content)["index.html"].decode())


def test_every_chart_is_a_png_and_an_svg(files):
    names = {name.split("/")[1].split(".")[0] for name in files if name.startswith("charts/")}
    assert names == {
        "training_curves",
        "accuracy",
        "mean_memorization",
        "memorization_histograms",
        "noisy_histograms",
        "trajectory_classes",
        "example_trajectories",
        "mean_trajectories",
        "planted_detection",
    }
    for name in names:
        Image.open(io.BytesIO(files[f"charts/{name}.png"])).verify()
        assert files[f"charts/{name}.svg"].lstrip().startswith(b"<svg")


def test_page_loads_nothing_from_the_network(page):
    for tag, attrs in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            if name in attrs:
                assert attrs[name].startswith(("#", "data:")), (tag, attrs)
        assert "url(" not in attrs.get("style", "")
    assert not re.search(r"@import|url\(|https?:", "".join(page.styles))
    policy = next(a["content"] for a in page.named("meta") if "http-equiv" in a)
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_own_script_and_specs_name_no_address(page):
    own_scripts = [s for s in page.scripts if "data-chart" in s]
    specs, explorer = page.specs
    assert len(own_scripts) == 1
    assert len(specs) == 10
    specs.append(explorer["trajectory"])
    for spec in specs:
        assert re.sub(r"^https://vega.github.io/schema/.*", "", spec.pop("$schema")) == ""
    assert "http" not in json.dumps([specs, explorer])
    # The one address is the name of a kind of element.
    script = own_scripts[0].replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|fetch\(|import\(|XMLHttpRequest", script)


def test_sections_with_numbers_are_present_and_every_link_has_a_target(page):
    sections = [a["id"] for a in page.named("section")]
    assert tuple(sections) == SECTIONS
    links = [a["href"].removeprefix("#") for a in page.named("a")]
    assert set(links) <= {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    assert set(SECTIONS) <= set(links)


def test_what_a_study_lacks_is_listed_with_what_would_fill_it(page):
    assert "No section “Distillation” This study has no distilled series" in page.words


def test_the_first_screen_has_numbers_with_intervals_pictures_and_what_models_say(page, content):
    first = page.words[: page.words.index("Test accuracy")]
    assert "100 runs (20 at each of 5 widths) of a ResNet, each trained on random 70%" in first
    assert "6 labels were flipped on purpose" in first
    numbers = [a for tag, a in page.tags if tag == "span" and a.get("class") == "big"]
    assert 3 <= len(numbers) <= 5
    shown = [int(a["data-line"]) for _, a in page.tags if "data-line" in a]
    assert len(shown) == 8
    value = content.scores[content.summary.points[-1].name]["pooled"].value
    flipped = content.labels != content.given_labels
    assert value[shown].min() >= np.sort(value[~flipped])[-8]
    assert not flipped[shown].any()


def test_heights_of_charts_are_reserved_as_the_files_have_them(page, files):
    places = [a for tag, a in page.tags if "data-chart" in a]
    assert len(places) == 10
    assert all(attrs["style"].startswith("--width: ") for attrs in places)
    for attrs in (place for place in places if place["data-chart"] != "overview"):
        svg = files[f"charts/{attrs['data-chart']}.svg"].decode()
        width, height = re.search(r' width="([^"]+)" height="([^"]+)"', svg).groups()
        assert attrs["style"] == f"--width: {width}; --height: {height}"


def test_headings_state_findings(page):
    assert "Test accuracy rises with width" in page.words
    assert "Sorting by memorization finds the planted labels at width 16" in page.words
    assert "of the images are hardly memorized" in page.words


def test_headings_do_not_skip_a_level(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_tables_have_captions_and_scopes(page):
    assert len(page.named("caption")) == len(page.named("table")) >= 8
    assert {a.get("scope") for a in page.named("th")} == {"col", "row"}


def test_images_have_texts_and_ids_are_unique(page):
    assert all(a["alt"] for a in page.named("img"))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(set(ids)) == len(ids)
    assert not page.open


def test_numbers_of_the_summary_are_on_the_page(page, content):
    first = content.results[Accuracy].points[content.summary.points[0].name]
    assert formatting.estimate(first.test) in page.words
    assert "memkit run --config=digits_width" in page.words
    assert "subsets.train_fraction" in page.words
    assert "CPU (2 cores)" in page.words
    assert "100 runs" in page.words


def test_hostile_names_stay_text(quick, make_content):
    hostile = "</script><mark>x</mark><script>alert(1)//'\"&{{7*7}}"
    base = make_content(count=40, sizes=(1, 2), series=(hostile,), class_names=(hostile,) * 10)
    content = dataclasses.replace(
        base,
        title=hostile,
        ids=np.array([f"{hostile}{i}" for i in range(40)]),
        provenance={hostile: hostile, "study fingerprint": hostile},
        config=base.config | {hostile: hostile},
    )
    page = quick(content)
    assert page.named("mark") == []
    assert hostile in page.words
    assert len(page.scripts) == 3 + len(page.specs[0])
    assert not any(s.startswith("alert") for s in page.scripts)
    assert hostile in json.dumps(page.specs).replace('\\"', '"')


def test_a_study_without_axis_and_planted_labels_is_explained(quick, make_content):
    page = quick(make_content(sizes=(4,), planted=0))
    assert "no axis of sizes, so there are no trajectories" in page.words
    assert "This study has no planted labels" in page.words
    assert "planted label</span>" not in page.words
    assert "20 runs of a ResNet, each trained on random 70%" in page.words
    assert "Point Runs Diverged Blocked Collapsed Outlying one_hot-width4 20 0 0 0 0" in page.words


def test_two_series_are_both_reported(quick, make_content):
    page = quick(make_content(sizes=(1, 16), series=("one_hot", "distilled")))
    assert "Accuracy (one_hot)" in page.words
    assert "Accuracy (distilled)" in page.words
    assert [item["name"] for item in page.specs[1]["series"]] == ["one_hot", "distilled"]


def test_missing_numbers_are_shown_as_words_instead_of_nan(quick, content):
    def emptied(part):
        if isinstance(part, float):
            return np.nan
        if isinstance(part, dict):
            return {key: emptied(value) for key, value in part.items()}
        if dataclasses.is_dataclass(part):
            return dataclasses.replace(part, **emptied(vars(part)))
        return part

    kinds = [question.result for question in analysis.QUESTIONS]
    results = Results({kind: emptied(content.results[kind]) for kind in kinds})
    page = quick(simulated.with_summary(content, results=results))
    assert "There is no chart here" in page.words
    assert "not available" in page.words
    assert not re.search(r"\bnan\b|\bNone\b", page.words, re.IGNORECASE)


def test_a_point_without_runs_is_named_and_left_out(quick, make_content):
    content = make_content(unfinished=1)
    assert "one_hot-width16" not in content.results[TrainingCurves].points
    scores = {k: v for k, v in content.scores.items() if k != "one_hot-width16"}
    for some in (content, dataclasses.replace(content, scores=scores)):
        page = quick(some)
        assert "No finished run yet: one_hot-width16." in page.words
        titles = [preset["title"] for preset in page.specs[1]["presets"]]
        assert "Most memorized at width 8" in titles
        assert "Most memorized at width 16" not in titles
        assert len(page.specs[1]["points"]) == 4


def test_a_study_without_any_run_still_has_a_page(quick, make_content):
    page = quick(make_content(unfinished=5))
    assert "No run of this study is finished" in page.words
    assert "No example has a score yet" in page.words
    assert page.specs[1] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(3, int)}, "labels: expected 80 entries"),
        ({"class_names": ("a", "b")}, "labels: expected values from 0 to 1"),
        ({"scores": {}}, "scores: expected an entry for point one_hot-width1"),
    ],
)
def test_inconsistent_content_raises_an_error(content, change, message):
    fields = {f.name: getattr(content, f.name) for f in dataclasses.fields(content)}
    with pytest.raises(InputError, match=message):
        Content(**(fields | change))
