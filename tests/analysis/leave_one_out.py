"""Simulated records of studies that leave one example out."""

import numpy as np

from memkit import records, studies
from memkit.seeds import stream
from tests.info import INFO


def create(workdir, make_config, dataset, *, num_units=5, changes=()):
    """Returns a Study of the design `leave_one_out` without records."""
    num_runs = num_units * (len(dataset.train_ids) + 1)
    options = {"subsets.design": "leave_one_out", "subsets.num_runs": num_runs}
    return studies.open_or_create(workdir, make_config(options | dict(changes)), dataset)


def record(study, *, seed=0, runs=None):
    """Writes the runs of all points; every second example is hard without training on it.

    The log-odds of the runs of a unit share a part that is much larger than their differences.
    """
    num = study.sizes.train
    for position, point in enumerate(study.points):
        for run in range(len(study.train_mask)) if runs is None else runs:
            shared = stream(seed, "tests/leave_one_out", position, study.unit[run])
            draw_of_run = stream(seed, "tests/leave_one_out/own", position, run)
            mask = study.train_mask[run]
            logodds = 3 - 4 * (~mask & (np.arange(num) % 2 == 0)) + shared.normal(0, 1, num)
            arrays = {
                name: np.zeros(shape, dtype)
                for name, (dtype, shape) in records.array_specs(study.sizes_at(point, run)).items()
            }
            arrays["train_logodds"] = (logodds + draw_of_run.normal(0, 0.1, num)).astype(np.float16)
            arrays["train_correct"] = arrays["train_logodds"] > 0
            arrays["train_predicted"] = np.where(
                arrays["train_correct"], study.examples.given_labels, 0
            ).astype(np.uint8)
            num_test = study.sizes.test
            test = shared.normal(1, 1, num_test) - 2 * (np.arange(num_test) == _left_out(mask))
            arrays["test_logodds"] = test.astype(np.float16)
            arrays["test_correct"] = test > 0
            studies.write_record(study, point, run, arrays, INFO)
    return study


def _left_out(mask):
    return np.flatnonzero(~mask)[0] if not mask.all() else -1
