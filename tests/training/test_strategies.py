"""One run on one device and on two, under both engines; and XLA beside graphs.

37 examples are no multiple of the evaluation batches (64, 16 and 7), nor of the replicas.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

from memkit import studies
from tests.training import processes, programs, tensorflow_jobs

JOB, REFERENCE, TRACES = (
    f"{module.__name__}:{name}"
    for module, name in (
        (programs, "cases"),
        (tensorflow_jobs, "by_slices"),
        (tensorflow_jobs, "traces"),
    )
)
TINY = {"model": programs.TINY, "image_shape": [6, 10, 3]}
RESNET = {"model": {"name": "resnet", "depth": 8, "width": 2}, "teacher": programs.TINY}
ADAMW = TINY | {"optimizer": {"name": "adamw", "global_clipnorm": 0.5}, "peak": 0.01}
TWO = {"setup": {"strategy": "mirrored", "num_devices": 2}, "data_parallel": 2}
APART = TINY | TWO | {"sync_batch_norm": False, "eval_batch": 7}
ON_TWO = {"together": TINY | TWO, "apart": APART}
ON_ONE = {"one": TINY | {"eval_batch": 64, "runs": [0, 1]}}
ON_ONE_BY_JAX = {"one": TINY | {"eval_batch": 64}}
SLOW_ON_TWO = {
    "streamed": TINY | TWO | {"resident": False},
    "streamed apart": APART | {"resident": False},
    "student": RESNET | TWO,
    "adamw": ADAMW | TWO,
}
COMPILED = {"setup": {"kind": "gpu"}, "runs": [0, 1]}


def _start(engine, folder, jobs):
    return processes.start(jobs, engine=engine, folder=folder, num_devices=2)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Returns {engine: {case: {name: array}}}."""
    folder = tmp_path_factory.mktemp("strategies")
    jobs = {
        JOB: ON_ONE | ON_TWO,
        REFERENCE: {"case": APART, "replicas": 2},
    }
    started = {
        "tensorflow": _start("tensorflow", folder, jobs),
        "jax": _start("jax", folder, {JOB: ON_ONE_BY_JAX | ON_TWO}),
    }
    return {engine: programs.by_case(result()) for engine, result in started.items()}


@pytest.fixture(scope="module")
def slow_outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strategies")
    cases = SLOW_ON_TWO | {"one student": RESNET | {"eval_batch": 64}, "one adamw": ADAMW}
    compiled = {
        "compiled": TINY | COMPILED,
        "compiled and streamed": TINY | COMPILED | {"resident": False},
        "compiled adamw": ADAMW | COMPILED,
    }
    jobs = {"tensorflow": {JOB: cases, TRACES: compiled}, "jax": {JOB: cases}}
    started = {engine: _start(engine, folder, job) for engine, job in jobs.items()}
    return {engine: programs.by_case(result()) for engine, result in started.items()}


both = pytest.mark.parametrize("engine", ["tensorflow", "jax"])


def assert_same(actual, expected, *, names=None):
    for name in names or expected:
        np.testing.assert_allclose(
            actual[name], expected[name][: len(actual[name])], rtol=1e-5, atol=1e-5, err_msg=name
        )


# One device


def test_losses_weights_statistics_and_logits_of_the_engines_agree(outcomes):
    """On one device; test_engines_agree.py has more networks."""
    actual, expected = outcomes["jax"]["one"], outcomes["tensorflow"]["one"]
    programs.assert_agree(actual, {name: array[:1] for name, array in expected.items()})
    programs.assert_moved(actual)


# Two devices


@both
def test_two_replicas_with_shared_statistics_agree_with_one_device(outcomes, engine):
    """Row i of the losses is that of the plan's i-th example: all examples differ."""
    expected = outcomes["tensorflow"]["one"]
    assert len(np.unique(expected["loss"][0, 0])) == programs.BATCH
    assert_same(outcomes[engine]["together"], expected)


