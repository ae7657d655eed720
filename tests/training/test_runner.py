import dataclasses
import pathlib
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import scipy.special
import sklearn.datasets

from memkit import data, estimators, models, recipe, records, studies
from memkit.data.dataset import ImageDataset
from memkit.errors import InputError
from memkit.models.initial_values import initial_values
from memkit.training import compiler, engines, loop, plan, recording
from memkit.training.runner import Runner

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def runner():
    """Keeps its compiled program from one use in a test to the next."""
    return Runner(engines.Setup())


@pytest.fixture
def create(tmp_path, register):
    """Returns a function (config, dataset) -> Study on disk, in a folder of its own."""
    made = []

    def make(config, dataset):
        made.append(config)
        register(dataset)
        return studies.open_or_create(tmp_path / f"study{len(made)}", config, dataset)

    return make


@pytest.fixture
def built(monkeypatch):
    """The list of the models that are built."""
    models_built, real = [], models.build

    def build(*arguments, **options):
        models_built.append(real(*arguments, **options))
        return models_built[-1]

    monkeypatch.setattr(models, "build", build)
    return models_built


def _specs(study):
    return records.array_specs(study.sizes_at(study.points[0], 0))


def _names(study):
    return tuple(_specs(study))


def _train(runner, study, runs, point=0):
    """Returns {run: (arrays, info)}."""
    done = runner.train_runs(study, study.points[point], runs)
    return {run: (arrays, info) for run, arrays, info in done}


def _weights(model):
    return [variable.numpy() for variable in model.variables]


def _assert_equal(first, second):
    assert set(first) == set(second)
    for name in first:
        assert first[name].dtype == second[name].dtype
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def _replace_row(dataset, name, row, value):
    changed = getattr(dataset, name).copy()
    changed[row] = value
    return dataclasses.replace(dataset, **{name: changed})


def test_a_study_without_a_folder_trains_the_same_bits(create, mlp_config, tiny, runner):
    study = create(mlp_config(), tiny)
    draft = studies.draft(mlp_config(), tiny)
    assert draft.workdir is None
    _assert_equal(_train(runner, draft, [2])[2][0], _train(runner, study, [2])[2][0])


_AUGMENTED = {"training.augment": "pad_crop_flip"}
_TWO_POINTS = {"axis": {"field": "model.filters", "values": [1, 2]}}


@pytest.fixture(params=["mlp", "convolutional"])
def config(request, mlp_config, convolutional_config):
    return mlp_config() if request.param == "mlp" else convolutional_config(_AUGMENTED)


