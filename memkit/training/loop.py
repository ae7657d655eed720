"""The training loop: the runs of one pack, epoch by epoch."""

import concurrent.futures
import functools
import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np

from memkit import recipe
from memkit.errors import expected
from memkit.models.initial_values import initial_values
from memkit.studies.points import Point
from memkit.studies.study import Study
from memkit.training import engines, plan
from memkit.training.checkpoint import Keeper, Progress
from memkit.training.history import History
from memkit.typing import Array, Epochs

if TYPE_CHECKING:
    import keras

P = ParamSpec("P")
T = TypeVar("T")


def train_epochs(
    program: engines.Program,
    study: Study,
    point: Point,
    runs: Sequence[int],
    *,
    teachers: Sequence[engines.Values] = (),
    stop_after: int | None = None,
    keeper: Keeper | None = None,
) -> Generator[Epochs, None, list[Progress]]:
    """Trains the runs of a pack, each from its own initial values on its own subset.

    While the device trains an epoch, a thread of the host draws the plans of the next one and adds
    the last one to the histories.

    Args:
      runs: indices of as many runs as the program takes.
      teachers: the weights of each student's teacher; empty if the models are no students.
      stop_after: number of epochs to train, for measuring; None trains to the end.
      keeper: writes and reads the checkpoints of these runs; None for no checkpoints.

    Yields:
      After each epoch, how far the runs are.

    Returns:
      The progress of each run.

    Raises:
      InputError: see `check_stopping`.
    """
    num_epochs = point.config["training"]["epochs"]
    until = point.config["training"]["until_accuracy"]
    check_stopping(until, program.size)
    draws = [
        functools.partial(draw_initial_values, point=point, run=int(study.unit[run]))
        for run in runs
    ]
    program.reset(draws, teachers or None)
    progress = [Progress.new(num_epochs, _history(study, point, run)) for run in runs]
    done = keeper.resume(progress) if keeper else 0
    plans = zip(*(epoch_plans(study, point, run) for run in runs), strict=True)
    epochs = itertools.islice(plans, done, stop_after)
    with concurrent.futures.ThreadPoolExecutor(1) as host:
        recorded = host.submit(_add_to_histories, [], done)
        for epoch, plans_of_runs in enumerate(_read_ahead(epochs, host), done):
            steps_of_runs = program.train(plans_of_runs)
            recorded.result()
            outcomes = list(zip(progress, plans_of_runs, steps_of_runs, strict=True))
            for run, run_plan, steps in outcomes:
                if run.is_alive:
                    run.add(epoch, run_plan, steps)
            recorded = host.submit(_add_to_histories, outcomes, epoch)
            if not any(run.is_alive for run in progress):
                break
            if until and progress[0].curve[epoch, 1] >= np.float32(until):
                progress[0].end(epoch)
                break
            if keeper and keeper.is_due() and epoch + 1 < num_epochs:
                recorded.result()
                keeper.keep(progress, epoch + 1)
            yield Epochs(epoch + 1, num_epochs)
        recorded.result()
    return progress


def _to_its_end(function: Callable[P, Generator[Epochs, None, T]]) -> Callable[P, T]:
    """Returns a function that does the same at once and returns what the generator returns."""

    @functools.wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> T:
        generator = function(*args, **options)
        while True:
            try:
                next(generator)
            except StopIteration as end:
                returned: T = end.value
                return returned

    return call


train_pack = _to_its_end(train_epochs)


def _history(study: Study, point: Point, run: int) -> History | None:
    """Returns the history of a run before its first epoch, or None if it is not recorded."""
    sizes = study.sizes_at(point, run)
    return History(sizes.train, sizes.epochs) if "history_runs" in sizes.asked else None


def _read_ahead(items: Iterator[T], host: concurrent.futures.Executor) -> Iterator[T]:
    """Yields items; while one of them is used, the host thread computes the next one."""
    upcoming = host.submit(next, items, None)
    while (item := upcoming.result()) is not None:
        upcoming = host.submit(next, items, None)
        yield item


def _add_to_histories(
    outcomes: Sequence[tuple[Progress, plan.EpochPlan, engines.Steps]], epoch: int
) -> None:
    """Adds an epoch to the histories of the runs that are alive after it."""
    for run, run_plan, steps in outcomes:
        if run.is_alive and run.history is not None:
            run.history.add(epoch, run_plan.index, steps)


def check_stopping(until_accuracy: float, num_runs: int) -> None:
    """Checks that a program which may stop before the last epoch trains one run at a time.

    Raises:
      InputError: the runs of one program would stop after different epochs.
    """
    if until_accuracy and num_runs > 1:
        expectation = f"0 in a program of {num_runs} runs, which would not stop together"
        raise expected("training.until_accuracy", expectation, until_accuracy)


def draw_initial_values(model: "keras.Model", *, point: Point, run: int) -> list[Array | None]:
    """Returns the initial values of a run or unit, see `models.initial_values`."""
    return initial_values(model, seed=point.config["seed"], purpose=f"init{point.stream}", run=run)


def epoch_plans(study: Study, point: Point, run: int) -> Iterator[plan.EpochPlan]:
    """Yields the EpochPlan of each epoch of a run."""
    training, rows = point.config["training"], _unit(study, run)
    members = np.flatnonzero(study.train_mask[rows].any(axis=0))
    rates = recipe.rates(
        point.config["schedule"],
        epochs=training["epochs"],
        steps_per_epoch=steps_per_epoch(study, point, run),
    )
    return plan.epochs(
        members,
        left_out=members[~study.train_mask[run, members]],
        batch_size=training["batch_size"],
        rates=rates,
        augment=training["augment"],
        pad=training["pad"],
        seed=point.config["seed"],
        run=int(study.unit[run]),
        stream=point.stream,
    )


def steps_per_epoch(study: Study, point: Point, run: int) -> int:
    """Returns the steps of an epoch of all runs of a unit, those of its smallest subset."""
    smallest = int(np.count_nonzero(study.train_mask[_unit(study, run)], axis=1).min())
    return recipe.steps_per_epoch(smallest, point.config["training"]["batch_size"])


def _unit(study: Study, run: int) -> slice:
    """Returns the rows of the design that are in the unit of a run."""
    rows = np.flatnonzero(study.unit == study.unit[run])
    return slice(int(rows[0]), int(rows[-1]) + 1)
