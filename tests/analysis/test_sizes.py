import dataclasses

import numpy as np
import pytest

from memkit import estimators
from memkit.analysis.size_changes import estimate as size_changes
from memkit.analysis.trajectories import estimate as along_axis
from memkit.estimators import distribution, restricted
from tests.analysis import worlds


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A study of three sizes whose last one is saturated, and its outcomes."""
    rng = np.random.default_rng(0)
    study = worlds.study(tmp_path_factory.mktemp("sizes"), num_examples=80)
    mask, out_rate = study.train_mask, rng.random(80)
    in_rates = (np.full(80, 0.6), np.where(np.arange(80) < 40, 0.8, 1.0), np.full(80, 1.0))
    result = [
        worlds.outcomes(study, worlds.bernoulli(rng, mask, rate, out_rate * rate), size=2**k)
        for k, rate in enumerate(in_rates)
    ]
    return study, result, size_changes.analyze(study, result)["one_hot"]


def _point(summary, outcome="correct", restriction="all", place=0):
    return summary[outcome][restriction]["points"][place]


def test_numbers_of_a_point_are_those_of_the_estimators(world):
    study, result, summary = world
    for outcome in ("correct", "prob"):
        values = getattr(result[1], outcome)
        plain = estimators.jackknife_mean(values, study.train_mask)
        score = estimators.memorization(values, study.train_mask).value
        row = _point(summary, outcome, place=1)
        assert row["mean_memorization"] == pytest.approx(plain.memorization.value)
        assert row["mean_in_stderr"] == pytest.approx(plain.in_mean.stderr)
        for name, statistic in distribution.STATISTICS.items():
            assert row[name] == pytest.approx(statistic(score), nan_ok=True)


def test_errors_of_shares_are_those_over_replicates(world):
    study, result, summary = world
    weights = estimators.run_weights(40, study.config["seed"])
    replicates = estimators.replicate_memorization(result[0].correct, study.train_mask, weights)
    by_hand = estimators.standard_error(distribution.share_below, replicates)
    assert _point(summary)["share_below_0.1_stderr"] == pytest.approx(by_hand)


def test_first_to_last_is_the_difference_of_the_ends(world):
    _, _, summary = world
    change = summary["correct"]["all"]["first_to_last"]
    first, last = _point(summary), _point(summary, place=2)
    assert (change["first"], change["last"]) == ("one_hot-width1", "one_hot-width4")
    for key in ("mean_memorization", "mean_in", "mean_out", "share_above_0.9", "upper_mode"):
        assert change[key] == pytest.approx(last[key] - first[key])
        assert change[f"{key}_stderr"] > 0


def test_classes_are_those_of_the_trajectories(world):
    study, result, summary = world
    _, shares = along_axis.analyze(study, result)["one_hot"]
    for alpha in along_axis.ALPHAS:
        classes = summary["correct"]["all"]["classes"][str(alpha)]
        assert classes["shares"] == pytest.approx(shares[alpha][""])
        assert classes["null"] == pytest.approx(shares[alpha]["_null"])


def test_saturated_points_are_left_out(world):
    _, _, summary = world
    rows = summary["correct"]["unsaturated_points"]["points"]
    assert [row["name"] for row in rows] == ["one_hot-width1", "one_hot-width2"]
    assert rows == summary["correct"]["all"]["points"][:2]
    assert summary["correct"]["unsaturated_points"]["first_to_last"]["last"] == "one_hot-width2"


def test_no_example_below_one_everywhere_leaves_nan_and_no_change(world):
    _, _, summary = world
    left = summary["prob"]["unsaturated_examples"]
    assert (left["num_examples"], left["first_to_last"], left["classes"]) == (0, None, {})
    assert np.isnan(left["points"][0]["mean_memorization"])


def test_restricted_examples_give_the_numbers_of_those_examples_alone(world):
    study, result, _ = world
    two = result[:2]
    summary = size_changes.analyze(study, two)["one_hot"]
    means = [estimators.memorization(o.correct, study.train_mask).in_mean for o in two]
    defined = restricted.unsaturated_examples(means)
    assert 0 < defined.sum() < 80
    alone = size_changes.analyze(*_subset(study, two, defined))["one_hot"]
    for outcome in ("correct", "prob"):
        left, whole = summary[outcome]["unsaturated_examples"], alone[outcome]["all"]
        assert left["num_examples"] == defined.sum()
        assert left["points"] == whole["points"]
        assert left["first_to_last"] == whole["first_to_last"]
        assert left["classes"] == whole["classes"]


def _subset(study, result, defined):
    fields = vars(study) | {"train_mask": study.train_mask[:, defined]}
    smaller = type(study)(**fields)
    parts = [
        dataclasses.replace(o, correct=o.correct[:, defined], prob=o.prob[:, defined])
        for o in result
    ]
    return smaller, parts


def test_a_restriction_to_everything_gives_the_plain_numbers(world):
    study, result, _ = world
    rng = np.random.default_rng(1)
    wrong = [dataclasses.replace(o, correct=rng.random(o.correct.shape) < 0.5) for o in result]
    summary = size_changes.analyze(study, wrong)["one_hot"]["correct"]
    assert summary["unsaturated_examples"]["num_examples"] == 80
    assert summary["unsaturated_examples"] == summary["all"] == summary["unsaturated_points"]


def test_order_of_examples_does_not_matter(world):
    study, result, summary = world
    order = np.random.default_rng(2).permutation(80)
    moved = size_changes.analyze(*_subset(study, result, order))["one_hot"]
    for restriction in size_changes.RESTRICTIONS:
        item, other = (s["prob"][restriction]["first_to_last"] for s in (summary, moved))
        for key, value in (item or {}).items():
            assert other[key] == (value if isinstance(value, str) else pytest.approx(value))


def test_only_runs_of_all_points_are_used(world):
    study, result, _ = world
    fewer = dataclasses.replace(
        result[2],
        index=result[2].index[5:],
        **{name: getattr(result[2], name)[5:] for name in ("correct", "prob")},
    )
    summary = size_changes.analyze(study, [*result[:2], fewer])["one_hot"]
    assert summary["num_runs"] == 35
    plain = estimators.jackknife_mean(result[0].correct[5:], study.train_mask[5:])
    assert _point(summary)["mean_memorization"] == pytest.approx(plain.memorization.value)


def test_one_point_has_no_change_and_a_series_without_runs_is_left_out(world):
    study, result, _ = world
    summary = size_changes.analyze(study, result[:1])["one_hot"]["correct"]["all"]
    assert (summary["first_to_last"], summary["classes"]) == (None, {})
    nothing = worlds.outcomes(study, np.zeros((0, 80), bool), index=[])
    assert size_changes.analyze(study, [nothing]) == {}
