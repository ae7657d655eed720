"""--engine, --strategy and their kin on the command line."""

import shutil

import numpy as np
import pytest
from tensorboard.backend.event_processing import event_accumulator

from memkit import studies
from memkit.sweeps import tensorboard

WIDTH = "--config=digits_width:smoke"
SHARED = "--config.training.data_parallel=2"
NAMES = ("train_logodds", "test_logodds", "train_correct", "curve")

REFUSED = {
    "mirrored for whole runs": (
        ["--strategy=mirrored"],
        "training.data_parallel: expected at least 2 devices for each run with "
        "--strategy=mirrored, received 1",
    ),
    "several workers without TF_CONFIG": (
        ["--strategy=multi_worker", "--config.training.data_parallel=2"],
        "--strategy: expected a number of processes in TF_CONFIG",
    ),
    "no runs per program": (["--runs_per_program=0"], "runs_per_program"),
    "runs of a program that would not stop together": (
        [
            *("--engine=jax", "--packing=vmap", "--runs_per_program=3"),
            "--config.training.until_accuracy=0.5",
        ],
        "training.until_accuracy: expected 0 in a program of 3 runs",
    ),
    "a file as the folder of event files": (
        [f"--tensorboard={__file__}"],
        "--tensorboard: expected a writable folder",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_flags_that_do_not_fit_together_get_one_line_and_nothing_is_written(memkit, tmp_path, case):
    flags, line = REFUSED[case]
    workdir = tmp_path / "study"
    result = memkit("train", WIDTH, f"--workdir={workdir}", *flags)
    assert result.code == 2, result.err
    assert len(result.err.strip().splitlines()) == 1, result.err
    assert line in result.err
    assert not workdir.exists()


def test_a_broken_tf_config_gets_one_line(memkit, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{'cluster': ")
    result = memkit("train", WIDTH, f"--workdir={tmp_path / 'study'}", SHARED)
    assert result.code == 2
    assert "error: TF_CONFIG: expected a JSON object" in result.err
    assert not (tmp_path / "study").exists()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_tensorboard_gets_the_curves_of_the_runs_that_a_command_trains(
    memkit, tiny_config, tmp_path, engine
):
    flags = [f"--config={tiny_config}", f"--workdir={tmp_path / 'study'}", f"--engine={engine}"]
    flags += ["--points=one_hot_momentum0.5", f"--tensorboard={tmp_path / 'logs'}"]
    first = tmp_path / "logs/one_hot_momentum0.5/0" / tensorboard.FILE
    written = []
    for runs in ("0:1", "0:3"):
        result = memkit("train", *flags, f"--runs={runs}", "--workers=1")
        assert result.code == 0, result.err
        assert not result.engines
        written.append(first.stat().st_mtime_ns)
    assert written[0] == written[1]  # The second command trained only runs 1 and 2.
    study = studies.load(tmp_path / "study")
    curves = studies.read_runs(study, study.points[0], ("curve",)).arrays["curve"]
    for run in range(3):
        accumulator = event_accumulator.EventAccumulator(str(first.parents[1] / str(run)))
        accumulator.Reload()
        for column, tag in enumerate(tensorboard.TAGS):
            values = [event.value for event in accumulator.Scalars(tag)]
            np.testing.assert_array_equal(values, curves[run, :, column])


@pytest.fixture(scope="module")
def jax_study(memkit, tiny_config, tmp_path_factory):
    """The workdir of the tiny study, run whole under JAX, with the command's result."""
    workdir = tmp_path_factory.mktemp("studies") / "jax"
    flags = [f"--config={tiny_config}", f"--workdir={workdir}", "--engine=jax", "--workers=2"]
    return workdir, memkit("run", *flags)


def _records(workdir, point=0):
    study = studies.load(workdir)
    runs = studies.read_runs(study, study.points[point], NAMES)
    assert runs.problems == {}
    return runs


@pytest.mark.slow
def test_scores_of_a_study_agree_between_engines(tiny_study, jax_study):
    workdir, result = jax_study
    assert result.code == 0, result.err
    assert "jax on cpu, one_device" in result.out
    by_tensorflow, by_jax = (studies.load(folder) for folder in (tiny_study[0], workdir))
    for point in by_tensorflow.points:
        expected = studies.read_estimates(by_tensorflow, point)
        actual = studies.read_estimates(by_jax, by_jax.point(point.name))
        for outcome in studies.OUTCOMES:
            value, reference = actual[outcome].value, expected[outcome].value
            defined = np.isfinite(value)
            np.testing.assert_array_equal(defined, np.isfinite(reference))
            inside = (expected[outcome].lower <= value) & (value <= expected[outcome].upper)
            assert inside[defined].mean() > 0.999
            assert np.corrcoef(value[defined], reference[defined])[0, 1] > 0.98


@pytest.mark.slow
def test_records_hold_their_engine_device_and_versions(tiny_study, jax_study):
    for workdir, engine in ((tiny_study[0], "tensorflow"), (jax_study[0], "jax")):
        for info in _records(workdir).infos:
            assert (info["engine"], info["device"]) == (engine, "CPU")
            assert info["precision"] == "float32"
            assert {engine, "keras", "numpy", "python"} <= set(info["versions"])
    assert "jax" not in _records(tiny_study[0]).infos[0]["versions"]
    assert "tensorflow" not in _records(jax_study[0]).infos[0]["versions"]


@pytest.mark.slow
def test_a_study_continues_under_another_engine_and_status_reports_it(
    memkit, tiny_study, tiny_config, tmp_path
):
    workdir = shutil.copytree(tiny_study[0], tmp_path / "study")
    mixed, pure = studies.load(workdir).points
    before = _records(workdir)
    for run in (3, 4, 17):
        (workdir / "points" / mixed.name / "runs" / f"{run}.npz").unlink()
    flags = [f"--config={tiny_config}", f"--workdir={workdir}", "--engine=jax", "--workers=1"]
    result = memkit("run", *flags)
    assert result.code == 0, result.err
    assert "train: 3 runs at 1 points" in result.out
    after = _records(workdir)
    assert after.index.tolist() == list(range(20))
    made = [info["engine"] for info in after.infos]
    assert [run for run in range(20) if made[run] == "jax"] == [3, 4, 17]
    for name in NAMES:
        actual, expected = (runs.arrays[name].astype(float) for runs in (after, before))
        np.testing.assert_allclose(actual, expected, rtol=5e-3, atol=5e-3, err_msg=name)
    status = memkit("status", f"--workdir={workdir}")
    assert status.code == 0
    mixture = "mixes engines, which round differently: 3 runs by jax, 17 runs by tensorflow"
    assert f"{mixed.name} {mixture}" in status.out
    assert f"{pure.name} mixes" not in status.out
    assert "mixes" not in memkit("status", f"--workdir={tiny_study[0]}").out


@pytest.mark.slow
def test_packed_runs_on_two_devices_write_the_records_of_single_ones(
    memkit, jax_study, tiny_config, tmp_path
):
    """20 runs in packs of six, on two devices of one worker: the last pack is not full."""
    workdir = tmp_path / "packed"
    flags = [
        *("--engine=jax", "--packing=vmap", "--runs_per_program=3"),
        *("--devices=cpu:0,cpu:1", "--workers=1"),
    ]
    result = memkit("train", f"--config={tiny_config}", f"--workdir={workdir}", *flags)
    assert result.code == 0, result.err
    assert "1 workers, each jax on 2 cpu, one_device, 3 runs per program by vmap" in result.out
    for point in (0, 1):
        packed, single = _records(workdir, point), _records(jax_study[0], point)
        assert packed.index.tolist() == list(range(20))
        for name in NAMES:
            actual, expected = (runs.arrays[name].astype(float) for runs in (packed, single))
            np.testing.assert_allclose(actual, expected, rtol=5e-3, atol=5e-3, err_msg=name)
