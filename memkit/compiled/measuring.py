"""`memkit.measure`: many runs of a compiled Keras model, and the scores of its examples."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path as LocalPath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit import data, scores, studies
from memkit.compiled import engine_runs, examples, fast_path, fitting, objectives
from memkit.compiled.examples import Part
from memkit.compiled.fitting import Callbacks
from memkit.compiled.objectives import Objective
from memkit.data.dataset import ImageDataset
from memkit.errors import InputError, expected
from memkit.models.compiled import COMPILED, Build
from memkit.scores import Scores
from memkit.studies import Study, checks
from memkit.sweeps import selection
from memkit.sweeps.progress import Progress
from memkit.typing import Array, IntArray, Json, Path

with epy.lazy_imports():  # The user's program has chosen the backend.
    import keras

if TYPE_CHECKING:
    from memkit.compiled.fast_path import Recipe

TRAINERS = ("auto", "engine", "fit")
_HISTORY_RUNS = 40  # runs of the engines whose history is recorded, as in memkit's configs


def measure(
    build: Build,
    x: Any,
    y: npt.ArrayLike | None = None,
    *,
    x_test: Any = None,
    y_test: npt.ArrayLike | None = None,
    num_runs: int = 20,
    epochs: int,
    batch_size: int = 32,
    train_fraction: float = 0.7,
    seed: int = 0,
    workdir: Path | None = None,
    ids: npt.ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    callbacks: Callbacks = (),
    trainer: str = "auto",
    workers: int = 0,
) -> Scores:
    """Measures what a compiled Keras model memorizes of its training examples.

    The model is trained `num_runs` times, each time from new initial values on another random
    subset. The optimizer, the learning-rate schedule, the loss and the layers are those of the
    model that `build` returns. Held-out examples have no influence on a run.

    Where the model allows it, memkit's engines train it, which is several times faster than
    `Model.fit`; otherwise `Model.fit` does. A line on the standard error stream says which of the
    two is used, and why. The engines leave out the incomplete last batch of every epoch.

    Args:
      build: a function without arguments that returns a new compiled keras.Model. Its loss is a
        cross-entropy of Keras, of logits or probabilities; one output of sigmoid type is possible,
        too.
      x: N train examples: an array, or a structure of arrays if the model has several inputs; or a
        tf.data.Dataset or keras PyDataset of batches (inputs, labels) in a fixed order.
      y: [N] class numbers or [N, C] one-hot rows, as the loss takes them; None if x is a data set
        of batches.
      x_test: test examples in the same form as x; None for none. They show the accuracy on new
        data, and on which test examples a train example has influence.
      y_test: their labels.
      num_runs: number of runs; the intervals narrow with the square root of it.
      epochs: epochs of each run.
      batch_size: examples of a training step.
      train_fraction: share of the examples that each run trains on, in (0, 1).
      seed: int >= 0, from which the subsets, initial values and orders are drawn.
      workdir: a folder for the study. With it, an interrupted call goes on where it stopped when it
        is repeated, more runs can be added, and `memkit.load` and every `memkit` command that reads
        studies work on it. Without it nothing remains on disk.
      ids: [N] text, names of the examples; by default their row numbers.
      class_names: C names; by default the class numbers.
      callbacks: callbacks of Keras for `Model.fit`, or a function that returns new ones for each
        run, which is safer for callbacks that remember something.
      trainer: "engine" or "fit" demands one of the two ways of training; "auto" chooses.
      workers: number of worker processes of an engine; 0 for one per processor core.

    Returns:
      The Scores of the examples: tables, suspects, charts, and what a notebook shows.

    Raises:
      InputError: the model is not compiled or its loss is not a cross-entropy, labels and examples
        do not fit together, `trainer="engine"` where the engines cannot train the model, or the
        workdir holds another study.

    Examples:
      >>> import keras
      >>> import numpy as np
      >>> def build():
      ...     model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
      ...     loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
      ...     model.compile("adam", loss)
      ...     return model
      >>> x = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
      >>> y = (x[:, 0] > 0).astype(int)
      >>> scores = measure(build, x, y, epochs=2, batch_size=8, trainer="fit")
      >>> scores.table().num_rows
      40
    """
    if trainer not in TRAINERS:
        raise expected("trainer", f"one of {', '.join(TRAINERS)}", repr(trainer))
    train = examples.read("x", x, y)
    test = examples.none_like(train)
    if x_test is not None:
        test = examples.read("x_test", x_test, y_test)
    job = _job(build, train, test, class_names)
    plan = _plan(job, epochs=epochs, trainer=trainer, has_callbacks=bool(callbacks))
    with _folder(workdir) as folder, _named_as_arguments():
        config = _config(
            job,
            plan,
            seed=seed,
            subsets={
                "design": "balanced",
                "train_fraction": train_fraction,
                "num_runs": num_runs,
            },
            training={"epochs": epochs, "batch_size": batch_size},
        )
        checks.check_stored(config)
        dataset = _dataset(job, ids)
        study = studies.open_or_create(folder, config, dataset, command="memkit.measure")
        _train(study, job, plan, callbacks=callbacks, workers=workers)
        return scores.of_study(study)


@dataclasses.dataclass(frozen=True, eq=False)
class _Job:
    """What the arguments of `measure` say.

    Attributes:
      objective: the loss of the model.
      labels: [N + T] int, the class numbers of the examples, train then test.
      model: the model that `build` has returned once, built for the inputs.
    """

    build: Build
    train: Part
    test: Part
    objective: Objective
    labels: IntArray
    class_names: tuple[str, ...]
    model: "keras.Model"


@dataclasses.dataclass(frozen=True)
class _Plan:
    """How the runs are trained.

    Attributes:
      recipe: the sections `optimizer` and `schedule`.
      build: the model for the workers of an engine; None for `Model.fit`.
      reason: why `Model.fit` trains, as the end of a sentence; "" where an engine does.
    """

    recipe: "Recipe"
    build: bytes | None
    reason: str


def _job(build: Build, train: Part, test: Part, class_names: Sequence[str] | None) -> _Job:
    """Returns the _Job; builds a model once and predicts one example with it.

    Raises:
      InputError: see `measure`.
    """
    model = build()
    if not isinstance(model, keras.Model):
        raise expected("build", "a function that returns a keras.Model", type(model).__name__)
    objective = objectives.read(model)
    labels = np.concatenate(
        [objective.labels("y", train.targets), objective.labels("y_test", test.targets)]
    )
    outputs = model.predict(train.rows(np.arange(1)).inputs, verbose=0)
    if not isinstance(outputs, np.ndarray):
        raise expected("build", "a model with one output", type(outputs).__name__)
    num_classes = objective.logits(outputs).shape[1]
    if (highest := int(labels.max())) >= num_classes:
        raise expected("y", f"class numbers below {num_classes}, as the model has outputs", highest)
    names = tuple(map(str, range(num_classes) if class_names is None else class_names))
    if len(names) != num_classes:
        raise expected("class_names", f"{num_classes} names, one per output", len(names))
    return _Job(build, train, test, objective, labels, names, model)


def _plan(job: _Job, *, epochs: int, trainer: str, has_callbacks: bool) -> _Plan:
    """Chooses how the runs are trained."""
    try:
        if trainer == "fit":
            raise fast_path.NotSupported('trainer="fit"')
        if has_callbacks:
            raise fast_path.NotSupported("there are callbacks")
        num_classes = len(job.class_names)
        recipe = fast_path.for_engines(
            job.model, job.objective, job.train, epochs=epochs, num_classes=num_classes
        )
        shape = job.train.inputs.shape[1:]
        build = fast_path.serialized(job.build, input_shape=shape, num_classes=num_classes)
        return _Plan(recipe, build, "")
    except fast_path.NotSupported as reason:
        if trainer == "engine":
            expectation = "'fit' or 'auto' for a model that the engines cannot train"
            raise expected("trainer", expectation, f"'engine', but {reason}") from None
        return _Plan(fast_path.recipe_of(job.model), None, str(reason))


@contextlib.contextmanager
def _folder(workdir: Path | None) -> Iterator[Path]:
    """Yields the folder of the study: the workdir, or one that is removed afterwards."""
    if workdir is not None:
        yield workdir
        return
    with tempfile.TemporaryDirectory(prefix="memkit-") as folder:
        yield LocalPath(folder) / "study"


@contextlib.contextmanager
def _named_as_arguments() -> Iterator[None]:
    """Names the arguments of `measure` in errors about the fields of its config."""
    try:
        yield
    except InputError as error:
        text = str(error)
        for section in ("training.", "subsets."):
            text = text.removeprefix(section)
        raise InputError(text.replace("--workdir", "workdir")) from error


def _config(job: _Job, plan: _Plan, *, seed: int, subsets: Json, training: Json) -> Json:
    """Returns the config of the study, which holds what its reports show and what must not change."""
    pictures = examples.pictures(job.train.rows(np.arange(1)))
    channels = pictures.shape[-1]
    history_runs = _HISTORY_RUNS if plan.build else 0
    return {
        "seed": seed,
        "series": ["one_hot"],
        "axis": {"field": "", "values": []},
        # The model gets its inputs as they are: this normalization changes nothing.
        "dataset": {
            "name": data.ARRAYS,
            "mean": [0.0] * channels,
            "std": [1 / 255] * channels,
            "resident": True,
        },
        "labels": {"planted_fraction": 0.0, "noise": "symmetric", "class_map": [], "file": ""},
        "model": {
            "name": COMPILED,
            "trainer": "engine" if plan.build else "fit",
            "parameters": job.model.count_params(),
            "architecture": _architecture(job.model),
            "loss": job.objective.loss,
        },
        "optimizer": plan.recipe.optimizer,
        "schedule": plan.recipe.schedule,
        "subsets": subsets,
        "training": {
            **training,
            "augment": "none",
            "pad": 0,
            "precision": "float32",
            "data_parallel": 1,
            "sync_batch_norm": True,
            "label_smoothing": job.objective.label_smoothing,
        },
        "distillation": {"teacher": "same", "weight": 1.0, "temperature": 1.0, "scale": False},
        "record": {"all_probs": False, "history_runs": history_runs, "ntk": False},
        "report": {
            "title": f"Compiled Keras model {job.model.name}",
            "min_influence": 0.15,
            "min_memorization": 0.25,
            "top_k": 10,
        },
    }


def _architecture(model: "keras.Model") -> str:
    """Returns a hash of the shapes of a model's variables, in their order, and of its layers."""
    layers = [type(layer).__name__ for layer in model._flatten_layers(include_self=False)]
    shapes = [list(variable.shape) for variable in model.variables]
    return hashlib.sha256(json.dumps([layers, shapes]).encode()).hexdigest()[:16]


