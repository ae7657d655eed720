"""The host thread of the training loop: same bits, errors, interruptions, and an end."""

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from memkit import studies
from memkit.training import engines, loop
from memkit.training.history import History
from tests.training import processes, resuming

PACK = [0, 1, 2]


@pytest.fixture
def study(tiny, mlp_config):
    """A study whose first two runs record their history."""
    return studies.draft(mlp_config({"record.history_runs": 2, "training.epochs": 4}), tiny)


def device(*, size=3, train=None):
    """Returns a Program whose outcomes follow from the plans; `train` is called before each."""

    def train_epoch(plans):
        if train:
            train(plans)
        return [outcomes(plan) for plan in plans]

    absent = dict.fromkeys(("evaluate", "weights", "state", "restore"))
    reset = lambda draws, teachers: None  # noqa: E731
    return engines.Program(size=size, reset=reset, train=train_epoch, **absent)


def outcomes(plan):
    values = np.random.default_rng(plan.index.sum()).normal(size=(3, *plan.index.shape))
    loss, margin, score = np.abs(values).astype(np.float32)
    return engines.Steps(objective=loss.mean(1), loss=loss, margin=margin, correct=score > 0.5)


def test_curve_and_history_are_those_of_one_epoch_after_another(study):
    (point,) = study.points
    trained = loop.train_pack(device(), study, point, PACK)
    for run, progress in zip(PACK, trained, strict=True):
        history = History(study.sizes.train, 4)
        for epoch, plan in enumerate(loop.epoch_plans(study, point, run)):
            steps = outcomes(plan)
            history.add(epoch, plan.index, steps)
            row = steps.objective.mean(), steps.correct.mean(), plan.rate[-1]
            np.testing.assert_array_equal(progress.curve[epoch], np.float32(row))
        if run < 2:
            for name, array in history.arrays().items():
                np.testing.assert_array_equal(progress.history.arrays()[name], array)


def test_only_runs_that_record_their_history_have_one(study):
    trained = loop.train_pack(device(), study, study.points[0], PACK)
    assert [progress.history is None for progress in trained] == [False, False, True]


def test_the_next_plan_and_the_last_history_are_made_while_the_device_trains(study, monkeypatch):
    drawn, added = ([threading.Event() for _ in range(5)] for _ in range(2))
    real_plans, real_add, trained = loop.epoch_plans, History.add, []

    def plans(*arguments):
        for number, plan in enumerate(real_plans(*arguments)):
            drawn[number].set()
            yield plan
        drawn[4].set()

    def add(history, epoch, *arguments):
        real_add(history, epoch, *arguments)
        added[epoch].set()

    def train(_):
        epoch = len(trained)
        trained.append(epoch)
        assert drawn[epoch + 1].wait(60)
        assert epoch == 0 or added[epoch - 1].wait(60)

    monkeypatch.setattr(loop, "epoch_plans", plans)
    monkeypatch.setattr(History, "add", add)
    loop.train_pack(device(size=1, train=train), study, study.points[0], [0])
    assert trained == [0, 1, 2, 3]


@pytest.mark.parametrize("failing", ["plan", "history", "device", "Ctrl-C"])
def test_an_error_of_any_thread_ends_the_training_and_the_thread(study, monkeypatch, failing):
    error = {"Ctrl-C": KeyboardInterrupt}.get(failing, ArithmeticError)
    epochs, threads = [], threading.active_count()

    def fail(*_):
        raise error

    def plans(*arguments, real=loop.epoch_plans):
        for number, plan in enumerate(real(*arguments)):
            yield plan if number < 2 or failing != "plan" else fail()

    def train(_):
        epochs.append(None)
        if failing in ("device", "Ctrl-C") and len(epochs) == 2:
            fail()

    monkeypatch.setattr(loop, "epoch_plans", plans)
    if failing == "history":
        monkeypatch.setattr(History, "add", fail)
    with pytest.raises(error):
        loop.train_pack(device(train=train), study, study.points[0], PACK)
    assert (len(epochs), threading.active_count()) == (2, threads)


def test_no_thread_is_left_after_training(study):
    before = threading.active_count()
    loop.train_pack(device(), study, study.points[0], PACK)
    assert threading.active_count() == before


_TRAINS_FOREVER = """
import signal
from memkit import studies
from memkit.training import loop
from tests.sweeps import small_study
from tests.training.test_loop import device

def train(plans):
    print("training", flush=True)
    signal.pause()

def stop(number, frame):
    raise KeyboardInterrupt(number)

signal.signal(signal.SIGTERM, stop)
config = small_study.config()
config["record"]["history_runs"] = 20
study = studies.draft(config, small_study.dataset())
loop.train_pack(device(size=1, train=train), study, study.points[0], [0])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_an_epoch_ends_the_process(number):
    process = subprocess.Popen(
        [sys.executable, "-c", _TRAINS_FOREVER], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"training\n"
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGINT
    assert errors.count(b"Traceback") == 1 and b"KeyboardInterrupt" in errors


def _assert_the_same_bits(arrays):
    names = [name for name in arrays if name.startswith("with ")]
    assert {"with 0 curve", "with 1 margin_mean", "with 2 train_logodds"} <= set(names)
    for name in names:
        np.testing.assert_array_equal(arrays[name], arrays[name.replace("with", "without", 1)])


def test_records_are_the_same_bits_without_the_thread(tmp_path):
    workdir = resuming.on_disk(tmp_path, history_runs=2, augment="pad_crop_flip")
    _assert_the_same_bits(resuming.without_a_thread(workdir, engines.load("tensorflow")))


@pytest.mark.slow
def test_records_under_jax_are_the_same_bits_without_the_thread(tmp_path):
    workdir = resuming.on_disk(tmp_path, history_runs=2, augment="pad_crop_flip")
    job = {"tests.training.resuming:without_a_thread": workdir}
    _assert_the_same_bits(processes.start(job, engine="jax", folder=tmp_path)())
