"""`memkit.measure` with both trainers, on examples and models that train in a moment."""

import functools
import logging
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

import memkit
from memkit import studies, subsets
from memkit.compiled import examples, fast_path, jobs
from memkit.errors import InputError
from memkit.studies import points
from tests.compiled import models

X, Y = models.examples()
TEST_X, TEST_Y = models.examples(12, seed=1)
SMALL = {"num_runs": 4, "train_fraction": 0.5, "epochs": 2, "batch_size": 8, "trainer": "fit"}
ARRAYS = ("train_correct", "train_logodds", "train_predicted", "test_logodds", "curve")


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    """Lets a design have four runs in place of 20."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subsets, "MIN_BLOCK", 2)
        yield


THE_SAME = models.build()


def measure(build=models.build, x=X, y=Y, **options):
    options = SMALL | options
    return memkit.measure(build, x, y, x_test=TEST_X, y_test=TEST_Y, **options)


def records(workdir, names=ARRAYS):
    """Returns {array: [runs, ...]} of the study in a folder."""
    study = studies.load(workdir)
    return studies.read_runs(study, study.points[0], names).arrays


def assert_same(first, second):
    for name in ARRAYS:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, small_blocks):
    """The study of an uninterrupted call; tests only read it."""
    folder = tmp_path_factory.mktemp("measure") / "study"
    measure(workdir=folder)
    return folder


def test_scores_have_a_row_per_example_with_ids_and_class_names(tmp_path):
    ids = [f"image {row}" for row in range(60)]
    scores = measure(ids=ids, class_names=["ant", "bee", "cow"], workdir=tmp_path / "study")
    table = scores.table()
    assert table["id"].to_pylist() == ids
    assert table["class_name"].to_pylist() == [["ant", "bee", "cow"][label] for label in Y]
    assert "memorization_histograms" in scores.charts


def test_a_wrong_label_is_found():
    x, y = models.examples(distance=9)
    y[7] = (y[7] + 1) % models.NUM_CLASSES
    scores = measure(models.build, x, y, epochs=12, num_runs=12)
    assert scores.suspects(1)["id"].to_pylist() == ["7"]


def test_an_interrupted_call_goes_on_to_the_same_records(tmp_path, workdir):
    built = 0

    def interrupted():
        nonlocal built
        built += 1
        if built == 5:
            raise KeyboardInterrupt
        return models.build()

    folder = tmp_path / "study"
    with pytest.raises(KeyboardInterrupt):
        measure(interrupted, workdir=folder)
    study = studies.load(folder)
    assert len(studies.listed_runs(study, study.points[0])) == 2
    measure(workdir=folder)
    assert_same(records(folder), records(workdir))


def test_held_out_examples_change_no_other_outcome(tmp_path, workdir):
    changed = X.copy()
    changed[5] = 100
    measure(x=changed, workdir=tmp_path / "study")
    held_out = ~studies.load(workdir).train_mask[:, 5]
    others = np.arange(60) != 5
    before, after = (
        records(folder)["train_logodds"][held_out][:, others]
        for folder in (workdir, tmp_path / "study")
    )
    np.testing.assert_array_equal(before, after)


def test_more_runs_keep_the_first_ones(tmp_path, workdir):
    folder = tmp_path / "study"
    measure(workdir=folder)
    scores = measure(workdir=folder, num_runs=8)
    assert len(scores.study.train_mask) == 8
    first = {name: values[:4] for name, values in records(folder).items()}
    assert_same(first, records(workdir))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"build": functools.partial(models.build, optimizer="sgd")}, "optimizer"),
        ({"x": X + 1}, "dataset: expected the images and labels"),
        ({"epochs": 3}, "epochs: expected 2"),
    ],
)
def test_the_folder_of_another_study_is_refused(workdir, changes, message):
    with pytest.raises(InputError, match=f"^{message}"):
        measure(workdir=workdir, **changes)


def test_the_folder_of_a_program_is_refused_to_a_config(workdir, make_config):
    with pytest.raises(InputError, match="^--workdir: expected a study of a config"):
        points.check_growth(studies.load(workdir).config, make_config())


@pytest.mark.parametrize(
    "options, message",
    [
        ({"build": lambda: 3}, r"^build: expected a function that returns a keras.Model"),
        ({"build": THE_SAME}, r"^build: expected a function .*, received a model; pass"),
        ({"build": lambda: THE_SAME}, r"^build: expected a function that returns a new model"),
        ({"y": Y + 1}, r"^y: expected class numbers below 3"),
        ({"ids": ["a"] * 60}, r"^ids: expected 60 different names"),
        ({"class_names": ["a"]}, r"^class_names: expected 3 names"),
        ({"epochs": 0}, r"^epochs: expected an int of at least 1"),
        ({"num_runs": 2}, r"^num_runs: expected enough runs"),
        ({"train_fraction": 1.5}, r"^train_fraction: expected a number in"),
        ({"trainer": "magic"}, r"^trainer: expected one of auto, engine, fit"),
        (
            {"trainer": "engine", "callbacks": [keras.callbacks.Callback()]},
            r"^trainer: .*there are callbacks",
        ),
    ],
)
def test_mistakes_name_the_argument_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        measure(workdir=tmp_path / "study", **options)
    assert not (tmp_path / "study").exists()


def test_training_that_stops_early_repeats_its_last_epoch(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    build = functools.partial(models.build, metrics=["accuracy"])
    measure(build, callbacks=lambda: [Stop()], epochs=5, workdir=tmp_path / "study")
    curve = records(tmp_path / "study")["curve"]
    assert np.isfinite(curve).all()
    assert (curve[:, 0] != curve[:, 1]).any(axis=1).all()
    np.testing.assert_array_equal(curve[:, 2:], curve[:, 1:2].repeat(3, axis=1))
    study = studies.load(tmp_path / "study")
    steps = [studies.read_info(study, study.points[0], run)["steps"] for run in range(4)]
    smallest = study.train_mask.sum(axis=1)
    assert steps == [2 * -(-int(size) // 8) for size in smallest]


def test_a_model_without_the_metric_has_no_accuracy_in_its_curve(workdir):
    curve = records(workdir)["curve"]
    assert np.isnan(curve[..., 1]).all()
    assert np.isfinite(curve[..., (0, 2)]).all()
    assert {info["status"] for info in _infos(workdir)} <= {"done", "collapsed"}


def _infos(workdir):
    study = studies.load(workdir)
    return [studies.read_info(study, study.points[0], run) for run in range(4)]


def test_pretrained_weights_are_kept_and_trained_by_fit(tmp_path):
    pretrained = models.build().get_weights()

    def build():
        model = models.build(optimizer=keras.optimizers.SGD(1e-12))
        model.set_weights(pretrained)
        return model

    with pytest.raises(InputError, match=r"^trainer: .*starts from the same values"):
        measure(build, trainer="engine")
    folder = tmp_path / "study"
    measure(build, workdir=folder, trainer="auto")
    predicted = records(folder)["train_predicted"]
    np.testing.assert_array_equal(predicted, build().predict(X).argmax(1)[None].repeat(4, 0))


def test_records_say_that_fit_trained_them(workdir):
    assert {info["engine"] for info in _infos(workdir)} == {f"fit_{keras.backend.backend()}"}


def test_one_hot_labels_and_logits_give_the_study_of_class_numbers(tmp_path, workdir):
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    build = functools.partial(models.build, loss, activation=None)
    options = SMALL
    one_hot, test_one_hot = np.eye(3)[Y], np.eye(3)[TEST_Y]
    folder = tmp_path / "study"
    memkit.measure(build, X, one_hot, x_test=TEST_X, y_test=test_one_hot, workdir=folder, **options)
    first, second = records(folder), records(workdir)
    np.testing.assert_allclose(first["train_logodds"], second["train_logodds"], atol=2e-2)


def test_a_job_of_one_output_has_two_classes():
    build = functools.partial(models.build, "binary_crossentropy", activation="sigmoid", units=1)
    scores = memkit.measure(build, X, Y == 1, **SMALL)
    assert scores.content.summary.points[0].num_runs == 4
    assert set(scores.table()["label"].to_pylist()) == {0, 1}


_SCRIPT = """
import os
os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np
import memkit
from tests.compiled import models