@both
def test_replicas_with_separate_statistics_learn_from_the_mean_of_their_gradients(outcomes, engine):
    assert_same(outcomes[engine]["apart"], outcomes["tensorflow"]["reference"])


@both
def test_statistics_of_slices_are_not_those_of_the_batch(outcomes, engine):
    actual, expected = outcomes[engine]["apart"], outcomes["tensorflow"]["one"]
    assert np.abs(actual["loss"][0, 0] - expected["loss"][0, 0]).min() > 1e-4
    assert np.abs(actual["logits"] - expected["logits"][:1]).max() > 1e-3


@both
def test_evaluation_has_every_example_once_and_in_order(outcomes, engine):
    for case, expected in (("together", "one"), ("apart", "reference")):
        logits = outcomes[engine][case]["logits"][0]
        assert len(np.unique(logits, axis=0)) == programs.NUM_TRAIN + programs.NUM_TEST
        reference = outcomes["tensorflow"][expected]["logits"][0]
        distance = np.abs(logits[:, None] - reference[None]).max(-1)
        assert distance.argmin(1).tolist() == list(range(len(logits)))


@pytest.mark.slow
@both
def test_streamed_batches_are_sliced_like_resident_ones(outcomes, slow_outcomes, engine):
    assert_same(slow_outcomes[engine]["streamed"], outcomes[engine]["together"])
    assert_same(slow_outcomes[engine]["streamed apart"], outcomes[engine]["apart"])


@pytest.mark.slow
@both
def test_a_student_on_two_devices_agrees_with_one_device(slow_outcomes, engine):
    assert_same(slow_outcomes[engine]["student"], slow_outcomes[engine]["one student"])


@pytest.mark.slow
@both
def test_an_optimizer_of_keras_on_two_devices_agrees_with_one_device(slow_outcomes, engine):
    assert_same(slow_outcomes[engine]["adamw"], slow_outcomes["tensorflow"]["one adamw"])


# XLA under TensorFlow, as on a GPU


@pytest.mark.slow
def test_xla_agrees_with_the_plain_graph(outcomes, slow_outcomes):
    assert_same(slow_outcomes["tensorflow"]["compiled"], outcomes["tensorflow"]["one"])


@pytest.mark.slow
def test_xla_agrees_with_the_plain_graph_under_an_optimizer_of_keras(slow_outcomes):
    actual = slow_outcomes["tensorflow"]["compiled adamw"]
    assert_same({n: a[:1] for n, a in actual.items()}, slow_outcomes["tensorflow"]["one adamw"])


@pytest.mark.slow
def test_xla_traces_a_program_once_for_all_runs_and_epochs(slow_outcomes):
    """Two runs of four calls: calls of one step, calls of three steps, evaluations."""
    actual = slow_outcomes["tensorflow"]["compiled"]
    assert actual["loop"].tolist() == [2]
    *for_replicas, evaluation = actual["one_by_one"]
    assert (sum(for_replicas), evaluation) == (0, 1)


@pytest.mark.slow
def test_xla_compiles_streamed_steps_once(outcomes, slow_outcomes):
    """The images of each evaluation batch come from the host too."""
    actual = slow_outcomes["tensorflow"]["compiled and streamed"]
    assert_same(actual, outcomes["tensorflow"]["one"])
    assert actual["loop"].tolist() == [1]
    *for_replicas, evaluation = actual["one_by_one"]
    assert (sum(for_replicas), evaluation) == (0, 1)


# Several worker processes, as on several machines

STUDY = """
from memkit.configs import common


def get_config(variant=""):
    config = common.study(title="two replicas")
    config.dataset = common.dataset("digits", mean=(0.3,), std=(0.37,))
    config.subsets.num_runs = 20
    config.model = dict(name="tests.training.programs:tiny_convolutional", filters=2)
    config.schedule = dict(name="cosine", peak=0.1, warmup_epochs=0.0)
    config.training = common.training(epochs=2, batch_size=64, augment="pad_crop_flip", pad=1)
    config.training.data_parallel = 2
    return config
"""
NUM_RUNS = 2


