import numpy as np
import pytest
from sklearn import metrics

from memkit import errors
from memkit.estimators import auroc


def test_equals_a_count_over_pairs_with_ties_as_half():
    rng = np.random.default_rng(0)
    score, positive = rng.integers(0, 6, 40).astype(float), rng.random(40) < 0.3
    pairs = [
        (score[i] > score[j]) + 0.5 * (score[i] == score[j])
        for i in np.flatnonzero(positive)
        for j in np.flatnonzero(~positive)
    ]
    assert auroc(score, positive) == pytest.approx(np.mean(pairs))
    assert auroc(score, positive) == pytest.approx(metrics.roc_auc_score(positive, score))


def test_known_orders():
    positive = np.array([False, False, True, True])
    assert auroc([1, 2, 3, 4], positive) == 1
    assert auroc([4, 3, 2, 1], positive) == 0
    assert auroc([1, 1, 1, 1], positive) == 0.5


def test_undefined_scores_are_left_out():
    score = np.array([0.1, np.nan, 0.5, 0.2, np.nan])
    positive = np.array([False, False, True, False, True])
    assert auroc(score, positive) == 1


def test_one_class_alone_is_nan():
    assert np.isnan(auroc([0.1, 0.2], np.array([True, True])))
    assert np.isnan(auroc([0.1, np.nan], np.array([False, True])))
    assert np.isnan(auroc([], np.zeros(0, bool)))


@pytest.mark.parametrize("positive", [[0, 1, 1], [True, False]])
def test_wrong_positives_are_refused(positive):
    with pytest.raises(errors.InputError, match="positive: expected bool"):
        auroc([0.1, 0.2, 0.3], positive)
