import numpy as np
import pytest

from memkit import estimators
from memkit.analysis.convergence import estimate as convergence
from memkit.estimators.convergence import agreements, spearman_brown
from tests.analysis import worlds


@pytest.fixture
def world(tmp_path):
    study = worlds.study(tmp_path)
    rng = np.random.default_rng(0)
    correct = worlds.bernoulli(rng, study.train_mask, 0.9, rng.random(60))
    return study, worlds.outcomes(study, correct)


def test_every_score_and_outcome_has_its_agreement(world):
    study, result = world
    summary = convergence.analyze(study, [result])["one_hot-width1"]
    for outcome in ("correct", "prob"):
        plain = agreements(getattr(result, outcome), study.train_mask, study.config["seed"])
        for score, entries in plain.items():
            rows = summary["agreement"][outcome][score]
            assert [row["runs"] for row in rows] == [4, 8, 16, 20]
            assert [row["spearman"] for row in rows] == [entry.spearman for entry in entries]
            assert rows[-1]["pearson_full"] == pytest.approx(spearman_brown(entries[-1].pearson))
            assert rows[0]["spearman_full"] == pytest.approx(
                spearman_brown(entries[0].spearman, 10)
            )


def test_half_widths_are_those_of_the_intervals(world):
    study, result = world
    summary = convergence.analyze(study, [result])["one_hot-width1"]["half_widths"]
    score = estimators.memorization(result.correct, study.train_mask)
    widths = summary["correct"]["memorization"]
    assert widths["median"] == pytest.approx(np.median(score.upper - score.lower) / 2)
    assert widths["q90"] == pytest.approx(np.quantile(score.upper - score.lower, 0.9) / 2)
    for expected, needed in widths["runs_for"].items():
        assert needed["median"] == np.ceil(40 * (widths["median"] / float(expected)) ** 2)


def test_a_point_without_runs_is_left_out(world):
    study, result = world
    nothing = worlds.outcomes(study, np.zeros((0, 60), bool), size=2, index=[])
    assert list(convergence.analyze(study, [result, nothing])) == ["one_hot-width1"]


def test_two_runs_have_no_halves_and_nan_is_not_a_number_of_runs(world):
    study, result = world
    two = worlds.outcomes(study, result.correct[:2], index=[0, 1])
    summary = convergence.analyze(study, [two])["one_hot-width1"]
    assert summary["agreement"]["correct"]["memorization"] == []
    assert summary["num_runs"] == 2
