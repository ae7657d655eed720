import numpy as np
import pytest

from memkit import errors, subsets
from memkit.estimators import jackknife_mean, memorization, memorization_difference
from memkit.estimators.margins import WithError
from memkit.estimators.paired import change_of_means, combine, joint_histogram, paired_mean


def _points(seed, num_runs=30, num_examples=25, probabilities=False):
    rng = np.random.default_rng(seed)
    mask = subsets.balanced(np.zeros(num_examples, int), num_runs, 0.7, seed)
    common = rng.random((num_runs, 1)) + 0.5 * rng.random(mask.shape)
    first = common < np.where(mask, 1.2, 0.6)
    second = common + 0.4 * rng.random(mask.shape) < np.where(mask, 1.4, 0.7)
    if probabilities:
        return (0.7 * first + 0.3 * common / 1.5), (0.7 * second + 0.3 * common / 1.5), mask
    return first, second, mask


def _parts(means):
    return means.memorization, means.in_mean, means.out_mean


def _by_hand(first, second, mask, members):
    """Means over members of the difference of arm means of the change, by a double loop."""
    inside, outside = [], []
    for i in np.flatnonzero(members):
        change = [float(b) - float(a) for a, b in zip(first[:, i], second[:, i], strict=True)]
        inside.append(np.mean([c for c, t in zip(change, mask[:, i], strict=True) if t]))
        outside.append(np.mean([c for c, t in zip(change, mask[:, i], strict=True) if not t]))
    return [np.mean(inside) - np.mean(outside), np.mean(inside), np.mean(outside)]


@pytest.mark.parametrize("probabilities", [False, True])
def test_change_and_error_equal_recomputing_without_each_run(probabilities):
    first, second, mask = _points(0, probabilities=probabilities)
    groups = np.random.default_rng(1).random((25, 3)) < 0.5
    changes = change_of_means(first, second, mask, groups)
    for k, means in enumerate(changes):
        whole = _by_hand(first, second, mask, groups[:, k])
        deleted = np.array(
            [
                _by_hand(*(np.delete(a, m, axis=0) for a in (first, second, mask)), groups[:, k])
                for m in range(30)
            ]
        )
        errors_by_hand = np.sqrt(29 / 30 * ((deleted - deleted.mean(axis=0)) ** 2).sum(axis=0))
        np.testing.assert_allclose([p.value for p in _parts(means)], whole, atol=1e-12)
        np.testing.assert_allclose([p.stderr for p in _parts(means)], errors_by_hand, rtol=1e-9)
        assert means.num_examples == groups[:, k].sum()


def test_change_from_nothing_is_the_jackknife_mean_of_the_point():
    _, second, mask = _points(2)
    (change,) = change_of_means(np.zeros_like(second), second, mask)
    plain = jackknife_mean(second, mask)
    for actual, expected in zip(_parts(change), _parts(plain), strict=True):
        assert actual.value == pytest.approx(expected.value)
        assert actual.stderr == pytest.approx(expected.stderr)


def test_change_is_the_mean_of_the_differences_of_the_examples():
    first, second, mask = _points(3)
    (change,) = change_of_means(first, second, mask)
    differences = memorization_difference(first, second, mask)
    assert change.memorization.value == pytest.approx(differences.value.mean())
    assert change.out_mean.value == pytest.approx(differences.out_mean.mean())


def test_order_of_runs_and_examples_does_not_matter():
    first, second, mask = _points(4)
    runs, examples = (np.random.default_rng(5).permutation(n) for n in mask.shape)
    groups = np.arange(25)[:, None] % 3 == np.arange(3)
    plain = change_of_means(first, second, mask, groups)
    moved = (array[runs][:, examples] for array in (first, second, mask))
    for a, b in zip(plain, change_of_means(*moved, groups[examples]), strict=True):
        assert a.memorization.value == pytest.approx(b.memorization.value)
        assert a.memorization.stderr == pytest.approx(b.memorization.stderr)


def test_swapping_the_points_turns_the_sign():
    first, second, mask = _points(6)
    (forward,), (backward,) = (
        change_of_means(first, second, mask),
        change_of_means(second, first, mask),
    )
    assert forward.memorization.value == pytest.approx(-backward.memorization.value)
    assert forward.memorization.stderr == pytest.approx(backward.memorization.stderr)


def test_groups_that_share_out_the_examples_sum_to_the_whole():
    first, second, mask = _points(7)
    groups = np.arange(25)[:, None] % 4 == np.arange(4)
    parts = change_of_means(first, second, mask, groups)
    (whole,) = change_of_means(first, second, mask)
    total = sum(p.num_examples * p.memorization.value for p in parts)
    assert total / 25 == pytest.approx(whole.memorization.value)