def build():
    return models.build("sparse_categorical_crossentropy")

x, y = models.examples()
memkit.measure(build, x, y, epochs=2, batch_size=8, workdir={workdir!r}, workers=2)
"""


@pytest.mark.slow
def test_a_script_without_a_main_guard_trains_by_an_engine(tmp_path):
    folder = tmp_path / "study"
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(_SCRIPT).format(workdir=str(folder)))
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    command = [sys.executable, script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "measure: 20 runs by memkit's jax engine in 2 processes" in done.stderr
    assert {info["engine"] for info in _infos(folder)} == {"jax"}


def test_the_models_of_finished_runs_are_freed(tmp_path):
    import gc
    import weakref

    references = []

    def build():
        model = models.build()
        references.append(weakref.ref(model))
        return model

    measure(build)
    gc.collect()
    assert len(references) == 6  # Two more tell what the model is like.
    assert [reference() for reference in references] == [None] * 6


@pytest.mark.slow
def test_an_engine_trains_as_the_command_line_does(tmp_path, make_config, tiny):
    """The same bits as a study whose config names the same model as `module:function`."""
    module = tmp_path / "named_model.py"
    module.write_text(_NAMED_MODEL)
    images = tiny.train_images, tiny.test_images
    script = _COMPARED.format(workdir=str(tmp_path / "study"))
    np.savez(
        tmp_path / "tiny.npz",
        x_train=images[0],
        y_train=tiny.train_labels,
        x_test=images[1],
        y_test=tiny.test_labels,
    )
    run = functools.partial(subprocess.run, cwd=tmp_path, capture_output=True, text=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "KERAS_BACKEND": "jax"}
    run([sys.executable, "-c", script], env=environment, check=True)
    command = [
        sys.executable,
        "-m",
        "memkit.cli",
        "train",
        "--config=my_images:path=tiny.npz,size=8,channels=1",
    ]
    run([*command, *_FLAGS, "--workdir=named", "--engine=jax"], env=environment, check=True)
    assert_same(records(tmp_path / "study"), records(tmp_path / "named"))


_NAMED_MODEL = """
import keras

