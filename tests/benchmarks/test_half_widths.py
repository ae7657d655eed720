import subprocess
import sys

import numpy as np
import pytest

from benchmarks import efficiency, half_widths
from memkit.estimators import precision
from tests.estimators.test_pooled import world


def test_a_row_has_the_half_widths_of_its_studies_and_the_predictions_from_20_runs():
    correct, logodds, mask, feature, _ = world("normal", 0, num_runs=80, num_examples=200)
    arrays = {"train_correct": correct, "train_logodds": logodds}
    arrays |= {name: np.zeros(mask.shape) for name in ("prob_mean", "margin_mean")}
    of_world = efficiency.World(
        efficiency.Case(), mask, arrays, feature, np.zeros(mask.shape[1], bool)
    )
    rows = half_widths.rows("simulated", of_world)
    assert [row["runs"] for row in rows] == [20, 40, 80]
    wide = [of_world.pooled(np.arange(40 * k, 40 * k + 40)) for k in range(2)]
    high = np.mean([np.quantile(e.upper - e.lower, 0.95) / 2 for e in wide])
    assert rows[1]["95%"] == pytest.approx(high)
    needed = precision.needed(high, rows[0]["95%"], num_runs=20, train_fraction=0.7)
    assert rows[1]["from 20 runs"].startswith(f"{needed.likely} ({needed.least} to ")


@pytest.mark.slow
def test_the_tiny_benchmark_prints_its_table():
    command = [sys.executable, "-m", "benchmarks.half_widths", "--tiny"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "from 20 runs" in done.stdout and "120 images, 70%" in done.stdout
