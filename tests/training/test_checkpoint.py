"""Interrupted runs resume from their last checkpoint, and only from their own."""

import numpy as np
import pytest

from memkit import studies
from memkit.training import checkpoint, engines
from memkit.training.runner import Runner
from memkit.typing import Epochs
from tests.training import processes, resuming

SETUP = engines.Setup()
LONG = {
    "training.augment": "pad_crop_flip",
    "training.epochs": 4,
    "record.history_runs": 20,
}


@pytest.fixture
def study(tmp_path, tiny, mlp_config):
    """A study of a perceptron."""
    return studies.open_or_create(tmp_path / "study", mlp_config(LONG), tiny)


@pytest.fixture
def convolutional_study(tmp_path, tiny, convolutional_config):
    """A study of a network with batch normalization."""
    return studies.open_or_create(tmp_path / "convolutional", convolutional_config(LONG), tiny)


def files(study):
    return sorted(path.name for path in study.workdir.glob("points/*/checkpoints/*"))


def assert_equal(actual, expected):
    assert actual.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_array_equal(actual[key], array, err_msg=str(key))


def test_an_interrupted_run_resumes_and_ends_with_the_same_bits(convolutional_study):
    study = convolutional_study
    (point,) = study.points
    expected, epochs = resuming.train(study, point, [3], SETUP)
    assert (len(epochs), files(study)) == (4, [])
    assert len(resuming.interrupt(study, point, [3], SETUP, after=2)) == 2
    assert files(study) == ["3.npz"]
    actual, epochs = resuming.train(study, point, [3], SETUP)
    assert (len(epochs), files(study)) == (2, [])
    assert_equal(actual, expected)
    assert {"curve", "train_logodds", "num_forgotten", "margin_mean"} <= {n for _, n in expected}


def test_a_resumed_run_reports_the_epochs_that_are_left(study):
    (point,) = study.points
    resuming.interrupt(study, point, [3], SETUP, after=2)
    *reached, (run, _, _) = Runner(SETUP).train(study, point, [3])
    assert reached == [Epochs(3, 4), Epochs(4, 4)] and run == 3
    assert all(isinstance(each, Epochs) for each in reached)


def test_short_runs_have_no_checkpoint(study, monkeypatch):
    monkeypatch.setattr(studies.checkpoints, "write", lambda *a: pytest.fail("written"))
    resuming.train(study, study.points[0], [0], SETUP)


def test_a_diverged_run_stays_diverged_after_resuming(study):
    progress = checkpoint.Progress.new(4, None)
    progress.is_alive, progress.steps = False, 7
    keeper = checkpoint.Keeper(_program(), study, study.points[0], [5], engine="tensorflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "SECONDS", 0.0)
        keeper.keep([progress], 3)
    actual = checkpoint.Progress.new(4, None)
    assert keeper.resume([actual]) == 3
    assert (actual.is_alive, actual.steps, actual.is_kept) == (False, 7, True)


def _program():
    return engines.Program(
        size=1,
        reset=None,
        train=None,
        evaluate=None,
        weights=None,
        state=lambda: [[np.arange(3)]],
        restore=lambda states: None,
    )


def _change(study, **changes):
    point = study.points[0]
    arrays = studies.checkpoints.read(study, point, 3)
    studies.checkpoints.write(study, point, 3, arrays | changes)


def _truncate(study):
    (path,) = study.workdir.glob("points/*/checkpoints/3.npz")
    path.write_bytes(path.read_bytes()[:-40])


def _of_another_run(study):
    (path,) = study.workdir.glob("points/*/checkpoints/3.npz")
    path.with_name("4.npz").write_bytes(path.read_bytes())
    path.unlink()


@pytest.mark.parametrize(
    "spoil",
    [_truncate, _of_another_run, lambda study: _change(study, engine="jax")],
    ids=["truncated", "of another run", "of another engine"],
)
def test_a_damaged_or_foreign_checkpoint_is_not_used(study, spoil):
    (point,) = study.points
    run = 4 if spoil is _of_another_run else 3
    expected, _ = resuming.train(study, point, [run], SETUP)
    resuming.interrupt(study, point, [3], SETUP, after=2)
    spoil(study)
    problems = studies.checkpoints.damaged(study, point, [run])
    is_sound = spoil not in (_truncate, _of_another_run)  # It is only another engine's.
    damaged = [] if is_sound else [f"points/{point.name}/checkpoints/{run}.npz"]
    assert list(problems) == damaged
    actual, epochs = resuming.train(study, point, [run], SETUP)
    assert len(epochs) == 4
    assert_equal(actual, expected)


def test_only_checkpoints_of_runs_with_a_record_are_removed(study):
    (point,) = study.points
    for run in (3, 4):
        resuming.interrupt(study, point, [run], SETUP, after=1)
    (done,) = Runner(SETUP).train_runs(study, point, [3])
    resuming.interrupt(study, point, [3], SETUP, after=1)
    studies.write_record(study, point, *done)
    assert files(study) == ["3.npz", "4.npz"]
    studies.checkpoints.remove_finished(study)
    assert files(study) == ["4.npz"]


@pytest.mark.slow
def test_a_run_on_two_replicas_resumes_with_the_same_bits(tmp_path):
    jobs = {"tests.training.tensorflow_jobs:resumed": resuming.on_disk(tmp_path, data_parallel=2)}
    actual = processes.start(jobs, engine="tensorflow", folder=tmp_path, num_devices=2)()
    assert actual["epochs"] == 2
    np.testing.assert_array_equal(actual["resumed"], actual["undisturbed"])


def test_a_pack_under_jax_resumes_only_from_checkpoints_of_the_same_epoch(tmp_path):
    jobs = {"tests.training.jax_jobs:resumed": resuming.on_disk(tmp_path)}
    actual = processes.start(jobs, engine="jax", folder=tmp_path)()
    assert actual["epochs"].tolist() == [2, 4]
    for name in ("together", "apart"):
        np.testing.assert_array_equal(actual[name], actual["undisturbed"])
