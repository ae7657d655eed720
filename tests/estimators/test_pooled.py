"""Pooled scores in simulated worlds whose rates are known."""

import numpy as np
import pytest
import scipy.special

from memkit import estimators, subsets
from memkit.errors import InputError
from memkit.seeds import stream

NUM_RUNS, NUM_EXAMPLES = 20, 400


def _means(rng, num_examples):
    """Returns mean margins without and with training on each example, [N] each; 8% are wrong."""
    out = rng.choice([-4.0, 0.5, 5.0], num_examples, p=(0.08, 0.22, 0.7))
    out += rng.normal(0, 1.2, num_examples)
    return out, np.maximum(out, 1.5) + rng.gamma(2, 1, num_examples)


def _normal(rng, shape, _):
    return rng.normal(0, 1.8, shape)


def _skewed(rng, shape, _):
    return rng.gamma(2, 1.3, shape) - 2.6


def _heavy(rng, shape, _):
    return rng.standard_t(3, shape)


def _bimodal(rng, shape, _):
    return rng.choice([-1.5, 1.5], shape) + rng.normal(0, 0.7, shape)


def _good_and_bad_runs(rng, shape, _):
    return rng.normal(0, 1.5, shape) - 3 * (rng.random((shape[0], 1)) < 0.2)


def _uneven(rng, shape, means):
    return rng.normal(0, 1, shape) * np.where(means > 2, 2.5, 0.8)


NOISES = {
    "normal": _normal,
    "skewed": _skewed,
    "heavy": _heavy,
    "bimodal": _bimodal,
    "good_and_bad_runs": _good_and_bad_runs,
    "uneven": _uneven,
}


def world(noise, seed, *, num_runs=NUM_RUNS, num_examples=NUM_EXAMPLES, rounded=False, means=None):
    """Returns correct, logodds and mask [M, N], a feature [N, 1] and the true memorization [N]."""
    rng = stream(seed, f"tests/pooled/{noise}")
    out, inside = (means or _means)(rng, num_examples)
    mask = subsets.balanced(np.zeros(num_examples), num_runs, 0.7, seed)

    def margins(means, shape):
        drawn = means + NOISES[noise](rng, shape, means)
        return np.round(drawn) + 0.25 if rounded else drawn

    rates = [(margins(means, (4000, num_examples)) > 0).mean(axis=0) for means in (inside, out)]
    drawn = np.where(mask, margins(inside, mask.shape), margins(out, mask.shape))
    feature = out + rng.normal(0, 1.5, num_examples)
    return drawn > 0, drawn.astype(np.float16), mask, feature[:, None], rates[0] - rates[1]


def _studies(noise, count, **options):
    """Yields (pooled, raw, truth) of some studies of a world."""
    for seed in range(count):
        correct, logodds, mask, feature, truth = world(noise, seed, **options)
        yield (
            estimators.pooled(correct, logodds, mask, features=feature),
            estimators.memorization(correct, mask),
            truth,
        )


@pytest.mark.parametrize("num_runs, rounded", [(20, False), (20, True), (100, False)])
@pytest.mark.parametrize("noise", NOISES)
def test_intervals_cover_the_true_score_in_at_least_88_percent(noise, num_runs, rounded):
    covered = [
        (estimate.lower <= truth) & (truth <= estimate.upper)
        for estimate, _, truth in _studies(noise, 5, num_runs=num_runs, rounded=rounded)
    ]
    assert np.mean(covered) >= 0.88


@pytest.mark.parametrize(
    ("noise", "most"),
    [
        ("normal", 0.5),
        ("uneven", 0.5),
        ("good_and_bad_runs", 0.5),
        ("bimodal", 0.7),
        ("heavy", 0.75),
        ("skewed", 0.9),
    ],
)
def test_squared_error_is_smaller_than_that_of_the_raw_score(noise, most):
    errors = np.array(
        [
            [np.mean((score.value - truth) ** 2) for score in (estimate, raw)]
            for estimate, raw, truth in _studies(noise, 5)
        ]
    ).mean(axis=0)
    assert errors[0] < most * errors[1]


