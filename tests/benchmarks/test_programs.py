"""Every benchmark as a program, in a tiny size: its numbers are finite and positive."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from memkit import estimators
from tests.benchmarks import only

ROOT = pathlib.Path(__file__).parent.parent.parent
pytestmark = pytest.mark.slow


def run(*command, **environment):
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "os.fork()" not in done.stderr  # JAX warns if it has used a device before, see gpu.py.
    return done.stdout


def program(name, out, *arguments):
    """Runs a benchmark; returns what it printed and the numbers it wrote."""
    printed = run(sys.executable, "-m", f"benchmarks.{name}", f"--out={out}", *arguments)
    return printed, json.loads(out.read_text())


def numbers(value):
    """Returns all numbers in nested lists and dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for entry in value for number in numbers(entry)]
    return [value] if isinstance(value, (int, float)) else []


def assert_positive(value):
    values = numbers(value)
    assert values and np.isfinite(values).all() and min(values) > 0


def test_engine(tmp_path):
    printed, results = program("engine", tmp_path / "out.json", "--tiny", "--rounds=1")
    (case,) = results["cases"].values()
    assert_positive([case["rates"], case["flops_per_image"]])
    groups = case["seconds_by_group"]
    assert_positive([groups["convolutions, forward"], groups["convolutions, backward"]])
    assert min(groups.values()) >= 0
    assert len(case["rates"]) == 4 and all(name in printed for name in (*case["rates"], *groups))


def test_audit(tmp_path):
    printed, results = program("audit", tmp_path / "out.json", "--examples=120", "--runs=20")
    (rows,) = results["cases"].values()
    assert [row["method"] for row in rows[:2]] == ["memkit", "5-fold network"] and len(rows) == 5
    assert all(0 <= row["average precision"] <= 1 and row["CPU seconds"] > 0 for row in rows)
    ours, plain, repeated = (row["thousand image epochs"] for row in rows[:3])
    assert plain < ours < repeated and repeated == pytest.approx(4 * plain)
    assert "cleanlab" in printed


def test_audit_scale(tmp_path):
    words = (f"--folder={tmp_path / 'images'}", "--images=80", "--classes=4", "--minutes=1")
    printed, results = program("audit_scale", tmp_path / "out.json", *words)
    stages = ["read", "plan", "open", "train", "estimate", "list", "page"]
    assert [name for name, *_ in results["rows"]] == stages
    assert len(list((tmp_path / "images").rglob("*.jpg"))) == 80
    assert 0 < results["peaks"]["held"] < results["peaks"]["resident"]
    assert_positive([results["cost"], results["whole"]])
    assert "80 train and 0 test images of 32x32x3, 4 classes" in printed


@pytest.mark.proof
def test_mnist(tmp_path):
    arguments = ("--rounds=1", "--epochs=1", "--examples=600", "--tests=20")
    printed, results = program("mnist", tmp_path / "out.json", *arguments)
    assert_positive(results["rates"])
    assert len(results["rates"]) == 4 and all(name in printed for name in results["rates"])
    layers = ((784, 512), (512, 256), (256, 10))
    forward = sum(2 * inputs * outputs for inputs, outputs in layers)
    images = 420 // 128 * 128
    assert results["flops"] == images * (3 * forward - 2 * 784 * 512) + 620 * forward


@pytest.mark.proof
def test_scaling(tmp_path):
    _, results = program("scaling", tmp_path / "out.json", "--tiny", "--runs=8")
    assert list(results["engines"]) == ["tensorflow", "jax"]
    for engine in results["engines"].values():
        assert_positive(engine)
        assert [runs for runs, _ in engine["memory"]] == list(range(1, 9))


@pytest.mark.proof
def test_startup(tmp_path):
    printed, results = program("startup", tmp_path / "out.json", "--smoke")
    assert results["runs"] == 40
    assert_positive({k: v for k, v in results["stages"].items() if k != "data and study"})
    assert results["stages"]["data and study"] >= 0
    assert results["workers"]["steady"] > 0
    assert "training, compilation" in printed


@pytest.mark.proof
def test_host(tmp_path):
    words = ("--images=400", "--batch=20", "--epochs=3", "--device_ms=1")
    _, results = program("host", tmp_path / "out.json", *words)
    assert [row[:2] for row in results["rows"]] == [
        [history, runs] for history in ("recorded", "not recorded") for runs in (1, 8)
    ]
    assert_positive(results["rows"])


