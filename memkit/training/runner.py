"""The work of a study: train the runs of a point and hand over their records."""

import functools
import itertools
import time

import numpy as np

from memkit import data, models, recipe, studies
from memkit.data import dataset as datasets
from memkit.errors import InputError
from memkit.models.initial_values import initial_values
from memkit.studies import points
from memkit.studies.points import LAST_LAYER
from memkit.training import checkpoint, engines, plan, recording
from memkit.training.history import History
from memkit.training.images import all_images

EVAL_BATCH = 512


def configure(setup):
    """Sets up the engine of this process, before it computes anything."""
    engines.load(setup.engine).configure(setup)


def train_runs(study, point, runs, *, setup):
    """Trains runs of one point in one compiled program, as many at a time as it takes.

    The weights of a run that is a student's teacher are on disk before its record is handed over.

    Args:
      study: Study.
      point: one of its points.
      runs: indices of the runs, rows of the design.
      setup: engines.Setup, the one this process was configured with.

    Yields:
      (run, arrays, info) of each finished run, as `studies.write_record` takes them.

    Raises:
      InputError: the data set is not the one the study was made with, or a student's teacher has
        no finished run of the same subset.
    """
    if point.series == LAST_LAYER:
        from memkit.training import last_layer  # It needs this module.

        yield from last_layer.train_runs(study, point, runs, setup=setup)
        return
    blocked = [run for run in runs if studies.teacher_diverged(study, point, run)]
    for run in blocked:
        arrays = recording.blocked(study, point.config["training"]["epochs"])
        history = History(study.sizes.train, len(arrays["curve"]))
        yield run, *record(study, point, run, arrays, history, setup, is_blocked=True)
    left = [run for run in runs if run not in blocked]
    while left:
        started = time.perf_counter()
        program = compile_point(study, point, setup)
        pack, left = left[: program.size], left[program.size :]
        # A compiled program has one size; what stands in for missing runs is thrown away.
        filled = pack + [pack[-1]] * (program.size - len(pack))
        teachers = [studies.read_weights(study, point, run) for run in filled if point.teacher]
        keeper = None
        # Of several processes, each would keep another epoch; a draft has no place on disk.
        if setup.strategy != "multi_worker" and study.workdir is not None:
            keeper = checkpoint.Keeper(program, study, point, filled, engine=setup.engine)
        trained = train_pack(program, study, point, filled, teachers=teachers, keeper=keeper)
        evaluations = program.evaluate()
        if studies.is_teacher(study, point):
            for run, weights in zip(pack, program.weights()):
                studies.write_weights(study, point, run, weights)
        seconds = (time.perf_counter() - started) / len(pack)
        for progress, evaluation, run in zip(trained, evaluations, pack):
            arrays = recording.arrays(evaluation, progress.curve, study)
            done = {"steps": progress.steps, "seconds": round(seconds + progress.before, 4)}
            yield run, *record(study, point, run, arrays, progress.history, setup, **done)
            if progress.is_kept:
                studies.checkpoints.remove(study, point, run)


def record(study, point, run, arrays, history, setup, *, steps=0, seconds=0.0, is_blocked=False):
    """Returns the (arrays, info) of a run, as `studies.write_record` takes them."""
    verdict = recording.verdict(arrays, study, run, is_blocked=is_blocked)
    info = {"steps": steps, "seconds": seconds, **recording.circumstances(setup.engine), **verdict}
    if run < point.config["record"]["history_runs"]:
        arrays |= history.arrays()
    return arrays, info


def train_pack(program, study, point, runs, *, teachers=(), stop_after=None, keeper=None):
    """Trains the runs of a pack, each from its own initial values on its own subset.

    Args:
      program: the Program of the point.
      study: Study.
      point: Point.
      runs: indices of as many runs as the program takes.
      teachers: the weights of each student's teacher; none for models that are no students.
      stop_after: epochs after which to stop, for measuring; None trains to the end.
      keeper: checkpoint.Keeper of these runs, or None to keep no checkpoints.

    Returns:
      The checkpoint.Progress of each run.
    """
    epochs = point.config["training"]["epochs"]
    draws = [functools.partial(_initial_values, point=point, run=run) for run in runs]
    program.reset(draws, teachers or None)
    progress = [checkpoint.Progress.of(study.sizes.train, epochs) for _ in runs]
    done = keeper.resume(progress) if keeper else 0
    plans = zip(*(_epochs(study, point, run) for run in runs), strict=True)
    for epoch, epoch_plans in enumerate(itertools.islice(plans, done, stop_after), done):
        said = program.train(epoch_plans)
        for one, plan_of_run, steps in zip(progress, epoch_plans, said, strict=True):
            if one.is_alive:
                one.add(epoch, plan_of_run, steps)
        if not any(one.is_alive for one in progress):
            break
        if keeper and epoch + 1 < epochs:
            keeper.keep(progress, epoch + 1)
    return progress


def _initial_values(model, *, point, run):
    return initial_values(model, seed=point.config["seed"], purpose=f"init{point.stream}", run=run)


def _epochs(study, point, run):
    """Yields the EpochPlans of a run."""
    training = point.config["training"]
    members = np.flatnonzero(study.train_mask[run])
    steps = recipe.steps_per_epoch(len(members), training["batch_size"])
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
def compile_point(study, point, setup):
    """Returns the Program of a point.

    The last one is kept, since a worker stays on a point while it can.
    """
    dataset = _dataset(study)
    images, resident = all_images(dataset, resident=point.config["dataset"]["resident"])
    return engines.compile_program(
        blueprint(study, point, dataset),
        setup=setup,
        images=images,
        labels=np.concatenate([study.examples.given_labels, study.examples.test_labels]),
        resident=resident,
    )


def blueprint(study, point, dataset):
    """Returns the engines.Blueprint of a point.

    Args:
      study: Study.
      point: one of its points.
      dataset: anything with `image_shape` and `num_classes`.
    """
    training = point.config["training"]
    distillation = point.config["distillation"]
    return engines.Blueprint(
        build=builder(point, dataset),
        mean=point.config["dataset"]["mean"],
        std=point.config["dataset"]["std"],
        optimizer=point.config["optimizer"],
        pad=None if training["augment"] == "none" else training["pad"],
        eval_batch=EVAL_BATCH,
        precision=training["precision"],
        data_parallel=training["data_parallel"],
        sync_batch_norm=training["sync_batch_norm"],
        teacher=builder(study.point(point.teacher), dataset) if point.teacher else None,
        distillation={k: v for k, v in distillation.items() if k != "teacher"},
    )


def builder(point, dataset):
    """Returns the function () -> keras.Model of a point."""
    return functools.partial(
        models.build,
        input_shape=dataset.image_shape,
        num_classes=dataset.num_classes,
        **point.config["model"],
    )


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
