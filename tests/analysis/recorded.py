"""A study with simulated records instead of trained ones."""

import numpy as np

from memkit import analysis, records, studies
from memkit.seeds import stream
from tests.info import INFO


def record(study, seed=0):
    """Writes all runs of all points, with the same easy and hard examples at every point."""
    draw = stream(seed, "tests/recorded")
    out = np.where(draw.random(study.sizes.train) < 0.5, 1.0, 0.3)
    for position, point in enumerate(study.points):
        for run, mask in enumerate(study.train_mask):
            arrays = {
                name: np.zeros(shape, dtype)
                for name, (dtype, shape) in records.array_specs(study.sizes).items()
            }
            correct = draw.random(len(mask)) < np.where(mask, 0.95, out)
            test = draw.random(study.sizes.test) < 0.4 + 0.3 * mask[: study.sizes.test]
            arrays["train_correct"], arrays["test_correct"] = correct, test
            noise = draw.random(len(mask)) + 0.1 * position
            arrays["train_logodds"] = (4 * correct - 2 + noise).astype(np.float16)
            studies.write_record(study, point, run, arrays, INFO)
    return study


def estimate(study):
    """Writes the estimates of every point; returns the outcomes of every point."""
    outcomes = [analysis.read_outcomes(study, point) for point in study.points]
    for of_point in outcomes:
        studies.write_estimates(study, of_point.point, of_point.estimates)
    return outcomes
