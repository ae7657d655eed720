import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from memkit import analysis, big_arrays, estimators, studies, trajectories
from memkit.studies import derived
from tests.analysis import recorded


@pytest.fixture
def tiny_memory(monkeypatch):
    """Memory-maps every matrix to a file and computes with a few rows at a time."""
    monkeypatch.setattr(big_arrays, "IN_MEMORY", 0)
    monkeypatch.setattr(big_arrays, "_BLOCK", 200)


def is_mapped(matrix):
    while matrix is not None and not isinstance(matrix, np.memmap):
        matrix = matrix.base
    return matrix is not None


def test_only_large_matrices_are_memory_mapped():
    assert not is_mapped(big_arrays.empty((8, 2**20), bool))
    assert is_mapped(big_arrays.empty((65, 2**20), bool))


def test_a_memory_mapped_matrix_keeps_its_values_and_its_file_has_no_name(
    tiny_memory, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    matrix = big_arrays.empty((5, 7), np.float32)
    matrix[:] = np.arange(35).reshape(5, 7)
    np.testing.assert_array_equal(matrix, np.arange(35).reshape(5, 7))
    assert type(matrix) is np.ndarray
    assert os.listdir(tmp_path) == []


_NO_SPACE = """
import resource, signal
from memkit import big_arrays
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
big_arrays.IN_MEMORY = 0
try:
    big_arrays.empty((2000, 2000), bool)
except OSError as error:
    print(error.filename, error.errno)
"""


def test_a_full_disk_is_an_error_when_the_matrix_is_created(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", _NO_SPACE],
        capture_output=True,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert process.stdout.split()[0] == str(tmp_path)
    assert process.returncode == 0


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", [bool, np.float16, np.float32])
def test_taken_rows_and_columns_are_those_of_numpy(axis, dtype, tiny_memory):
    rng = np.random.default_rng(0)
    matrix = (rng.random((9, 40)) * 2).astype(dtype)
    size = matrix.shape[axis]
    for chosen in (
        rng.random(size) < 0.5,
        rng.permutation(size)[:5],
        np.zeros(size, bool),
        [3, 1, 3],
        [],
    ):
        expected = (
            np.take(
                matrix, np.flatnonzero(chosen) if np.asarray(chosen).dtype == bool else chosen, axis
            )
            if len(chosen)
            else matrix[:0]
            if axis == 0
            else matrix[:, :0]
        )
        actual = big_arrays.take(matrix, chosen, axis)
        assert actual.dtype == matrix.dtype
        np.testing.assert_array_equal(actual, expected)


def test_taking_all_rows_in_order_returns_the_matrix_itself():
    matrix = np.zeros((4, 6))
    assert big_arrays.take(matrix, np.ones(4, bool)) is matrix
    assert big_arrays.take(matrix, range(6), axis=1) is matrix
    assert big_arrays.take(matrix, [0, 1, 3, 2]) is not matrix


def test_the_mean_of_matrices_is_that_of_numpy(tiny_memory):
    rng = np.random.default_rng(0)
    matrices = [rng.random((30, 11)) < 0.5 for _ in range(3)]
    expected = np.mean(matrices, axis=0, dtype=np.float32)
    np.testing.assert_array_equal(big_arrays.mean(matrices), expected)


@pytest.mark.parametrize("num_examples", [1, 7, 8, 13, 60])
@pytest.mark.parametrize("num_runs", [2, 8, 9, 23])
def test_masks_of_any_shape_are_unpacked_correctly(num_runs, num_examples, tiny_memory):
    rng = np.random.default_rng(0)
    mask = rng.random((num_runs, num_examples)) < 0.5
    unpacked = studies.study._unpacked(np.packbits(mask), num_runs, num_examples)
    np.testing.assert_array_equal(unpacked, mask)


def estimated(workdir):
    """Estimates a study; returns {file: content} of every file that an estimate writes."""
    study = studies.load(workdir)
    analysis.estimate(study)
    names = derived.read_manifest(study)["files"]
    return {name: (study.workdir / name).read_bytes() for name in names}


@pytest.mark.slow
def test_memory_mapped_matrices_give_bit_identical_results(
    tmp_path, make_config, tiny, monkeypatch, few_splits
):
    changes = {"series": ["one_hot", "distilled"], "record.history_runs": 0}
    study = studies.open_or_create(tmp_path / "study", make_config(changes), tiny)
    recorded.record(study)
    for run in (3, 8):
        (study.workdir / "points" / study.points[1].name / "runs" / f"{run}.npz").unlink()
    in_memory = estimated(study.workdir)
    monkeypatch.setattr(big_arrays, "IN_MEMORY", 0)
    monkeypatch.setattr(big_arrays, "_BLOCK", 200)
    assert is_mapped(studies.load(study.workdir).train_mask)
    mapped = estimated(study.workdir)
    assert mapped.keys() == in_memory.keys()
    assert [name for name, content in mapped.items() if content != in_memory[name]] == []


def test_a_list_of_matrices_gives_the_same_null_as_one_array():
    rng = np.random.default_rng(0)
    outcomes, mask = rng.random((3, 40, 12)) < 0.6, rng.random((40, 12)) < 0.5
    whole = trajectories.change_test(outcomes, mask)
    listed = trajectories.change_test(list(outcomes), mask)
    np.testing.assert_array_equal(whole.p, listed.p)
    assert whole.null_shares == listed.null_shares


def test_blocks_of_examples_change_estimates_only_by_rounding(monkeypatch):
    rng = np.random.default_rng(0)
    prob, mask = rng.random((30, 50)), rng.random((30, 50)) < 0.5
    weights = estimators.run_weights(30, 0)
    whole = estimators.replicate_memorization(prob, mask, weights)
    monkeypatch.setattr(estimators.arms, "_BLOCK_ELEMENTS", 100)
    parts = estimators.replicate_memorization(prob, mask, weights)
    np.testing.assert_allclose(parts, whole, atol=1e-12)
