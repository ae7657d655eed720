"""The series `last_layer`: only a linear model is trained on each subset.

The features come from one model that learned from *all* training examples, so what it memorized is
in them whether a run holds an example out or not. Feldman and Zhang (2020) use it to show that
memorization sits in the representation: hardly any example has a high score here. It is the
negative control for any approximation that retrains only the last layer.
"""

import dataclasses
import time
from collections.abc import Iterator, Sequence

import numpy as np
from etils import epy

from memkit import studies
from memkit.studies.points import Point
from memkit.studies.study import Study
from memkit.training import compiler as compiling
from memkit.training import engines, loop, recording
from memkit.training.history import History
from memkit.typing import FloatArray, IntArray

with epy.lazy_imports():  # Slow to import; runs of other series need none of them.
    import scipy.special
    import sklearn.linear_model

ABSENT = -100.0  # Logit of a class that a subset has no example of.
MAX_ITERATIONS = 1_000


def train_runs(
    study: Study, point: Point, runs: Sequence[int], *, compiler: compiling.Compiler
) -> Iterator[recording.RunRecord]:
    """Yields (run, arrays, info) of each run, as `Runner.train_runs` does.

    The curve of a record holds the final loss and accuracy in every epoch, at rate 0.

    Raises:
      InputError: the model does not end in a dense layer.
    """
    features = _features(study, point, compiler)
    labels = np.concatenate([study.examples.given_labels, study.examples.test_labels])
    epochs = point.config["training"]["epochs"]
    for run in runs:
        started = time.perf_counter()
        members = np.flatnonzero(study.train_mask[run])
        evaluation = fit(features, labels, members, num_classes=study.sizes.classes)
        loss = np.logaddexp(0, -evaluation.logodds[members].astype(float)).mean()
        accuracy = (evaluation.predicted[members] == labels[members]).mean()
        curve = np.tile(np.array([loss, accuracy, 0], np.float32), (epochs, 1))
        arrays = recording.outcome_arrays(evaluation, curve, study)
        history = History(study.sizes.train, epochs)
        seconds = round(time.perf_counter() - started, 4)
        yield recording.record(study, point, run, arrays, history, compiler.setup, seconds=seconds)


def fit(
    features: FloatArray, labels: IntArray, members: IntArray, *, num_classes: int
) -> engines.Evaluation:
    """Returns the Evaluation of a multinomial logistic regression on the members' features.

    The regression is that of scikit-learn with its default ridge penalty (C = 1).

    Args:
      features: [N + T, D] float32.
      labels: [N + T] int.
      members: rows to learn from.
      num_classes: C; classes without any member get probability 0.
    """
    model = sklearn.linear_model.LogisticRegression(max_iter=MAX_ITERATIONS)
    model.fit(features[members], labels[members])
    logits = np.full((len(features), num_classes), ABSENT, np.float32)
    logits[:, model.classes_] = np.maximum(model.predict_log_proba(features), ABSENT)
    rows = np.arange(len(features))
    others = logits.copy()
    others[rows, labels] = -np.inf
    odds = logits[rows, labels] - scipy.special.logsumexp(others, axis=1)
    return engines.Evaluation(logits=logits, logodds=odds, predicted=logits.argmax(-1))


def _features(study: Study, point: Point, compiler: compiling.Compiler) -> FloatArray:
    """Returns the inputs of the last layer [N + T, D] of a model trained on all examples."""
    stored = studies.read_features(study, point)
    if stored is not None:
        return stored
    program = compiler.compile(study, point)
    everything = np.ones((1, study.sizes.train), bool)
    study_of_all = dataclasses.replace(study, train_mask=everything)
    loop.train_pack(program, study_of_all, point, [0] * program.size)
    features = compiler.last_inputs(study, point, program.weights()[0])
    # One scale for all models, so that the penalty means the same for each.
    features = features / features.std()
    studies.write_features(study, point, features)
    return features
