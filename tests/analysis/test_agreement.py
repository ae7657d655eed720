import numpy as np
import pytest

from memkit import comparisons, estimators, studies
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
    return study, result, agreement.analyze(study, result)


def _row(summary, first, second, outcome="correct"):
    for place, row in enumerate(summary["pairs"]):
        if (row["outcome"], row["first"], row["second"]) == (outcome, first, second):
            return place, row
    raise AssertionError


NAMES = ("one_hot-width1", "one_hot-width2", "one_hot-width4")


def test_every_two_points_have_a_row_per_outcome(world):
    _, _, summary = world
    assert [(r["outcome"], r["steps"]) for r in summary["pairs"]] == [
        (outcome, steps) for outcome in ("correct", "prob") for steps in (1, 2, 1)
    ]
    assert {r["num_runs"] for r in summary["pairs"]} == {40}


def test_numbers_and_curves_are_those_of_the_comparisons(world):
    study, result, summary = world
    arrays = studies.read_arrays(study, "agreement")
    for outcome in ("correct", "prob"):
        a, b = (
            estimators.memorization(getattr(o, outcome), study.train_mask).value for o in result[1:]
        )
        place, row = _row(summary, *NAMES[1:], outcome)
        plain = comparisons.compare(a, b)
        assert {key: row[key] for key in vars(plain)} == vars(plain)
        assert row["jaccard"] == comparisons.jaccard(a, b, 0.25)
        curves = comparisons.threshold_curves(a, b)
        for key, value in vars(curves).items():
            np.testing.assert_array_equal(arrays[key][place], value)


def test_equal_sizes_agree_up_to_noise_and_others_do_not(world):
    _, _, summary = world
    same, other = _row(summary, *NAMES[:2])[1], _row(summary, NAMES[0], NAMES[2])[1]
    assert same["spearman"] > 0.6 > other["spearman"]
    assert same["corrected"] == pytest.approx(1, abs=0.15)
    assert 0 < same["ceiling"] < 1
    assert other["corrected"] < -0.6


def test_the_error_of_the_mean_difference_is_that_of_the_jackknife(world):
    study, result, summary = world
    a, b = (o.correct.astype(np.float32) for o in result[:2])
    shifted = (b - a + 1) / 2  # the estimator is linear, and outcomes lie in [0, 1]
    jackknife = estimators.jackknife_mean(shifted, study.train_mask).memorization
    _, row = _row(summary, *NAMES[:2])
    assert row["mean_difference"] == pytest.approx(2 * jackknife.value)
    assert row["mean_difference_stderr"] == pytest.approx(2 * jackknife.stderr, rel=0.25)


def test_errors_are_those_of_a_slow_loop_over_replicates(world):
    study, result, summary = world
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
    _, row = _row(summary, *NAMES[:2])
    expected = loops.std(axis=0, ddof=1)
    assert (row["spearman_stderr"], row["jaccard_stderr"]) == pytest.approx(tuple(expected))


def test_errors_of_the_curves_are_those_of_a_slow_loop_over_sets(world):
    study, result, _ = world
    weights = estimators.run_weights(40, study.config["seed"])
    replicates = [
        estimators.replicate_memorization(o.correct, study.train_mask, weights) for o in result[:2]
    ]
    arrays = studies.read_arrays(study, "agreement")
    for k, threshold in enumerate(arrays["thresholds"][0]):
        jaccard, difference = [], []
        for a, b in zip(*replicates, strict=True):
            first, second = (set(np.flatnonzero(score >= threshold)) for score in (a, b))
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
    row = agreement.analyze(study, result)["pairs"][0]
    common = slice(10, 30)
    mask = study.train_mask[common]
    scores = [estimators.memorization(c[common], mask).value for c in correct]
    assert row["num_runs"] == 20
    assert row["pearson"] == comparisons.compare(*scores).pearson


def test_one_point_or_few_runs_give_no_pairs(tmp_path):
    study = _study(tmp_path, num_examples=30)
    few = [
        worlds.outcomes(study, study.train_mask[:3], size=2**k, index=np.arange(3))
        for k in range(2)
    ]
    for result in ([], few[:1], few):
        assert agreement.analyze(study, result) == {"threshold": 0.25, "pairs": []}
    assert studies.read_arrays(study, "agreement") is None
