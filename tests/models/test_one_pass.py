"""The one-pass batch normalization against Keras's layer in float64, by both engines."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from memkit import models
from memkit.models import one_pass
from memkit.training import engines

JOBS = pathlib.Path(__file__).with_name("one_pass_jobs.py")
# Largest error, relative to the largest number of an array. The means of "far" are 30 standard
# deviations away from the moving means; those of "far_later" are 1000 away from zero and 1 from
# the moving means, so that the inputs themselves are rounded to 6e-5 standard deviations.
LARGEST_ERRORS = {
    "images": 2e-6,
    "far": 1e-3,
    "far_later": 5e-4,
    "rows": 2e-6,
    "plain": 2e-6,
    "single": 1e-4,
    "bfloat16": 1e-2,
}


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """Returns {engine: {case/layer/what: array}}."""
    folder = tmp_path_factory.mktemp("one_pass")
    found = {}
    for engine in ("tensorflow", "jax"):
        file = folder / f"{engine}.npz"
        done = subprocess.run(
            [sys.executable, JOBS, engine, file], cwd=".", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        with np.load(file) as arrays:
            found[engine] = dict(arrays)
    return found


def errors(computed, engine, case, layer):
    """Returns {what: largest error relative to the largest number of Keras's float64}."""
    prefix = f"{case}/reference/"
    reference = {
        name.removeprefix(prefix): array
        for name, array in computed["tensorflow"].items()
        if name.startswith(prefix)
    }
    assert {"outputs_1", "gradient_inputs_1", "moving_mean", "moving_variance"} <= set(reference)
    return {
        what: np.abs(computed[engine][f"{case}/{layer}/{what}"] - array).max()
        / (np.abs(array).max() + 1e-9)
        for what, array in reference.items()
    }


@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
@pytest.mark.parametrize("case", list(LARGEST_ERRORS))
def test_outputs_gradients_and_moving_statistics_are_those_of_keras(computed, engine, case):
    found = errors(computed, engine, case, "one_pass")
    assert max(found.values()) < LARGEST_ERRORS[case], found


@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_moving_means_near_the_mean_leave_no_more_error_than_the_layer_of_keras_has(
    computed, engine
):
    ours = errors(computed, engine, "far_later", "one_pass")["outputs_1"]
    assert ours < 2 * errors(computed, engine, "far_later", "keras")["outputs_1"]


def test_moving_statistics_stay_float32_with_bfloat16_layers(computed):
    for engine in ("tensorflow", "jax"):
        found = errors(computed, engine, "bfloat16", "one_pass")
        assert max(found["moving_mean"], found["moving_variance"]) < 2e-6


def _blueprint(build, **changes):
    return engines.Blueprint(
        build=build, mean=(0.5,), std=(0.3,), optimizer={}, pad=None, eval_batch=8, **changes
    )


def _resnet():
    return models.build("resnet", input_shape=(8, 8, 1), num_classes=3, depth=8, width=2)


def _norms(model):
    layers = model._flatten_layers()
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


def test_engines_exchange_every_batch_normalization_of_a_network():
    model, _ = _blueprint(_resnet).models()
    assert len(_norms(model)) == 7
    assert {type(layer) for layer in _norms(model)} == {one_pass.OnePassBatchNormalization}
    model, _ = _blueprint(_resnet, batch_norm="keras").models()
    assert {type(layer) for layer in _norms(model)} == {keras.layers.BatchNormalization}


def test_layers_that_it_cannot_replace_stay_those_of_keras():
    class Own(keras.layers.BatchNormalization):
        pass

    images = keras.Input((4, 4, 2))
    left = [
        Own(),
        keras.layers.BatchNormalization(axis=1),
        keras.layers.BatchNormalization(renorm=True),
        keras.layers.BatchNormalization(dtype="float64"),
    ]
    x = images
    for layer in left:
        x = layer(x)
    outputs = keras.layers.BatchNormalization(name="last")(x)
    model = keras.Model(images, outputs)
    one_pass.use(model)
    assert not any(isinstance(layer, one_pass.OnePassBatchNormalization) for layer in left)
    assert type(model.get_layer("last")) is one_pass.OnePassBatchNormalization


def test_a_frozen_layer_and_a_mask_give_what_keras_gives():
    rng = np.random.default_rng(3)
    rows, mask = rng.normal(size=(5, 7, 3)).astype(np.float32), rng.random((5, 7)) < 0.5
    models_of_rows = [
        keras.Sequential([keras.Input((7, 3)), keras.layers.BatchNormalization()]) for _ in range(2)
    ]
    one_pass.use(models_of_rows[1])
    norms = [model.layers[0] for model in models_of_rows]
    masked = [np.asarray(layer(rows, training=True, mask=mask)) for layer in norms]
    np.testing.assert_array_equal(*masked)
    for layer in norms:
        layer.trainable = False
    np.testing.assert_array_equal(*(np.asarray(layer(rows, training=True)) for layer in norms))
