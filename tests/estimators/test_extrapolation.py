import numpy as np
import pytest

from memkit.errors import InputError
from memkit.estimators import spearman
from memkit.estimators.extrapolation import to_leaving_one_out

FRACTIONS = (0.5, 0.7, 0.9)


def _world(seed, *, noise=0.05, num=2000):
    """Returns (truth [N], scores [F, N]): few examples are memorized, all of them less at once.

    Half of the differences between slopes depends on nothing else.
    """
    rng = np.random.default_rng(seed)
    truth = rng.beta(0.3, 2, num)
    slopes = 0.6 * truth * (1 - truth) * 2 * rng.uniform(0.5, 1.5, num)
    scores = np.stack([truth + slopes * (1 - fraction) for fraction in FRACTIONS])
    return truth, scores + noise * rng.normal(size=scores.shape) * np.sqrt(0.02 + truth)


def _per_example(scores):
    design = np.stack([np.ones(3), 1 - np.array(FRACTIONS)], axis=1)
    return (np.linalg.pinv(design) @ scores)[0]


@pytest.mark.parametrize("seed", range(4))
def test_bias_is_gone_and_ranks_are_better_than_at_any_fraction(seed):
    truth, scores = _world(seed)
    errors = np.full(scores.shape, 0.025)
    estimate = to_leaving_one_out(scores, errors, FRACTIONS)
    assert np.abs(np.mean(estimate - truth)) < 0.004
    assert (np.mean(scores - truth, axis=1) > (0.04, 0.02, 0.007)).all()
    assert np.mean(estimate) == pytest.approx(np.mean(_per_example(scores)))
    rank = spearman(estimate, truth)
    assert rank > max(spearman(row, truth) for row in scores)
    assert rank > spearman(_per_example(scores), truth) + 0.02
    error = np.mean((estimate - truth) ** 2)
    assert error < np.mean((_per_example(scores) - truth) ** 2)
    assert error < min(np.mean((scores - truth[None]) ** 2, axis=1))


def test_slopes_that_are_a_line_in_the_score_are_exact():
    truth = np.random.default_rng(0).random(50)
    scores = np.stack([truth * (1 + 0.5 * (1 - f)) + 0.1 * (1 - f) for f in FRACTIONS])
    estimate = to_leaving_one_out(scores, np.full(scores.shape, 0.1), FRACTIONS)
    np.testing.assert_allclose(estimate, truth, atol=1e-12)


def test_order_of_fractions_and_examples_does_not_matter():
    _, scores = _world(9, num=60)
    errors = np.random.default_rng(1).random(scores.shape) / 10
    expected = to_leaving_one_out(scores, errors, FRACTIONS)
    actual = to_leaving_one_out(scores[::-1, ::-1], errors[::-1, ::-1], FRACTIONS[::-1])
    np.testing.assert_allclose(actual[::-1], expected)


def test_undefined_examples_are_left_out():
    _, scores = _world(3, num=60)
    errors = np.full(scores.shape, 0.05)
    expected = to_leaving_one_out(scores[:, 1:], errors[:, 1:], FRACTIONS)
    scores[1, 0] = errors[1, 0] = np.nan
    actual = to_leaving_one_out(scores, errors, FRACTIONS)
    assert np.isnan(actual[0])
    np.testing.assert_allclose(actual[1:], expected)
    assert np.isnan(to_leaving_one_out(scores[:, :1], errors[:, :1], FRACTIONS)).all()


@pytest.mark.parametrize("fractions", [(0.5,), (0.5, 0.5), (0.5, 0.7)])
def test_fractions_that_do_not_fit_are_an_error(fractions):
    num_rows = 3 if fractions == (0.5, 0.7) else len(fractions)
    with pytest.raises(InputError, match="fractions|scores"):
        to_leaving_one_out(np.zeros((num_rows, 4)), np.ones((num_rows, 4)), fractions)
