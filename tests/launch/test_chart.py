import io
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from PIL import Image


@pytest.fixture(scope="module")
def study(tiny_study):
    workdir, result = tiny_study
    assert result.code == 0, result.err
    return workdir


def _names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_list_names_every_chart_of_the_report_and_why_others_are_missing(memkit, study):
    result = memkit("chart", f"--workdir={study}", "--list")
    assert result.code == 0, result.err
    present, absent = result.out.split("\n\n")
    listed = [line.split()[0] for line in present.splitlines()[1:]]
    drawn = {name.removesuffix(".svg") for name in _names(study / "report" / "charts")}
    assert set(listed) == {name for name in drawn if not name.endswith(".png")}
    assert re.search(r"^accuracy +Accuracy by model size\.$", present, re.MULTILINE)
    assert re.search(r"^distillation +This study has no distilled series", absent, re.MULTILINE)


def test_list_imports_no_chart_library(study):
    code = f"""
import sys
from memkit import cli
try:
    cli.main(["chart", "--workdir={study}", "--list"])
except SystemExit as stop:
    assert stop.code == 0, stop.code
loaded = {{"altair", "tensorflow", "keras", "jax"}} & set(sys.modules)
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "mean_memorization" in done.stdout


def test_chosen_charts_are_written_in_every_format(memkit, study, tmp_path):
    result = memkit(
        "chart",
        f"--workdir={study}",
        "--figures=accuracy,mean_memorization",
        "--format=png,svg,pdf,html",
        f"--out={tmp_path}",
    )
    assert result.code == 0, result.err
    kinds = ("html", "pdf", "png", "svg")
    assert _names(tmp_path) == [
        f"{n}.{k}" for n in ("accuracy", "mean_memorization") for k in kinds
    ]
    assert len(result.out.splitlines()) == 8
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert Image.open(io.BytesIO(files["accuracy.png"])).width > 1200
    assert files["accuracy.svg"].startswith(b"<svg") and files["accuracy.pdf"].startswith(b"%PDF-")
    page = files["accuracy.html"].decode()
    assert "vegaEmbed" in page and not re.search(r"<(script|link)[^>]*(src|href)=", page)


@pytest.mark.slow
def test_all_charts_go_to_the_report_as_the_report_writes_them(memkit, study, tmp_path):
    copy = tmp_path / "study"
    shutil.copytree(study, copy)
    before = {p.name: p.read_bytes() for p in (copy / "report" / "charts").iterdir()}
    shutil.rmtree(copy / "report")
    result = memkit("chart", f"--workdir={copy}")
    assert result.code == 0, result.err
    after = {p.name: p.read_bytes() for p in (copy / "report" / "charts").iterdir()}
    assert after == before and after


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--figures=acuracy"], ["--figures: unknown chart 'acuracy'; did you mean 'accuracy'?"]),
        (["--format=gif"], ["--format: unknown format 'gif'. Known: png, svg, pdf, html"]),
        (["--out=/proc/charts"], ["--out: expected a writable folder"]),
    ],
)
def test_a_mistake_gets_one_line_code_2_and_nothing_written(
    memkit, study, tmp_path, arguments, words
):
    out = [] if arguments[0].startswith("--out") else [f"--out={tmp_path / 'charts'}"]
    result = memkit("chart", f"--workdir={study}", *arguments, *out)
    assert result.code == 2 and len(result.err.strip().splitlines()) == 1, result.err
    assert all(word in result.err for word in words), result.err
    assert not (tmp_path / "charts").exists()


@pytest.mark.parametrize("verb", ["estimate", "report", "chart"])
def test_a_study_made_before_a_field_of_report_existed_is_refused_in_one_line(
    memkit, study, tmp_path, verb
):
    shutil.copytree(study, tmp_path / "old")
    file = tmp_path / "old" / "study.json"
    info = json.loads(file.read_text())
    del info["config"]["report"]["min_memorization"], info["checksum"]
    file.write_text(json.dumps(info))
    result = memkit(verb, f"--workdir={tmp_path / 'old'}")
    assert result.code == 2 and len(result.err.strip().splitlines()) == 1, result.err
    assert "without report.min_memorization" in result.err


@pytest.mark.parametrize("verb", ["report", "chart"])
def test_estimates_of_another_version_are_refused_with_what_to_do(memkit, study, tmp_path, verb):
    old = shutil.copytree(study, tmp_path / "study")
    summary = json.loads((old / "summary.json").read_text())
    os.unlink(old / "derived.json")  # Earlier versions wrote none, and no checksums.
    del summary["checksum"]
    for layout in ({"layout": 1}, {}):
        changed = {key: value for key, value in summary.items() if key != "layout"} | layout
        (old / "summary.json").write_text(json.dumps(changed))
        result = memkit(verb, f"--workdir={old}")
        assert result.code == 2
        assert "run `memkit estimate`" in result.err
        assert len(result.err.splitlines()) == 1
