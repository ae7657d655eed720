import subprocess
import sys

import numpy as np
import pytest

from benchmarks import efficiency
from memkit.estimators.distribution import STATISTICS
from tests.estimators.test_pooled import world


def _papers(scale=1.0):
    return {k: (scale * (0.2 / k + 0.3 / k**2), 1 - 1 / k) for k in efficiency.PAPER_RUNS}


@pytest.mark.parametrize("runs", [25, 70, 180, 500])
def test_an_error_is_worth_the_runs_that_have_it(runs):
    by_error, _ = efficiency.worth(_papers(), 0.2 / runs + 0.3 / runs**2, 0.9)
    assert by_error == pytest.approx(runs, rel=1e-6)


def test_a_rank_correlation_is_worth_the_runs_that_have_it():
    _, by_rank = efficiency.worth(_papers(), 0.01, 1 - 1 / 60)
    assert by_rank == pytest.approx(60)


def test_the_noise_of_the_truth_is_subtracted_from_squared_errors():
    rng = np.random.default_rng(0)
    score = rng.random(200_000)
    known = efficiency.Truth(score + 0.1 * rng.standard_normal(len(score)), 0.01)
    squared, _ = known.errors(score + 0.2 * rng.standard_normal(len(score)))
    assert squared == pytest.approx(0.04, rel=0.02)


def test_undefined_scores_count_as_the_mean():
    known = efficiency.Truth(np.array([0.0, 0.5, 1.0]), 0.0)
    assert known.errors(np.array([0.0, np.nan, 1.0])) == (0, 1)


def test_a_subset_holds_as_many_images_of_each_of_the_first_classes(tmp_path):
    labels = np.repeat(np.arange(4), 30)
    images = np.broadcast_to(labels[:, None, None].astype(np.uint8), (120, 5, 5))
    path = tmp_path / "all.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    with np.load(efficiency.subset(path, 3, 7, tmp_path)) as file:
        assert np.bincount(file["y_train"]).tolist() == [7, 7, 7]
        assert file["x_train"].shape == (21, 5, 5, 1)
        assert (file["x_train"][:, 0, 0, 0] == file["y_train"]).all()


def test_the_error_of_halves_is_the_spread_over_studies(monkeypatch):
    def worlds(_):
        for seed in range(12):
            correct, logodds, mask, feature, _ = world("normal", seed, num_runs=40)
            arrays = {"train_correct": correct, "train_logodds": logodds}
            arrays |= {name: np.zeros(mask.shape) for name in ("prob_mean", "margin_mean")}
            planted = np.zeros(mask.shape[1], bool)
            yield str(seed), efficiency.World(efficiency.Case(), mask, arrays, feature, planted)

    monkeypatch.setattr(efficiency, "points", worlds)
    rows = efficiency.halves("a study")
    times = np.array([row["times smaller"] for row in rows])
    errors = np.array([row["+/-"] for row in rows])
    np.testing.assert_allclose(times, [r["right or wrong"] / r["pooled"] for r in rows])
    assert np.mean(times) > 1.5
    assert 0.5 < np.std(times, ddof=1) / np.sqrt(np.mean(errors**2)) < 2


@pytest.mark.slow
def test_the_tiny_benchmark_prints_its_tables():
    command = [sys.executable, "-m", "benchmarks.efficiency", "--tiny"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "worth, RMSE" in done.stdout and "half width" in done.stdout


@pytest.mark.slow
def test_the_tiny_benchmark_of_shapes_prints_every_statistic():
    command = [sys.executable, "-m", "benchmarks.shape_coverage", "--tiny"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(STATISTICS) <= set(done.stdout.split())
