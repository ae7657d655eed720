import keras
import numpy as np
import pytest
import scipy.special

from memkit.compiled import objectives
from memkit.compiled.objectives import BINARY, CATEGORICAL, SPARSE, Objective
from memkit.errors import InputError
from tests.compiled import models

LABELS = np.array([0, 2, 1])
LOGITS = np.array([[2.0, 0.5, -1.0], [0.0, 1.0, 3.0], [1.0, 0.9, 0.2]])


@pytest.mark.parametrize(
    "loss, kind, from_logits, smoothing",
    [
        ("sparse_categorical_crossentropy", SPARSE, False, 0),
        (keras.losses.sparse_categorical_crossentropy, SPARSE, False, 0),
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), SPARSE, True, 0),
        (keras.losses.CategoricalCrossentropy(label_smoothing=0.1), CATEGORICAL, False, 0.1),
        (keras.losses.BinaryCrossentropy(from_logits=True), BINARY, True, 0),
    ],
)
def test_the_loss_of_a_compiled_model_is_read(loss, kind, from_logits, smoothing):
    objective = objectives.read(models.build(loss))
    assert (objective.kind, objective.from_logits) == (kind, from_logits)
    assert objective.label_smoothing == smoothing


@pytest.mark.parametrize("loss", ["mean_squared_error", keras.losses.Hinge()])
def test_losses_that_are_no_cross_entropy_are_refused(loss):
    with pytest.raises(InputError, match=r"^build: expected a model with one of the losses"):
        objectives.read(models.build(loss))


def test_a_model_that_is_not_compiled_is_refused():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    with pytest.raises(InputError, match=r"^build: missing call of compile"):
        objectives.read(model)


@pytest.mark.parametrize("from_logits", [True, False])
def test_outcomes_are_the_same_from_logits_and_from_probabilities(from_logits):
    prob = scipy.special.softmax(LOGITS, axis=1)
    objective = Objective("SparseCategoricalCrossentropy", SPARSE, from_logits)
    evaluation = objective.evaluation(LOGITS if from_logits else prob, LABELS)
    of_label = prob[np.arange(3), LABELS]
    np.testing.assert_allclose(evaluation.logodds, np.log(of_label / (1 - of_label)))
    assert evaluation.predicted.tolist() == [0, 2, 0]


@pytest.mark.parametrize("from_logits", [True, False])
def test_one_output_has_two_classes(from_logits):
    prob = np.array([[0.9], [0.2]])
    outputs = scipy.special.logit(prob) if from_logits else prob
    objective = Objective("BinaryCrossentropy", BINARY, from_logits)
    evaluation = objective.evaluation(outputs, np.array([1, 1]))
    np.testing.assert_allclose(evaluation.logodds, scipy.special.logit(prob[:, 0]))
    assert evaluation.predicted.tolist() == [1, 0]


def test_a_probability_of_0_has_finite_log_odds():
    evaluation = Objective("", SPARSE).evaluation(np.array([[1.0, 0.0]]), np.array([1]))
    assert np.isfinite(evaluation.logodds).all()


@pytest.mark.parametrize(
    "kind, targets",
    [
        (SPARSE, [0, 2, 1]),
        (SPARSE, [[0], [2], [1]]),
        (SPARSE, [0.0, 2.0, 1.0]),
        (CATEGORICAL, np.eye(3)[LABELS]),
    ],
)
def test_labels_are_class_numbers(kind, targets):
    assert Objective("", kind).labels("y", np.asarray(targets)).tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    "kind, targets",
    [
        (SPARSE, np.eye(3)),
        (SPARSE, [0.5, 1]),
        (SPARSE, [-1, 1]),
        (SPARSE, ["cat", "dog"]),
        (CATEGORICAL, [0, 1]),
        (CATEGORICAL, [[0.3, 0.7]]),
        (CATEGORICAL, [[1, 1]]),
    ],
)
def test_labels_that_the_loss_cannot_take_are_refused_by_name(kind, targets):
    with pytest.raises(InputError, match=r"^y_test: expected (class numbers|one-hot rows)"):
        Objective("a loss", kind).labels("y_test", np.asarray(targets))
