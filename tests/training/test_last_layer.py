import dataclasses

import keras
import numpy as np
import pytest

from memkit import studies
from memkit.errors import InputError
from memkit.training import compiler, engines, last_layer, loop
from memkit.training.runner import Runner


@pytest.fixture
def study(tmp_path, convolutional_config, tiny):
    config = convolutional_config({"series": ["one_hot", "last_layer"]})
    return studies.open_or_create(tmp_path / "study", config, tiny)


def _point(study):
    return next(p for p in study.points if p.series == "last_layer")


def _train(study, runs):
    done = Runner(engines.Setup()).train_runs(study, _point(study), runs)
    return {run: (arrays, info) for run, arrays, info in done}


def test_records_are_complete_and_readable(study):
    for run, (arrays, info) in _train(study, [0, 3]).items():
        studies.write_record(study, _point(study), run, arrays, info)
    runs = studies.read_runs(study, _point(study), ("train_correct",))
    assert runs.index.tolist() == [0, 3]
    assert runs.problems == {}


def test_features_are_those_of_a_model_trained_on_all_examples(study, monkeypatch):
    packs, real = [], loop.train_pack

    def watched(program, whole, point, runs, **options):
        packs.append((whole.train_mask.copy(), list(runs)))
        return real(program, whole, point, runs, **options)

    monkeypatch.setattr(loop, "train_pack", watched)
    _train(study, [1, 2])
    ((mask, runs),) = packs  # Once for all runs.
    assert mask.all()
    assert runs == [0]


def test_features_are_read_from_the_file_the_second_time(study, monkeypatch):
    first = _train(study, [1])[1][0]
    monkeypatch.setattr(loop, "train_pack", lambda *a: pytest.fail("trained again"))
    second = _train(study, [1])[1][0]
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value)


def test_features_of_another_fingerprint_are_computed_again(study):
    point = _point(study)
    _train(study, [1])
    stored = studies.read_features(study, point)
    other = dataclasses.replace(point, fingerprint="another")
    studies.write_features(study, other, 0 * stored + 1)
    assert studies.read_features(study, point) is None
    _train(study, [1])
    np.testing.assert_array_equal(studies.read_features(study, point), stored)


def test_held_out_label_does_not_reach_the_linear_model():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 4)).astype(np.float32)
    labels = np.arange(30) % 3
    members = np.arange(20)
    other = labels.copy()
    other[25] = (other[25] + 1) % 3
    first, second = (
        last_layer.fit(features, given_labels, members, num_classes=3)
        for given_labels in (labels, other)
    )
    np.testing.assert_array_equal(first.logits, second.logits)


def test_log_odds_are_those_of_the_probabilities():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 4)).astype(np.float32)
    labels = np.arange(40) % 4
    actual = last_layer.fit(features, labels, np.arange(30), num_classes=4)
    probs = np.exp(actual.logits.astype(float))
    np.testing.assert_allclose(probs.sum(1), 1, atol=1e-5)
    prob_of_label = probs[np.arange(40), labels]
    np.testing.assert_allclose(
        actual.logodds, np.log(prob_of_label / (1 - prob_of_label)), atol=1e-3
    )


def test_class_without_members_is_never_predicted_and_stays_finite():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 4)).astype(np.float32)
    labels = np.arange(30) % 3
    actual = last_layer.fit(features, labels, np.flatnonzero(labels < 2), num_classes=3)
    assert (actual.predicted < 2).all()
    assert np.isfinite(actual.logodds).all()


def test_model_without_a_dense_last_layer_raises_an_error(study, monkeypatch):
    def builder(point, dataset):
        def build():
            images = keras.Input(dataset.image_shape)
            x = keras.layers.Dense(dataset.num_classes)(keras.layers.Flatten()(images))
            return keras.Model(images, keras.layers.Activation("linear", name="end")(x))

        return build

    monkeypatch.setattr(compiler, "model_builder", builder)
    with pytest.raises(InputError, match="a dense layer at the end.*last_layer need, received end"):
        _train(study, [0])