def _dataset(job: _Job, ids: npt.ArrayLike | None) -> ImageDataset:
    """Returns the examples as the data set of a study, whose images are pictures of them."""
    num_train, num_test = len(job.train), len(job.test)
    names = np.arange(num_train).astype(str) if ids is None else np.asarray(ids).astype(str)
    if names.shape != (num_train,) or len(set(names.tolist())) != num_train:
        raise expected("ids", f"{num_train} different names", f"{len(set(names.ravel().tolist()))}")
    labels = job.labels.astype(np.int32)
    return ImageDataset(
        train_images=examples.pictures(job.train),
        train_labels=labels[:num_train],
        train_ids=names,
        test_images=examples.pictures(job.test),
        test_labels=labels[num_train:],
        test_ids=np.arange(num_test).astype(str),
        class_names=job.class_names,
    )


def _train(study: Study, job: _Job, plan: _Plan, *, callbacks: Callbacks, workers: int) -> None:
    """Trains the missing runs of a study and writes their records."""
    missing, _ = selection.missing(study)
    (point,) = study.points
    runs = missing[point.name]
    if not runs:
        return
    if plan.build is not None:
        engine_runs.train(study, missing, plan.build, _stacked(job), workers=workers)
        return
    print(f"measure: {len(runs)} runs by Model.fit, because {plan.reason}", file=sys.stderr)
    work = functools.partial(
        fitting.train_runs,
        build=job.build,
        objective=job.objective,
        train=job.train,
        test=job.test,
        callbacks=callbacks,
    )
    progress = Progress({point.name: len(runs)}, workers=1, stream=sys.stderr)
    engine_runs.train_here(study, point, runs, work, progress)


def _stacked(job: _Job) -> Array:
    """Returns the inputs [N + T, ...] of the train and then the test examples."""
    stacked = np.concatenate([job.train.inputs, job.test.inputs])
    # float64 would be converted in every batch.
    return stacked.astype(np.float32) if stacked.dtype == np.float64 else stacked
