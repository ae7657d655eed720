import dataclasses
import operator

import numpy as np
import pytest

from memkit import estimators
from memkit.analysis import Results, noise_free
from memkit.analysis.size_changes import estimate as size_changes
from memkit.analysis.trajectories import estimate as trajectories
from memkit.analysis.trajectories.result import ALPHAS, TrajectoryClasses
from memkit.estimators import distribution, restricted
from memkit.estimators.noise_free import statistics
from tests.analysis import worlds

UNCLASSIFIED = TrajectoryClasses({}, {})


def _analyze(study, outcomes, classes=UNCLASSIFIED):
    results = Results({TrajectoryClasses: classes})
    return size_changes.analyze(study, outcomes, results).series["one_hot"]


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
    return study, result, _analyze(study, result)


def _shape(changes, outcome="correct", place=0):
    return changes.outcomes[outcome]["all"].points[changes.points[place]]


def test_numbers_of_a_point_are_those_of_the_estimators(world):
    study, result, changes = world
    for outcome in ("correct", "prob"):
        values = getattr(result[1], outcome)
        plain = estimators.jackknife_mean(values, study.train_mask)
        score = estimators.memorization(values, study.train_mask).value
        shape = _shape(changes, outcome, place=1)
        assert shape.means.memorization.value == pytest.approx(plain.memorization.value)
        assert shape.means.in_mean.stderr == pytest.approx(plain.in_mean.stderr)
        scores = result[1].noise_free.draws if outcome == "correct" else score[None]
        for name, statistic in distribution.STATISTICS.items():
            expected = np.mean([statistic(of_draw) for of_draw in scores])
            assert getattr(shape.shape, name).value == pytest.approx(expected, nan_ok=True)


def test_errors_of_noisy_shares_are_those_over_replicates(world):
    study, result, changes = world
    weights = estimators.run_weights(40, study.config["seed"])
    replicates = estimators.replicate_memorization(result[0].prob, study.train_mask, weights)
    by_hand = estimators.standard_error(distribution.share_below, replicates)
    assert _shape(changes, "prob").shape.share_below_01.stderr == pytest.approx(by_hand)


def _numbers(nested):
    """Returns all numbers in nested tuples."""
    if not isinstance(nested, tuple):
        return [nested]
    return [number for entry in nested for number in _numbers(entry)]


def test_first_to_last_is_the_difference_of_the_ends(world):
    _, _, changes = world
    change = changes.outcomes["correct"]["all"].first_to_last
    first, last = _shape(changes), _shape(changes, place=2)
    assert (change.first, change.last) == ("one_hot-width1", "one_hot-width4")
    means = ("means.memorization", "means.in_mean", "means.out_mean")
    for name in (*means, "shape.share_above_09", "shape.upper_mode"):
        of = operator.attrgetter(name)
        difference, expected = of(change.change), of(last).value - of(first).value
        assert difference.value == pytest.approx(expected)
        assert difference.stderr > 0


def test_classes_are_those_of_the_trajectories(world):
    study, result, changes = world
    classified = trajectories.analyze(study, result, Results({}))
    expected = classified.series["one_hot"]
    for alpha in ALPHAS:
        classes = changes.outcomes["correct"]["all"].classes[alpha]
        assert classes.shares == pytest.approx(expected[alpha].shares)
        assert classes.null == pytest.approx(expected[alpha].null)
    assert str(_analyze(study, result, classified)) == str(changes)


def test_saturated_points_are_left_out(world):
    _, _, changes = world
    every, unsaturated = (
        changes.outcomes["correct"][restriction] for restriction in ("all", "unsaturated_points")
    )
    assert list(unsaturated.points) == ["one_hot-width1", "one_hot-width2"]
    assert unsaturated.points == {name: every.points[name] for name in unsaturated.points}
    assert unsaturated.first_to_last.last == "one_hot-width2"


def test_no_example_below_one_everywhere_leaves_nan_and_no_change(world):
    _, _, changes = world
    left = changes.outcomes["prob"]["unsaturated_examples"]
    assert (left.num_examples, left.first_to_last, left.classes) == (0, None, {})
    assert np.isnan(left.points["one_hot-width1"].means.memorization.value)


def test_restricted_examples_give_the_numbers_of_those_examples_alone(world):
    study, result, _ = world
    two_points = result[:2]
    changes = _analyze(study, two_points)
    means = [estimators.memorization(o.correct, study.train_mask).in_mean for o in two_points]
    defined = restricted.unsaturated_examples(means)
    assert 0 < defined.sum() < 80
    alone = _analyze(*_subset(study, two_points, defined))
    for outcome in ("correct", "prob"):
        left = changes.outcomes[outcome]["unsaturated_examples"]
        assert left.num_examples == defined.sum()
        expected = alone.outcomes[outcome]["all"]
        for name, numbers in left.points.items():
            assert numbers.means == expected.points[name].means
        assert left.classes == expected.classes
    left = changes.outcomes["prob"]["unsaturated_examples"]
    assert left == alone.outcomes["prob"]["all"]