@pytest.fixture(scope="module")
def gpu(tmp_path_factory):
    """The folder that gpu.sh --tiny filled from data in parts, without what a GPU machine lacks."""
    folder = tmp_path_factory.mktemp("gpu")
    rng = np.random.default_rng(0)
    sizes = {"train": 60, "test": 20}
    arrays = {f"x_{p}": rng.integers(0, 256, (n, 8, 8, 3), np.uint8) for p, n in sizes.items()}
    arrays |= {f"y_{p}": np.arange(n, dtype=np.int32) % 4 for p, n in sizes.items()}
    parts = folder / "parts"
    parts.mkdir()
    for number in range(2):
        part = {key: np.array_split(rows, 2)[number] for key, rows in arrays.items()}
        np.savez(parts / f"cifar_{number}.npz", **part)
    np.savez(folder / "scores.npz", scores=rng.uniform(size=60), labels=arrays["y_train"])
    (folder / "sitecustomize.py").write_text(only.code((*only.ENGINE, "PIL")))
    environment = {"PYTHON": sys.executable, "OUT": str(folder / "out"), "JAX_PLATFORMS": "cpu"}
    environment |= {"PYTHONPATH": str(folder), "HOME": str(folder), "LIMIT": "1000000"}
    arguments = [f"--data={parts}", f"--scores={folder / 'scores.npz'}", "--budget=1000000"]
    ways = ["16/bfloat16/none:1", "16/float32/vmap:2/off", "256/bfloat16/map:2/2"]
    arguments += [f"--timed={','.join(ways)}", f"--study={ways[-1]}", "--study_seconds=900000"]
    printed = run("benchmarks/gpu.sh", "--tiny", *arguments, **environment)
    assert printed.rstrip() == (folder / "out" / "gpu.txt").read_text().rstrip()
    return folder


def test_gpu_numbers_are_positive_and_shares_of_peaks(gpu):
    results = json.loads((gpu / "out" / "gpu.json").read_text())
    assert_positive([results["peaks"], results["costs"]])
    assert results["data"] == "cifar_*.npz"
    assert len(results["sweep"]) == 3
    for row in results["sweep"]:
        assert "note" not in row, row
        names = ("images_per_second", "models_per_hour", "epoch_seconds", "eval_seconds")
        assert_positive([row[name] for name in names])
        assert 0 < row["of_matrix_peak"] < 1 and 0 < row["of_memory_peak"] < 1


def test_gpu_scores_follow_from_its_records(gpu):
    study = json.loads((gpu / "out" / "gpu.json").read_text())["study"]
    records, scores = (np.load(gpu / "out" / f"{name}.npz") for name in ("records", "scores"))
    assert study["runs"] == len(records["runs"]) == 20 and study["problems"] == 0
    assert len(study["pack_seconds"]) == 10 and "note" not in study
    correct, mask = (
        np.unpackbits(records[name], axis=1, count=60).astype(bool)
        for name in ("train_correct", "train_mask")
    )
    assert (mask.sum(1) == 42).all()
    memorization = estimators.memorization(correct, mask).value
    np.testing.assert_array_equal(scores["correct_memorization"], memorization)
    assert study["mean_correct_memorization"] == pytest.approx(memorization.mean())
    assert study["accuracy_in"] == correct[mask].mean()
    assert {info["engine"] for info in json.loads(str(records["infos"]))} == {"jax"}
    assert all(-1 <= study[name] <= 1 for name in study if name.startswith("spearman_"))


def test_gpu_study_is_the_one_that_memkit_makes_of_its_seed(gpu):
    """The first run again, by another road: its subset is the design's."""
    from memkit import subsets

    records = np.load(gpu / "out" / "records.npz")
    mask = np.unpackbits(records["train_mask"], axis=1, count=60).astype(bool)
    options = dict(labels=np.arange(60) % 4, num_runs=20, train_fraction=0.7, seed=0)
    np.testing.assert_array_equal(mask, subsets.design("balanced", **options))


def test_gpu_files_are_few_and_small(gpu):
    files = list((gpu / "out").iterdir())
    assert sorted(f.name for f in files) == ["gpu.json", "gpu.txt", "records.npz", "scores.npz"]
    assert all(file.stat().st_size < 16 * 2**20 for file in files)


def test_gpu_spends_no_more_than_its_budget(tmp_path):
    environment = {"PYTHON": sys.executable, "OUT": str(tmp_path / "out"), "JAX_PLATFORMS": "cpu"}
    environment |= {"LIMIT": "1000000"}
    arguments = ("--tiny", "--budget=10", "--study=16/bfloat16/map:2", "--study_seconds=10")
    run("benchmarks/gpu.sh", *arguments, **environment)
    results = json.loads((tmp_path / "out" / "gpu.json").read_text())
    assert all(row["note"] == "failed: no time was left" for row in results["sweep"])
    study = results["study"]
    assert (study["note"], study["pack_seconds"]) == ("no time was left", [])
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["gpu.json", "gpu.txt"]


def test_gpu_refuses_a_packing_that_is_none(tmp_path):
    command = ("benchmarks/gpu.sh", "--timed=256/bfloat16/sideways:4", "--budget=60")
    environment = {"PYTHON": sys.executable, "OUT": str(tmp_path), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode and "received '256/bfloat16/sideways:4'" in done.stderr


@pytest.mark.skipif(importlib.util.find_spec("libtpu") is None, reason="libtpu compiles for TPUs")
def test_tpu_steps():
    printed = run(
        *(sys.executable, "-m", "benchmarks.tpu_steps", "--points=mnist_mlp:smoke/one_hot"),
        *("--chips=v5e", "--precisions=float32"),
    )
    lines = printed.splitlines()
    share = float(lines[0].partition(": ")[2].partition("%")[0])
    assert 90 < share < 100
    name, *_, step, runs = lines[1].split("\t")[:6]
    assert name == "mnist_mlp:smoke/one_hot" and lines[-1].startswith(name)
    assert 0 < float(step) < 10 and float(runs.replace(",", "")) > 0
