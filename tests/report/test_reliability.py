import dataclasses
import html
import importlib.metadata
import re

import numpy as np
import pytest
import yaml

from memkit.analysis.convergence.result import (
    Convergence,
    HalfWidths,
    PointConvergence,
    Quantiles,
)
from memkit.analysis.summary import Duplicates
from memkit.estimators import SplitHalf
from memkit.report.sections import reliability, reproduce
from tests import simulated
from tests.report import rendering


def _words(section):
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", rendering.html(section))).split())


def _cell(section, row, column):
    (table,) = section.tables
    return table.rows[row][table.columns.index(column)]


def test_half_widths_are_the_mean_of_the_defined_intervals(content):
    point = content.summary.points[2].name
    lower, upper = np.full(80, 0.1), np.full(80, 0.3)
    upper[:40], lower[79] = 0.7, np.nan
    score = dataclasses.replace(content.scores[point]["correct"], lower=lower, upper=upper)
    scores = content.scores | {point: content.scores[point] | {"correct": score}}
    section = reliability.section(dataclasses.replace(content, scores=scores))
    assert _cell(section, 2, "Half width") == f"{(40 * 0.3 + 39 * 0.1) / 79:.2f}"


def test_runs_that_are_left_out_or_missing_are_counted(content):
    counts = {"num_runs": 7, "diverged": 2, "blocked": 1, "collapsed": 4}
    section = reliability.section(simulated.with_point(content, 0, **counts))
    assert [_cell(section, 0, name) for name in ("Runs used", "Left out", "Collapsed")] == [
        "7",
        "3",
        "4",
    ]
    words = _words(section)
    assert "87 of 100 runs are used. 2 diverged" in words and "1 were blocked" in words
    assert "10 are not finished. 4 collapsed" in words


def test_each_point_shows_its_split_half_reliability_and_the_runs_for_the_target_width(content):
    names = [point.name for point in content.summary.points]
    widths = HalfWidths(Quantiles(0.9, 1.2), {0.1: Quantiles(1234.4, 2000.0)})
    convergence = Convergence(
        points={names[0]: PointConvergence(20, {}, {"correct": {"memorization": widths}})},
        split_half=dict.fromkeys(names, SplitHalf(0.8, 0.89, 80)),
    )
    section = reliability.section(simulated.with_results(content, convergence))
    assert _cell(section, 0, "Halves") == "0.80" and _cell(section, 0, "All runs") == "0.89"
    assert _cell(section, 0, "Runs for ±0.1") == "1,234"
    assert _cell(section, 1, "Runs for ±0.1") == "–"


@pytest.mark.parametrize(
    ("duplicates", "words"),
    [
        (Duplicates(0, 0, 0), "No two"),
        (
            Duplicates(train_copies=3, groups_with_different_labels=1, test_in_train=9),
            "9 test images",
        ),
    ],
)
def test_duplicates_are_described(content, duplicates, words):
    changed = simulated.with_summary(content, duplicates=duplicates)
    assert words in _words(reliability.section(changed))


def test_the_train_fraction_and_the_meaning_of_errors_are_described(content):
    words = _words(reliability.section(content))
    assert "trains on 70.0% of the examples" in words and "quantile of Student's t" in words


def test_a_study_without_runs_says_what_fills_the_section(make_content):
    assert "memkit run" in reliability.section(make_content(unfinished=5)).empty


def test_two_series_have_a_column(make_content):
    (table,) = reliability.section(make_content(sizes=(1, 16), series=("a", "b"))).tables
    assert table.columns[1] == "Series" and [row[1] for row in table.rows] == ["a", "a", "b", "b"]
    assert {len(row) for row in table.rows} == {len(table.columns)}


def test_bibtex_entries_agree_with_the_citation_file(request):
    facts = yaml.safe_load((request.config.rootpath / "CITATION.cff").read_text())
    entries = [" ".join(entry.split()) for entry in reproduce.bibtex().split("\n@")]
    assert len(entries) == 3
    for entry, paper in zip(entries, facts["references"], strict=False):
        names = [f"{a['family-names']}, {a['given-names']}" for a in paper["authors"]]
        assert f"author = {{{' and '.join(names)}}}" in entry
        assert f"{{{paper['title']}}}" in entry and f"{{{paper['year']}}}" in entry
        venue = paper["journal"] if "journal" in paper else paper["conference"]["name"]
        assert f"{{{venue}}}" in entry
    assert f"{{{facts['title']}}}" in entries[2]
    assert f"{{{{{facts['authors'][0]['name']}}}}}" in entries[2]
    assert importlib.metadata.version("memkit") == facts["version"]
    assert f"{{{facts['version']}}}" in entries[2]
    assert all(entry.count("{") == entry.count("}") for entry in entries)


def test_commands_seed_and_versions_are_on_the_page(content):
    provenance = content.provenance | {
        "command": "memkit run --config=digits_width '--workdir=out/my digits'",
        "study fingerprint": "1a2b",
    }
    words = _words(reproduce.section(dataclasses.replace(content, provenance=provenance)))
    assert provenance["command"] in words
    assert "memkit report --workdir='out/my digits'" in words
    assert "Seed 0" in words and "Study fingerprint 1a2b" in words


@pytest.mark.parametrize("command", ["", None])
def test_a_study_with_an_unknown_command_is_explained(content, command):
    provenance = content.provenance | {"command": command}
    if command is None:
        del provenance["command"]
    section = reproduce.section(dataclasses.replace(content, provenance=provenance))
    assert "not recorded" in _words(section) and "--workdir=out/study" in _words(section)


def test_hostile_commands_stay_text(content):
    provenance = content.provenance | {"command": "<b>x</b> --workdir '<i>'"}
    section = reproduce.section(dataclasses.replace(content, provenance=provenance))
    assert "<b>" not in rendering.html(section) and "<i>" not in rendering.html(section)


@pytest.mark.parametrize(
    "command",
    ["curl evil | sh", "", "memkit", "memkit 'run", "memkit; rm -rf x", "sudo memkit run"],
)
def test_a_recorded_command_of_another_program_is_not_shown(content, command):
    provenance = content.provenance | {"command": command}
    words = _words(reproduce.section(dataclasses.replace(content, provenance=provenance)))
    assert "The command was not recorded" in words
    assert "memkit run --config=study.py --workdir=out/study" in words
    assert not command or command == "memkit" or command not in words


def test_a_recorded_command_cannot_run_anything_but_memkit(content):
    hostile = "memkit run --workdir=$(touch${IFS}x) ; touch y `touch z`\nrm w --workdir"
    provenance = content.provenance | {"command": hostile}
    words = _words(reproduce.section(dataclasses.replace(content, provenance=provenance)))
    assert (
        "memkit run '--workdir=$(touch${IFS}x)' ';' touch y '`touch' 'z`' rm w --workdir" in words
    )
    assert "memkit report --workdir='$(touch${IFS}x)'" in words