def test_held_out_image_and_test_image_change_no_weight_and_no_other_outcome(
    create, config, tiny, built, runner
):
    study = create(config, tiny)
    run = 1
    held_out = int(np.flatnonzero(~study.train_mask[run])[5])
    arrays, _ = _train(runner, study, [run])[run]
    weights = _weights(built[-1])
    changed = _replace_row(tiny, "train_images", held_out, 255 - tiny.train_images[held_out])
    changed = _replace_row(changed, "test_images", 4, 255 - tiny.test_images[4])
    other = create(config, changed)
    np.testing.assert_array_equal(other.train_mask, study.train_mask)
    other_arrays, _ = _train(runner, other, [run])[run]
    for before, after in zip(weights, _weights(built[-1]), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(arrays["curve"], other_arrays["curve"])
    for part, row in (("train", held_out), ("test", 4)):
        for kind in ("correct", "logodds", "predicted"):
            before, after = arrays[f"{part}_{kind}"], other_arrays[f"{part}_{kind}"]
            np.testing.assert_array_equal(np.delete(before, row), np.delete(after, row))
        assert arrays[f"{part}_logodds"][row] != other_arrays[f"{part}_logodds"][row]


def test_held_out_label_changes_no_weight(create, mlp_config, tiny, built, runner):
    config = mlp_config({"labels.planted_fraction": 0.0})
    study = create(config, tiny)
    held_out = int(np.flatnonzero(~study.train_mask[1])[5])
    _train(runner, study, [1])
    weights = _weights(built[-1])
    label = (tiny.train_labels[held_out] + 1) % 10
    other = create(config, _replace_row(tiny, "train_labels", held_out, label))
    np.testing.assert_array_equal(other.train_mask, study.train_mask)
    _train(runner, other, [1])
    for before, after in zip(weights, _weights(built[-1]), strict=True):
        np.testing.assert_array_equal(before, after)


def test_image_of_a_member_changes_the_weights(create, mlp_config, tiny, built, runner):
    study = create(mlp_config(), tiny)
    member = int(np.flatnonzero(study.train_mask[1])[5])
    _train(runner, study, [1])
    kernel = built[-1].get_layer("logits").kernel.numpy()
    changed = _replace_row(tiny, "train_images", member, 255 - tiny.train_images[member])
    _train(runner, create(mlp_config(), changed), [1])
    assert (built[-1].get_layer("logits").kernel.numpy() != kernel).any()


def test_outcomes_do_not_depend_on_the_evaluation_batch(create, config, tiny, monkeypatch):
    study = create(config, tiny)
    actual = {}
    for size in (7, 64):
        monkeypatch.setattr(compiler, "EVAL_BATCH", size)
        actual[size] = _train(Runner(engines.Setup()), study, [0])[0][0]
    for name, expected in actual[64].items():
        if name.endswith("logodds"):
            np.testing.assert_allclose(actual[7][name], expected, rtol=2e-3, atol=2e-3)
        else:
            np.testing.assert_array_equal(actual[7][name], expected, err_msg=name)


def test_evaluation_is_in_inference_mode_on_unaugmented_images(create, config, tiny, built, runner):
    study = create(config, tiny)
    program = runner.compiler.compile(study, study.points[0])
    loop.train_pack(program, study, study.points[0], [0])
    before = _weights(built[-1])
    (first,), (second,) = program.evaluate(), program.evaluate()
    for old, new in zip(before, _weights(built[-1]), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(first.logits, second.logits)
    images = np.concatenate([tiny.train_images, tiny.test_images])
    x = ((images / 255 - 0.3) / 0.37).astype(np.float32)
    expected = np.concatenate([built[-1](x[i : i + 1], training=False) for i in range(len(x))])
    np.testing.assert_allclose(first.logits, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(first.predicted, expected.argmax(1))


def test_runs_do_not_depend_on_their_order_or_on_earlier_work(
    create, convolutional_config, tiny, runner
):
    study = create(convolutional_config(_AUGMENTED | _TWO_POINTS), tiny)
    first = _train(runner, study, [0, 1, 2])
    again = _train(runner, study, [2, 0])
    _train(runner, study, [5], point=1)
    alone = _train(runner, study, [1])
    for run, repeated in ((0, again), (2, again), (1, alone)):
        _assert_equal(first[run][0], repeated[run][0])
        for name in ("status", "train_accuracy", "test_accuracy", "steps"):
            assert first[run][1][name] == repeated[run][1][name]
    assert (first[0][0]["train_logodds"] != first[1][0]["train_logodds"]).any()


_IN_ANOTHER_PROCESS = """
import sys
import numpy as np
from memkit import models, studies
from memkit.training import engines
from memkit.training.runner import Runner
models.allow([sys.argv[2]])
runner = Runner(engines.Setup())
runner.configure()
study = studies.load(sys.argv[1])
for run, arrays, info in runner.train_runs(study, study.points[0], [3]):
    studies.write_record(study, study.points[0], run, arrays, info)
"""


def test_another_process_gives_the_same_bits(create, convolutional_config, runner):
    changes = {
        "dataset.name": "digits",
        "training.epochs": 1,
        "training.batch_size": 64,
        "schedule.warmup_epochs": 0.5,
    }
    config = convolutional_config(changes)
    study = create(config, data.load("digits"))
    arguments = [str(study.workdir), config["model"]["name"]]
    command = [sys.executable, "-c", _IN_ANOTHER_PROCESS, *arguments]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    actual = studies.read_runs(study, study.points[0], _names(study))
    assert actual.problems == {}
    assert actual.index.tolist() == [3]
    arrays, _ = _train(runner, study, [3])[3]
    _assert_equal({name: stack[0] for name, stack in actual.arrays.items()}, arrays)


def test_run_starts_from_its_own_initial_values(create, convolutional_config, tiny, built, runner):
    study = create(convolutional_config(_AUGMENTED), tiny)
    program = runner.compiler.compile(study, study.points[0])
    loop.train_pack(program, study, study.points[0], [0])
    frozen = plan.EpochPlan(
        index=np.zeros((1, 8), np.int32),
        rate=np.zeros(1, np.float32),
        crop=np.full((1, 8, 2), 4, np.uint8),
        flip=np.zeros((1, 8), bool),
        draws=np.zeros((1, 8, 0), np.float32),
    )
    program.reset([lambda model: initial_values(model, seed=3, purpose="init", run=1)])
    expected = initial_values(built[-1], seed=3, purpose="init", run=1)
    for value, actual in zip(expected, _weights(built[-1]), strict=True):
        np.testing.assert_array_equal(value, actual)
    # At rate 0 only what is left of the last run's velocity could move a weight.
    program.train([frozen])
    for value, variable in zip(expected, built[-1].variables, strict=True):
        if variable.trainable:
            np.testing.assert_array_equal(value, variable.numpy())


def _train_with_keras(study, model, images, labels, run):
    """Trains a model as plainly as possible with the optimizer and losses of Keras."""
    import tensorflow as tf

    config = study.config
    for variable, value in zip(
        model.variables, initial_values(model, seed=3, purpose="init", run=run), strict=True
    ):
        variable.assign(value)
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    members = np.flatnonzero(study.train_mask[run])
    rates = recipe.rates(config["schedule"], epochs=3, steps_per_epoch=len(members) // 8)
    losses = []
    for epoch in plan.epochs(
        members,
        batch_size=8,
        rates=rates,
        augment=config["training"]["augment"],
        pad=4,
        seed=3,
        run=run,
    ):
        for t, index in enumerate(epoch.index):
            x = (images[index] / 255 - 0.3) / 0.37
            x = np.pad(x, [(0, 0), (4, 4), (4, 4), (0, 0)])
            cut = [
                image[top : top + 8, left : left + 8]
                for image, (top, left) in zip(x, epoch.crop[t].astype(int), strict=True)
            ]
            cut = [
                image[:, ::-1] if flip else image
                for image, flip in zip(cut, epoch.flip[t], strict=True)
            ]
            with tf.GradientTape() as tape:
                logits = model(np.stack(cut).astype(np.float32), training=True)
                loss = loss_of(labels[index], logits)
                kernels = [v for v in model.trainable_variables if v.name == "kernel"]
                decay = sum(tf.reduce_sum(tf.square(k.value)) for k in kernels) * (0.5 * 1e-4)
                total = loss + decay
            optimizer.learning_rate = epoch.rate[t]
            gradient = tape.gradient(total, [v.value for v in model.trainable_variables])
            optimizer.apply(gradient, model.trainable_variables)
            losses.append(float(loss))
    return np.array(losses).reshape(3, -1).mean(1)


def test_training_equals_a_plain_keras_loop(create, config, tiny, built, runner):
    study = create(config, tiny)
    arrays, _ = _train(runner, study, [4])[4]
    program_weights = _weights(built[-1])
    plain = models.build(input_shape=(8, 8, 1), num_classes=10, **config["model"])
    losses = _train_with_keras(study, plain, tiny.train_images, study.examples.given_labels, 4)
    np.testing.assert_allclose(arrays["curve"][:, 0], losses, rtol=1e-4)
    for actual, expected in zip(program_weights, _weights(plain), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)


def test_record_describes_the_run(create, mlp_config, tiny, runner):
    study = create(mlp_config({"record.all_probs": True}), tiny)
    arrays, info = _train(runner, study, [2])[2]
    assert {n: (a.dtype, a.shape) for n, a in arrays.items()} == _specs(study)
    given, labels = study.examples.given_labels, study.examples.test_labels
    np.testing.assert_array_equal(arrays["train_correct"], arrays["train_predicted"] == given)
    np.testing.assert_array_equal(arrays["test_correct"], arrays["test_predicted"] == labels)
    probs = arrays["train_probs"].astype(float)
    np.testing.assert_allclose(probs.sum(1), 1, atol=2e-3)
    prob = scipy.special.expit(arrays["train_logodds"].astype(float))
    np.testing.assert_allclose(prob, probs[np.arange(60), given], atol=2e-3)
    mask = study.train_mask[2]
    assert info["train_accuracy"] == pytest.approx(arrays["train_correct"][mask].mean())
    assert info["test_accuracy"] == pytest.approx(arrays["test_correct"].mean())
    assert info["steps"] == 3 * (30 // 8)
    rates = recipe.rates(study.config["schedule"], epochs=3, steps_per_epoch=3)
    np.testing.assert_array_equal(arrays["curve"][:, 2], rates[:, -1])
    assert {"python", "numpy", "tensorflow", "keras"} <= set(info["versions"])
    assert (info["engine"], info["seconds"] > 0) == ("tensorflow", True)


def test_trained_records_are_sound_on_disk(create, convolutional_config, tiny, runner):
    study = create(convolutional_config(_TWO_POINTS), tiny)
    for point in study.points:
        for run, arrays, info in runner.train_runs(study, point, [0, 7]):
            studies.write_record(study, point, run, arrays, info)
        actual = studies.read_runs(study, point)
        assert actual.index.tolist() == [0, 7]
        assert actual.problems == {}


def test_axis_over_epochs_gives_sound_records(create, mlp_config, tiny, runner):
    axis = {"field": "training.epochs", "values": [2, 4]}
    study = create(mlp_config({"axis": axis}), tiny)
    for point in study.points:
        for run, arrays, info in runner.train_runs(study, point, [0]):
            studies.write_record(study, point, run, arrays, info)
            assert len(arrays["curve"]) == point.axis_value


@pytest.mark.parametrize("all_probs", [False, True])
@pytest.mark.parametrize("peak", [1e6, 1e12, 1e30])
def test_diverged_run_has_the_status_diverged(create, mlp_config, tiny, peak, all_probs, runner):
    changes = {"schedule.peak": peak, "training.epochs": 6, "record.all_probs": all_probs}
    study = create(mlp_config(changes), tiny)
    arrays, info = _train(runner, study, [0])[0]
    assert info["status"] == "diverged"
    done = info["steps"] // 3
    assert 1 <= done <= 6
    assert np.isnan(arrays["curve"][done:]).all()
    lost = ~np.isfinite(arrays["curve"][:, 0])
    assert lost[done - 1 :].all() and not lost[: done - 1].any()
    assert not arrays["train_correct"][np.isnan(arrays["train_logodds"])].any()
    studies.write_record(study, study.points[0], 0, arrays, info)
    assert studies.read_runs(study, study.points[0]).infos[0]["status"] == "diverged"


def test_run_after_a_diverged_one_is_sound(create, mlp_config, tiny, runner):
    study = create(mlp_config(), tiny)
    expected = _train(runner, study, [1])[1][0]
    program = runner.compiler.compile(study, study.points[0])
    program.reset([lambda model: [np.full(v.shape, np.nan, np.float32) for v in model.variables]])
    epoch = next(
        plan.epochs(
            np.arange(16), batch_size=8, rates=np.ones((1, 2)), augment="none", pad=4, seed=0, run=0
        )
    )
    loss = program.train([epoch])[0].objective
    assert np.isnan(loss).all()
    _assert_equal(_train(runner, study, [1])[1][0], expected)


def test_network_that_cannot_tell_images_apart_has_collapsed(create, mlp_config, tiny, runner):
    blank = dataclasses.replace(
        tiny,
        train_images=np.zeros_like(tiny.train_images),
        test_images=np.zeros_like(tiny.test_images),
    )
    _, info = _train(runner, create(mlp_config(), blank), [0])[0]
    assert info["train_accuracy"] < 0.2
    assert info["status"] == "collapsed"


@pytest.mark.parametrize(
    ("classes", "accuracy", "status"),
    [(2, 0.98, "done"), (2, 0.7, "collapsed"), (10, 0.19, "collapsed"), (10, 0.21, "done")],
)
def test_a_run_has_collapsed_below_twice_chance_or_below_75_percent_of_two_classes(
    classes, accuracy, status
):
    sizes = types.SimpleNamespace(classes=classes, test=4)
    study = types.SimpleNamespace(sizes=sizes, train_mask=np.ones((1, 100), bool))
    arrays = {
        "train_correct": np.arange(100) < 100 * accuracy,
        "train_logodds": np.zeros(100),
        "test_correct": np.ones(4, bool),
        "curve": np.zeros((1, 3)),
    }
    assert recording.status_and_accuracies(arrays, study, 0)["status"] == status


def test_data_that_differ_from_the_study_raise_an_error(create, mlp_config, tiny, register, runner):
    study = create(mlp_config(), tiny)
    register(_replace_row(tiny, "test_labels", 0, 9 - tiny.test_labels[0]))
    with pytest.raises(InputError, match="^dataset: expected the data .* was made with"):
        _train(runner, study, [0])


def test_program_is_kept_while_the_point_stays(create, mlp_config, tiny, built, runner):
    axis = {"field": "schedule.peak", "values": [0.1, 0.2]}
    study = create(mlp_config({"axis": axis}), tiny)
    _train(runner, study, [0])
    _train(runner, study, [1])
    assert len(built) == 1
    _train(runner, study, [0], point=1)
    assert len(built) == 2


def _digits(number):
    digits = sklearn.datasets.load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = digits.target.astype(np.int32)
    ids = np.array([f"d{i}" for i in range(len(labels))])
    train, test = slice(0, number), slice(number, number + 50)
    return ImageDataset(
        images[train],
        labels[train],
        ids[train],
        images[test],
        labels[test],
        ids[test],
        tuple("0123456789"),
    )


def test_planted_labels_are_found(create, mlp_config, runner):
    changes = {
        "model": {"name": "mlp", "hidden": [64]},
        "subsets.train_fraction": 0.7,
        "training.epochs": 40,
        "training.batch_size": 16,
    }
    study = create(mlp_config(changes), _digits(300))
    for run, (arrays, info) in _train(runner, study, range(20)).items():
        studies.write_record(study, study.points[0], run, arrays, info)
    actual = studies.read_runs(study, study.points[0], ("train_correct",))
    assert {info["status"] for info in actual.infos} == {"done"}
    value = estimators.memorization(actual.arrays["train_correct"], study.train_mask).value
    planted = study.examples.planted
    assert planted.sum() == 30
    assert value[planted].mean() > 0.9
    assert value[~planted].mean() < 0.25
    assert estimators.auroc(value, planted) > 0.97
