import math

import numpy as np
import pytest

from memkit import errors, subsets
from memkit.estimators import memorization, memorization_difference


def _random_study(seed, num_runs=30, num_examples=12, probabilities=False):
    rng = np.random.default_rng(seed)
    mask = subsets.random(num_examples, num_runs, 0.7, seed)
    outcome = rng.random((num_runs, num_examples))
    return (outcome if probabilities else outcome < 0.6), mask


def _arm(outcome, train_mask, example, inside):
    return [
        float(outcome[m, example]) for m in range(len(outcome)) if train_mask[m, example] == inside
    ]


@pytest.mark.parametrize("probabilities", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_equals_a_double_loop(seed, probabilities):
    outcome, mask = _random_study(seed, probabilities=probabilities)
    estimate = memorization(outcome, mask)
    for example in range(mask.shape[1]):
        inside, outside = (_arm(outcome, mask, example, side) for side in (True, False))
        error = math.sqrt(
            np.var(inside, ddof=1) / len(inside) + np.var(outside, ddof=1) / len(outside)
        )
        assert estimate.in_mean[example] == pytest.approx(np.mean(inside))
        assert estimate.out_mean[example] == pytest.approx(np.mean(outside))
        assert estimate.value[example] == pytest.approx(np.mean(inside) - np.mean(outside))
        assert estimate.stderr[example] == pytest.approx(error)
        assert (estimate.num_in[example], estimate.num_out[example]) == (len(inside), len(outside))


def test_blocks_of_examples_do_not_show(monkeypatch):
    outcome, mask = _random_study(0, probabilities=True)
    whole = memorization(outcome, mask)
    monkeypatch.setattr("memkit.estimators.arms._BLOCK_ELEMENTS", 150)
    for name, parts in vars(memorization(outcome, mask)).items():
        np.testing.assert_allclose(parts, getattr(whole, name))


def test_worked_example():
    mask = np.array([[1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1]], bool)
    correct = np.array([[1, 1, 0, 1], [0, 1, 1, 1], [0, 0, 1, 0]], bool)
    estimate = memorization(correct, mask)
    np.testing.assert_allclose(estimate.in_mean, [0.5, 0.5, 1, 2 / 3])
    np.testing.assert_allclose(estimate.out_mean, [0, 1, 0, np.nan])
    np.testing.assert_allclose(estimate.value, [0.5, -0.5, 1, np.nan])
    np.testing.assert_array_equal(estimate.num_in, [2, 2, 2, 3])
    np.testing.assert_array_equal(estimate.num_out, [1, 1, 1, 0])
    assert np.isnan(estimate.stderr).all()


@pytest.mark.parametrize("probabilities", [False, True])
def test_never_held_out_is_nan(probabilities):
    outcome, mask = _random_study(0, probabilities=probabilities)
    mask[:, 3], mask[:, 4] = True, False
    estimate = memorization(outcome, mask)
    assert estimate.num_out[3] == 0 and estimate.num_in[4] == 0
    for name in ("value", "stderr", "lower", "upper"):
        np.testing.assert_array_equal(
            np.isnan(getattr(estimate, name)), np.isin(np.arange(12), [3, 4])
        )
    assert np.isfinite(estimate.in_mean[3]) and np.isfinite(estimate.out_mean[4])


@pytest.mark.parametrize("probabilities", [False, True])
def test_swapping_in_and_out_flips_the_sign(probabilities):
    outcome, mask = _random_study(1, probabilities=probabilities)
    plain, swapped = memorization(outcome, mask), memorization(outcome, ~mask)
    np.testing.assert_allclose(plain.value, -swapped.value)
    np.testing.assert_allclose(plain.lower, -swapped.upper, atol=1e-14)
    np.testing.assert_allclose(plain.stderr, swapped.stderr)


@pytest.mark.parametrize("probabilities", [False, True])
def test_order_of_runs_and_examples_does_not_matter(probabilities):
    outcome, mask = _random_study(2, probabilities=probabilities)
    rng = np.random.default_rng(0)
    runs, examples = rng.permutation(30), rng.permutation(12)
    whole = memorization(outcome, mask)
    shuffled = memorization(outcome[runs][:, examples], mask[runs][:, examples])
    for name, values in vars(shuffled).items():
        np.testing.assert_allclose(values, getattr(whole, name)[examples], atol=1e-14)


@pytest.mark.parametrize("probabilities", [False, True])
@pytest.mark.parametrize("num_runs", [2, 5, 30])
def test_values_and_bounds_stay_in_range(num_runs, probabilities):
    rng = np.random.default_rng(num_runs)
    mask = rng.random((num_runs, 500)) < 0.7
    outcome = rng.random((num_runs, 500)) < rng.choice([0, 0.5, 1], 500)
    estimate = memorization(outcome.astype(float) if probabilities else outcome, mask)
    defined = ~np.isnan(estimate.value)
    assert defined.any() and (num_runs == 30 or not defined.all())
    value, lower, upper = (getattr(estimate, name)[defined] for name in ("value", "lower", "upper"))
    assert (lower >= -1).all() and (upper <= 1).all()
    assert (lower <= value + 1e-12).all() and (value <= upper + 1e-12).all()
    assert (upper - lower > 0.01).all()


def test_constant_outcomes_have_no_spread():
    mask = subsets.random(20, 30, 0.7, 0)
    estimate = memorization(np.full(mask.shape, 0.1, np.float32), mask)
    np.testing.assert_allclose(estimate.value, 0, atol=1e-15)
    np.testing.assert_allclose(estimate.stderr, 0, atol=1e-15)


def test_bernoulli_outcomes_are_estimated_without_bias():
    rng = np.random.default_rng(0)
    mask = subsets.balanced(np.zeros(20000, int), 100, 0.7, 0)
    in_rate, out_rate = rng.random((2, 20000))
    outcome = rng.random(mask.shape) < np.where(mask, in_rate, out_rate)
    estimate = memorization(outcome, mask)
    error = np.sqrt(in_rate * (1 - in_rate) / 70 + out_rate * (1 - out_rate) / 30)
    z = (estimate.value - (in_rate - out_rate)) / error
    assert abs(z.mean()) < 4 / math.sqrt(20000)
    assert z.var() == pytest.approx(1, abs=4 * math.sqrt(2 / 20000))
    assert np.mean(estimate.stderr**2) == pytest.approx(np.mean(error**2), rel=0.01)


@pytest.mark.parametrize("design", ["random", "balanced"])
def test_nearest_neighbor_learner_gets_its_exact_memorization(design):
    rng = np.random.default_rng(4)
    num_examples, num_runs, size = 60, 400, 42
    points, labels = rng.random((num_examples, 2)), rng.integers(0, 3, num_examples)
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    mask = subsets.design(design, labels=labels, num_runs=num_runs, train_fraction=0.7, seed=1)
    nearest = np.where(mask[:, None, :], distance, np.inf).argmin(axis=2)
    estimate = memorization(labels[nearest] == labels, mask)
    np.testing.assert_array_equal(estimate.in_mean, 1)
    # The k-th neighbor answers if it is in and the k - 1 nearer ones are out.
    rank = np.arange(1, num_examples)
    chance = np.array([math.comb(num_examples - 1 - k, size - 1) for k in rank])
    chance = chance / math.comb(num_examples - 1, size)
    neighbors = np.argsort(distance, axis=1)[:, 1:]
    out_mean = (chance * (labels[neighbors] == labels[:, None])).sum(axis=1)
    error = np.sqrt(out_mean * (1 - out_mean) / estimate.num_out)
    assert chance.sum() == pytest.approx(1)
    assert (np.abs(estimate.value - (1 - out_mean)) <= 4 * error + 1e-12).all()
    z = (estimate.value - (1 - out_mean))[error > 0] / error[error > 0]
    assert abs(z.mean()) < 0.5 and 0.5 < np.mean(z**2) < 1.5


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_float_types_agree(kind):
    outcome, mask = _random_study(3, probabilities=True)
    outcome = outcome.astype(np.float16)
    np.testing.assert_allclose(
        memorization(outcome.astype(kind), mask).value, memorization(outcome, mask).value
    )


@pytest.mark.parametrize(
    "outcome, mask, words",
    [
        (np.ones((3, 4), bool), np.ones((3, 5), bool), "outcome: expected the train mask's shape"),
        (np.ones((3, 4), bool), np.ones((3, 4), int), "train_mask: expected a bool matrix"),
        (np.ones(4, bool), np.ones(4, bool), "train_mask: expected a bool matrix"),
        (np.ones((3, 4), int), np.ones((3, 4), bool), "outcome: expected bool or float"),
        (np.full((3, 4), 1.1), np.ones((3, 4), bool), r"outcome: expected values in \[0, 1\]"),
        (np.full((3, 4), -0.1), np.ones((3, 4), bool), "received values from -0.1"),
        (
            np.array([[0.5, np.nan], [0.5, 1]]),
            np.ones((2, 2), bool),
            "diverged runs must be left out first.*NaN in 1 of 2 runs",
        ),
    ],
)
def test_wrong_matrices_are_refused(outcome, mask, words):
    with pytest.raises(errors.InputError, match=words):
        memorization(outcome, mask)


@pytest.mark.parametrize("probabilities", [False, True])
def test_difference_is_the_difference_of_the_points(probabilities):
    first, mask = _random_study(6, probabilities=probabilities)
    second, _ = _random_study(7, probabilities=probabilities)
    mask[:, 0] = True
    change = memorization_difference(first, second, mask)
    before, after = memorization(first, mask), memorization(second, mask)
    for name in ("value", "in_mean", "out_mean"):
        np.testing.assert_allclose(
            getattr(change, name), getattr(after, name) - getattr(before, name), atol=1e-7
        )
    assert np.isnan(change.value[0]) and np.isnan(change.lower[0])
    per_run = second.astype(float) - first.astype(float)
    inside, outside = (_arm(per_run, mask, 1, side) for side in (True, False))
    assert change.stderr[1] == pytest.approx(
        math.sqrt(np.var(inside, ddof=1) / len(inside) + np.var(outside, ddof=1) / len(outside))
    )


@pytest.mark.parametrize("num_runs", [20, 100, 400])
@pytest.mark.parametrize("probabilities", [False, True])
def test_difference_of_paired_points_is_covered(num_runs, probabilities):
    rng = np.random.default_rng(num_runs)
    mask = subsets.balanced(np.zeros(4000, int), num_runs, 0.7, 0)
    common = rng.random(mask.shape)
    first = common < np.where(mask, 0.9, 0.4)
    second = 0.8 * common + 0.2 * rng.random(mask.shape) < np.where(mask, 0.9, 0.6)
    if probabilities:
        first, second = (0.7 * points + 0.3 * rng.random(mask.shape) for points in (first, second))
    # The trapezoid .8 U + .2 V lies below .9 with chance .96875 and below .6 with chance .625.
    truth = (0.7 if probabilities else 1) * ((0.96875 - 0.625) - (0.9 - 0.4))
    change = memorization_difference(first, second, mask)
    covered = np.mean((change.lower <= truth) & (truth <= change.upper))
    assert covered > 0.935
    assert covered < 0.995 or num_runs == 20
    pair = [memorization(points, mask).stderr for points in (first, second)]
    assert np.mean(change.stderr) < 0.9 * np.mean(np.hypot(*pair))


def test_difference_refuses_mixed_outcomes():
    outcome, mask = _random_study(0)
    with pytest.raises(errors.InputError, match="outcome_b: expected the kind of outcome"):
        memorization_difference(outcome, outcome.astype(float), mask)
