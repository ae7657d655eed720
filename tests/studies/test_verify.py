import io
import json
import os
import shutil

import numpy as np
import pytest

from memkit import studies
from memkit.studies import verify
from tests.analysis import recorded

POINT, OTHER = "one_hot_width1", "one_hot_width2"
STUDENTS = {"series": ["one_hot", "distilled"]}


@pytest.fixture
def study(tmp_path, make_config, tiny):
    return recorded.record(studies.open_or_create(tmp_path / "study", make_config(), tiny))


@pytest.fixture
def taught(tmp_path, make_config, tiny):
    made = studies.open_or_create(tmp_path / "taught", make_config(STUDENTS), tiny)
    recorded.record(made)
    for point in made.points[:2]:
        for run in range(20):
            studies.write_weights(made, point, run, [np.full((3, 2), run, np.float32), np.zeros(4)])
    return made


def everything_below(folder):
    return {
        os.path.join(root, name): os.stat(os.path.join(root, name)).st_mtime_ns
        for root, _, names in os.walk(folder)
        for name in names
    }


def edit_npz(path, **changes):
    with np.load(path) as file:
        arrays = dict(file) | changes
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path.write_bytes(buffer.getvalue())


def edit_json(path, **changes):
    """Changes a JSON file as an earlier version would have written it, without checksums."""
    info = json.loads(path.read_text()) | changes
    for name in ("checksum", "files", "subsets_fingerprint"):
        info.pop(name, None)
    path.write_text(json.dumps(info))


def test_a_sound_study_has_no_problems_and_nothing_is_written(study):
    before = everything_below(study.workdir)
    result = verify.verify(study.workdir)
    assert result.problems == {}
    assert {name: len(infos) for name, infos in result.sound.items()} == {POINT: 20, OTHER: 20}
    assert verify.text(result) == "40 sound records of 40 runs, no problems"
    assert everything_below(study.workdir) == before


def test_missing_runs_are_no_problem_but_are_counted(study):
    os.unlink(study.workdir / "points" / POINT / "runs" / "7.npz")
    result = verify.verify(study.workdir)
    assert verify.text(result) == "39 sound records of 40 runs, no problems"


def test_every_damaged_and_misplaced_record_is_named(study):
    folder, other = (study.workdir / "points" / name / "runs" for name in (POINT, OTHER))
    whole = (folder / "2.npz").read_bytes()
    (folder / "2.npz").write_bytes(whole[:-1])
    (folder / "3.npz").write_bytes(whole[:700] + bytes([whole[700] ^ 4]) + whole[701:])
    shutil.copy(other / "5.npz", folder / "5.npz")
    shutil.copy(folder / "6.npz", folder / "8.npz")
    (folder / "21.npz").write_bytes(whole)
    (other / "copy of 3.npz").write_bytes(whole)
    result = verify.verify(study.workdir)
    names = [f"{POINT}/runs/{m}.npz" for m in (2, 3, 5, 8, 21)] + [f"{OTHER}/runs/copy of 3.npz"]
    assert set(result.problems) == {f"points/{name}" for name in names}
    assert result.problems[f"points/{POINT}/runs/8.npz"] == "run is 6, but should be 8"
    assert sorted(result.sound[POINT]) == sorted(set(range(20)) - {2, 3, 5, 8})
    assert len(result.sound[OTHER]) == 20


def test_sound_weights_are_counted(taught):
    result = verify.verify(taught.workdir)
    assert result.problems == {}
    assert result.weights == 40


def test_damaged_swapped_and_missing_weights_are_named(taught):
    folder = taught.workdir / "points" / POINT / "weights"
    (folder / "0.npz").write_bytes((folder / "0.npz").read_bytes()[:-40])
    shutil.copy(folder / "1.npz", folder / "2.npz")
    os.unlink(folder / "3.npz")
    result = verify.verify(taught.workdir)
    assert {os.path.basename(name): reason for name, reason in result.problems.items()} == {
        "0.npz": "not a whole npz file (damaged archive: File is not a zip file)",
        "2.npz": "weights of another run, subset or study",
        "3.npz": "is missing, and the run's students need it",
    }
    assert result.weights == 37


def test_every_changed_byte_of_weights_is_named_or_changes_no_number(taught):
    point, path = taught.points[0], taught.workdir / "points" / POINT / "weights" / "4.npz"
    student, whole = taught.points[2], path.read_bytes()
    expected = studies.read_weights(taught, student, 4)
    refused = 0
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        _, broken = studies.weights.check_weights(taught, point)
        refused += bool(broken)
        if not broken:
            weights = studies.read_weights(taught, student, 4)
            assert all(np.array_equal(a, b) for a, b in zip(weights, expected, strict=True)), (
                position
            )
    assert refused > len(whole) / 7 / 2


@pytest.mark.parametrize("name", ["study.json", "examples.npz", "design.npz", "duplicates.json"])
def test_truncated_file_of_the_study_is_named(study, name):
    path = study.workdir / name
    path.write_bytes(path.read_bytes()[:-20])
    result = verify.verify(study.workdir)
    assert list(result.problems) == [name]
    assert result.problems[name].startswith(("not JSON", "not a whole npz file", "it is not the"))
    assert "1 problem" in verify.text(result)


@pytest.mark.parametrize("name", ["examples.npz", "design.npz", "duplicates.json"])
def test_absent_file_of_the_study_is_named(study, name):
    os.unlink(study.workdir / name)
    assert verify.verify(study.workdir).problems == {name: "is missing"}


def test_changed_config_label_and_subset_are_named(study):
    mask = study.train_mask.copy()
    mask[4, :2] = mask[4, 1::-1]
    if np.array_equal(mask, study.train_mask):
        mask[4, 0] ^= True
    edit_npz(study.workdir / "design.npz", train_mask=np.packbits(mask))
    given = study.examples.given_labels.copy()
    given[0] = (given[0] + 1) % 10
    edit_npz(study.workdir / "examples.npz", given_labels=given)
    config = json.loads((study.workdir / "study.json").read_text())["config"]
    config["schedule"]["peak"] = 0.2
    edit_json(study.workdir / "study.json", config=config)
    problems = verify.verify(study.workdir).problems
    assert problems["study.json"] == "the fingerprint is not that of the config"
    assert problems["examples.npz"].startswith("the given labels are not those")
    assert problems["design.npz"] == "the subsets are not those that the config draws"
    # Under another peak no record is one of this study.
    assert len(problems) == 3 + 40


def test_examples_that_share_an_id_are_named(study):
    ids = study.examples.train_ids.copy()
    ids[1] = ids[0]
    edit_npz(study.workdir / "examples.npz", train_ids=ids)
    edit_json(study.workdir / "study.json")
    problems = verify.verify(study.workdir).problems
    assert problems == {"examples.npz": "there is not one id per example"}


def test_a_mask_of_other_examples_is_named(study):
    mask = study.train_mask[:, :-8]
    edit_npz(study.workdir / "design.npz", train_mask=np.packbits(mask), shape=mask.shape)
    problems = verify.verify(study.workdir).problems
    assert problems["design.npz"] == "the subsets are not those that the study was created with"
