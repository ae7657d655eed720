import dataclasses
import functools

import keras
import numpy as np
import pytest

from memkit import records, studies
from memkit.errors import InputError
from memkit.sweeps import selection
from memkit.training import compiler, engines, images, loop, losses
from memkit.training.compiler import Compiler
from memkit.training.runner import Runner

STUDENT = {"series": ["one_hot", "distilled"], "training.epochs": 2}


@pytest.fixture
def study(tmp_path, mlp_config, tiny):
    return studies.open_or_create(tmp_path / "study", mlp_config(STUDENT), tiny)


def _train(study, name, runs):
    actual = {}
    point = study.point(name)
    for run, arrays, info in Runner(engines.Setup()).train_runs(study, point, runs):
        studies.write_record(study, point, run, arrays, info)
        actual[run] = arrays, info
    return actual


def test_loss_is_the_weighted_cross_entropy_to_soft_targets_and_labels():
    rng = np.random.default_rng(0)
    logits, teacher = rng.normal(size=(2, 6, 5)).astype(np.float32) * 3
    labels = np.array([0, 1, 2, 3, 4, 0])

    def softmax(z):
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)

    soft = -(softmax(teacher / 3) * np.log(softmax(logits / 3))).sum(axis=1)
    hard = -np.log(softmax(logits)[np.arange(6), labels])
    of_labels = losses.label_loss(logits, labels, smoothing=0.0, shares=None)
    loss = functools.partial(losses.distillation_loss, logits, teacher, of_labels, temperature=3.0)
    for weight in (0.0, 0.4, 1.0):
        plain = np.asarray(loss(weight=weight, scale=False))
        scaled = np.asarray(loss(weight=weight, scale=True))
        np.testing.assert_allclose(plain, weight * soft + (1 - weight) * hard, rtol=1e-4)
        np.testing.assert_allclose(scaled, weight * 9 * soft + (1 - weight) * hard, rtol=1e-4)


def test_a_student_follows_its_teacher_and_not_the_labels(study):
    """The teacher is made to answer class 7 for everything; with weight 1 the student must too."""
    _train(study, "one_hot", [0])
    student = study.point("distilled")
    weights = studies.read_weights(study, student, 0)
    weights[-2][:], weights[-1][:] = 0, -20
    weights[-1][7] = 20
    studies.write_weights(study, study.point("one_hot"), 0, weights)
    arrays, _ = _train(study, "distilled", [0])[0]
    assert (arrays["test_predicted"] == 7).mean() > 0.9


def test_a_student_equals_a_keras_loop_on_the_same_plan(study):
    _train(study, "one_hot", [3])
    student = study.point("distilled")
    arrays, _ = _train(study, "distilled", [3])[3]
    dataset = images.load_dataset(study.config)
    model, teacher = (
        compiler.model_builder(p, dataset)() for p in (student, study.point(student.teacher))
    )
    start = loop.draw_initial_values(model, point=student, run=3)
    for network, values in ((model, start), (teacher, studies.read_weights(study, student, 3))):
        for variable, value in zip(network.variables, values, strict=True):
            variable.assign(value)
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    decay = [1e-4 if v.name == "kernel" else 0.0 for v in model.trainable_variables]
    import tensorflow as tf

    for epoch in loop.epoch_plans(study, student, 3):
        for index, rate in zip(epoch.index, epoch.rate, strict=True):
            x = ((dataset.train_images[index] / 255 - 0.3) / 0.37).astype(np.float32)
            targets = tf.nn.softmax(teacher(x) / 3.0)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(
                    tf.nn.softmax_cross_entropy_with_logits(targets, model(x) / 3.0)
                )
            weights = [v.value for v in model.trainable_variables]
            gradient = tape.gradient(loss, weights)
            slopes = [g + d * w for g, d, w in zip(gradient, decay, weights, strict=True)]
            optimizer.learning_rate = rate
            optimizer.apply(slopes, model.trainable_variables)
    x = ((dataset.test_images / 255 - 0.3) / 0.37).astype(np.float32)
    expected = losses.log_odds(model(x), study.examples.test_labels)
    np.testing.assert_allclose(arrays["test_logodds"], expected, rtol=5e-3, atol=5e-3)


def test_a_student_has_other_initial_values_and_another_order_than_its_teacher(study):
    teacher, student = study.point("one_hot"), study.point("distilled")
    model = compiler.model_builder(student, images.load_dataset(study.config))()
    starts = [loop.draw_initial_values(model, point=p, run=0) for p in (teacher, student)]
    assert (starts[0][0] != starts[1][0]).all()
    orders = [next(loop.epoch_plans(study, p, 0)).index for p in (teacher, student)]
    assert (orders[0] != orders[1]).any()
    assert set(orders[0].ravel()) <= set(np.flatnonzero(study.train_mask[0]))
    assert set(orders[1].ravel()) <= set(np.flatnonzero(study.train_mask[0]))


