import dataclasses

import numpy as np
import pytest

from memkit import estimators
from memkit.analysis import Results
from memkit.analysis.convergence import estimate as convergence
from memkit.estimators import precision
from memkit.estimators.convergence import agreements, pooled_agreements, spearman_brown
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
    convergence_of_point = _analyze(study, result)["one_hot-width1"]
    for outcome in ("correct", "prob"):
        plain = agreements(getattr(result, outcome), study.train_mask, study.config["seed"])
        for score, entries in plain.items():
            rows = convergence_of_point.agreement[outcome][score]
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


def test_pooled_scores_have_their_agreement_without_extrapolation(world):
    study, result = world
    convergence_of_point = _analyze(study, result)["one_hot-width1"].agreement["pooled"]

    def scores(runs):
        chosen = result.correct[runs], result.logodds[runs], result.mask[runs]
        return (
            estimators.pooled(*chosen, features=result.features).value,
            estimators.memorization(result.correct[runs], result.mask[runs]).value,
        )

    plain = pooled_agreements(scores, 40, study.config["seed"])
    for score, entries in plain.items():
        assert [row.halves for row in convergence_of_point[score]] == entries
        assert [row.halves.runs for row in convergence_of_point[score]] == [8, 20]
        assert np.isnan(
            [(row.pearson_full, row.spearman_full) for row in convergence_of_point[score]]
        ).all()


def test_halves_use_the_training_history_of_their_own_runs(world):
    study, result = world
    rows, examples = np.arange(3, 20), np.arange(60)
    history = np.random.default_rng(0).random((10, 60))
    with_history = dataclasses.replace(
        result, proxy_index=np.arange(10), proxies={"area_under_margin": history}
    )
    score, _ = convergence._pooled_and_raw(with_history, rows, examples)
    chosen = result.correct[rows], result.logodds[rows], result.mask[rows]
    expected = estimators.pooled(*chosen, history=history[3:].mean(axis=0)[:, None])
    assert score == pytest.approx(expected.value)
    assert score != pytest.approx(estimators.pooled(*chosen).value)


def test_pooled_half_widths_need_the_runs_of_plan_at_the_90_percent_quantile(world):
    study, result = world
    convergence_of_point = _analyze(study, result)["one_hot-width1"].half_widths["pooled"][
        "memorization"
    ]
    score = result.estimates["pooled"]
    assert convergence_of_point.now.q90 == pytest.approx(
        np.quantile(score.upper - score.lower, 0.9) / 2
    )
    for target, needed in convergence_of_point.runs_for.items():
        assert np.isnan(needed.median)
        likely = precision.needed(
            target, convergence_of_point.now.q90, num_runs=40, train_fraction=0.7
        ).likely
        assert needed.q90 == likely


def test_paired_runs_have_no_agreement_of_pooled_scores(world):
    study, result = world
    paired = dataclasses.replace(result, unit=np.arange(40) // 2)
    convergence_of_point = _analyze(study, paired)["one_hot-width1"]
    assert convergence_of_point.agreement["pooled"] == {"memorization": (), "against_raw": ()}
    runs_for = convergence_of_point.half_widths["pooled"]["memorization"].runs_for
    assert np.isnan([needed.q90 for needed in runs_for.values()]).all()


def test_a_point_without_runs_is_left_out(world):
    study, result = world
    nothing = worlds.outcomes(study, np.zeros((0, 60), bool), size=2, index=[])
    assert list(_analyze(study, result, nothing)) == ["one_hot-width1"]


def test_two_runs_have_no_halves_and_nan_is_not_a_number_of_runs(world):
    study, result = world
    two_runs = worlds.outcomes(study, result.correct[:2], index=[0, 1])
    convergence_of_point = _analyze(study, two_runs)["one_hot-width1"]
    assert convergence_of_point.agreement["correct"]["memorization"] == ()
    assert convergence_of_point.num_runs == 2