def test_examples_with_one_run_in_an_arm_are_left_out_and_an_empty_group_is_nan():
    first, second, mask = _points(8)
    mask[:, 0], mask[:, 1] = True, True
    mask[0, 1] = False
    groups = np.zeros((25, 2), bool)
    groups[:2, 0], groups[:, 1] = True, True
    empty, rest = change_of_means(first, second, mask, groups)
    assert (empty.num_examples, rest.num_examples) == (0, 23)
    assert np.isnan([empty.memorization.value, empty.memorization.stderr]).all()
    (plain,) = change_of_means(first[:, 2:], second[:, 2:], mask[:, 2:])
    assert rest.memorization.value == pytest.approx(plain.memorization.value)


def test_equal_points_do_not_change_and_have_no_error():
    first, _, mask = _points(9)
    (change,) = change_of_means(first, first, mask)
    assert [(p.value, p.stderr) for p in _parts(change)] == [(0, 0)] * 3


def test_paired_error_is_the_spread_over_simulated_studies_and_below_the_unpaired_one():
    rng = np.random.default_rng(10)
    in_rate, out_rate = rng.random((2, 30))
    values, stated, unpaired = [], [], []
    for _ in range(300):
        mask = rng.random((40, 30)).argsort(axis=1) < 21
        common = np.clip(rng.random((40, 30)) * 0.7 + 0.3 * rng.random((40, 1)), 0, 1)
        first = common < np.where(mask, in_rate, out_rate)
        second = common < np.where(mask, in_rate, 0.8 * out_rate)
        (change,) = change_of_means(first, second, mask)
        values.append(change.memorization.value)
        stated.append(change.memorization.stderr)
        errors_of_points = [
            jackknife_mean(rows, mask).memorization.stderr for rows in (first, second)
        ]
        unpaired.append(np.hypot(*errors_of_points))
    # The spread of 300 values has a relative error of 4%; the jackknife leans a little upwards.
    assert np.sqrt(np.mean(np.square(stated))) == pytest.approx(np.std(values), rel=0.16)
    assert np.mean(stated) < 0.8 * np.mean(unpaired)


def test_wrong_groups_and_mixed_outcomes_are_refused():
    first, second, mask = _points(0)
    with pytest.raises(errors.InputError, match=r"groups: expected a bool matrix \(25, K\)"):
        change_of_means(first, second, mask, np.ones((24, 1), bool))
    with pytest.raises(errors.InputError, match="outcome_b: expected the kind of point a"):
        change_of_means(first, second.astype(float), mask)


def test_paired_mean_is_the_mean_change_per_run():
    change = paired_mean([0.5, 0.7, 0.9], [0.6, 0.9, 0.9])
    assert change.value == pytest.approx(0.1)
    assert change.stderr == pytest.approx(0.1 / np.sqrt(3))
    assert np.isnan(paired_mean([0.5], [0.6]).stderr) and np.isnan(paired_mean([], []).value)


def test_pooled_estimates_are_weighted_by_their_examples():
    pooled = combine(
        [(WithError(1.0, 0.3, 9), 1), (WithError(0.0, 0.1, 9), 3), (WithError(9, 9, 9), 0)]
    )
    assert pooled.value == pytest.approx(0.25)
    assert pooled.stderr == pytest.approx(np.sqrt(0.3**2 + 0.3**2) / 4)
    assert np.isnan(combine([(WithError(np.nan, np.nan, np.nan), 0)]).value)


def test_joint_histogram_equals_counting_by_hand():
    rng = np.random.default_rng(11)
    first, second = np.round(rng.uniform(-0.3, 1, (2, 500)), 2)
    first[0] = np.nan
    counts, edges = joint_histogram(first, second)
    by_hand = np.zeros((20, 20), int)
    for a, b in zip(first[1:], second[1:], strict=True):
        cells = [min(19, max(0, int(np.floor(20 * score + 1e-6)))) for score in (a, b)]
        by_hand[cells[0], cells[1]] += 1
    np.testing.assert_array_equal(counts, by_hand)
    assert counts.sum() == 499 and (edges[0], edges[-1], len(edges)) == (0, 1, 21)


def test_joint_histogram_of_a_score_with_itself_lies_on_the_diagonal():
    _, second, mask = _points(12)
    value = memorization(second, mask).value
    counts, _ = joint_histogram(value, value)
    assert counts.sum() == 25 and np.trace(counts) == 25