def test_a_student_without_its_teacher_raises_an_error(study):
    with pytest.raises(InputError, match="^distilled: missing run 0 of its teacher one_hot"):
        _train(study, "distilled", [0])


def test_weights_of_another_run_raise_an_error_because_they_have_seen_held_out_examples(study):
    _train(study, "one_hot", [0, 1])
    folder = study.workdir / "points" / "one_hot" / "weights"
    (folder / "0.npz").write_bytes((folder / "1.npz").read_bytes())
    with pytest.raises(InputError, match="weights of another run, subset or study"):
        _train(study, "distilled", [0])


def test_a_teacher_run_without_weights_is_missing(study):
    _train(study, "one_hot", range(20))
    assert selection.missing(study)[0]["one_hot"] == []
    (study.workdir / "points" / "one_hot" / "weights" / "4.npz").unlink()
    assert selection.missing(study)[0]["one_hot"] == [4]


def test_a_student_of_a_diverged_teacher_is_blocked(study):
    actual = _train(study, "one_hot", [0])
    arrays, info = actual[0]
    studies.write_record(study, study.point("one_hot"), 0, arrays, info | {"status": "diverged"})
    arrays, info = _train(study, "distilled", [0])[0]
    assert info["status"] == "blocked"
    assert info["status"] not in records.USABLE
    assert np.isnan(arrays["train_logodds"]).all()
    assert not arrays["train_correct"].any()
    runs = studies.read_runs(study, study.point("distilled"))
    assert runs.problems == {}


def test_studies_without_students_keep_no_weights(tmp_path, mlp_config, tiny):
    study = studies.open_or_create(tmp_path / "plain", mlp_config(), tiny)
    _train(study, "one_hot", [0])
    assert not (study.workdir / "points" / "one_hot" / "weights").exists()


def test_only_the_first_runs_have_a_history(tmp_path, mlp_config, tiny):
    config = mlp_config({"record.history_runs": 1})
    study = studies.open_or_create(tmp_path / "history", config, tiny)
    actual = _train(study, "one_hot", [0, 1])
    first, second = actual[0][0], actual[1][0]
    assert "num_seen" not in second
    members = study.train_mask[0]
    assert (first["num_seen"][~members] == 0).all()
    steps = members.sum() // 8 * 8
    assert first["num_seen"].sum() == 3 * steps
    assert first["num_seen"].max() <= 3
    runs = studies.read_runs(study, study.points[0])
    assert runs.problems == {}
    assert len(runs.index) == 2


@pytest.mark.parametrize("augment", ["none", "pad_crop_flip"])
@pytest.mark.parametrize("name", ["mlp", "convolutional"])
def test_streamed_images_give_the_same_bits_as_resident_ones(
    tmp_path, convolutional_config, mlp_config, tiny, name, augment
):
    """After every epoch, in every weight and every velocity, on any processor."""
    make = mlp_config if name == "mlp" else convolutional_config
    states = {}
    for resident in (True, False):
        config = make({"dataset.resident": resident, "training.augment": augment})
        study = studies.open_or_create(tmp_path / f"{resident}", config, tiny)
        point = study.points[0]
        program = Compiler(engines.Setup()).compile(study, point)
        states[resident] = []
        for run in (0, 1, 2):
            program.reset([functools.partial(loop.draw_initial_values, point=point, run=run)])
            for epoch in loop.epoch_plans(study, point, run):
                (steps,) = program.train([epoch])
                states[resident].append([*vars(steps).values(), *program.state()[0]])
        states[resident].append([program.evaluate()[0].logits])
    for resident, streamed in zip(states[True], states[False], strict=True):
        for first, second in zip(resident, streamed, strict=True):
            assert first.tobytes() == second.tobytes()


def test_bfloat16_models_return_float32_logits(tmp_path, convolutional_config, tiny):
    config = convolutional_config({"training.precision": "bfloat16"})
    study = studies.open_or_create(tmp_path / "half", config, tiny)
    model = compiler.model_builder(study.points[0], tiny)()
    _, info = _train(study, study.points[0].name, [0])[0]
    assert info["status"] in records.USABLE
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    half = compiler.model_builder(study.points[0], tiny)()
    assert half.get_layer("stem_conv").compute_dtype == "bfloat16"
    assert half.output.dtype == "float32"
    assert {v.dtype for v in half.variables} == {"float32"}
    plain = dataclasses.replace(
        study.points[0],
        config=study.points[0].config
        | {"training": study.points[0].config["training"] | {"precision": "float32"}},
    )
    Compiler(engines.Setup()).compile(study, plain)
    assert keras.config.dtype_policy().name == "float32"
    assert model.get_layer("stem_conv").compute_dtype == "float32"