def _train(folder, workdir, *flags, tf_config=None):
    """Starts `memkit train` of the first runs of the study."""
    config = folder / "config.py"
    config.write_text(STUDY)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TF_NUM_", "TF_CONFIG"))}
    added = {} if tf_config is None else {"TF_CONFIG": json.dumps(tf_config)}
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "memkit.cli", "train", f"--config={config}"),
            *(f"--workdir={workdir}", "--devices=cpu", f"--runs=0:{NUM_RUNS}", *flags),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
        env=inherited | added,
    )


def _ended(*started):
    """Waits for processes, and ends them all if one hangs; returns their outputs."""
    try:
        return [(process, process.communicate()[0]) for process in started]
    finally:
        for process in started:
            process.kill()


def _finished(*started):
    """Waits for processes that succeed; returns their outputs."""
    ended = _ended(*started)
    for process, text in ended:
        assert process.returncode == 0, text
    return [text for _, text in ended]


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each_socket in sockets:
        each_socket.bind(("127.0.0.1", 0))
    ports = [each_socket.getsockname()[1] for each_socket in sockets]
    for each_socket in sockets:
        each_socket.close()
    return ports


def _records(workdir):
    study = studies.load(workdir)
    names = ("curve", "train_logodds", "test_logodds", "train_predicted", "prob_mean")
    actual = studies.read_runs(study, study.points[0], names)
    assert actual.problems == {}
    assert actual.index.tolist() == list(range(NUM_RUNS))
    return actual


def _start_both(folder, workdirs):
    """Starts two processes that train each run together."""
    workers = [f"127.0.0.1:{port}" for port in _free_ports(2)]
    return [
        _train(
            folder,
            folder / workdir,
            tf_config={"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}},
        )
        for index, workdir in enumerate(workdirs)
    ]


@pytest.fixture(scope="module")
def mirrored_folder(tmp_path_factory):
    """The workdir of the study trained by one process with two replicas."""
    folder = tmp_path_factory.mktemp("mirrored")
    (outputs,) = _finished(_train(folder, folder / "study", "--workers=1"))
    assert "mirrored" in outputs
    return folder / "study"


@pytest.mark.slow
@pytest.mark.parametrize("folders", [("both", "both"), ("first", "second")])
def test_two_processes_with_tf_config_write_the_records_of_one(tmp_path, mirrored_folder, folders):
    """In one folder that both see, and in a folder for each."""
    for text in _finished(*_start_both(tmp_path, folders)):
        assert "multi_worker" in text
    mirrored = _records(mirrored_folder)
    for folder in set(folders):
        actual = _records(tmp_path / folder)
        for name, expected in mirrored.arrays.items():
            # Log-odds and probabilities are float16, whose steps are up to 1/1024 of a value.
            tolerance = 1e-5 if expected.dtype == np.float32 else 2e-3
            np.testing.assert_allclose(
                actual.arrays[name], expected, rtol=tolerance, atol=tolerance, err_msg=name
            )


@pytest.mark.slow
def test_processes_that_would_train_different_runs_together_raise_an_error(
    tmp_path, mirrored_folder
):
    """As after a kill between the two writes of one record: else gradients of two runs mix."""
    second = shutil.copytree(mirrored_folder, tmp_path / "second")
    (second / "points" / "one_hot" / "runs" / "1.npz").unlink()
    started = _start_both(tmp_path, ("first", "second"))
    outputs = [text for _, text in _ended(*started)]
    codes = [process.returncode for process in started]
    assert codes == [2, 2], outputs
    assert all("TF_CONFIG: expected processes that train the same run" in text for text in outputs)
    assert not list(tmp_path.glob("first/points/*/runs/*"))
    assert [file.name for file in second.glob("points/*/runs/*")] == ["0.npz"]
