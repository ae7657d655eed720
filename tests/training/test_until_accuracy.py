"""`training.until_accuracy`: a run stops after the first epoch with this training accuracy."""

import copy
import dataclasses

import numpy as np
import pytest

from memkit import studies
from memkit.errors import InputError
from memkit.training import engines, loop
from memkit.training.compiler import Compiler
from memkit.training.runner import Runner
from tests.training import resuming

SETUP = engines.Setup()
# A rate that depends on no other epoch, so that shorter training has the same bits.
CONSTANT = {
    "schedule": {
        "name": "step",
        "peak": 0.05,
        "warmup_epochs": 0.0,
        "milestones": [],
        "factor": 1.0,
    },
    "training.augment": "pad_crop_flip",
    "training.pad": 1,
    "record.history_runs": 20,
}
EPOCHS = 8


@pytest.fixture
def create(tmp_path, tiny, mlp_config):
    """Returns a function (changes of the config) -> study of a perceptron."""
    created = []

    def make(changes=()):
        created.append(changes)
        changes = copy.deepcopy(CONSTANT) | {"training.epochs": EPOCHS} | dict(changes)
        return studies.open_or_create(tmp_path / str(len(created)), mlp_config(changes), tiny)

    return make


def _train(study, run=3, name=None):
    """Returns (arrays, info) of a run."""
    point = study.point(name) if name else study.points[0]
    ((_, arrays, info),) = Runner(SETUP).train_runs(study, point, [run])
    return arrays, info


def _later_best(curve):
    """Returns an epoch after the first with a higher accuracy than all before it."""
    best = [e for e in range(1, EPOCHS - 1) if curve[e, 1] > curve[:e, 1].max()]
    return best[len(best) // 2]


def test_a_run_stops_after_the_first_epoch_that_reaches_the_accuracy(create):
    """What it records is what a run with so many epochs records."""
    whole, whole_info = _train(create())
    epoch = _later_best(whole["curve"])
    stopped, info = _train(create({"training.until_accuracy": float(whole["curve"][epoch, 1])}))
    short, short_info = _train(create({"training.epochs": epoch + 1}))
    assert info["steps"] == short_info["steps"] == whole_info["steps"] * (epoch + 1) // EPOCHS
    for name in short:
        if name not in ("curve", "epoch_learned"):  # Which name the number of all epochs.
            np.testing.assert_array_equal(stopped[name], short[name], err_msg=name)
    np.testing.assert_array_equal(stopped["curve"][: epoch + 1], short["curve"])
    np.testing.assert_array_equal(stopped["curve"][: epoch + 1], whole["curve"][: epoch + 1])
    assert (stopped["curve"][epoch:] == stopped["curve"][epoch]).all()
    assert (stopped["train_logodds"] != whole["train_logodds"]).any()


def test_a_run_that_does_not_reach_the_accuracy_trains_all_epochs(create):
    whole, whole_info = _train(create())
    assert whole["curve"][:, 1].max() < 1
    actual, info = _train(create({"training.until_accuracy": 1.0}))
    assert info["steps"] == whole_info["steps"]
    for name in whole:
        np.testing.assert_array_equal(actual[name], whole[name], err_msg=name)


def test_a_run_does_not_stop_just_below_the_accuracy(create):
    whole, _ = _train(create())
    epoch = _later_best(whole["curve"])
    above = float(np.nextafter(whole["curve"][epoch, 1], np.float32(1)))
    actual, _ = _train(create({"training.until_accuracy": above}))
    assert actual["curve"][epoch, 1] != actual["curve"][epoch + 1, 1]


def test_an_interrupted_run_stops_in_the_same_epoch_with_the_same_bits(create):
    whole, _ = _train(create())
    epoch = _later_best(whole["curve"])
    assert epoch > 1
    study = create({"training.until_accuracy": float(whole["curve"][epoch, 1])})
    (point,) = study.points
    expected, epochs = resuming.train(study, point, [3], SETUP)
    assert len(epochs) == epoch + 1
    resuming.interrupt(study, point, [3], SETUP, after=epoch - 1)
    actual, epochs = resuming.train(study, point, [3], SETUP)
    assert len(epochs) == 2
    for key, array in expected.items():
        np.testing.assert_array_equal(actual[key], array, err_msg=str(key))
    assert not list(study.workdir.glob("points/*/checkpoints/*"))


def test_a_run_whose_loss_is_not_finite_does_not_stop_as_if_it_had_fitted(create):
    study = create({"training.until_accuracy": 1e-6, "schedule.peak": 1e30})
    arrays, info = _train(study)
    assert info["status"] == "diverged"
    assert np.isnan(arrays["curve"]).any()


def test_a_student_and_its_teacher_stop_on_their_own_accuracy(create):
    changes = {"series": ["one_hot", "distilled"], "distillation.weight": 0.5}
    study = create(changes | {"training.until_accuracy": 0.2})
    stopped = []
    for point in study.points:
        arrays, info = _train(study, name=point.name)
        studies.write_record(study, point, 3, arrays, info)
        last = info["steps"] // loop.steps_per_epoch(study, point, 3) - 1
        accuracy = arrays["curve"][:, 1]
        assert (accuracy[:last] < 0.2).all() and (accuracy[last:] == accuracy[last]).all()
        assert accuracy[last] >= 0.2
        stopped.append(last)
    assert max(stopped) < EPOCHS - 1


def test_a_program_of_several_runs_is_refused(create):
    study = create({"training.until_accuracy": 0.5})
    (point,) = study.points
    program = dataclasses.replace(Compiler(SETUP).compile(study, point), size=2)
    with pytest.raises(InputError, match="^training.until_accuracy: expected 0 in a program of 2"):
        loop.train_pack(program, study, point, [0, 1])
