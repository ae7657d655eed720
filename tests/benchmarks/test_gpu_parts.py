"""What the GPU benchmark does without a GPU: data in parts, order, time, shares, scores."""

import dataclasses
import types

import numpy as np
import pytest

from benchmarks import gpu_study, gpu_sweep, gpu_text
from memkit.errors import InputError
from memkit.studies.points import Point

CONFIG = {"model": {"depth": 8}, "training": {"batch_size": 16, "epochs": 4}}
PACKINGS = (("none", 1), ("vmap", 8), ("map", 8))


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


def test_all_programs_are_timed_unpacked_before_any_is_packed():
    combinations = gpu_sweep.combinations((20, 56), (128, 512), PACKINGS)
    assert len(combinations) == len(set(combinations)) == 12
    assert [combination.packing for combination in combinations] == 4 * ["none"] + 4 * [
        "vmap"
    ] + 4 * ["map"]


def timed(epoch=1.0, compilation=2.0):
    return gpu_sweep.Timed(compilation, epoch, 0.5, 0.25, 3)


def test_no_combination_starts_that_may_not_end_in_time(study, point, monkeypatch):
    monkeypatch.setattr(gpu_sweep, "_measure", lambda *arguments: timed(compilation=100.0))
    combinations = gpu_sweep.combinations((8,), (16,), PACKINGS)
    options = dict(kind="cpu", seconds_each=1.0, first_guess=10.0)
    monkeypatch.setattr(gpu_sweep.time, "monotonic", lambda: 1000.0)
    results = gpu_sweep.sweep(study, point, combinations, end=1050.0, **options)
    first, *others = [value for _, value in results]
    assert first == timed(compilation=100.0)
    assert len(others) == 2 and all(value.startswith("skipped") for value in others)


def test_a_combination_that_fails_does_not_end_the_others(study, point, monkeypatch):
    def fail(study, point, combination, kind, seconds_each):
        if combination.packing == "vmap":
            raise MemoryError("out of memory\nat length")
        return timed()

    monkeypatch.setattr(gpu_sweep, "_measure", fail)
    combinations = gpu_sweep.combinations((8,), (16,), PACKINGS)
    options = dict(kind="cpu", seconds_each=1.0, first_guess=1.0, end=float("inf"))
    results = dict(gpu_sweep.sweep(study, point, combinations, **options))
    assert [results[each_combination] for each_combination in combinations] == [
        timed(),
        "failed: MemoryError: out of memory",
        timed(),
    ]


def test_adapted_point_has_its_own_network_and_batch(point):
    combination = gpu_sweep.Combination(20, 128, "map", 4)
    config = gpu_sweep.adapted(point, combination).config
    assert (config["model"]["depth"], config["training"]["batch_size"]) == (20, 128)
    assert point.config["model"]["depth"] == 8


def test_rates_count_all_runs_whole_batches_and_the_whole_recipe(study):
    rates = gpu_sweep.rates(gpu_sweep.Combination(8, 16, "map", 4), timed(), study, epochs=10)
    assert rates["images_per_second"] == 4 * (70 // 16) * 16 / 1.0
    assert rates["evaluated_per_second"] == 4 * 120 / 0.5
    assert rates["models_per_hour"] == pytest.approx(3600 * 4 / (0.25 + 10 * 1.0 + 0.5))


def test_shares_are_of_the_measured_peaks():
    peaks = {"flops_per_second": 1e6, "bytes_per_second": 1e4}
    shares = gpu_sweep.shares({"images_per_second": 100}, {"flops": 500, "bytes": 20}, peaks)
    assert shares == {"of_matrix_peak": 0.05, "of_memory_peak": 0.2}


def test_study_trains_whole_packs_until_no_other_fits(study, monkeypatch):
    clock, trained = [0.0], []

    def train(study, point, runs, setup):
        trained.append(list(runs))
        clock[0] += 10.0 if len(trained) == 1 else 3.0

    monkeypatch.setattr(gpu_study.small_studies, "train", train)
    monkeypatch.setattr(gpu_study.time, "monotonic", lambda: clock[0])
    setup = types.SimpleNamespace(runs_per_program=2)
    assert gpu_study.train(study, None, setup, end=17.0, first_guess=5.0) == [10.0]
    assert trained == [[0, 1]]
    trained.clear()
    assert gpu_study.train(study, None, setup, end=100.0, first_guess=5.0) == [10.0, 3.0, 3.0, 3.0]
    assert trained == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert gpu_study.train(study, None, setup, end=clock[0] + 5, first_guess=5.0) == []


def test_text_has_a_row_or_a_reason_for_every_combination(study):
    peaks = {"flops_per_second": 1e12, "bytes_per_second": 1e11}
    combination = gpu_sweep.Combination(20, 128, "none", 1)
    row = dataclasses.asdict(combination) | dataclasses.asdict(timed())
    row |= gpu_sweep.rates(combination, timed(), _larger(study), epochs=10)
    row |= gpu_sweep.shares(row, {"flops": 1e6, "bytes": 1e5}, peaks)
    skipped = dataclasses.asdict(combination) | {
        "packing": "map",
        "runs": 8,
        "note": "skipped: no time",
    }
    results = {"circumstances": {"device": "a card"}, "peaks": peaks, "sweep": [row, skipped]}
    text = gpu_text.text(results)
    assert "device: a card" in text and "matrix peak 1 TFLOP/s" in text
    assert "ResNet-20 128 map 8 skipped: no time" in text
    assert len([line for line in text.splitlines() if line.startswith("ResNet-20")]) == 2


def _larger(study):
    return types.SimpleNamespace(train_mask=np.repeat(study.train_mask, 10, 1), sizes=study.sizes)
