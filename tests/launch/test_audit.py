import shutil

import cleanlab.filter
import numpy as np
import PIL.Image
import pytest
import sklearn.datasets
from pyarrow import csv

from memkit import studies


def test_audit_prints_the_first_rows_and_writes_the_whole_list(memkit, tiny_study, tmp_path):
    out = tmp_path / "out"
    result = memkit("audit", f"--workdir={tiny_study[0]}", "--top=3", f"--out={out}")
    assert result.code == 0, result.err
    table = csv.read_csv(out / "audit.csv")
    assert {p.name for p in out.iterdir()} == {"audit.csv", "audit.parquet"}
    assert f"first 3 of {table.num_rows}:" in result.out
    for name in table["id"].to_pylist()[:3]:
        assert f"\n{name} " in result.out
    assert table["id"][3].as_py() not in result.out
    assert set(table["point"].to_pylist()) == {"one_hot_momentum0.9"}
    assert not (tiny_study[0] / "tables" / "audit.csv").exists()
    # The list is in the order of suspicion, kind by kind.
    scores = table.filter(np.array(table["kind"].to_pylist()) == "mislabeled")["score"].to_numpy()
    assert (np.diff(scores) <= 0).all()


def test_audit_of_another_point_goes_beside_the_studys_tables(memkit, tiny_study, tmp_path):
    workdir = shutil.copytree(tiny_study[0], tmp_path / "study")
    result = memkit("audit", f"--workdir={workdir}", "--point=one_hot_momentum0.5")
    assert result.code == 0, result.err
    assert result.out.startswith("one_hot_momentum0.5: 400 train examples")
    assert (workdir / "tables" / "audit.parquet").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit"], "arguments: expected a folder of images (memkit audit photos) or a study"),
        (["audit", "--workdir=W", "--point=width3"], "point: unknown point 'width3'"),
        (["audit", "--workdir=W", "--top=0"], "top"),
        (["audit", "--workdir=W", "--out=/proc/x"], "--out: expected a writable folder"),
        (["export", "--workdir=W", "--format=cleanlab"], "--out: missing value"),
    ],
)
def test_mistakes_get_one_line_and_code_2(memkit, tiny_study, tmp_path, arguments, message):
    result = memkit(*(word.replace("=W", f"={tiny_study[0]}") for word in arguments))
    assert result.code == 2 and len(result.err.strip().splitlines()) == 1, result.err
    assert message in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_planted_labels_of_real_digits_are_found(memkit, smoke_study, tmp_path):
    result = memkit("audit", f"--workdir={smoke_study}", f"--out={tmp_path}")
    assert result.code == 0, result.err
    study = studies.load(smoke_study)
    planted = dict(zip(study.examples.train_ids.tolist(), study.examples.planted.tolist()))
    table = csv.read_csv(tmp_path / "audit.csv").to_pylist()
    called = [planted[row["id"]] for row in table if row["kind"] == "mislabeled"]
    assert np.mean(called) > 0.8
    assert np.sum(called) > 0.6 * study.examples.planted.sum()
    assert 'id="label-errors"' in (smoke_study / "report" / "index.html").read_text()


@pytest.mark.slow
def test_cleanlab_takes_the_export_and_finds_planted_labels(memkit, smoke_study, tmp_path):
    result = memkit("export", f"--workdir={smoke_study}", "--format=cleanlab", f"--out={tmp_path}")
    assert result.code == 0, result.err
    folder, planted = tmp_path / "one_hot_width4", studies.load(smoke_study).examples.planted
    labels, probs = (np.load(folder / name) for name in ("labels.npy", "pred_probs.npy"))
    issues = cleanlab.filter.find_label_issues(labels, probs, n_jobs=1)
    planted_issues = issues & planted
    assert planted_issues.sum() > 0.6 * planted.sum()
    assert planted_issues.sum() > 0.6 * issues.sum() > 5 * planted.mean() * issues.sum()


@pytest.fixture
def photos(tmp_path):
    """300 digits in folders of their classes, 15 of them in a wrong one: (folder, their ids)."""
    digits, rng = sklearn.datasets.load_digits(), np.random.default_rng(0)
    wrong, ids = set(rng.choice(300, 15, replace=False).tolist()), set()
    for row in range(300):
        label = (digits.target[row] + (3 if row in wrong else 0)) % 10
        file = tmp_path / "photos" / str(label) / f"{row:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(np.rint(digits.images[row] * 255 / 16).astype(np.uint8)).save(file)
        ids |= {f"{label}/{row:03d}.png"} if row in wrong else set()
    return tmp_path / "photos", ids


@pytest.mark.slow
def test_a_folder_of_images_is_audited_within_some_minutes(memkit, photos, tmp_path):
    root, wrong = photos
    workdir = tmp_path / "out"
    words = ["audit", str(root), "--minutes=1", f"--workdir={workdir}", "--top=5"]
    result = memkit(*words)
    assert result.code == 0, result.err
    assert "data: 300 train and 0 test images of 8x8x1, 10 classes" in result.out
    study = studies.load(workdir)
    assert len(study.train_mask) % 20 == 0
    rows = csv.read_csv(workdir / "tables" / "audit.csv").to_pylist()
    called = [row["id"] for row in rows if row["kind"] == "mislabeled"]
    rare = [row["id"] for row in rows if row["kind"] == "rare"]
    assert len(wrong & set(called)) >= 10
    assert len(set(called) - wrong) <= 10
    assert (
        f"300 images, {len(called)} suspects, {len(rare)} rare but probably right\n" in result.out
    )
    assert (workdir / "report" / "index.html").exists()
    again = memkit(*words, "--minutes=1")  # The same study, which needs no search any more.
    assert again.code == 0, again.err
    assert "trying learning rates" not in again.out
    assert studies.load(workdir).config["schedule"] == study.config["schedule"]


def test_a_folder_that_does_not_exist_is_one_line_and_writes_nothing(memkit, tmp_path):
    result = memkit("audit", "photoss", f"--workdir={tmp_path / 'out'}")
    assert result.code == 2
    (line,) = result.err.strip().splitlines()
    assert "memkit audit: error: --data: expected a folder of images" in line
    assert not (tmp_path / "out").exists()


def test_a_study_with_several_points_is_no_study_of_a_folder(memkit, photos, tiny_study):
    result = memkit("audit", str(photos[0]), f"--workdir={tiny_study[0]}")
    assert result.code == 2
    (line,) = result.err.strip().splitlines()
    assert "--workdir: expected a study with one point, or another folder" in line


def test_minutes_must_be_above_0(memkit, photos, tmp_path):
    result = memkit("audit", str(photos[0]), "--minutes=0", f"--workdir={tmp_path / 'out'}")
    assert result.code == 2
    assert "--minutes: expected a number above 0" in result.err


def test_a_folder_without_images_is_named_as_it_was_typed(memkit, tmp_path):
    (tmp_path / "photos" / "ant").mkdir(parents=True)
    (tmp_path / "photos" / "ant" / "a.txt").write_text("x")
    result = memkit("audit", str(tmp_path / "photos"), f"--workdir={tmp_path / 'out'}")
    assert result.code == 2
    assert f"error: {tmp_path / 'photos'}: expected images" in result.err
    assert "dataset" not in result.err
