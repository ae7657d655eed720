"""Interrupted runs go on from their last checkpoint, and nothing else does."""

import numpy as np
import pytest

from memkit import data, studies
from memkit.training import checkpoint, engines
from memkit.training.runner import Runner
from tests.sweeps import small_study
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
def resnet_study(tmp_path, tiny, make_config):
    """A study of a network with batch normalization."""
    config = make_config(LONG | {"axis": {"field": "", "values": []}})
    return studies.open_or_create(tmp_path / "resnet", config, tiny)


def files(study):
    return sorted(path.name for path in study.workdir.glob("points/*/checkpoints/*"))


def assert_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for key, array in wanted.items():
        np.testing.assert_array_equal(found[key], array, err_msg=str(key))


def test_an_interrupted_run_goes_on_and_ends_with_the_same_bits(resnet_study):
    study = resnet_study
    (point,) = study.points
    wanted, epochs = resuming.train(study, point, [3], SETUP)
    assert (len(epochs), files(study)) == (4, [])
    assert len(resuming.interrupt(study, point, [3], SETUP, after=2)) == 2
    assert files(study) == ["3.npz"]
    found, epochs = resuming.train(study, point, [3], SETUP)
    assert (len(epochs), files(study)) == (2, [])
    assert_equal(found, wanted)
    assert {"curve", "train_logodds", "num_forgotten", "margin_mean"} <= {n for _, n in wanted}


def test_runs_that_are_over_soon_have_no_checkpoint(study, monkeypatch):
    monkeypatch.setattr(studies.checkpoints, "write", lambda *a: pytest.fail("written"))
    resuming.train(study, study.points[0], [0], SETUP)


def test_a_diverged_run_of_a_checkpoint_stays_diverged(study):
    progress = checkpoint.Progress.new(study.sizes.train, 4)
    progress.is_alive, progress.steps = False, 7
    keeper = checkpoint.Keeper(_program(), study, study.points[0], [5], engine="tensorflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "SECONDS", 0.0)
        keeper.keep([progress], 3)
    found = checkpoint.Progress.new(study.sizes.train, 4)
    assert keeper.resume([found]) == 3
    assert (found.is_alive, found.steps, found.is_kept) == (False, 7, True)


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
    (where,) = study.workdir.glob("points/*/checkpoints/3.npz")
    where.write_bytes(where.read_bytes()[:-40])


def _of_another_run(study):
    (where,) = study.workdir.glob("points/*/checkpoints/3.npz")
    where.with_name("4.npz").write_bytes(where.read_bytes())
    where.unlink()


@pytest.mark.parametrize(
    "spoil",
    [_truncate, _of_another_run, lambda study: _change(study, engine="jax")],
    ids=["truncated", "of another run", "of another engine"],
)
def test_a_checkpoint_that_does_not_fit_is_not_used(study, spoil):
    (point,) = study.points
    run = 4 if spoil is _of_another_run else 3
    wanted, _ = resuming.train(study, point, [run], SETUP)
    resuming.interrupt(study, point, [3], SETUP, after=2)
    spoil(study)
    found, epochs = resuming.train(study, point, [run], SETUP)
    assert len(epochs) == 4
    assert_equal(found, wanted)


def test_checkpoints_of_runs_with_a_record_are_removed_and_others_stay(study):
    (point,) = study.points
    for run in (3, 4):
        resuming.interrupt(study, point, [run], SETUP, after=1)
    (done,) = Runner(SETUP).train_runs(study, point, [3])
    resuming.interrupt(study, point, [3], SETUP, after=1)
    studies.write_record(study, point, *done)
    assert files(study) == ["3.npz", "4.npz"]
    studies.checkpoints.remove_finished(study)
    assert files(study) == ["4.npz"]


def _on_disk(folder, **training):
    """Returns the workdir of a study whose images another process can load."""
    images = small_study.dataset()
    arrays = {
        f"{axis}_{part}": getattr(images, f"{part}_{name}")
        for part in ("train", "test")
        for axis, name in (("x", "images"), ("y", "labels"))
    }
    np.savez(folder / "data.npz", **arrays)
    source = {"name": "npz", "path": str(folder / "data.npz")}
    config = small_study.config(
        training=small_study.config()["training"] | {"epochs": 4} | training
    )
    config["dataset"] = config["dataset"] | source
    images = data.load("npz", path=source["path"])
    return str(studies.open_or_create(folder / "study", config, images).workdir)


@pytest.mark.slow
def test_a_run_on_two_replicas_goes_on_with_the_same_bits(tmp_path):
    jobs = {"tests.training.tensorflow_jobs:resumed": _on_disk(tmp_path, data_parallel=2)}
    found = processes.start(jobs, engine="tensorflow", folder=tmp_path, num_devices=2)()
    assert found["epochs"] == 2
    np.testing.assert_array_equal(found["resumed"], found["undisturbed"])


def test_a_pack_under_jax_goes_on_only_if_all_its_runs_were_kept_together(tmp_path):
    jobs = {"tests.training.jax_jobs:resumed": _on_disk(tmp_path)}
    found = processes.start(jobs, engine="jax", folder=tmp_path)()
    assert found["epochs"].tolist() == [2, 4]
    for name in ("together", "apart"):
        np.testing.assert_array_equal(found[name], found["undisturbed"])
