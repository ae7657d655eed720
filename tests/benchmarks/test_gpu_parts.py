"""What the GPU benchmark does without a GPU: data in parts, order, time, shares, scores."""

import dataclasses
import multiprocessing
import os
import signal
import time
import types
from unittest import mock

import numpy as np
import pytest

from benchmarks import gpu_processes, gpu_study, gpu_sweep, gpu_text
from memkit.errors import InputError
from memkit.studies.points import Point

CONFIG = {"training": {"batch_size": 16, "epochs": 4}}


@pytest.fixture
def point():
    return Point("one_hot", "one_hot", None, CONFIG, "0")


@pytest.fixture
def study():
    mask = np.zeros((8, 100), bool)
    mask[:, :70] = True
    sizes = types.SimpleNamespace(train=100, test=20, classes=4)
    return types.SimpleNamespace(train_mask=mask, sizes=sizes)


def write_data(file, *, num_train=23, num_test=7):
    gpu_study.write_noise(file, size=4, num_classes=3, num_train=num_train, num_test=num_test)
    with np.load(file) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("parts", [1, 3])
def test_parts_join_to_what_was_split(tmp_path, parts):
    whole = write_data(tmp_path / "whole.npz")
    pieces = {key: np.array_split(rows, parts) for key, rows in whole.items()}
    for number in range(parts):
        part = {key: pieces[key][number] for key in pieces}
        np.savez(tmp_path / f"cifar_{number:02d}.npz", **part)
    gpu_study.join_parts(tmp_path, tmp_path / "joined.npz")
    with np.load(tmp_path / "joined.npz") as joined:
        assert set(joined.files) == set(whole)
        for key in whole:
            np.testing.assert_array_equal(joined[key], whole[key])


def test_a_key_may_lie_in_one_part_only(tmp_path):
    whole = write_data(tmp_path / "whole.npz")
    test = {key: whole.pop(key) for key in ("x_test", "y_test")}
    np.savez(tmp_path / "cifar_a.npz", **whole)
    np.savez(tmp_path / "cifar_b.npz", **test)
    gpu_study.join_parts(tmp_path, tmp_path / "joined.npz")
    with np.load(tmp_path / "joined.npz") as joined:
        np.testing.assert_array_equal(joined["x_test"], test["x_test"])


def test_missing_parts_and_keys_are_named(tmp_path):
    with pytest.raises(InputError, match="cifar_"):
        gpu_study.join_parts(tmp_path, tmp_path / "joined.npz")
    np.savez(tmp_path / "cifar_0.npz", x_train=np.zeros((2, 4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="no y_train"):
        gpu_study.join_parts(tmp_path, tmp_path / "joined.npz")


def test_scores_of_other_rows_are_refused(tmp_path):
    labels = np.arange(5)
    np.savez(tmp_path / "scores.npz", scores=np.linspace(0, 1, 5), labels=labels)
    assert gpu_study.read_scores(tmp_path / "scores.npz", labels).shape == (5,)
    for other_labels in (labels[::-1], labels[:4]):
        with pytest.raises(InputError, match="--scores"):
            gpu_study.read_scores(tmp_path / "scores.npz", other_labels)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("256/bfloat16/none:1", (256, "bfloat16", "none", 1, "default", 1)),
        ("1024/float32/vmap:8/off", (1024, "float32", "vmap", 8, "off", 1)),
        ("64/bfloat16/none:1/2", (64, "bfloat16", "none", 1, "default", 2)),
        ("9999/bfloat16/map:16/all/4", (2000, "bfloat16", "map", 16, "all", 4)),
    ],
)
def test_a_way_is_read_from_its_text(text, expected):
    assert dataclasses.astuple(gpu_sweep.combination(text, most=2000)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "256", "256/bfloat16", "0/bfloat16/none:1", "256/half/none:1", "256/float32/none:2"]
    + [
        "256/float32/map",
        "256/float32/map:0",
        "256/float32/map:2/2/off",
        "256/float32/map:2/off/0",
    ],
)
def test_a_text_that_is_no_way_is_refused(text):
    with pytest.raises(InputError, match="--timed and --study"):
        gpu_sweep.combination(text, most=2000)


def timed(epoch=1.0, compilation=2.0):
    return gpu_sweep.Timed(compilation, epoch, 0.5, 0.25, 3)


WAY = gpu_sweep.Combination(16, "bfloat16", "map", 4)


def sweep(study, point, ways, **options):
    options = dict(kind="cpu", seconds_each=1.0, end=float("inf")) | options
    return [outcome for _, outcome in gpu_sweep.sweep(study, point, ways, **options)]


