import subprocess
import sys

import numpy as np
import pytest

from benchmarks import efficiency, efficiency_variants


def _studies(scale, num_studies=40, num_examples=300):
    """Made-up studies: noise around known scores, `scale` times as large for the probability."""
    rng = np.random.default_rng(0)
    truth, found = rng.random(num_examples), {}
    for replicate in range(num_studies):
        for design in efficiency_variants.DESIGNS:
            noise = 0.1 * rng.standard_normal((2, num_examples))
            scores = {"correct": truth + noise[0], "prob": 0.5 * truth + scale * noise[1]}
            found[replicate, design] = scores
    return found


def test_variance_equals_a_double_loop():
    values = np.random.default_rng(0).random((5, 7))
    each = [sum((v - column.mean()) ** 2 for v in column) / 4 for column in values.T]
    assert efficiency.variance(values) == pytest.approx(np.mean(each))


def test_runs_needed_are_the_known_ratio_of_variances():
    rows = {(r["design"], r["outcome"]): r for r in efficiency.results(_studies(0.5))}
    assert rows["random", "correct"]["runs_needed"] == 1
    for design in efficiency_variants.DESIGNS:
        row = rows[design, "prob"]
        assert row["runs_needed"] == pytest.approx(0.25, rel=0.05)
        assert row["lower"] < 0.25 < row["upper"]
        assert row["deviation"] == pytest.approx(0.05, rel=0.05)
    assert rows["balanced", "correct"]["runs_needed"] == pytest.approx(1, rel=0.06)


def test_bounds_cover_the_known_ratio():
    rng, covered = np.random.default_rng(1), []
    for _ in range(200):
        plain, other = rng.standard_normal((20, 30)), 0.7 * rng.standard_normal((20, 30))
        _, lower, upper = efficiency.cost(other, plain)
        covered.append(lower < 0.49 < upper)
    assert np.mean(covered) > 0.88


def test_less_noise_ranks_the_truth_better():
    def ranked(scale):
        return efficiency.rank_correlation(_studies(scale), "balanced", "prob")

    assert ranked(0.1) > ranked(1) > ranked(5)
    assert ranked(0.01) == pytest.approx(1, abs=0.01)


@pytest.mark.slow
def test_the_tiny_benchmark_prints_its_table():
    command = [sys.executable, "-m", "benchmarks.efficiency", "--tiny", "--minutes=20"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("balanced") == 2
    assert "8 studies of 60 runs on 60 digits" in done.stdout
