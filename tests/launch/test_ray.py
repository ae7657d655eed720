"""`memkit --executor=ray` in real processes."""

import signal
import subprocess
import sys

import pytest

from memkit import studies
from tests.sweeps import sweeping
from tests.sweeps.ray_cluster import is_idle, two_nodes

pytestmark = [
    pytest.mark.filterwarnings("default"),  # Ray has many of its own.
    pytest.mark.xdist_group("ray"),  # A cluster that runs on this machine would be joined.
]


@pytest.fixture(scope="module")
def cluster():
    with two_nodes() as nodes:
        yield nodes


def record_files(workdir):
    return list(workdir.glob("points/*/runs/*.npz"))


def outcomes(workdir):
    """Arrays of every record of a study, by point, run and name."""
    study, arrays = studies.load(workdir), {}
    for point in study.points:
        runs = studies.read_runs(study, point, ("train_correct", "train_logodds", "curve"))
        assert runs.problems == {}
        for name, stacked in runs.arrays.items():
            for run, array in zip(runs.index, stacked):
                arrays[point.name, int(run), name] = array.tobytes()
    return arrays


@pytest.mark.slow
def test_the_engine_trains_the_same_bits_on_a_cluster(cluster, memkit, tmp_path):
    on_ray, here = tmp_path / "ray", tmp_path / "here"
    study = ("--config=digits_width:smoke", "--config.training.epochs=2")
    flags = ("--executor=ray", f"--ray_address={cluster.address}")
    result = memkit("train", *study, f"--workdir={on_ray}", *flags)
    assert result.code == 0, result.err
    assert "2 workers, each tensorflow on cpu, one_device (actors of Ray, nodes: 2)" in result.out
    assert "train 40/40 runs" in result.err
    few = ("--runs=0:2", "--workers=1")
    trained = memkit("train", *study, f"--workdir={here}", *few)
    assert trained.code == 0, trained.err
    records, expected = outcomes(on_ray), outcomes(here)
    assert {key: records[key] for key in expected} == expected
    assert (len(expected), len(records)) == (2 * 2 * 3, 2 * 20 * 3)


@pytest.mark.proof
def test_signals_end_the_actors_and_the_same_command_continues(
    cluster, start, memkit, tiny_config, tmp_path
):
    import ray

    workdir = tmp_path / "study"
    words = ("train", f"--config={tiny_config}", f"--workdir={workdir}", "--executor=ray")
    # More epochs, so that most of the runs are still missing when it gets the signals.
    words = (*words, f"--ray_address={cluster.address}", "--config.training.epochs=30")
    ray.init(address=cluster.address, log_to_driver=False)

    def interrupt(number):
        finished = len(record_files(workdir))
        process = start(*words)
        sweeping.wait_until(
            lambda: process.poll() is not None or len(record_files(workdir)) >= finished + 3
        )
        process.send_signal(number)
        _, err = process.communicate()
        assert "are kept; the same command goes on from there" in err
        sweeping.wait_until(lambda: is_idle(2))
        return process.returncode

    assert interrupt(signal.SIGINT) == 130
    assert interrupt(signal.SIGTERM) == 143
    num_finished = len(record_files(workdir))
    assert 6 <= num_finished < 40
    again = memkit(*words)
    assert again.code == 0, again.err
    assert f"train: {40 - num_finished} runs" in again.out
    assert len(record_files(workdir)) == 40


def memkit_without_ray(*words):
    blocked = "import sys; sys.modules['ray'] = None; from memkit import cli; cli.main()"
    return subprocess.run([sys.executable, "-c", blocked, *words], capture_output=True, text=True)


def test_without_ray_one_line_names_the_extra(tmp_path):
    words = ("train", "--config=digits_width:smoke", f"--workdir={tmp_path / 'study'}")
    done = memkit_without_ray(*words, "--executor=ray")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "memkit train: error: --executor: expected local, or the extra ray "
        "(`pip install -e '.[ray]'` in your clone of memkit installs it), received ray, "
        "which is not installed\n"
    )
    assert not (tmp_path / "study").exists()


def test_a_ray_address_without_ray_is_refused(memkit, tmp_path):
    words = ("train", "--config=digits_width:smoke", f"--workdir={tmp_path / 'study'}")
    result = memkit(*words, "--ray_address=head:6379")
    assert (result.code, result.out) == (2, "")
    assert "--ray_address: expected none without --executor=ray" in result.err
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("127.0.0.1:9", "expected host:port of the head of a running Ray cluster, received 127.0"),
        ("ray://head:10001", "expected host:port or auto, received 'ray://head:10001'"),
        ("head", "expected host:port or auto, received 'head'"),
    ],
)
def test_an_address_without_a_ray_is_one_line(memkit, tmp_path, address, complaint):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    words = ("train", "--config=digits_width:smoke", f"--workdir={tmp_path / 'study'}")
    result = memkit(*words, "--executor=ray", f"--ray_address={address}")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert f"--ray_address: {complaint}" in result.err
    assert not (tmp_path / "study").exists()