def test_a_way_that_fails_or_dies_does_not_end_the_others(study, point, monkeypatch):
    def measure(number, barrier, study, point, way, *_):
        if way.packing == "vmap":
            raise MemoryError("out of memory\nat length")
        if way.packing == "none":
            os._exit(1)
        yield timed()

    monkeypatch.setattr(gpu_sweep, "_measure", measure)
    ways = [dataclasses.replace(WAY, packing=name) for name in ("none", "vmap", "map")]
    assert sweep(study, point, ways) == [
        "failed: a process died",
        "failed: MemoryError: out of memory",
        timed(),
    ]


def test_what_still_runs_at_the_end_is_killed_and_nothing_else_starts(study, point, monkeypatch):
    monkeypatch.setattr(gpu_sweep, "_measure", lambda *_: iter(lambda: signal.pause(), None))
    ways, end = [WAY, WAY], time.monotonic() + 0.1
    assert sweep(study, point, ways, end=end) == ["failed: no time was left"] * 2
    assert not multiprocessing.active_children()


def test_processes_measure_at_the_same_time_and_their_mean_counts(study, point, monkeypatch):
    def measure(number, barrier, *_):
        barrier.wait()
        yield timed(epoch=1.0 + number)

    monkeypatch.setattr(gpu_sweep, "_measure", measure)
    assert sweep(study, point, [dataclasses.replace(WAY, processes=3)]) == [timed(epoch=2.0)]


def test_a_process_has_the_flags_of_its_way(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    names = {"default": "", "off": " --xla_gpu_enable_command_buffer="}
    names["all"] = " --xla_gpu_enable_command_buffer=+CONVOLUTION,+WHILE"
    for buffers, expected in names.items():
        (flags,) = gpu_processes.outcomes(
            lambda *_: [os.environ["XLA_FLAGS"]], variables=gpu_processes.environment(buffers)
        )
        assert flags == f"--xla_cpu_enable_fast_math=false{expected}"


def test_adapted_point_has_its_own_batch_and_precision(point):
    way = dataclasses.replace(WAY, batch=128)
    training = gpu_sweep.adapted(point, way).config["training"]
    assert (training["batch_size"], training["precision"]) == (128, "bfloat16")
    assert point.config["training"]["batch_size"] == 16


def test_rates_count_all_runs_of_all_processes_whole_batches_and_the_whole_recipe(study):
    way = dataclasses.replace(WAY, processes=2)
    rates = gpu_sweep.rates(way, timed(), study, epochs=10)
    assert rates["images_per_second"] == 8 * (70 // 16) * 16 / 1.0
    assert rates["evaluated_per_second"] == 8 * 120 / 0.5
    assert rates["models_per_hour"] == pytest.approx(3600 * 8 / (0.25 + 10 * 1.0 + 0.5))


def test_shares_are_of_the_measured_peaks():
    peaks = {"flops_per_second": 1e6, "bytes_per_second": 1e4}
    shares = gpu_sweep.shares({"images_per_second": 100}, {"flops": 500, "bytes": 20}, peaks)
    assert shares == {"of_matrix_peak": 0.05, "of_memory_peak": 0.2}


def test_a_process_trains_its_share_of_whole_packs_until_no_other_fits(study, monkeypatch):
    clock, trained = [0.0], []

    def train(study, point, runs, runner):
        trained.append(list(runs))
        clock[0] += 10.0 if len(trained) == 1 else 3.0

    monkeypatch.setattr(gpu_study.small_studies, "train", train)
    monkeypatch.setattr(gpu_study, "Runner", mock.Mock())
    monkeypatch.setattr(gpu_study.time, "monotonic", lambda: clock[0])
    setup = types.SimpleNamespace(runs_per_program=2)

    def packs(number, count, seconds):
        trained.clear()
        end = clock[0] + seconds
        return list(gpu_study.train(number, None, study, None, setup, count=count, end=end))

    assert packs(0, 1, 17.0) == [10.0] and trained == [[0, 1]]
    assert packs(0, 1, 100.0) == [10.0, 3.0, 3.0, 3.0]
    assert trained == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert packs(1, 3, 100.0) == [10.0] and trained == [[2, 3]]


def test_text_has_a_row_or_a_reason_for_every_way(study):
    peaks = {"flops_per_second": 1e12, "bytes_per_second": 1e11}
    row = dataclasses.asdict(WAY) | dataclasses.asdict(timed())
    row |= gpu_sweep.rates(WAY, timed(), _larger(study), epochs=10)
    row |= gpu_sweep.shares(row, {"flops": 1e6, "bytes": 1e5}, peaks)
    skipped = dataclasses.asdict(WAY) | {"runs": 8, "note": "failed: no time"}
    text = gpu_text.text({"device": "a card", "peaks": peaks, "sweep": [row, skipped]})
    assert "device: a card" in text and "matrix peak 1 TFLOP/s" in text
    assert "16 bfloat16 map 8 default 1 failed: no time" in text
    assert len([line for line in text.splitlines() if line.split()[:1] == ["16"]]) == 2


def _larger(study):
    return types.SimpleNamespace(train_mask=np.repeat(study.train_mask, 10, 1), sizes=study.sizes)
