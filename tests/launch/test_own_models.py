"""Models and optimizers that are not memkit's own, through real commands."""

import os

import keras
import numpy as np
import pytest

from memkit import data, studies

MODULE = """
import keras


def build(input_shape, num_classes):
    images = keras.Input(input_shape)
    x = keras.layers.Flatten()(images)
    x = keras.layers.Dense(8, activation="relu", kernel_regularizer="l2")(x)
    x = keras.layers.Dropout(0.1)(x)
    return keras.Model(images, keras.layers.Dense(num_classes)(x))


def twice(input_shape, num_classes):
    model = build(input_shape, num_classes)
    return keras.Model(model.input, keras.layers.Softmax()(model.output))
"""
CONFIG = """
from memkit.configs import common


def get_config(variant=""):
    config = common.study(title="own")
    config.dataset = common.dataset("digits", mean=(0.3,), std=(0.37,))
    config.subsets.num_runs = 20
    config.model = dict(name="own_models:" + (variant or "build"))
    config.optimizer = dict(name="adamw", weight_decay=0.01)
    config.schedule = dict(name="cosine", peak=0.01, warmup_epochs=1.0)
    config.training = common.training(epochs=3, batch_size=64)
    return config
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a module of models and a config that names them."""
    (tmp_path / "own_models.py").write_text(MODULE)
    (tmp_path / "own.py").write_text(CONFIG)
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return tmp_path


@pytest.mark.slow
def test_softmax_is_refused_in_one_line_and_nothing_is_written(memkit, folder):
    for arguments in (["plan"], ["run", f"--workdir={folder / 'study'}", "--workers=1"]):
        result = memkit(*arguments, f"--config={folder / 'own.py'}:twice")
        assert result.code == 2
        (line,) = result.err.strip().splitlines()  # Nothing that TensorFlow logs at its start.
        assert "expected logits from own_models:twice, without softmax" in line
        assert "Traceback" not in result.err
    assert not (folder / "study").exists()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_dropout_a_regularizer_and_adamw_train_the_same_bits_again(memkit, folder, engine):
    config, workdir = f"--config={folder / 'own.py'}", f"--workdir={folder / 'study'}"
    trained = memkit("train", config, workdir, f"--engine={engine}", "--workers=1", "--runs=0:3")
    assert trained.code == 0, trained.err
    verified = memkit("verify", workdir, "--retrain=2", "--model=own_models:build")
    assert verified.code == 0, verified.err
    assert "no problems" in verified.out


@pytest.mark.slow
def test_the_network_of_a_run_is_saved_and_predicts_what_its_record_has(memkit, folder):
    config, workdir = f"--config={folder / 'own.py'}", f"--workdir={folder / 'study'}"
    assert memkit("train", config, workdir, "--workers=1", "--runs=0:2").code == 0
    export = ["export", workdir, "--format=keras", f"--out={folder / 'out'}", "--points=one_hot"]
    before = sorted(path.name for path in (folder / "study").rglob("*"))
    saved = memkit(*export, "--run=1", "--model=own_models:build")
    assert saved.code == 0, saved.err
    path, comparison = saved.out.splitlines()
    assert comparison == "0 of 1797 predictions differ from those of the record"
    assert sorted(path.name for path in (folder / "study").rglob("*")) == before

    dataset, study = data.load("digits"), studies.load(folder / "study")
    network = keras.models.load_model(path, compile=False)
    predicted = network.predict(dataset.test_images, verbose=0).argmax(axis=1)
    recorded = studies.read_runs(study, study.points[0], ("test_predicted",), among=[1])
    np.testing.assert_array_equal(predicted, recorded.arrays["test_predicted"][0])

    for options, message in (
        (["--run=1"], "--model: expected own_models:build"),
        (["--run=5", "--model=own_models:build"], "--run: missing finished run 5 of one_hot"),
        (["--model=own_models:build"], "--run: missing value, the run whose network"),
        (["--points=", "--run=1"], "--points: expected the name of one point with --format=keras"),
        (["--format=csv", "--run=1"], "--run: expected no value with --format=csv"),
    ):
        refused = memkit(*export, *options)
        assert refused.code == 2 and message in refused.err
    assert [file.name for file in (folder / "out").iterdir()] == ["one_hot_1.keras"]
