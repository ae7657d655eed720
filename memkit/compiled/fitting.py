"""Trains runs of a compiled model with `Model.fit`, whatever the model is."""

import contextlib
import functools
import importlib
import importlib.metadata
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from etils import epy

from memkit import seeds
from memkit.compiled.examples import Part
from memkit.compiled.objectives import Objective
from memkit.models.compiled import Build
from memkit.studies import Point, Study
from memkit.training import engines, recording
from memkit.training.recording import RunRecord
from memkit.typing import FloatArray, Json

with epy.lazy_imports():  # The user's program has chosen the backend.
    import keras

# Callbacks of Keras, or a function that returns new ones for each run.
Callbacks: TypeAlias = Sequence[Any] | Callable[[], Sequence[Any]]

_EVAL_BATCH = 512
_MOST_SEED = 2**31
# Names under which a model may have compiled the accuracy.
_ACCURACIES = (
    "accuracy",
    "acc",
    "sparse_categorical_accuracy",
    "categorical_accuracy",
    "binary_accuracy",
)


def train_runs(
    study: Study,
    point: Point,
    runs: Sequence[int],
    *,
    build: Build,
    objective: Objective,
    train: Part,
    test: Part,
    callbacks: Callbacks = (),
) -> Iterator[RunRecord]:
    """Trains runs, one after another in this process; yields what `studies.write_record` takes.

    Every run builds and compiles its model anew, after all generators of Keras, NumPy and Python
    were seeded for this run, so it does not depend on the runs before it.
    """
    with _without_warnings_of_retracing():
        for run in runs:
            yield _trained(study, point, run, build, objective, train, test, callbacks)


def _trained(
    study: Study,
    point: Point,
    run: int,
    build: Build,
    objective: Objective,
    train: Part,
    test: Part,
    callbacks: Callbacks,
) -> RunRecord:
    training = point.config["training"]
    started = time.perf_counter()
    seed = seeds.stream(study.config["seed"], "fit", run).integers(_MOST_SEED)
    keras.utils.set_random_seed(int(seed))
    model = build()
    members = train.rows(np.flatnonzero(study.train_mask[run]))
    rates: list[float] = []
    note_rate = keras.callbacks.LambdaCallback(
        on_epoch_end=functools.partial(_note_rate, model, rates)
    )
    fitted = model.fit(
        members.inputs,
        members.targets,
        epochs=training["epochs"],
        batch_size=training["batch_size"],
        callbacks=[*(callbacks() if callable(callbacks) else callbacks), note_rate],
        verbose=0,
    )
    outputs = [_outputs(model, part) for part in (train, test) if len(part)]
    labels = np.concatenate([study.examples.given_labels, study.examples.test_labels])
    evaluation = objective.evaluation(np.concatenate(outputs), labels)
    curve = _curve(fitted.history, rates, training["epochs"])
    arrays = recording.outcome_arrays(evaluation, curve, study)
    steps = len(fitted.epoch) * -(-len(members) // training["batch_size"])
    seconds = round(time.perf_counter() - started, 4)
    info = {"steps": steps, "seconds": seconds, **_environment()}
    return run, arrays, info | recording.status_and_accuracies(arrays, study, run)


@contextlib.contextmanager
def _without_warnings_of_retracing() -> Iterator[None]:
    """Hides the warnings of TensorFlow that every run compiles functions of its own."""
    logger = logging.getLogger("tensorflow")
    logger.addFilter(_is_not_retracing)
    try:
        yield
    finally:
        logger.removeFilter(_is_not_retracing)


def _is_not_retracing(entry: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in entry.getMessage()


def _note_rate(model: "keras.Model", rates: list[float], epoch: int, logs: Any) -> None:
    rates.append(float(model.optimizer.learning_rate))


def _outputs(model: "keras.Model", part: Part) -> FloatArray:
    outputs = model.predict(part.inputs, batch_size=_EVAL_BATCH, verbose=0)
    return np.asarray(outputs, np.float32).reshape(len(part), -1)


def _curve(history: dict[str, list[float]], rates: list[float], epochs: int) -> FloatArray:
    """Returns the record's curve [epochs, 3]; epochs after an early stop repeat the last one."""
    accuracy = next((history[name] for name in _ACCURACIES if name in history), None)
    unknown = [np.nan] * len(rates)  # The model was compiled without the metric.
    columns = [history["loss"], unknown if accuracy is None else accuracy, rates]
    curve = np.array(columns, np.float32).T
    return np.concatenate([curve, curve[-1:].repeat(epochs - len(curve), axis=0)])


def _environment() -> Json:
    """Returns the entries of a record about the machine and the packages."""
    backend, precision = keras.backend.backend(), keras.config.dtype_policy().name
    if backend in engines.ENGINES:
        return recording.environment(backend, precision) | {"engine": f"fit_{backend}"}
    versions = {name: importlib.metadata.version(name) for name in ("keras", backend)}
    torch = importlib.import_module(backend)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return recording.environment_of(
        f"fit_{backend}", device=device, precision=precision, versions=versions
    )