def test_intervals_at_20_runs_are_narrower_than_newcombes():
    for estimate, raw, _ in _studies("normal", 2):
        assert np.mean(estimate.upper - estimate.lower) < 0.6 * np.mean(raw.upper - raw.lower)


def test_with_many_runs_it_agrees_with_the_observed_rates():
    correct, logodds, mask, feature, _ = world("bimodal", 0, num_runs=2000)
    estimate = estimators.pooled(correct, logodds, mask, features=feature)
    raw = estimators.memorization(correct, mask)
    assert np.sqrt(np.mean((estimate.value - raw.value) ** 2)) < 0.02


def test_an_example_without_runs_in_an_arm_has_no_score():
    correct, logodds, mask, feature, _ = world("normal", 0)
    mask[:, 3], mask[:, 5] = True, False
    estimate = estimators.pooled(correct, logodds, mask, features=feature)
    for array in (estimate.value, estimate.lower, estimate.upper, estimate.stderr):
        assert np.isnan(array[[3, 5]]).all()
        assert np.isfinite(np.delete(array, [3, 5])).all()


def test_orders_of_runs_and_examples_do_not_matter():
    correct, logodds, mask, feature, _ = world("skewed", 1)
    runs, examples = (stream(0, "tests/pooled").permutation(n) for n in mask.shape)
    expected = estimators.pooled(correct, logodds, mask, features=feature)
    shuffled = estimators.pooled(
        *(matrix[runs][:, examples] for matrix in (correct, logodds, mask)),
        features=feature[examples],
    )
    for name in ("value", "lower", "upper"):
        np.testing.assert_allclose(
            getattr(shuffled, name), getattr(expected, name)[examples], atol=1e-6
        )


def test_a_feature_without_information_changes_little():
    correct, logodds, mask, _, truth = world("normal", 2)
    noise = stream(1, "tests/pooled").normal(size=(NUM_EXAMPLES, 1))
    errors = [
        np.mean((estimators.pooled(correct, logodds, mask, features=f).value - truth) ** 2)
        for f in (None, noise)
    ]
    assert errors[1] < 1.1 * errors[0]


def test_missing_features_count_as_their_mean():
    correct, logodds, mask, feature, _ = world("normal", 0)
    feature[:7] = np.nan
    filled = np.where(np.isnan(feature), np.nanmean(feature), feature)
    with_missing = estimators.pooled(correct, logodds, mask, features=feature)
    np.testing.assert_allclose(
        with_missing.value, estimators.pooled(correct, logodds, mask, features=filled).value
    )


@pytest.mark.parametrize("answer", [True, False])
def test_without_variation_it_is_the_raw_score(answer):
    mask = subsets.balanced(np.zeros(50), 20, 0.7, 0)
    correct = np.full(mask.shape, answer)
    logodds = np.where(correct, 2.0, -2.0)
    estimate = estimators.pooled(correct, logodds, mask)
    assert (estimate.value == 0).all()
    assert (estimate.upper == estimators.memorization(correct, mask).upper).all()


def test_wrong_arguments_are_refused():
    correct, logodds, mask, _, _ = world("normal", 0)
    with pytest.raises(InputError, match="correct: expected a bool matrix"):
        estimators.pooled(scipy.special.expit(logodds.astype(float)), logodds, mask)
    with pytest.raises(InputError, match="logodds: expected the train mask's shape"):
        estimators.pooled(correct, logodds[:, 1:], mask)
    with pytest.raises(InputError, match="logodds: expected finite values"):
        estimators.pooled(correct, np.where(mask, np.nan, logodds), mask)
    with pytest.raises(InputError, match="features: expected"):
        estimators.pooled(correct, logodds, mask, features=np.zeros(NUM_EXAMPLES))
