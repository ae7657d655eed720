"""`memkit.measure`: many runs of a compiled Keras model, and the scores of its examples."""

import contextlib
import dataclasses
import functools
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path as LocalPath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from memkit import scores, studies
from memkit.compiled import engine_runs, examples, fast_path, fitting, jobs
from memkit.compiled.fitting import Callbacks
from memkit.compiled.jobs import Job
from memkit.errors import InputError, expected
from memkit.models.compiled import Build
from memkit.scores import Scores
from memkit.studies import Study, checks
from memkit.sweeps import selection
from memkit.sweeps.progress import Progress
from memkit.typing import Array, Path

if TYPE_CHECKING:
    from memkit.compiled.fast_path import Recipe

TRAINERS = ("auto", "engine", "fit")


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

    `Model.fit` needs the global generators of Python, NumPy and Keras, which are seeded anew for
    every run, so seed them again if your program uses them afterwards.

    Args:
      build: a function without arguments that returns a new compiled keras.Model in every call,
        with new initial values or with pretrained ones. Its loss is a
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
    job = jobs.read_job(build, train, test, class_names)
    plan = _plan(job, epochs=epochs, trainer=trainer, has_callbacks=bool(callbacks))
    with _folder(workdir) as folder, _named_as_arguments():
        config = jobs.config(
            job,
            plan.recipe,
            is_fast=plan.build is not None,
            seed=seed,
            subsets={
                "design": "balanced",
                "train_fraction": train_fraction,
                "num_runs": num_runs,
            },
            training={"epochs": epochs, "batch_size": batch_size},
        )
        checks.check_stored(config)
        dataset = jobs.dataset(job, ids)
        study = studies.open_or_create(folder, config, dataset, command="memkit.measure")
        _train(study, job, plan, callbacks=callbacks, workers=workers)
        return scores.of_study(study)


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


def _plan(job: Job, *, epochs: int, trainer: str, has_callbacks: bool) -> _Plan:
    """Chooses how the runs are trained."""
    try:
        if trainer == "fit":
            raise fast_path.NotSupported('trainer="fit"')
        if has_callbacks:
            raise fast_path.NotSupported("there are callbacks")
        if job.loaded:
            raise fast_path.NotSupported("every model of `build` starts from the same values")
        num_classes = len(job.class_names)
        recipe = fast_path.for_engines(job.model, job.objective, job.train, epochs=epochs)
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


def _train(study: Study, job: Job, plan: _Plan, *, callbacks: Callbacks, workers: int) -> None:
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


def _stacked(job: Job) -> Array:
    """Returns the inputs [N + T, ...] of the train and then the test examples."""
    stacked = np.concatenate([job.train.inputs, job.test.inputs])
    # float64 would be converted in every batch.
    return stacked.astype(np.float32) if stacked.dtype == np.float64 else stacked
