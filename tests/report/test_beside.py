import dataclasses
import html
import io
import json
import math
import re

import numpy as np
import pytest
from PIL import Image

from memkit import charts
from memkit.errors import InputError
from memkit.report import beside


@pytest.fixture(scope="module")
def two(make_content):
    """Two studies of the same digits: five and three widths, other schedules of config fields."""
    first, second = make_content(), make_content(sizes=(2, 4, 8), runs=20)
    config = {**second.config, "seed": 3, "optimizer": {"name": "sgd"}}
    return {"wide": first, "narrow": dataclasses.replace(second, config=config)}


@pytest.fixture(scope="module")
def files(two):
    return beside.render(two)


def _column(table, name):
    return [row[table.columns.index(name)] for row in table.rows]


def test_only_points_of_the_same_series_and_size_are_subtracted(two):
    table = beside.differences(two)
    assert _column(table, "Point") == ["width 2", "width 4", "width 8"]
    assert set(_column(table, "Studies")) == {"narrow - wide"}


def test_a_difference_has_the_error_of_two_independent_estimates(two):
    pair = [dict(two[label].summary["points"][k]) for label, k in (("wide", 1), ("narrow", 0))]
    pair[0] |= {"test_accuracy": 0.5, "test_accuracy_margin": 0.03}
    pair[1] |= {"test_accuracy": 0.75, "test_accuracy_margin": 0.04}
    changed = {
        label: dataclasses.replace(two[label], summary=two[label].summary | {"points": [point]})
        for label, point in zip(("wide", "narrow"), pair, strict=True)
    }
    assert _column(beside.differences(changed), "Test accuracy") == [
        f"0.25 ± {math.sqrt(0.03**2 + 0.04**2):.2f}"
    ]
    pair[0]["test_accuracy_margin"] = None
    assert _column(beside.differences(changed), "Test accuracy") == ["0.25"]
    pair[1]["test_accuracy"] = None
    assert _column(beside.differences(changed), "Test accuracy") == ["–"]


def test_another_axis_shares_no_point(two):
    axis = {"field": "model.depth", "values": [2, 4, 8]}
    other = dataclasses.replace(two["narrow"], summary=two["narrow"].summary | {"axis": axis})
    studies = {"wide": two["wide"], "deep": other}
    assert beside.differences(studies).rows == ()
    page = html.unescape(beside.render(studies)["index.html"].decode())
    assert "nothing to subtract" in page and "no point that two studies share" in page


def test_studies_without_an_axis_are_compared(make_content):
    studies = {name: make_content(sizes=(4,), runs=r) for name, r in (("a", 12), ("b", 24))}
    assert _column(beside.differences(studies), "Studies") == ["b - a"]
    assert "charts/beside_distribution.png" in beside.render(studies)


def test_three_studies_are_each_subtracted_from_the_first(two, make_content):
    table = beside.differences(two | {"third": make_content(sizes=(1, 8))})
    assert _column(table, "Studies") == ["narrow - wide"] * 3 + ["third - wide"] * 2


def test_every_point_of_every_study_is_in_the_headline(two):
    table = beside.headline(two)
    assert _column(table, "Study") == ["wide"] * 5 + ["narrow"] * 3
    first = two["wide"].summary["points"][0]
    assert table.rows[0][4] == f"{first['mean_memorization']:.2f} ± 0.01"


def test_only_config_fields_that_differ_are_listed(two):
    rows = {row[0]: row[1:] for row in beside.config(two).rows}
    assert rows == {
        "seed": ("0", "3"),
        "optimizer.name": ("–", "sgd"),
        "subsets.num_runs": ("12", "20"),
    }
    assert beside.config({"a": two["wide"], "b": two["wide"]}).rows == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ids": np.arange(80).astype(str)}, "different training examples"),
        ({"given_labels": np.zeros(80, int)}, "different labels"),
        ({"config": {"subsets": {"train_fraction": 0.5, "num_runs": 2}}}, "50.0%, 70.0%"),
        ({}, ""),
    ],
)
def test_what_stands_in_the_way_of_a_comparison_is_said(content, changes, words):
    studies = {"a": content, "b": dataclasses.replace(content, **changes)}
    assert words in " ".join(beside.cautions(studies))
    assert bool(words) == bool(beside.cautions(studies))


def test_pictures_and_specs_hold_both_studies(files):
    assert set(files) == {
        "index.html",
        *(f"charts/beside_{n}.{k}" for n in ("means", "distribution") for k in ("png", "svg")),
    }
    page = files["index.html"].decode()
    for name in ("beside_means", "beside_distribution"):
        Image.open(io.BytesIO(files[f"charts/{name}.png"])).verify()
        (spec,) = re.findall(rf'id="spec-{name}">(.*?)</script>', page)
        assert json.loads(spec)["description"]
        assert '"wide"' in spec and '"narrow"' in spec
        assert f'data-chart="{name}"' in page


def test_a_study_has_one_color_in_both_charts(files):
    page = files["index.html"].decode()
    found = []
    for name in ("beside_means", "beside_distribution"):
        (spec,) = re.findall(rf'id="spec-{name}">(.*?)</script>', page)
        domains = re.findall(r'"domain": \["wide", "narrow"\], "range": (\["#\w+", "#\w+"\])', spec)
        assert domains
        found.append(set(domains))
    assert found[0] == found[1] and len(found[0]) == 1


def test_the_page_loads_nothing_from_elsewhere(files):
    page = files["index.html"].decode()
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)=\"(?!#|data:)", own)
    assert "default-src 'none'" in own and "@import" not in own


def test_hostile_names_stay_text(make_content, monkeypatch):
    monkeypatch.setattr(charts, "images", lambda chart: {})
    hostile = "</script><b>x</b>{{7*7}}"
    studies = {hostile: make_content(sizes=(1, 2)), "b": make_content(sizes=(1, 2))}
    page = beside.render(studies)["index.html"].decode()
    assert "<b>" not in page and "{{7*7}}" in page


def test_labels_are_names_of_folders_or_paths(tmp_path):
    assert beside.labels(["gs://bucket/x/one/", "/data/two"]) == ["one", "two"]
    assert beside.labels(["/a/digits", "/b/digits"]) == ["/a/digits", "/b/digits"]
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="different studies"):
        beside.labels([str(tmp_path), str(tmp_path / "link")])
