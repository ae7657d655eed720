import json
import shutil

import numpy as np
import pytest

from memkit import studies


@pytest.fixture(scope="module")
def scores(tiny_study, tmp_path_factory):
    """A file of scores of the tiny study's examples."""
    examples = studies.load(tiny_study[0]).examples
    path = tmp_path_factory.mktemp("scores") / "scores.npz"
    values = np.linspace(0, 1, len(examples.train_ids))
    np.savez(path, ids=examples.train_ids, labels=examples.train_labels, memorization=values)
    return path


def test_a_file_alone_gives_its_headlines(memkit, scores):
    result = memkit("compare", f"--with={scores}")
    assert result.code == 0, result.err
    assert "memorization >= 0.25" in result.out


def test_a_file_and_a_study_give_correlations_and_charts(memkit, scores, tiny_study, tmp_path):
    out = tmp_path / "out"
    arguments = [f"--with={scores}", f"--workdir={tiny_study[0]}", "--points=one_hot_momentum0.9"]
    result = memkit("compare", *arguments, f"--out={out}")
    assert result.code == 0, result.err
    assert "examples joined by id; labels agree" in result.out
    assert {p.name for p in out.iterdir()} >= {"comparison.json", "histogram.png", "joint.html"}
    rows = json.loads((out / "comparison.json").read_text())["scores"]
    assert {row["point"] for row in rows} == {"one_hot_momentum0.9"}


def test_two_points_of_a_study_are_compared(memkit, tiny_study):
    arguments = [f"--with={tiny_study[0]}", f"--workdir={tiny_study[0]}"]
    points = ["--points=one_hot_momentum0.5", "--with_points=one_hot_momentum0.9"]
    result = memkit("compare", *arguments, *points)
    assert result.code == 0, result.err
    assert result.out.count("one_hot_momentum0.5  one_hot_momentum0.9") == 4


def test_export_writes_the_outcomes_of_runs_and_compare_reads_them(memkit, tiny_study, tmp_path):
    arguments = [f"--workdir={tiny_study[0]}", "--points=one_hot_momentum0.9"]
    result = memkit("export", *arguments, "--format=aux_arrays", f"--out={tmp_path}")
    assert result.code == 0, result.err
    again = memkit("compare", f"--with={result.out.strip()}")
    assert "aux_arrays" in again.out and "runs" in again.out


def test_a_record_that_is_gone_since_the_estimates_is_named(memkit, tiny_study, tmp_path):
    shutil.copytree(tiny_study[0], tmp_path / "study")
    name = tmp_path / "study/points/one_hot_momentum0.9/runs/3.npz"
    name.unlink()
    arguments = [f"--workdir={tmp_path}/study", f"--out={tmp_path}/out", "--format=aux_arrays"]
    result = memkit("export", *arguments)
    assert result.code == 0
    assert f"warning: {name} is missing, although the last estimates used it" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare"], "--with: missing value"),
        (["compare", "--with=/no/such.npz"], "--with: missing file or folder"),
        (["compare", "--with=/etc/hosts"], "--with: expected a .npz"),
        (["export", "--format=csv", "--out=/tmp"], "--workdir: missing value"),
        (["export", "--format=docx"], "docx"),
    ],
)
def test_a_mistake_gets_one_line_and_code_2(memkit, arguments, message):
    result = memkit(*arguments)
    assert result.code == 2
    assert message in result.err and len(result.err.strip().splitlines()) == 1
