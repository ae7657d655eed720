"""When a study has runs enough."""

import numpy as np
import pytest

from memkit import analysis, estimators, studies
from memkit.errors import InputError
from memkit.sweeps import stopping
from tests.sweeps import small_study
from tests.sweeps.sweeping import execute


def _config(num_runs, train_fraction=0.7):
    subsets = dict(design="balanced", train_fraction=train_fraction, num_runs=num_runs)
    return small_study.config(subsets=subsets)


@pytest.mark.parametrize(
    ("num_runs", "train_fraction", "looks", "block"),
    [
        (160, 0.7, [100, 120, 140, 160], 20),
        (130, 0.7, [100, 120, 130], 20),
        (101, 0.7, [100, 101], 20),
        (140, 0.75, [100, 120, 140], 20),
        (130, 2 / 3, [105, 126, 130], 21),
    ],
)
def test_the_rule_is_checked_after_whole_blocks_from_100_runs_on_and_after_all_runs(
    num_runs, train_fraction, looks, block
):
    assert stopping.looks(_config(num_runs, train_fraction)) == (looks, block)


@pytest.mark.parametrize("half_width", [0, 1, -0.1, float("nan")])
def test_a_half_width_outside_0_to_1_is_an_error(half_width):
    with pytest.raises(InputError, match="--until_halfwidth: expected a half width above 0"):
        stopping.check(half_width, _config(200))


def test_a_study_that_leaves_one_example_out_is_an_error():
    config = _config(200)
    config["subsets"]["design"] = "leave_one_out"
    with pytest.raises(InputError, match="--until_halfwidth: expected a study of random subsets"):
        stopping.check(0.1, config)


def test_a_study_of_at_most_100_runs_is_an_error():
    with pytest.raises(InputError, match=r"--until_halfwidth: expected a study of more than 100"):
        stopping.check(0.1, _config(100))


def test_the_half_width_is_that_of_95_percent_of_the_examples_at_the_worst_point(study):
    execute(study)
    quantiles = []
    for point in study.points:
        names = ("train_correct", "train_logodds")
        arrays = studies.read_runs(study, point, names).arrays
        estimate = estimators.pooled(
            *(arrays[name] for name in names),
            study.train_mask,
            features=analysis.image_features(study),
        )
        half = np.sort(estimate.upper - estimate.lower) / 2
        quantiles.append(np.quantile(half, 0.95))
        assert np.mean(half <= quantiles[-1]) >= 0.93
    assert quantiles[0] != quantiles[1]
    assert stopping.half_width(study) == pytest.approx(max(quantiles), rel=1e-4)


def test_a_point_without_runs_is_never_narrow_enough(study):
    assert stopping.half_width(study) == np.inf
    assert not stopping.Stop(0.9, np.inf, 100, 20).is_reached
