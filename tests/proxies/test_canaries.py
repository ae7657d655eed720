import numpy as np
import pytest

from memkit import estimators
from memkit.proxies import canaries

RUNS, EXAMPLES = 12, 30


def _world():
    rng = np.random.default_rng(3)
    mask = rng.random((RUNS, EXAMPLES)).argsort(axis=0) < 8
    planted = np.arange(EXAMPLES) < 6
    prob = rng.random((RUNS, EXAMPLES)) * np.where(planted & ~mask, 0.6, 1.0)
    return prob > 0.5, prob, mask, planted


def _slow_auroc(score, planted):
    pairs = [(a, b) for a in score[planted] for b in score[~planted]]
    return sum((a > b) + 0.5 * (a == b) for a, b in pairs) / len(pairs)


def _slow_mean(values, member, i):
    return np.mean([values[m, i] for m in range(RUNS) if member[m, i]])


def test_scores_equal_slow_loops():
    correct, prob, mask, planted = _world()
    weights = estimators.run_weights(RUNS, 0, 20)
    result = canaries.scores(correct, prob, mask, planted, weights, num_units=len(mask))
    means = {
        (kind, inside): np.array(
            [_slow_mean(v, mask if inside else ~mask, i) for i in range(EXAMPLES)]
        )
        for kind, v in (("correct", correct), ("prob", prob))
        for inside in (True, False)
    }
    expected = {
        "memorization": means["correct", True] - means["correct", False],
        "memorization_prob": means["prob", True] - means["prob", False],
        "out_error": 1 - means["correct", False],
        "out_doubt": 1 - means["prob", False],
        "in_doubt": 1 - means["prob", True],
    }
    assert list(result) == list(canaries.SCORES) == list(expected)
    for name, score in expected.items():
        slow = _slow_auroc(score.round(12), planted)
        # Equal differences of 0/1 means can differ in the last bit, which breaks a tie or two.
        ties = 1e-9 if name.endswith(("prob", "doubt")) else 0.01
        assert result[name].auroc.value == pytest.approx(slow, abs=ties), name
        assert result[name].auroc.stderr > 0
    assert result["out_doubt"].auroc.value > 0.8


def test_the_true_proxy_detects_all_and_its_negative_none():
    _, _, mask, planted = _world()
    truth = np.where(mask, planted, np.nan).astype(float)
    weights = estimators.run_weights(RUNS, 0, 20)
    result = canaries.proxy_aurocs({"truth": truth, "mirror": -truth}, planted, weights)
    for name, auroc in (("truth", 1.0), ("mirror", 0.0)):
        expected = estimators.WithError(auroc, 0.0, RUNS - 1)
        assert result[name] == canaries.Detection(expected, auroc_single=auroc)
        assert expected.margin == 0


def test_single_runs_use_only_examples_they_trained_on():
    _, _, mask, planted = _world()
    values = np.where(mask, np.random.default_rng(0).random(mask.shape), np.nan)
    result = canaries.proxy_aurocs({"noise": values}, planted, np.ones((2, RUNS)))
    expected = [_slow_auroc(row[m], planted[m]) for row, m in zip(values, mask, strict=True)]
    assert result["noise"].auroc_single == pytest.approx(np.mean(expected))
    average = [np.mean(values[mask[:, i], i]) for i in range(EXAMPLES)]
    assert result["noise"].auroc.value == pytest.approx(_slow_auroc(np.array(average), planted))


def test_standard_errors_come_from_weighted_runs():
    _, prob, mask, planted = _world()
    values = np.where(mask, 1 - prob, np.nan)
    weights = estimators.run_weights(RUNS, 1, 30)
    repeated = []
    for row in weights:
        rows = np.repeat(np.arange(RUNS), row)
        with np.errstate(all="ignore"):
            score = np.array(
                [
                    np.mean(values[rows, i][mask[rows, i]]) if mask[rows, i].any() else np.nan
                    for i in range(EXAMPLES)
                ]
            )
        defined = ~np.isnan(score)
        repeated.append(_slow_auroc(score[defined].round(12), planted[defined]))
    result = canaries.proxy_aurocs({"p": values}, planted, weights)["p"].auroc.stderr
    assert result == pytest.approx(np.std(repeated, ddof=1), rel=1e-6)
