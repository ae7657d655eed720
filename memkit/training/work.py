"""The work of a study: train the runs of a point and hand over their records."""

import functools
import itertools
import platform
import time

import numpy as np
import scipy.special

from memkit import data, models, records
from memkit.data import dataset as datasets
from memkit.errors import InputError
from memkit.models.initial_values import initial_values
from memkit.training import engines, plan, recipe

EVAL_BATCH = 512


def configure(engine, *, threads):
    """Sets up the engine of this process, before it computes anything."""
    engines.load(engine).configure(threads=threads)


def train_runs(study, point, runs, *, engine):
    """Trains runs of one point, one after another, in one compiled program.

    Args:
      study: Study.
      point: one of its points.
      runs: indices of the runs, rows of the design.
      engine: name of the engine.

    Yields:
      (run, arrays, info) of each finished run, as `studies.write_record` takes them.

    Raises:
      InputError: the data set is not the one the study was made with.
    """
    program = compile_point(study, point, engine)
    for run in runs:
        started = time.perf_counter()
        curve, steps = train_run(program, study, point, run)
        arrays = _arrays(program.evaluate(), curve, study)
        info = {
            "steps": steps,
            "seconds": round(time.perf_counter() - started, 4),
            "engine": engine,
            "device": engines.load(engine).device(),
            "host": platform.node(),
            "versions": _versions(engine),
            **_verdict(arrays, study, run),
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
      (curve [epochs, 3], steps): mean loss in nats, mean accuracy and last rate of each epoch,
      NaN for epochs after a non-finite loss, which ends the run; steps done.
    """
    training, seed = point.config["training"], point.config["seed"]
    members = np.flatnonzero(study.train_mask[run])
    steps = plan.steps_per_epoch(len(members), training["batch_size"])
    rates = recipe.rates(point.config["schedule"], epochs=training["epochs"], steps_per_epoch=steps)
    program.reset(lambda model: initial_values(model, seed=seed, purpose="init", run=run))
    curve = np.full((training["epochs"], 3), np.nan, np.float32)
    epochs = plan.epochs(
        members,
        batch_size=training["batch_size"],
        rates=rates,
        augment=training["augment"],
        seed=seed,
        run=run,
    )
    for epoch, epoch_plan in enumerate(itertools.islice(epochs, stop_after)):
        loss, accuracy = program.train(epoch_plan)
        curve[epoch] = loss.mean(), accuracy.mean(), epoch_plan.rate[-1]
        if not np.isfinite(loss).all():
            break
    return curve, (epoch + 1) * steps


@functools.lru_cache(maxsize=1)
def compile_point(study, point, engine):
    """Returns the Program of a point.

    The last one is kept, since a worker stays on a point while it can.
    """
    dataset = _dataset(study)
    model = models.build(
        input_shape=dataset.image_shape,
        num_classes=dataset.num_classes,
        **point.config["model"],
    )
    return engines.load(engine).compile_program(
        model,
        images=np.concatenate([dataset.train_images, dataset.test_images]),
        labels=np.concatenate([study.examples.given_labels, study.examples.test_labels]),
        mean=point.config["dataset"]["mean"],
        std=point.config["dataset"]["std"],
        optimizer=point.config["optimizer"],
        augment=point.config["training"]["augment"] != "none",
        eval_batch=EVAL_BATCH,
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
    options = {k: v for k, v in config["dataset"].items() if k not in ("mean", "std")}
    return data.load(**options)


def _arrays(evaluation, curve, study):
    """Splits an evaluation into the arrays of a record."""
    num_train = study.sizes.train
    given = np.concatenate([study.examples.given_labels, study.examples.test_labels])
    logodds = _float16(evaluation.logodds)
    predicted = evaluation.predicted.astype(records.label_dtype(study.sizes.classes))
    correct = evaluation.predicted == given
    correct &= np.isfinite(evaluation.logodds)
    arrays = {"curve": curve}
    for name, values in (("correct", correct), ("logodds", logodds), ("predicted", predicted)):
        arrays[f"train_{name}"], arrays[f"test_{name}"] = values[:num_train], values[num_train:]
    if study.config["record"]["all_probs"]:
        probs = scipy.special.softmax(evaluation.logits[:num_train], axis=1)
        arrays["train_probs"] = probs.astype(np.float16)
    return arrays


def _float16(logodds):
    limit = np.finfo(np.float16).max
    finite = np.isfinite(logodds)
    return np.where(finite, np.clip(logodds, -limit, limit), np.nan).astype(np.float16)


def _verdict(arrays, study, run):
    """Returns the status and accuracies of a record."""
    train_accuracy = float(arrays["train_correct"][study.train_mask[run]].mean())
    status = "done"
    if not (np.isfinite(arrays["curve"]).all() and np.isfinite(arrays["train_logodds"]).all()):
        status = "diverged"
    elif train_accuracy < 2 / study.sizes.classes:
        status = "collapsed"
    return {
        "status": status,
        "train_accuracy": train_accuracy,
        "test_accuracy": float(arrays["test_correct"].mean()),
    }


def _versions(engine):
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        **engines.load(engine).versions(),
    }
