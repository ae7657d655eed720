import json
import os
import shutil
import signal

import numpy as np
import pytest

from memkit import analysis, studies
from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.distribution.result import Distribution
from memkit.analysis.planted.result import Planted
from memkit.analysis.trajectories.result import TrajectoryClasses
from memkit.records import SCHEMA
from tests.sweeps.sweeping import wait_until


def read_all(workdir):
    """Every array of every record of a study, by point, run and name."""
    study = studies.load(workdir)
    arrays = {}
    for point in study.points:
        names = [name for name, field in SCHEMA.items() if not field.where]
        runs = studies.read_runs(study, point, names)
        assert runs.problems == {}
        for name, stacked in runs.arrays.items():
            for run, array in zip(runs.index, stacked, strict=True):
                arrays[point.name, int(run), name] = array.tobytes()
    return arrays


def record_files(workdir):
    return sorted(p for p in workdir.glob("points/*/runs/*.npz"))


def wait_for_records(process, workdir, number):
    """Waits for that many records of a study which a process is training and has not finished."""
    wait_until(lambda: process.poll() is not None or len(record_files(workdir)) >= number)
    assert process.returncode is None, process.communicate()


def is_group_empty(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def wait_for_end_of_group(group):
    wait_until(lambda: is_group_empty(group))


def test_run_trains_estimates_and_reports(tiny_study):
    workdir, result = tiny_study
    assert result.code == 0, result.err
    assert not result.engines  # Only its workers import one, not what estimates and reports.
    assert "train 40/40 runs" in result.err
    assert (workdir / "report" / "index.html").exists()
    assert f"report: {workdir}/report/index.html" in result.out
    assert not [p for p in workdir.rglob("*") if p.name.startswith(".tmp")]


def test_the_summary_has_the_promised_fields_and_they_agree_with_the_records(tiny_study):
    study = studies.load(tiny_study[0])
    summary = analysis.read(study)
    assert [p.name for p in summary.points] == ["one_hot_momentum0.5", "one_hot_momentum0.9"]
    for row, point in zip(summary.points, study.points, strict=True):
        runs = studies.read_runs(study, point, ("train_correct", "test_correct"))
        correct, mask = runs.arrays["train_correct"], study.train_mask
        assert (row.series, row.axis_value, row.num_runs) == ("one_hot", point.axis_value, 20)
        expected = correct[mask].mean(), correct[~mask].mean(), runs.arrays["test_correct"].mean()
        accuracy = summary.results[Accuracy].points[point.name]
        actual = [n.value for n in (accuracy.train_in, accuracy.train_out, accuracy.test)]
        np.testing.assert_allclose(actual, expected, atol=1e-12)
        value = studies.read_estimates(study, point)["correct"].value
        means = summary.results[Distribution].points[point.name]
        assert means.all_examples.memorization.value == pytest.approx(value.mean())
        assert means.noisy_shape.share_above_025.value == pytest.approx((value >= 0.25).mean())
        planted, labels = study.examples.planted, summary.results[Planted].points[point.name]
        assert labels.count == labels.means.num_examples == planted.sum() == 32
        assert labels.means.memorization.value == pytest.approx(value[planted].mean())
        assert means.clean.memorization.value == pytest.approx(value[~planted].mean())
        assert 0 <= labels.auroc.value <= 1
        prob = studies.read_estimates(study, point)["prob"].value
        assert means.memorization_prob.value == pytest.approx(prob.mean())
    by_alpha = summary.results[TrajectoryClasses].series["one_hot"]
    assert list(by_alpha) == [0.1, 0.2, 0.3]
    for classes in by_alpha.values():
        shares = [share for name, share in classes.shares.items() if name != "undefined"]
        assert sum(shares) == pytest.approx(1)
    assert summary.timing.wall_seconds > 0
    assert summary.training.seconds > 0
    assert summary.timing.runs_per_second > 0


@pytest.mark.slow
def test_planted_labels_are_memorized_only_by_the_wide_model_of_the_smoke_study(smoke_study):
    narrow, wide = analysis.read(studies.load(smoke_study)).results[Planted].points.values()
    assert narrow.means.memorization.value < 0.05
    assert wide.means.memorization.value > 0.2
    assert wide.auroc.value > 0.75


def test_the_same_command_again_trains_nothing(memkit, tiny_study, tiny_config):
    workdir, _ = tiny_study
    before = {p: p.stat().st_mtime_ns for p in record_files(workdir)}
    result = memkit("train", "--workers=1", f"--config={tiny_config}", f"--workdir={workdir}")
    assert result.code == 0
    assert "nothing is missing" in result.out
    assert {p: p.stat().st_mtime_ns for p in record_files(workdir)} == before


@pytest.mark.slow
def test_one_worker_in_shards_gives_the_same_bits_as_two_workers_at_once(
    memkit, tiny_study, tiny_config, tmp_path
):
    workdir = tmp_path / "sharded"
    for shard in ("0/2", "1/2"):
        result = memkit(
            "train",
            f"--config={tiny_config}",
            f"--workdir={workdir}",
            "--workers=1",
            f"--shard={shard}",
        )
        assert result.code == 0, result.err
        assert "train 20/20 runs" in result.err
    assert read_all(workdir) == read_all(tiny_study[0])


@pytest.mark.parametrize(
    ("number", "kill", "code"),
    [
        (signal.SIGINT, os.killpg, 130),
        pytest.param(signal.SIGTERM, os.kill, 143, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, os.killpg, 129, marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_and_signals_end_the_workers_say_how_to_go_on_and_have_their_exit_code(
    start, tiny_config, tmp_path, number, kill, code
):
    workdir = tmp_path / "interrupted"
    many = (
        "--config.subsets.num_runs=1000"  # So that they are not all done when it gets the signal.
    )
    process = start("train", f"--config={tiny_config}", many, f"--workdir={workdir}")
    wait_for_records(process, workdir, 2)
    kill(process.pid, number)
    _, error = process.communicate()
    assert process.returncode == code
    assert error.splitlines()[-1].startswith("interrupted: ")
    assert error.endswith(
        "of 2000 runs were finished and are kept; the same command goes on from there\n"
    )
    assert "Traceback" not in error
    wait_for_end_of_group(process.pid)
    assert list((workdir / "workers").iterdir()) == []


def test_a_grown_study_trains_only_new_runs_and_those_with_broken_records(
    memkit, tiny_config, tiny_study, tmp_path
):
    workdir = tmp_path / "grown"
    shutil.copytree(tiny_study[0], workdir)
    folder = workdir / "points" / "one_hot_momentum0.5" / "runs"
    other = workdir / "points" / "one_hot_momentum0.9" / "runs"
    (folder / "3.npz").write_bytes((folder / "3.npz").read_bytes()[:-30])
    (folder / "5.npz").write_bytes((other / "5.npz").read_bytes())
    result = memkit("estimate", f"--workdir={workdir}")
    assert result.code == 0
    for name in ("one_hot_momentum0.5/runs/3.npz", "one_hot_momentum0.5/runs/5.npz"):
        assert name in result.err
    summary = json.loads((workdir / "summary.json").read_text())
    assert [p["num_runs"] for p in summary["points"]] == [18, 20]
    broken = {folder / "3.npz", folder / "5.npz"}
    before = {p: p.stat().st_mtime_ns for p in record_files(workdir) if p not in broken}
    command = ["train", "--workers=1", f"--config={tiny_config}", f"--workdir={workdir}"]
    more = ["--config.axis.values=(0.3, 0.5, 0.9)", "--config.subsets.num_runs=22"]
    result = memkit(*command, *more)
    assert result.code == 0, result.err
    assert "3.npz is retrained" in result.err
    assert "train 28/28 runs" in result.err  # 2 broken, 2 more at each point, 22 at the new one.
    assert len(record_files(workdir)) == 66
    assert {p: p.stat().st_mtime_ns for p in before} == before
    records = read_all(workdir)
    assert {key: records[key] for key in read_all(tiny_study[0])} == read_all(tiny_study[0])


@pytest.mark.slow
def test_collapsed_runs_are_counted_warned_of_and_kept(memkit, tiny_config, tmp_path):
    flags = ["--config.schedule.peak=1e-9", "--config.axis.values=(0.9,)", "--workers=1"]
    workdir = tmp_path / "study"
    trained = memkit("train", f"--config={tiny_config}", f"--workdir={workdir}", *flags)
    assert trained.code == 0, trained.err
    result = memkit("estimate", f"--workdir={workdir}")
    assert "are collapsed and kept" in result.err
    point = json.loads((workdir / "summary.json").read_text())["points"][0]
    assert point["collapsed"] > 10
    assert point["num_runs"] == 20


def test_a_study_loads_in_three_lines_for_notebooks(tiny_study):
    study = studies.load(tiny_study[0])
    scores = studies.read_estimates(study, "one_hot_momentum0.9")["correct"]
    most = study.examples.train_ids[scores.value.argmax()]
    assert most.startswith("digit_")
    assert analysis.read_outcomes(study, study.points[0]).correct.shape == (20, 400)


OWN_MODEL = """
import keras


def build(*, input_shape, num_classes, units=6):
    images = keras.Input(input_shape)
    x = keras.layers.Flatten()(images)
    x = keras.layers.Dense(units, activation="relu")(x)
    return keras.Model(images, keras.layers.Dense(num_classes)(x))
"""


@pytest.mark.slow
def test_a_models_function_of_ones_own_trains_in_worker_processes(
    memkit, tiny_config, tmp_path, monkeypatch
):
    (tmp_path / "my_models.py").write_text(OWN_MODEL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = ["train", "--workers=1", f"--config={tiny_config}", f"--workdir={tmp_path / 'own'}"]
    command.append("--config.model.name=my_models:build")
    result = memkit(*command)
    assert result.code == 0, result.err
    assert "model: my_models:build takes no hidden" in result.err
    assert "train 40/40 runs" in result.err
    first, second = (
        read_all(tmp_path / "own")[f"one_hot_momentum{m}", 0, "curve"] for m in (0.5, 0.9)
    )
    assert first != second
    (tmp_path / "my_models.py").write_text(OWN_MODEL.replace("relu", "tanh"))
    again = memkit(*command)
    assert again.code == 2
    assert "model.name: expected the code" in again.err


@pytest.mark.slow
def test_diverged_runs_and_their_blocked_students_are_counted_left_out_and_reported(
    memkit, tiny_config, tmp_path
):
    workdir = tmp_path / "blocked"
    result = memkit(
        "run",
        "--workers=1",
        f"--config={tiny_config}",
        f"--workdir={workdir}",
        "--config.schedule.peak=1e30",
        "--config.axis.values=(0.9,)",
        "--config.series=('one_hot', 'distilled')",
    )
    assert result.code == 0, result.err
    assert "are diverged and left out" in result.err
    summary = json.loads((workdir / "summary.json").read_text())
    teacher, student = summary["points"]
    assert (teacher["diverged"], teacher["blocked"]) == (20, 0)
    assert (student["diverged"], student["blocked"]) == (0, 20)
    means = summary["distribution"]["points"][teacher["name"]]["all_examples"]
    assert (teacher["num_runs"], means["memorization"]["value"]) == (0, None)
    assert (workdir / "report" / "index.html").exists()
    status = memkit("status", f"--workdir={workdir}")
    assert status.out.splitlines()[1].split()[1:] == ["20", "0", "0", "0", "20", "0", "0"]


@pytest.mark.slow
def test_removal_trains_prints_and_fills_the_report(memkit, tiny_study, tmp_path):
    workdir = tmp_path / "study"
    shutil.copytree(tiny_study[0], workdir)
    command = ["removal", f"--workdir={workdir}", "--thresholds=0.1,0.5", "--repeats=2"]
    done = memkit(*command)
    assert done.code == 0, done.err
    assert "memorization >= 0.1" in done.out
    (child,) = (workdir / "removal").iterdir()
    mask = studies.load(child).train_mask
    assert len(mask) == 2 + 2 * 2 * 2 + 2 * 2  # nothing, two thresholds, high-influence pairs
    page = (workdir / "report" / "index.html").read_text()
    assert 'id="removal"' in page
    assert "memorization ≥ 0.1" in page
    again = memkit(*command)
    assert "nothing is missing" in again.out
    other = memkit(*command[:2], "--thresholds=0.2", "--repeats=2")
    assert other.code == 2
    assert "other removals" in other.err, other.err


@pytest.mark.parametrize("threshold", ["-3", "nan", "1.5"])
def test_thresholds_of_a_removal_are_memorization(memkit, tiny_study, threshold):
    done = memkit("removal", f"--workdir={tiny_study[0]}", f"--thresholds=0.5,{threshold}")
    assert done.code == 2
    line = f"--thresholds: expected numbers in [-1, 1], as memorization, received 0.5,{threshold}"
    assert line in done.err
    assert not (tiny_study[0] / "removal").exists()


@pytest.mark.slow
def test_runs_are_added_until_intervals_are_narrow(memkit, tiny_config, tmp_path):
    """Stops after 100 of 101 runs; what is missing comes when more is asked for."""
    workdir = tmp_path / "study"
    command = ["run", f"--config={tiny_config}", f"--workdir={workdir}", "--workers=2"]
    command += ["--config.subsets.num_runs=101", "--config.axis.values=(0.9,)"]
    stopped = memkit(*command, "--until_halfwidth=0.4")
    assert stopped.code == 0, stopped.err
    assert len(record_files(workdir)) == 100
    stop = studies.read_stop(studies.load(workdir))
    assert (stop["runs"], stop["block"], stop["wanted"]) == (100, 20, 0.4)
    assert 0 < stop["half_width"] <= 0.4
    report = (workdir / "report" / "index.html").read_text()
    assert "train 100/100 runs" in stopped.err
    assert "Stopping rule" in report and "After 100 runs that was so" in report
    went_on = memkit(*command, "--until_halfwidth=0.001")
    assert went_on.code == 0, went_on.err
    assert len(record_files(workdir)) == 101
    assert "after 101 runs the intervals of 95% of the examples" in went_on.out
    report = workdir / "report" / "index.html"
    assert "After 101 runs that was not yet so" in report.read_text()
    more = memkit(*command, "--config.subsets.num_runs=102")
    assert more.code == 0, more.err
    assert "Stopping rule" not in report.read_text()


def test_a_half_width_that_makes_no_sense_is_refused_before_any_work(memkit, tiny_config, tmp_path):
    workdir = tmp_path / "study"
    command = ["run", f"--config={tiny_config}", f"--workdir={workdir}"]
    for value, words in (("2", "a half width above 0"), ("0.1", "a study of more than 100 runs")):
        refused = memkit(*command, f"--until_halfwidth={value}")
        assert refused.code == 2
        assert f"--until_halfwidth: expected {words}" in refused.err
        assert not workdir.exists()
