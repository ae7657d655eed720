import numpy as np
import pytest
import scipy.stats

from memkit import comparisons, estimators
from memkit.errors import InputError
from memkit.seeds import stream


def _scores(count=60):
    draw = stream(0, "tests/agreement")
    first = draw.random(count)
    second = np.clip(first + 0.2 * draw.standard_normal(count), -1, 1)
    first[3], second[[5, 6]] = np.nan, np.nan
    return first, second


def test_agreement_equals_a_slow_loop_over_defined_examples():
    first, second = _scores()
    selected = [i for i in range(60) if first[i] == first[i] and second[i] == second[i]]
    a, b = first[selected], second[selected]
    result = comparisons.compare(first, second)
    assert result.num_examples == 57
    assert result.spearman == pytest.approx(scipy.stats.spearmanr(a, b).statistic)
    assert result.pearson == pytest.approx(scipy.stats.pearsonr(a, b).statistic)
    assert result.mean_difference == pytest.approx(sum(y - x for x, y in zip(a, b)) / 57)
    assert result.mean_absolute_difference == pytest.approx(
        sum(abs(y - x) for x, y in zip(a, b)) / 57
    )


def test_threshold_curves_equal_set_operations():
    first, second = _scores()
    result = comparisons.threshold_curves(first, second, (0.25, 0.5))
    defined = [i for i in range(60) if first[i] == first[i] and second[i] == second[i]]
    for k, threshold in enumerate((0.25, 0.5)):
        a = {i for i in defined if first[i] >= threshold}
        b = {i for i in defined if second[i] >= threshold}
        assert (result.num_first[k], result.num_second[k]) == (len(a), len(b))
        assert result.num_both[k] == len(a & b)
        assert result.jaccard[k] == len(a & b) / len(a | b)
        mean = np.mean([second[i] - first[i] for i in sorted(a | b)])
        assert result.difference[k] == pytest.approx(mean)
        assert comparisons.jaccard(first, second, threshold) == result.jaccard[k]


def test_a_score_agrees_perfectly_with_itself_in_any_order():
    first, second = _scores()
    same = comparisons.compare(first, first)
    assert same.spearman == pytest.approx(1) and same.mean_absolute_difference == 0
    order = stream(2, "tests/agreement").permutation(60)
    original, permuted = (
        comparisons.compare(first, second),
        comparisons.compare(first[order], second[order]),
    )
    assert vars(original) == pytest.approx(vars(permuted))


def test_undefined_numbers_are_nan():
    nothing = comparisons.compare(np.full(3, np.nan), np.arange(3.0))
    assert nothing.num_examples == 0
    assert np.isnan([nothing.spearman, nothing.pearson, nothing.mean_difference]).all()
    flat = comparisons.compare(np.ones(4), np.arange(4.0))
    assert np.isnan([flat.spearman, flat.pearson]).all() and flat.mean_difference == 0.5
    curves = comparisons.threshold_curves(np.zeros(4), np.zeros(4), (0.5,))
    assert np.isnan([curves.jaccard[0], curves.difference[0]]).all()
    assert np.isnan(comparisons.pair_jaccard([], []))


def test_pair_jaccard_compares_sets():
    assert comparisons.pair_jaccard([(1, 2), (3, 4)], [(3, 4), (5, 6), (4, 3)]) == 1 / 4


def test_unequal_lengths_raise_an_error():
    with pytest.raises(InputError, match="second: expected shape"):
        comparisons.compare(np.zeros(3), np.zeros(4))
    with pytest.raises(InputError, match="outcome_b"):
        mask = np.ones((4, 3), bool)
        comparisons.cross_half(np.zeros((4, 3), bool), np.zeros((4, 2), bool), mask, 0)


def test_ceiling_is_the_geometric_mean_of_reliabilities():
    assert comparisons.ceiling(0.81, 0.49) == pytest.approx(0.63)
    assert comparisons.ceiling(0.64) == pytest.approx(0.8)
    assert np.isnan([comparisons.ceiling(-0.1, 0.5), comparisons.ceiling(float("nan"))]).all()


def _noisy(draw, truth, runs=60):
    """Outcomes of two points whose memorization has the same truth and that share a noise."""
    mask = draw.random((runs, len(truth))) < 0.5
    base = 0.1 + 0.4 * draw.random((runs, len(truth)))
    outcomes = [
        np.clip(base + mask * truth + 0.15 * draw.standard_normal(base.shape), 0, 1)
        for _ in range(2)
    ]
    return *outcomes, mask


def test_cross_half_uses_the_disjoint_halves_of_split_half():
    draw = stream(0, "tests/cross_half")
    a, b, mask = _noisy(draw, 0.3 * draw.random(200))
    result = comparisons.cross_half(a, b, mask, 5)
    assert result.first == pytest.approx(estimators.split_half(a, mask, 5).spearman)
    assert result.second == pytest.approx(estimators.split_half(b, mask, 5).spearman)
    with np.errstate(invalid="ignore"):
        assert result.corrected == result.across / np.sqrt(result.first * result.second)


def test_shared_noise_inflates_the_plain_correlation_but_not_the_corrected_one():
    draw = stream(0, "tests/shared_noise")
    plain, corrected = [], []
    for _ in range(6):
        truth = 0.3 * draw.random(400)
        mask = draw.random((60, 400)) < 0.5
        noise = draw.random((60, 400))  # of the run, the same at both points
        independent = draw.permutation(truth)
        a, b = (np.clip(0.5 * noise + mask * part, 0, 1) for part in (truth, independent))
        plain.append(
            comparisons.compare(*(estimators.memorization(x, mask).value for x in (a, b))).spearman
        )
        corrected.append(comparisons.cross_half(a, b, mask, 1).corrected)
    assert np.mean(plain) > 0.1
    assert abs(np.mean(corrected)) < 0.06


def test_the_corrected_correlation_of_equal_truths_is_one():
    draw = stream(0, "tests/equal_truths")
    result = [
        comparisons.cross_half(*_noisy(draw, 0.3 * draw.random(400)), seed) for seed in range(6)
    ]
    assert np.mean([f.across for f in result]) < 0.9
    assert np.mean([f.corrected for f in result]) == pytest.approx(1, abs=0.05)
