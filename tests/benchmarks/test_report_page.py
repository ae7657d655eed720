import subprocess
import sys

import numpy as np
import pytest

from benchmarks import report_page


def test_made_up_images_have_the_spectrum_of_photographs():
    images = report_page.images(200, 0)
    assert images.shape == (200, 32, 32, 3)
    rows = images.mean(-1) - images.mean((1, 2, 3))[:, None, None]
    power = (np.abs(np.fft.fft(rows, axis=2)) ** 2).mean((0, 1))[1:9]
    slope = np.polyfit(np.log(np.arange(1, 9)), np.log(power), 1)[0]
    # Photographs: about -2 in one dimension, white noise: 0.
    assert -3 < slope < -1.2


@pytest.mark.slow
def test_the_small_benchmark_prints_its_table(browser):
    options = ["--examples=2000", "--tests=200", "--rounds=1"]
    command = [sys.executable, "-m", "benchmarks.report_page", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "2,000 images, page of " in done.stdout
    for name in ("first paint, s", "drawn, s", "hover, ms", "brushing, ms"):
        assert name in done.stdout
