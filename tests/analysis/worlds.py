"""Simulated studies with known rates, in the form that the analyses read."""

import types

import numpy as np
import scipy.special

from memkit import storage, studies, subsets
from memkit.analysis import PointOutcomes


def study(workdir, *, num_runs=40, num_examples=60, series=("one_hot",), teacher="same"):
    """Returns the parts of a Study that the analyses read, with a balanced design."""
    labels = np.zeros(num_examples, int)
    return types.SimpleNamespace(
        staging=None,
        unit=np.arange(num_runs),
        workdir=storage.path(workdir),
        config={
            "seed": 3,
            "series": list(series),
            "axis": {"field": "model.width", "values": [1, 2, 4]},
            "distillation": {"teacher": teacher},
            "report": {"title": "A world"},
        },
        train_mask=subsets.balanced(labels, num_runs, 0.7, 0),
    )


def bernoulli(rng, mask, in_rate, out_rate):
    """Returns correct [M, N] true with chance in_rate [N] where trained on, out_rate elsewhere."""
    return rng.random(mask.shape) < np.where(mask, in_rate, out_rate)


def outcomes(a_study, correct, *, series="one_hot", size=1, index=None, teacher="", prob=None):
    """Returns the PointOutcomes of a point; probabilities lie around the outcome."""
    index = np.arange(len(correct)) if index is None else np.asarray(index, int)
    rng = np.random.default_rng(len(correct))
    if prob is None:
        prob = (0.8 * correct + 0.2 * rng.random(correct.shape)).astype(np.float32)
    test = rng.random((len(correct), 12)) < 0.5
    point = studies.Point(f"{series}-width{size}", series, size, a_study.config, "", teacher)
    return PointOutcomes(
        point=point,
        index=index,
        unit=index,
        mask=a_study.train_mask[index],
        correct=correct,
        prob=prob,
        logodds=scipy.special.logit(np.clip(prob, 1e-6, 1 - 1e-6)).astype(np.float16),
        predicted=np.zeros(correct.shape, np.uint8),
        runs=index,
        test_mask=a_study.train_mask[index],
        test_unit=index,
        test_correct=test,
        test_prob=test.astype(np.float32),
        curve=np.empty((0, 0, 3), np.float32),
        proxy_index=np.empty(0, int),
        proxies={},
        features=np.empty((correct.shape[1], 0)),
        infos=(),
        left_out={},
    )
