"""The work of a study: train the runs of a point and hand over their records."""

import functools
import itertools
import time

import numpy as np

from memkit import data, models, studies
from memkit.data import dataset as datasets
from memkit.errors import InputError
from memkit.models.initial_values import initial_values
from memkit.studies import points
from memkit.training import engines, plan, recipe, recording
from memkit.training.history import History
from memkit.training.images import all_images

EVAL_BATCH = 512


def configure(engine, *, threads):
    """Sets up the engine of this process, before it computes anything."""
    engines.load(engine).configure(threads=threads)


def train_runs(study, point, runs, *, engine):
    """Trains runs of one point, one after another, in one compiled program.

    The weights of a run that is a student's teacher are on disk before its record is handed over.

    Args:
      study: Study.
      point: one of its points.
      runs: indices of the runs, rows of the design.
      engine: name of the engine.

    Yields:
      (run, arrays, info) of each finished run, as `studies.write_record` takes them.

    Raises:
      InputError: the data set is not the one the study was made with, or a student's teacher has
        no finished run of the same subset.
    """
    for run in runs:
        started = time.perf_counter()
        is_blocked = studies.teacher_diverged(study, point, run)
        if is_blocked:
            steps, arrays = 0, recording.blocked(study, point.config["training"]["epochs"])
            history = History(study.sizes.train, len(arrays["curve"]))
        else:
            program = compile_point(study, point, engine)
            curve, steps, history = train_run(program, study, point, run)
            arrays = recording.arrays(program.evaluate(), curve, study)
            if studies.is_teacher(study, point):
                studies.write_weights(study, point, run, program.weights())
        if run < point.config["record"]["history_runs"]:
            arrays |= history.arrays()
        info = {
            "steps": steps,
            "seconds": round(time.perf_counter() - started, 4),
            **recording.circumstances(engine),
            **recording.verdict(arrays, study, run, is_blocked=is_blocked),
        }
        yield run, arrays, info


def train_run(program, study, point, run, *, stop_after=None):
    """Trains one run from its own initial values on its own subset.

    Args:
      program: the Program of the point.
      study: Study.
      point: Point.
      run: index of the run.
      stop_after: epochs after which to stop, for measuring; None trains to the end.

    Returns:
      (curve [epochs, 3], steps, History): mean objective in nats, mean accuracy and last rate of
      each epoch, NaN for epochs after a non-finite loss, which ends the run; steps done.
    """
    training = point.config["training"]
    teacher = studies.read_weights(study, point, run) if point.teacher else None
    program.reset(functools.partial(_initial_values, point=point, run=run), teacher)
    curve = np.full((training["epochs"], 3), np.nan, np.float32)
    history = History(study.sizes.train, training["epochs"])
    steps = 0
    epochs = itertools.islice(_epochs(study, point, run), stop_after)
    for epoch, epoch_plan in enumerate(epochs):
        said = program.train(epoch_plan)
        curve[epoch] = said.objective.mean(), said.correct.mean(), epoch_plan.rate[-1]
        steps += len(epoch_plan.rate)
        if not np.isfinite(said.objective).all():
            break
        history.add(epoch, epoch_plan.index, said)
    return curve, steps, history


def _initial_values(model, *, point, run):
    return initial_values(model, seed=point.config["seed"], purpose=f"init{point.stream}", run=run)


def _epochs(study, point, run):
    """Yields the EpochPlans of a run."""
    training = point.config["training"]
    members = np.flatnonzero(study.train_mask[run])
    steps = plan.steps_per_epoch(len(members), training["batch_size"])
    rates = recipe.rates(point.config["schedule"], epochs=training["epochs"], steps_per_epoch=steps)
    return plan.epochs(
        members,
        batch_size=training["batch_size"],
        rates=rates,
        augment=training["augment"],
        pad=training["pad"],
        seed=point.config["seed"],
        run=run,
        stream=point.stream,
    )


@functools.lru_cache(maxsize=1)
def compile_point(study, point, engine):
    """Returns the Program of a point.

    The last one is kept, since a worker stays on a point while it can.
    """
    dataset = _dataset(study)
    training = point.config["training"]
    images, resident = all_images(dataset, resident=point.config["dataset"]["resident"])
    engines.load(engine).set_precision(training["precision"])
    return engines.load(engine).compile_program(
        _model(point, dataset),
        images=images,
        labels=np.concatenate([study.examples.given_labels, study.examples.test_labels]),
        resident=resident,
        mean=point.config["dataset"]["mean"],
        std=point.config["dataset"]["std"],
        optimizer=point.config["optimizer"],
        pad=None if training["augment"] == "none" else training["pad"],
        eval_batch=EVAL_BATCH,
        distillation=_distillation(study, point, dataset),
    )


def _model(point, dataset):
    return models.build(
        input_shape=dataset.image_shape,
        num_classes=dataset.num_classes,
        **point.config["model"],
    )


def _distillation(study, point, dataset):
    if not point.teacher:
        return None
    options = {k: v for k, v in point.config["distillation"].items() if k != "teacher"}
    return options | {"teacher": _model(study.point(point.teacher), dataset)}


@functools.lru_cache(maxsize=1)
def _dataset(study):
    dataset = load_dataset(study.config)
    if datasets.fingerprint(dataset) != study.info["data_fingerprint"]:
        raise InputError(
            f"dataset: expected the data {study.workdir} was made with, received other"
        )
    return dataset


def load_dataset(config):
    """Returns the ImageDataset that a config names."""
    return data.load(**points.source(config["dataset"]))
