"""Actors on a real Ray cluster of two nodes, both on this machine."""

import dataclasses
import functools
import io
import os
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from memkit import studies
from memkit.errors import InputError
from memkit.sweeps import executor, selection
from memkit.sweeps.progress import Progress
from tests.sweeps import fake_work, sweeping
from tests.sweeps.ray_cluster import is_idle, two_nodes

pytestmark = [
    pytest.mark.filterwarnings("default"),  # Ray has many of its own.
    pytest.mark.xdist_group("ray"),  # A cluster that runs on this machine would be joined.
]


@pytest.fixture(scope="module")
def cluster():
    with two_nodes() as nodes:
        yield nodes


def place(cluster, **changes):
    from memkit.sweeps import ray

    flags = {
        "data_parallel": 1,
        "engine": "tensorflow",
        "strategy": "auto",
        "devices": "auto",
        "packing": "none",
        "runs_per_program": 1,
        "workers": 0,
    }
    return ray.place(address=cluster.address, **(flags | changes))


class Watched(Progress):
    """Calls a function after every run that is reported done."""

    def finished(self, name, seconds):
        super().finished(name, seconds)
        self.after()


def execute(study, cluster, work, *, stream=None, after=lambda: None, **changes):
    """Trains what is missing of a study on a cluster; returns (failures, left)."""
    placement = place(cluster, **changes)
    missing, _ = selection.missing(study)
    counts = {name: len(runs) for name, runs in missing.items()}
    workers = len(placement.worker_envs)
    progress = Watched(counts, workers=workers, stream=stream or io.StringIO())
    progress.after = after
    return executor.execute(
        study,
        missing,
        work,
        setup=fake_work.no_setup,
        placement=placement,
        progress=progress,
    )


def done(study):
    return {(p.name, m) for p in study.points for m in studies.listed_runs(study, p)}


def everything(study):
    return {(p.name, m) for p in study.points for m in range(len(study.train_mask))}


@pytest.mark.slow
def test_a_cluster_makes_the_records_of_local_workers_on_both_nodes(
    cluster, study, make_study, outcomes, tmp_path
):
    (tmp_path / "journal").mkdir()
    work = functools.partial(fake_work.draw, seconds=0.05, journal=tmp_path / "journal")
    screen = io.StringIO()
    assert execute(study, cluster, work, stream=screen) == ([], {})
    elsewhere = make_study("elsewhere")
    sweeping.execute(elsewhere)
    assert outcomes(study) == outcomes(elsewhere)
    assert len({pid for _, pid, _ in sweeping.journal(tmp_path / "journal")}) == 2
    assert "40/40" in screen.getvalue()
    sweeping.wait_until(lambda: is_idle(2))


@pytest.mark.slow
def test_a_node_killed_in_the_middle_loses_only_what_it_was_doing(
    cluster, study, make_study, outcomes, tmp_path
):
    (tmp_path / "journal").mkdir()
    work = functools.partial(fake_work.draw, seconds=0.3, journal=tmp_path / "journal")
    killed_at = []

    def kill():
        if not killed_at and len(done(study)) >= 10:
            killed_at.append(time.monotonic_ns())
            cluster.remove_node(cluster.second, allow_graceful=False)

    assert execute(study, cluster, work, after=kill) == ([], {})
    rows = sweeping.journal(tmp_path / "journal")
    assert len({pid for _, pid, at in rows if at < killed_at[0]}) == 2
    assert len({pid for _, pid, _ in rows[-5:]}) == 1
    runs = [run for run, _, _ in rows]
    again = {run for run in runs if runs.count(run) > 1}
    assert len(runs) - len(set(runs)) == len(again) <= 2
    assert done(study) == everything(study)
    elsewhere = make_study("elsewhere")
    sweeping.execute(elsewhere)
    assert outcomes(study) == outcomes(elsewhere)
    cluster.second = cluster.add_node(num_cpus=1)  # For the other tests.
    sweeping.wait_until(lambda: is_idle(2))


@pytest.mark.slow
def test_runs_that_raise_or_kill_their_actor_are_set_aside_and_stop_nothing_else(
    cluster, make_study
):
    reasons = {"exception": "the loss divided by zero", "exit": "the Ray actor was lost: "}
    for how, reason in reasons.items():
        study = make_study(how)
        name = study.points[1].name
        work = functools.partial(fake_work.fail_at, name=name, bad_runs=(3,), how=how)
        (failure,), left = execute(study, cluster, work)
        assert (failure.point, failure.run, left) == (name, 3, {})
        assert reason in failure.reason
        assert done(study) == everything(study) - {(name, 3)}
    work = functools.partial(fake_work.fail_at, name=name, bad_runs=(3,), how="full")
    with pytest.raises(InputError, match="No space left on device"):
        execute(study, cluster, work)
    sweeping.wait_until(lambda: is_idle(2))


@pytest.mark.slow
def test_a_node_that_does_not_see_the_workdir_is_named(cluster, study, tmp_path):
    class Elsewhere:
        """Starts actors that are told of a folder that only other nodes have."""

        def __init__(self, pool):
            self.wait, self.end, self._start = pool.wait, pool.end, pool.start

        def start(self, workers, environment, *, workdir, setup, work):
            self._start(workers, environment, workdir=tmp_path / "x", setup=setup, work=work)

    placement = place(cluster, workers=1)
    placement = dataclasses.replace(placement, pool=Elsewhere(placement.pool))
    missing, _ = selection.missing(study)
    progress = Progress({"x": 1}, workers=1, stream=io.StringIO())
    with pytest.raises(InputError, match=f"on node {socket.gethostname()}"):
        executor.execute(
            study,
            missing,
            fake_work.draw,
            setup=fake_work.no_setup,
            placement=placement,
            progress=progress,
        )


@pytest.mark.slow
def test_workers_takes_that_many_and_devices_what_the_cluster_has(cluster):
    assert len(place(cluster).worker_envs) == 2
    assert len(place(cluster, workers=5).worker_envs) == 5
    assert place(cluster).setup.kind == "cpu"
    with pytest.raises(InputError, match="--devices: expected a GPU in the Ray cluster"):
        place(cluster, devices="gpu")
    with pytest.raises(InputError, match="--devices: expected auto, cpu, gpu or tpu"):
        place(cluster, devices="gpu:0")
    with pytest.raises(InputError, match="training.data_parallel: expected 1"):
        place(cluster, data_parallel=2)
    with pytest.raises(InputError, match="--packing: expected none, or --engine=jax"):
        place(cluster, packing="map")


@pytest.mark.slow
def test_a_cluster_of_its_own_listens_on_the_loopback_interface_only():
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    # Not under pytest's folder: the paths of Ray's sockets may have about 100 characters.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="ray") as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.sweeps.ray_listens"],
            cwd=sweeping.ROOT,
            env=inherited | {"RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    listening = [line.split() for line in done.stdout.splitlines()]
    assert len(listening) > 3
    addresses = {address.removeprefix("::ffff:") for _, address in listening}
    assert addresses <= {"127.0.0.1", "::1"}, listening