def test_the_true_scores_of_restricted_examples_are_those_drawn_from_all_examples(world):
    study, result, _ = world
    two_points = result[:2]
    means = [estimators.memorization(o.correct, study.train_mask).in_mean for o in two_points]
    defined = restricted.unsaturated_examples(means)
    left = _analyze(study, two_points).outcomes["correct"]["unsaturated_examples"]
    for point, numbers in zip(two_points, left.points.values(), strict=True):
        share = np.mean(point.noise_free.draws[:, defined] < 0.1)
        assert numbers.shape.share_below_01.value == pytest.approx(share)


def _subset(study, result, defined):
    fields = vars(study) | {"train_mask": study.train_mask[:, defined]}
    smaller = type(study)(**fields)
    parts = [
        dataclasses.replace(
            o,
            features=o.features[defined],
            **{n: getattr(o, n)[:, defined] for n in ("mask", "correct", "prob", "logodds")},
        )
        for o in result
    ]
    return smaller, parts


def test_a_restriction_to_everything_gives_the_plain_numbers(world):
    study, result, _ = world
    rng = np.random.default_rng(1)
    wrong = [dataclasses.replace(o, correct=rng.random(o.correct.shape) < 0.5) for o in result]
    by_restriction = _analyze(study, wrong).outcomes["correct"]
    every = by_restriction["all"]
    assert every.num_examples == 80
    assert by_restriction["unsaturated_examples"] == every == by_restriction["unsaturated_points"]


def test_order_of_examples_does_not_matter(world):
    study, result, changes = world
    order = np.random.default_rng(2).permutation(80)
    moved = _analyze(*_subset(study, result, order))
    for restriction in size_changes.RESTRICTIONS:
        expected, change = (c.outcomes["prob"][restriction].first_to_last for c in (changes, moved))
        if expected is None:
            assert change is None
            continue
        assert (change.first, change.last) == (expected.first, expected.last)
        numbers, expected_numbers = (
            _numbers(dataclasses.astuple(c.change)) for c in (change, expected)
        )
        assert len(numbers) == 3 * 8 + 1
        assert numbers == pytest.approx(expected_numbers)


def test_only_runs_of_all_points_are_used(world):
    study, result, _ = world
    fewer = dataclasses.replace(
        result[2],
        **{
            name: getattr(result[2], name)[5:]
            for name in ("index", "unit", "mask", "correct", "prob", "logodds")
        },
    )
    changes = _analyze(study, [*result[:2], fewer])
    assert changes.num_runs == 35
    plain = estimators.jackknife_mean(result[0].correct[5:], study.train_mask[5:])
    assert _shape(changes).means.memorization.value == pytest.approx(plain.memorization.value)


def test_one_point_has_no_change_and_a_series_without_runs_is_left_out(world):
    study, result, _ = world
    one_point = _analyze(study, result[:1]).outcomes["correct"]["all"]
    assert (one_point.first_to_last, one_point.classes) == (None, {})
    nothing = worlds.outcomes(study, np.zeros((0, 80), bool), index=[])
    results = Results({TrajectoryClasses: UNCLASSIFIED})
    assert size_changes.analyze(study, [nothing], results).series == {}


@pytest.mark.parametrize("num_runs", [1, 3, 20])
def test_a_point_with_fewer_runs_has_a_change_whose_variances_add_up(world, num_runs):
    study, result, _ = world
    fewer = worlds.outcomes(study, result[2].correct[:num_runs], size=4)
    everything = np.ones(80, bool)
    change = noise_free.change(result[0].noise_free, fewer.noise_free, everything)
    first, last = (noise_free.shape(o.noise_free, everything) for o in (result[0], fewer))
    for name in distribution.STATISTICS:
        number, before, after = (getattr(shape, name) for shape in (change, first, last))
        assert number.value == pytest.approx(after.value - before.value, nan_ok=True)
        together = np.hypot(before.stderr, after.stderr)
        assert number.stderr == pytest.approx(together, nan_ok=True)


def test_the_change_of_a_point_to_itself_is_certain_up_to_its_draws(world):
    _, result, _ = world
    everything = np.ones(80, bool)
    change = noise_free.change(result[0].noise_free, result[0].noise_free, everything)
    variance = statistics(result[0].noise_free.draws)["share_below_01"][1]
    assert change.share_below_01.value == 0
    assert change.share_below_01.stderr == pytest.approx(np.sqrt(2 * variance))
