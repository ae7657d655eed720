import numpy as np
import pytest

from memkit import estimators
from memkit.analysis import Results
from memkit.analysis.convergence import estimate as convergence
from memkit.estimators.convergence import agreements, spearman_brown
from tests.analysis import worlds


def _analyze(study, *outcomes):
    """Returns {point: PointConvergence}."""
    return convergence.analyze(study, outcomes, Results({})).points


@pytest.fixture
def world(tmp_path):
    study = worlds.study(tmp_path)
    rng = np.random.default_rng(0)
    correct = worlds.bernoulli(rng, study.train_mask, 0.9, rng.random(60))
    return study, worlds.outcomes(study, correct)


def test_every_score_and_outcome_has_its_agreement(world):
    study, result = world
    found = _analyze(study, result)["one_hot-width1"]
    for outcome in ("correct", "prob"):
        plain = agreements(getattr(result, outcome), study.train_mask, study.config["seed"])
        for score, entries in plain.items():
            rows = found.agreement[outcome][score]
            assert [row.halves for row in rows] == entries
            assert [row.halves.runs for row in rows] == [4, 8, 16, 20]
            expected = spearman_brown(entries[-1].pearson.value)
            assert rows[-1].pearson_full == pytest.approx(expected)
            expected = spearman_brown(entries[0].spearman, 10)
            assert rows[0].spearman_full == pytest.approx(expected)


def test_half_widths_are_those_of_the_intervals(world):
    study, result = world
    half_widths = _analyze(study, result)["one_hot-width1"].half_widths
    score = estimators.memorization(result.correct, study.train_mask)
    widths = half_widths["correct"]["memorization"]
    assert widths.now.median == pytest.approx(np.median(score.upper - score.lower) / 2)
    assert widths.now.q90 == pytest.approx(np.quantile(score.upper - score.lower, 0.9) / 2)
    for target, needed in widths.runs_for.items():
        assert needed.median == np.ceil(40 * (widths.now.median / target) ** 2)


def test_a_point_without_runs_is_left_out(world):
    study, result = world
    nothing = worlds.outcomes(study, np.zeros((0, 60), bool), size=2, index=[])
    assert list(_analyze(study, result, nothing)) == ["one_hot-width1"]


def test_two_runs_have_no_halves_and_nan_is_not_a_number_of_runs(world):
    study, result = world
    two = worlds.outcomes(study, result.correct[:2], index=[0, 1])
    found = _analyze(study, two)["one_hot-width1"]
    assert found.agreement["correct"]["memorization"] == ()
    assert found.num_runs == 2