def build(*, input_shape, num_classes):
    layers = [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(num_classes)]
    return keras.Sequential(layers)
"""
_COMPARED = """
import keras, numpy as np
import memkit, named_model

data = np.load("tiny.npz")
def build():
    model = named_model.build(input_shape=(8, 8, 1), num_classes=10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True), loss)
    return model

memkit.measure(
    build, data["x_train"], data["y_train"], x_test=data["x_test"], y_test=data["y_test"],
    epochs=2, batch_size=8, trainer="engine", workdir={workdir!r},
)
"""
_FLAGS = (
    "--config.dataset.mean=(0.0,)",
    f"--config.dataset.std=({1 / 255!r},)",
    "--config.model.name=named_model:build",
    "--config.optimizer.weight_decay=0.0",
    "--config.schedule.name=constant",
    "--config.schedule.peak=0.01",
    "--config.schedule.warmup_epochs=0.0",
    "--config.training.epochs=2",
    "--config.training.batch_size=8",
    "--config.training.augment=none",
    "--config.subsets.num_runs=20",
)


def architecture(**changes):
    """Returns what the config of a study says of a model with these options."""
    options = {"activation": "relu", "rate": 0.1, "gamma": 0.0, "width": 8} | changes

    def build():
        layers = [
            keras.Input((6,)),
            keras.layers.Dense(options["width"], options["activation"]),
            keras.layers.Dropout(options["rate"]),
            keras.layers.Dense(models.NUM_CLASSES, "softmax"),
        ]
        model = keras.Sequential(layers)
        model.compile("adam", keras.losses.CategoricalFocalCrossentropy(gamma=options["gamma"]))
        return model

    one_hot = np.eye(models.NUM_CLASSES)[Y]
    part = examples.read("x", X, one_hot)
    job = jobs.read_job(build, part, examples.none_like(part), None)
    recipe = fast_path.recipe_of(job.model)
    sections = {
        "is_fast": False,
        "seed": 0,
        "subsets": {},
        "training": {"epochs": 1, "batch_size": 8},
    }
    return jobs.config(job, recipe, **sections)["model"]["architecture"]


def test_the_same_model_built_later_in_a_process_is_the_same():
    assert architecture() == architecture()


@pytest.mark.parametrize(
    "change", [{"activation": "tanh"}, {"rate": 0.5}, {"gamma": 1.0}, {"width": 9}]
)
def test_a_model_with_other_options_is_another_one(change):
    assert architecture(**change) != architecture()


def test_loggers_of_the_program_are_left_as_they_were():
    filters = list(logging.getLogger("tensorflow").filters)
    measure()
    assert logging.getLogger("tensorflow").filters == filters
