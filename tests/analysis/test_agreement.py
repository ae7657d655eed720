import numpy as np
import pytest

from memkit import comparisons, estimators
from memkit.analysis import Results
from memkit.analysis.agreement import estimate as agreement
from memkit.seeds import stream
from tests.analysis import worlds


def _study(workdir, **options):
    study = worlds.study(workdir, **options)
    study.config["report"] = {"min_memorization": 0.25}
    return study


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Three sizes: the second memorizes the same examples as the first, the third other ones."""
    draw = stream(0, "tests/agreement")
    study = _study(tmp_path_factory.mktemp("agreement"), num_examples=80)
    easy = draw.random(80)
    result = [
        worlds.outcomes(study, worlds.bernoulli(draw, study.train_mask, 0.95, 0.9 * out), size=2**k)
        for k, out in enumerate((easy, easy, 1 - easy))
    ]
    return study, result, agreement.analyze(study, result, Results({}))


def _pair(agreements, first, second, outcome="correct"):
    """Returns the position and the PairAgreement of two points."""
    expected = outcome, first, second
    (match,) = (
        (position, pair)
        for position, pair in enumerate(agreements.pairs)
        if (pair.outcome, pair.first, pair.second) == expected
    )
    return match


NAMES = ("one_hot-width1", "one_hot-width2", "one_hot-width4")


def test_every_two_points_have_a_row_per_outcome(world):
    _, _, agreements = world
    assert [(pair.outcome, pair.steps) for pair in agreements.pairs] == [
        (outcome, steps) for outcome in ("correct", "prob") for steps in (1, 2, 1)
    ]
    assert {pair.num_runs for pair in agreements.pairs} == {40}


def test_numbers_and_curves_are_those_of_the_comparisons(world):
    study, result, agreements = world
    for outcome in ("correct", "prob"):
        a, b = (
            estimators.memorization(getattr(o, outcome), study.train_mask).value for o in result[1:]
        )
        position, pair = _pair(agreements, *NAMES[1:], outcome)
        expected = comparisons.compare(a, b)
        assert expected == comparisons.Agreement(
            num_examples=pair.num_examples,
            spearman=pair.spearman.value,
            pearson=pair.pearson,
            mean_difference=pair.mean_difference.value,
            mean_absolute_difference=pair.mean_absolute_difference,
        )
        assert pair.jaccard.value == comparisons.jaccard(a, b, 0.25)
        curves = comparisons.threshold_curves(a, b)
        for key, value in vars(curves).items():
            np.testing.assert_array_equal(agreements.curves[key][position], value)


def test_equal_sizes_agree_up_to_noise_and_others_do_not(world):
    _, _, agreements = world
    same, other = _pair(agreements, *NAMES[:2])[1], _pair(agreements, NAMES[0], NAMES[2])[1]
    assert same.spearman.value > 0.6 > other.spearman.value
    assert same.halves.corrected == pytest.approx(1, abs=0.15)
    assert 0 < same.ceiling < 1
    assert other.halves.corrected < -0.6


def test_the_error_of_the_mean_difference_is_that_of_the_jackknife(world):
    study, result, agreements = world
    a, b = (o.correct.astype(np.float32) for o in result[:2])
    shifted = (b - a + 1) / 2  # the estimator is linear, and outcomes lie in [0, 1]
    jackknife = estimators.jackknife_mean(shifted, study.train_mask).memorization
    _, pair = _pair(agreements, *NAMES[:2])
    assert pair.mean_difference.value == pytest.approx(2 * jackknife.value)
    assert pair.mean_difference.stderr == pytest.approx(2 * jackknife.stderr, rel=0.25)


def test_errors_are_those_of_a_slow_loop_over_replicates(world):
    study, result, agreements = world
    weights = estimators.run_weights(40, study.config["seed"])
    replicates = [
        estimators.replicate_memorization(o.correct, study.train_mask, weights) for o in result[:2]
    ]
    loops = np.array(
        [
            (comparisons.compare(a, b).spearman, comparisons.jaccard(a, b, 0.25))
            for a, b in zip(*replicates, strict=True)
        ]
    )
    _, pair = _pair(agreements, *NAMES[:2])
    expected = loops.std(axis=0, ddof=1)
    assert (pair.spearman.stderr, pair.jaccard.stderr) == pytest.approx(tuple(expected))


def test_errors_of_the_curves_are_those_of_a_slow_loop_over_sets(world):
    study, result, agreements = world
    weights = estimators.run_weights(40, study.config["seed"])
    replicates = [
        estimators.replicate_memorization(o.correct, study.train_mask, weights) for o in result[:2]
    ]
    arrays = agreements.curves
    for k, threshold in enumerate(arrays["thresholds"][0]):
        jaccard, difference = [], []
        for a, b in zip(*replicates, strict=True):
            first, second = (set(np.flatnonzero(score >= threshold - 1e-9)) for score in (a, b))
            union = sorted(first | second)
            jaccard.append(len(first & second) / len(union) if union else np.nan)
            difference.append((b - a)[union].mean() if union else np.nan)
        expected = np.std([jaccard, difference], axis=1, ddof=1)
        got = arrays["jaccard_stderr"][0, k], arrays["difference_stderr"][0, k]
        assert got == pytest.approx(tuple(expected), nan_ok=True)


def test_only_common_runs_are_used(tmp_path):
    draw = stream(1, "tests/agreement")
    study = _study(tmp_path, num_examples=30)
    correct = [worlds.bernoulli(draw, study.train_mask, 0.9, 0.4) for _ in range(2)]
    parts = (np.arange(0, 30), np.arange(10, 40))
    result = [
        worlds.outcomes(study, correct[k][part], size=2**k, index=part)
        for k, part in enumerate(parts)
    ]
    pair = agreement.analyze(study, result, Results({})).pairs[0]
    common = slice(10, 30)
    mask = study.train_mask[common]
    scores = [estimators.memorization(c[common], mask).value for c in correct]
    assert pair.num_runs == 20
    assert pair.pearson == comparisons.compare(*scores).pearson


def test_one_point_or_few_runs_give_no_pairs(tmp_path):
    study = _study(tmp_path, num_examples=30)
    few = [
        worlds.outcomes(study, study.train_mask[:3], size=2**k, index=np.arange(3))
        for k in range(2)
    ]
    for result in ([], few[:1], few):
        agreements = agreement.analyze(study, result, Results({}))
        assert (agreements.threshold, agreements.pairs, agreements.curves) == (0.25, (), {})
