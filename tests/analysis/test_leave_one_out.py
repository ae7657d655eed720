"""Studies that leave one example out are analyzed like any other, in units of runs."""

import re

import numpy as np
import pytest

from memkit import analysis, charts, estimators, studies
from memkit.analysis import exports
from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.audit.result import LabelAudit
from memkit.analysis.convergence.result import Convergence
from memkit.analysis.distribution.result import Distribution
from memkit.analysis.proxies.result import Proxies
from memkit.errors import InputError
from memkit.estimators import audit
from memkit.report import gather, render
from tests.analysis import leave_one_out

UNITS, SIZE = 5, 61


@pytest.fixture
def study(tmp_path, make_config, tiny):
    return leave_one_out.create(tmp_path / "study", make_config, tiny, num_units=UNITS)


@pytest.fixture
def recorded(study):
    return leave_one_out.record(study)


def test_rows_hold_the_run_on_all_examples_and_the_runs_without_each(recorded):
    point = recorded.points[0]
    outcomes = analysis.read_outcomes(recorded, point)
    runs = studies.read_runs(recorded, point, ("train_correct", "test_correct")).arrays
    assert outcomes.correct.shape == (2 * UNITS, 60)
    for unit in range(UNITS):
        first = unit * SIZE
        np.testing.assert_array_equal(outcomes.correct[2 * unit], runs["train_correct"][first])
        for i in range(60):
            left_out = runs["train_correct"][first + 1 + i, i]
            assert outcomes.correct[2 * unit + 1, i] == left_out
    np.testing.assert_array_equal(outcomes.mask, np.arange(2 * UNITS)[:, None] % 2 == np.zeros(60))
    np.testing.assert_array_equal(outcomes.unit, np.arange(2 * UNITS) // 2)
    np.testing.assert_array_equal(outcomes.index, outcomes.unit * SIZE + np.arange(10) % 2)
    np.testing.assert_array_equal(outcomes.runs, np.arange(UNITS * SIZE))
    np.testing.assert_array_equal(outcomes.test_correct, runs["test_correct"])
    np.testing.assert_array_equal(outcomes.test_mask, recorded.train_mask)


def test_errors_are_those_of_paired_differences(recorded):
    outcomes = analysis.read_outcomes(recorded, recorded.points[0])
    difference = outcomes.prob[::2].astype(float) - outcomes.prob[1::2]
    estimate = outcomes.estimates["prob"]
    np.testing.assert_allclose(estimate.value, difference.mean(axis=0), atol=1e-7)
    expected = difference.std(axis=0, ddof=1) / np.sqrt(UNITS)
    np.testing.assert_allclose(estimate.stderr, expected, atol=1e-7)
    apart = estimators.memorization(outcomes.prob, outcomes.mask)
    assert np.median(apart.stderr / estimate.stderr) > 3


def test_paired_runs_have_no_pooled_score_of_their_own(recorded):
    scores = analysis.read_outcomes(recorded, recorded.points[0]).estimates
    np.testing.assert_array_equal(scores["pooled"].lower, scores["correct"].lower)


def test_a_unit_that_lacks_a_run_is_left_out_with_a_warning(recorded, caplog):
    point = recorded.points[0]
    before = analysis.read_outcomes(recorded, point)
    (recorded.workdir / "points" / point.name / "runs" / f"{SIZE + 7}.npz").unlink()
    after = analysis.read_outcomes(recorded, point)
    assert "1 units of 61 runs lack runs" in caplog.text
    is_complete = before.unit != 1
    np.testing.assert_array_equal(after.unit, before.unit[is_complete])
    np.testing.assert_array_equal(after.correct, before.correct[is_complete])
    assert len(after.runs) == UNITS * SIZE - 1


def test_every_question_is_answered_in_units(recorded, monkeypatch):
    summary = analysis.estimate(recorded)
    name = recorded.points[0].name
    outcomes = analysis.read_outcomes(recorded, recorded.points[0])
    accuracy = summary.results[Accuracy].points[name]
    assert (accuracy.train_in.df, accuracy.train_out.df, accuracy.test.df) == (4, 4, 4)
    assert accuracy.train_out.value == pytest.approx(outcomes.correct[1::2].mean())
    assert accuracy.test.value == pytest.approx(outcomes.test_correct.mean())
    means = summary.results[Distribution].points[name].all_examples
    assert means.memorization.value == pytest.approx(outcomes.estimates["correct"].value.mean())
    assert means.memorization.df == 4
    assert summary.results[Convergence].points[name].num_runs == UNITS
    assert studies.read_trajectories(recorded)["one_hot"]["runs"] == UNITS
    assert summary.results[LabelAudit].held_out == (UNITS, UNITS)
    assert summary.points[0].num_runs == UNITS * SIZE
    assert analysis.read(recorded).points == summary.points
    monkeypatch.setattr(charts, "images", lambda chart: {})
    page = render(gather.content(recorded))["index.html"].decode()
    words = re.sub("<[^>]+>", "", page)
    assert "61 runs with the same initial values and order" in words


def test_influence_compares_with_the_runs_that_leave_out_another_example(recorded):
    analysis.estimate(recorded)
    point = recorded.points[0]
    arrays = studies.read_arrays(recorded, "influence", point=point)
    outcomes = analysis.read_outcomes(recorded, point)
    correct = outcomes.test_correct.reshape(UNITS, SIZE, -1).astype(float)
    pairs = zip(arrays["tr_idx"], arrays["tt_idx"], arrays["infl"], strict=True)
    for train, test, influence in pairs:
        without = correct[:, 1 + train, test].mean()
        with_example = np.delete(correct[:, :, test], 1 + train, axis=1).mean()
        assert influence == pytest.approx(with_example - without)
    # Test example j is harder without train example j, and no other influence exists.
    assert len(arrays["tr_idx"]) and (arrays["tr_idx"] == arrays["tt_idx"])[:3].all()


def test_proxies_come_from_the_runs_on_all_examples(tmp_path, make_config, tiny):
    changes = {"record.history_runs": 3}
    folder = tmp_path / "study"
    study = leave_one_out.create(folder, make_config, tiny, num_units=UNITS, changes=changes)
    summary = analysis.estimate(leave_one_out.record(study))
    board = summary.results[Proxies].points[study.points[0].name].board
    assert (board.num_runs, board.num_proxy_runs) == (UNITS, 3)


def test_an_example_whose_copy_stays_in_the_subset_is_not_held_out(recorded):
    outcomes = analysis.read_outcomes(recorded, recorded.points[0])
    in_subset = outcomes.with_copies((np.array([3, 8]),))
    assert in_subset[:, [3, 8]].all()
    other_examples = np.delete(np.arange(60), [3, 8])
    np.testing.assert_array_equal(in_subset[:, other_examples], outcomes.mask[:, other_examples])
    labels = recorded.examples.given_labels
    votes = audit.votes(outcomes.predicted, in_subset, labels, 10)
    assert votes.num.tolist() == [0 if i in (3, 8) else UNITS for i in range(60)]


def test_a_study_without_a_whole_unit_has_no_scores(study):
    leave_one_out.record(study, runs=range(SIZE - 1))
    outcomes = analysis.read_outcomes(study, study.points[0])
    assert len(outcomes.runs) == SIZE - 1 and outcomes.correct.shape == (0, 60)
    summary = analysis.estimate(study)
    name = study.points[0].name
    assert np.isnan(summary.results[Distribution].points[name].all_examples.memorization.value)


def test_outcomes_of_single_runs_are_not_exported(recorded, tmp_path):
    analysis.estimate(recorded)
    with pytest.raises(InputError, match="--format: expected another format"):
        exports.export(recorded, recorded.points[:1], "aux_arrays", tmp_path / "out")
    assert exports.export(recorded, recorded.points[:1], "feldman_zhang", tmp_path / "out")


def test_fields_of_outcomes_have_a_row_per_run_in_other_designs(tmp_path, make_config, tiny):
    study = studies.open_or_create(tmp_path / "other", make_config(), tiny)
    outcomes = analysis.read_outcomes(leave_one_out.record(study), study.points[0])
    assert outcomes.test_mask is outcomes.mask
    np.testing.assert_array_equal(outcomes.index, outcomes.runs)
    np.testing.assert_array_equal(outcomes.unit, outcomes.index)


def test_runs_of_a_removal_study_are_units_of_their_own(recorded, tiny):
    analysis.estimate(recorded)
    options = dict(thresholds=(0.5,), repeats=3, command="")
    child = studies.removal.create(recorded, recorded.points[0], tiny, **options)
    np.testing.assert_array_equal(child.unit, np.arange(len(child.train_mask)))
    runs, rows = studies.removal.find(recorded, recorded.points[0])
    np.testing.assert_array_equal(rows.train_mask, runs.train_mask)
