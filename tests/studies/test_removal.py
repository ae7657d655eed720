import pathlib
import shutil

import numpy as np
import pytest

from memkit import estimators, studies
from memkit.errors import InputError
from memkit.studies import removal


@pytest.fixture
def study(tmp_path, make_config, tiny):
    """Examples 0 to 11 memorized in full, the others not at all, at the first point."""
    study_of_removal = studies.open_or_create(tmp_path / "study", make_config(), tiny)
    memorized = np.arange(study_of_removal.sizes.train) < 12
    correct = np.where(memorized, study_of_removal.train_mask, True)
    scores = {
        name: estimators.memorization(correct, study_of_removal.train_mask)
        for name in studies.SCORES
    }
    studies.write_estimates(study_of_removal, study_of_removal.points[0], scores)
    return study_of_removal


def _create(study, tiny, thresholds=(0.5,), repeats=2):
    return removal.create(
        study, study.points[0], tiny, thresholds=thresholds, repeats=repeats, command="memkit"
    )


def test_runs_leave_out_the_memorized_or_as_many_random_examples(study, tiny):
    made = _create(study, tiny)
    child, rows = removal.find(study, study.points[0])
    assert child.info["fingerprint"] == made.info["fingerprint"]
    assert sorted(rows.kind) == ["memorized"] * 2 + ["nothing"] * 2 + ["random"] * 2
    left_out = {kind: ~made.train_mask[rows.kind == kind] for kind in np.unique(rows.kind)}
    assert not left_out["nothing"].any()
    for row in left_out["memorized"]:
        np.testing.assert_array_equal(np.flatnonzero(row), np.arange(12))
    np.testing.assert_array_equal(left_out["random"].sum(axis=1), [12, 12])
    assert (left_out["random"][0] != left_out["random"][1]).any()


def test_the_removal_study_trains_the_model_of_its_point(study, tiny):
    made = _create(study, tiny)
    (point,) = made.points
    assert point.config["model"] == study.points[0].config["model"]
    assert made.examples.given_labels.tolist() == study.examples.given_labels.tolist()


def test_train_members_of_influential_pairs_are_left_out_beside_as_many_random_ones(study, tiny):
    pairs = {"tr_idx": np.array([3, 7, 3])}
    studies.write_arrays(study, "influence", pairs, point=study.points[0])
    made = _create(study, tiny, repeats=1)
    _, rows = removal.find(study, study.points[0])
    (mask,) = made.train_mask[rows.kind == "influential"]
    np.testing.assert_array_equal(np.flatnonzero(~mask), [3, 7])
    beside = (rows.kind == "random") & np.isnan(rows.threshold)
    np.testing.assert_array_equal((~made.train_mask[beside]).sum(axis=1), [2])


def test_the_same_command_finds_the_same_removal_study(study, tiny):
    first, again = _create(study, tiny), _create(study, tiny)
    np.testing.assert_array_equal(first.train_mask, again.train_mask)
    assert first.info["created"] == again.info["created"]


def test_other_removals_in_the_same_folder_are_refused(study, tiny):
    _create(study, tiny)
    before = sorted(pathlib.Path(study.workdir).rglob("*"))
    with pytest.raises(InputError, match="--thresholds: expected the removals of"):
        _create(study, tiny, repeats=3)
    assert sorted(pathlib.Path(study.workdir).rglob("*")) == before


def test_a_removal_that_leaves_less_than_a_batch_is_refused(study, tiny):
    with pytest.raises(InputError, match="at least a batch of 8 examples, received -0.5"):
        _create(study, tiny, thresholds=(-0.5,))
    assert removal.find(study, study.points[0]) is None


def test_a_study_without_removals_has_none(study):
    assert removal.find(study, study.points[0]) is None


def test_files_of_a_removal_study_that_are_gone_since_the_estimates_are_named(study, tiny):
    made = _create(study, tiny)
    name = f"removal/{study.points[0].name}"
    source = studies.Source(made.points[0].fingerprint, {0: "a checksum"}, {})
    with studies.replacing(study, {name: source}):
        pass
    record = f"{name}/points/one_hot/runs/0.npz"
    assert studies.vanished(study) == [record]
    shutil.rmtree(made.workdir)
    missing = [f"{name}/study.json", f"{name}/analyses/removal_rows.npz", record]
    assert studies.vanished(study) == missing
