"""Models whose layers draw random numbers or add losses, and objectives other than the loss."""

import dataclasses
import functools

import numpy as np
import pytest

from memkit import models, studies
from memkit.errors import InputError
from memkit.models.initial_values import seed_states
from memkit.training import compiler, engines, loop, step
from memkit.training.runner import Runner
from tests.training import programs, resuming

SETUP = engines.Setup()


@pytest.fixture
def create(tmp_path, register, mlp_config):
    """Returns a function (data set, changes) -> study of a perceptron with dropout and noise."""
    models.allow([programs.NOISY["name"]])
    created = []

    def make(dataset, changes=()):
        register(dataset)
        created.append(dataset)
        changes = {
            "model": programs.NOISY,
            "optimizer": {"name": "adamw", "weight_decay": 0.01},
            "schedule.peak": 0.01,
            **dict(changes),
        }
        return studies.open_or_create(tmp_path / str(len(created)), mlp_config(changes), dataset)

    return make


def _records(study, runs):
    """Returns {run: arrays} from a new runner."""
    trained = Runner(SETUP).train_runs(study, study.points[0], runs)
    return {run: arrays for run, arrays, _ in trained}


def _assert_equal(actual, expected):
    for name, array in expected.items():
        np.testing.assert_array_equal(actual[name], array, err_msg=name)


def test_a_run_has_the_same_bits_whatever_was_trained_before(create, tiny):
    study = create(tiny)
    alone = _records(study, [2])
    after_others = _records(study, [0, 1, 2])
    _assert_equal(after_others[2], alone[2])


def test_runs_of_one_subset_draw_different_numbers(create, tiny):
    """With the order of the examples and the initial values of run 0."""
    study = create(tiny)
    point = study.points[0]
    program = Runner(SETUP).compiler.compile(study, point)
    (first,) = _first_epoch(program, study, seeds_of=0)
    (second,) = _first_epoch(program, study, seeds_of=1)
    assert (first.loss != second.loss).mean() > 0.9


def _first_epoch(program, study, *, seeds_of):
    """Returns the Steps of the first epoch of run 0 with the seed states of another run."""
    point = study.points[0]

    def draw(model):
        states = seed_states(model)
        of_run, other = (
            loop.draw_initial_values(model, point=point, run=run) for run in (0, seeds_of)
        )
        return [
            other[i] if id(variable) in states else of_run[i]
            for i, variable in enumerate(model.variables)
        ]

    program.reset([draw])
    return program.train([next(loop.epoch_plans(study, point, 0))])


def test_an_interrupted_run_resumes_with_the_same_bits(create, tiny):
    study = create(tiny, {"training.epochs": 4})
    (point,) = study.points
    expected, _ = resuming.train(study, point, [3], SETUP)
    resuming.interrupt(study, point, [3], SETUP, after=2)
    actual, epochs = resuming.train(study, point, [3], SETUP)
    assert len(epochs) == 2
    _assert_equal(actual, expected)


def test_a_held_out_image_changes_no_other_outcome(create, tiny):
    study = create(tiny)
    held_out = int(np.flatnonzero(~study.train_mask[1])[5])
    images = tiny.train_images.copy()
    images[held_out] = 255 - images[held_out]
    before = _records(study, [1])[1]
    after = _records(create(dataclasses.replace(tiny, train_images=images)), [1])[1]
    np.testing.assert_array_equal(before["curve"], after["curve"])
    np.testing.assert_array_equal(before["test_logodds"], after["test_logodds"])
    others = np.arange(len(images)) != held_out
    np.testing.assert_array_equal(before["train_logodds"][others], after["train_logodds"][others])
    assert before["train_logodds"][held_out] != after["train_logodds"][held_out]


def test_evaluation_draws_nothing(create, tiny):
    study = create(tiny)
    runner = Runner(SETUP)
    list(runner.train_runs(study, study.points[0], [0]))
    program = runner.compiler.compile(study, study.points[0])
    first, second = (program.evaluate()[0].logits for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_devices_that_share_a_run_are_refused(create, tiny):
    """They would all draw the same numbers."""
    study = create(tiny, {"training.data_parallel": 2})
    blueprint = compiler.blueprint(study, study.points[0], tiny)
    with pytest.raises(InputError, match="^training.data_parallel: expected 1 for a model whose"):
        blueprint.models()


def test_a_model_without_residual_blocks_has_nothing_to_compute_again(create, tiny):
    study = create(tiny, {"training.remat": True})
    blueprint = compiler.blueprint(study, study.points[0], tiny)
    with pytest.raises(InputError, match="^training.remat: expected false for a model without"):
        blueprint.models()


def test_penalties_of_the_model_are_part_of_the_objective(create, tiny):
    """The first step: loss of the batch + what the layers of the model add to it."""
    study = create(tiny, {"model": programs.NOISY | {"rate": 0.0}})
    point = study.points[0]
    program = Runner(SETUP).compiler.compile(study, point)
    draw = functools.partial(loop.draw_initial_values, point=point, run=0)
    program.reset([draw])
    epoch = next(loop.epoch_plans(study, point, 0))
    (steps,) = program.train([epoch])

    model = compiler.model_builder(point, tiny)()
    for variable, value in zip(model.variables, draw(model), strict=True):
        variable.assign(variable.value if value is None else value)
    normalization = {name: study.config["dataset"][name] for name in ("mean", "std")}
    model(step.normalize(tiny.train_images[epoch.index[0]], **normalization), training=True)
    penalty = sum(float(loss) for loss in model.losses)
    assert penalty > 0.1
    assert steps.objective[0] == pytest.approx(steps.loss[0].mean() + penalty, rel=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"training.label_smoothing": 0.2},
        {"training.augment": "mixup"},
        {"training.augment": "cutmix"},
    ],
    ids=str,
)
def test_smoothing_and_mixing_make_the_objective_another_than_the_recorded_losses(
    create, tiny, changes
):
    model = {"model": programs.NOISY | {"rate": 0.0}}
    plain, changed = (_first_epoch_of(create(tiny, model | these)) for these in ({}, changes))
    penalty = plain.objective[0] - plain.loss[0].mean()
    assert abs(changed.objective[0] - changed.loss[0].mean() - penalty) > 1e-3


def _first_epoch_of(study):
    """Returns the Steps of the first epoch of run 0."""
    program = Runner(SETUP).compiler.compile(study, study.points[0])
    return _first_epoch(program, study, seeds_of=0)[0]
