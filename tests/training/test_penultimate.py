import keras
import numpy as np
import pytest

from memkit import models, records, studies
from memkit.errors import InputError
from memkit.studies import runs
from memkit.training import compiler, engines, penultimate
from memkit.training.images import load_dataset
from memkit.training.runner import Runner
from tests.training import processes

IMAGE = (16, 16, 3)


def _cosines(features):
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return unit @ unit.T


def test_folding_keeps_fewer_features_and_adds_zeros():
    features = np.random.default_rng(0).normal(size=(30, 16)).astype(np.float32)
    folded = penultimate.folded(features, np.random.default_rng(1))
    assert folded.shape == (30, records.FEATURES)
    assert (folded[:, 16:] == 0).all()
    np.testing.assert_allclose(_cosines(folded), _cosines(features), atol=1e-5)
    np.testing.assert_allclose(np.mean(folded**2), 1, rtol=1e-5)


def test_folding_more_features_keeps_cosines_on_average():
    features = np.random.default_rng(0).normal(size=(12, 300)).astype(np.float32)
    features[6:] = features[:6] + 0.3 * features[6:]
    several = [
        _cosines(penultimate.folded(features, np.random.default_rng(seed))) for seed in range(200)
    ]
    np.testing.assert_allclose(np.mean(several, axis=0), _cosines(features), atol=0.04)
    assert np.std(several, axis=0).max() < 1.5 / np.sqrt(records.FEATURES)


def test_features_that_are_all_zero_or_not_finite_stay_so():
    for value in (0, np.nan):
        features = np.full((3, 5), value, np.float32)
        folded = penultimate.folded(features, np.random.default_rng(0))[:, :5]
        np.testing.assert_array_equal(folded, features)


@pytest.mark.parametrize("name", [name for name in models.BUILDERS if name != "mlp"])
def test_every_model_ends_in_a_dense_layer(name):
    options = {"resnet": {"depth": 8, "width": 1}}
    model = models.build(
        name=name,
        input_shape=IMAGE,
        num_classes=3,
        **models.defaults(name) | (options[name] if name in options else {}),
    )
    body = penultimate.body(model)
    x = np.random.default_rng(0).normal(size=(2, *IMAGE)).astype(np.float32)
    logits = model.layers[-1](body(x, training=False))
    np.testing.assert_allclose(logits, model(x, training=False), atol=1e-5)


@pytest.fixture
def make_study(tmp_path, mlp_config, register, tiny):
    """Returns a function that makes a study whose first two runs record their features."""
    register(tiny)

    def make(name="study", **changes):
        config = mlp_config({"record.features_runs": 2, **changes})
        return studies.open_or_create(tmp_path / name, config, tiny)

    return make


def _train(study, numbers, point=0):
    done = Runner(engines.Setup()).train_runs(study, study.points[point], numbers)
    return {run: arrays for run, arrays, _ in done}


def test_the_first_runs_record_the_inputs_of_the_last_layer(make_study, monkeypatch):
    kept = []
    real = engines.load("tensorflow").compile_program

    def watched(*arguments, **options):
        kept.append(real(*arguments, **options))
        return kept[-1]

    monkeypatch.setattr(engines.load("tensorflow"), "compile_program", watched)
    study = make_study()
    trained = _train(study, [2, 1])
    assert "train_features" not in trained[2]
    weights = {v.shape: v for v in kept[-1].weights()[0]}
    kernel, bias = weights[16, 10], weights[10,]
    for part in ("train", "test"):
        features = trained[1][f"{part}_features"].astype(float)
        assert features.shape == (len(getattr(study.examples, f"{part}_ids")), records.FEATURES)
        assert (features[:, 16:] == 0).all()
        # The features have another scale, so the bias of the layer has it as well.
        scale = _scale(features[:, :16] @ kernel, bias, trained[1][f"{part}_predicted"])
        predicted = (scale * features[:, :16] @ kernel + bias).argmax(1)
        assert (predicted == trained[1][f"{part}_predicted"]).mean() > 0.95


def _scale(products, bias, predicted):
    """Returns the scale of features with which a layer predicts most of some classes."""
    scales = np.geomspace(1e-2, 1e2, 400)
    return max(scales, key=lambda s: ((s * products + bias).argmax(1) == predicted).mean())


def test_features_change_no_other_array(make_study):
    with_features, without = (
        _train(make_study(name, **{"record.features_runs": count}), [0, 1])
        for name, count in (("with", 1), ("without", 0))
    )
    for run, arrays in without.items():
        added = {"train_features", "test_features"} if run == 0 else set()
        assert with_features[run].keys() - arrays.keys() == added
        for name, array in arrays.items():
            np.testing.assert_array_equal(with_features[run][name], array)


@pytest.mark.slow
def test_a_pack_of_jax_gives_the_features_of_tensorflow(tmp_path, mlp_config):
    digits = {"name": "digits", "mean": [0.3], "std": [0.37], "resident": True}
    selection = {"classes": [], "train_per_class": 5, "test_per_class": 2}
    config = mlp_config({"dataset": digits | selection, "record.features_runs": 2})
    study = studies.open_or_create(tmp_path / "study", config, load_dataset(config))
    job = {
        "workdir": str(study.workdir),
        "setup": {"packing": "vmap", "runs_per_program": 3},
        "points": [study.points[0].name],
        "runs": [0, 1, 2],
        "diverging": 2,
    }
    processes.start({"tests.training.jax_jobs:records": [job]}, engine="jax", folder=tmp_path)()
    for run, expected in _train(study, [0, 1]).items():
        arrays, _ = runs.read_record(study, study.points[0], run)
        for name in ("train_features", "test_features"):
            np.testing.assert_allclose(arrays[name], expected[name], atol=0.02)
            assert np.std(expected[name]) > 0.1


def test_diverged_runs_and_the_series_last_layer_have_no_features(make_study):
    study = make_study(**{"schedule.peak": 1e30, "series": ["one_hot", "last_layer"]})
    assert np.isnan(_train(study, [0])[0]["train_features"][:, :16]).all()
    study = make_study("stable", series=["one_hot", "last_layer"])
    for arrays in _train(study, [0], point=1).values():
        assert np.isnan(arrays["train_features"]).all() and np.isnan(arrays["test_features"]).all()


def test_a_model_without_a_dense_last_layer_is_refused_before_training(make_study, monkeypatch):
    def build(input_shape, num_classes, **_):
        images = keras.Input(input_shape)
        x = keras.layers.Dense(num_classes)(keras.layers.Flatten()(images))
        return keras.Model(images, keras.layers.Activation("linear", name="end")(x))

    monkeypatch.setattr(models, "build", build)
    study = make_study()
    sizes = compiler.Sizes((8, 8, 1), 10)
    with pytest.raises(InputError, match="a dense layer at the end.*received end") as error:
        compiler.try_out(study, sizes, "tensorflow")
    assert "record.features_runs" in str(error.value)
    compiler.try_out(make_study("off", **{"record.features_runs": 0}), sizes, "tensorflow")
