"""Data sets with flipped labels, and networks trained on subsets and on folds of them."""

import concurrent.futures
import dataclasses
import pathlib
import time
from collections.abc import Callable

import numpy as np
import sklearn.datasets
from sklearn.model_selection import StratifiedKFold

from benchmarks import interleave
from memkit import studies, subsets
from memkit.audits import choices, search
from memkit.sweeps import costs, placement
from memkit.training.images import load_dataset
from memkit.typing import BoolArray, FloatArray, IntArray, Json

PROCESSES, FOLDS = 2, 5
FLIPPED = 0.05
CONFUSED = {0: 2, 1: 7, 3: 8, 4: 9, 5: 6}  # digits that look alike; flips go both ways
RECORDED = ("train_probs", "train_predicted", "train_correct", "train_logodds")
TESTS = 10  # images that the file of a world names as test images, which nothing uses
_STEPS_ONLY = 1e-6  # seconds of an epoch, so that the steps alone decide how many there are


@dataclasses.dataclass(frozen=True)
class Case:
    """A data set of a benchmark.

    Attributes:
      name: of the row in the table.
      npz: file with x_train and y_train; "" = scikit-learn's digits.
      examples: images that are drawn; 0 = all.
      classes: the first labels are used; 0 = all.
      confused: whether labels are flipped to the partner in CONFUSED and not at random.
    """

    name: str
    npz: str = ""
    examples: int = 0
    classes: int = 0
    confused: bool = False


@dataclasses.dataclass(frozen=True)
class Flipped:
    """N images with some wrong labels.

    Attributes:
      images: [N, H, W, C] uint8.
      labels: [N] int, the given labels.
      flipped: [N] bool.
    """

    images: IntArray
    labels: IntArray
    flipped: BoolArray


@dataclasses.dataclass(frozen=True)
class Trained:
    """M networks of one recipe: those of the audit, then those of the folds.

    Attributes:
      mask: [M, N] bool, the examples that each was trained on.
      arrays: {name of RECORDED: [M, N, ...]}.
      cpu: [M] float, seconds of processor time of each network.
      epochs: of each network.
      recipe: {"peak", "augment"} that the search of the audit chose.
      search_cpu: seconds of processor time of the search.
      search_epochs: epochs of all networks of the search, on 70% of the examples each.
      is_chosen: whether the search prefers the model to the first of `choices.MODELS`, or it is
        the first.
    """

    mask: BoolArray
    arrays: dict[str, IntArray]
    cpu: FloatArray
    epochs: int
    recipe: Json
    search_cpu: float
    search_epochs: int
    is_chosen: bool


def write(path: pathlib.Path, trained: Trained) -> None:
    """Writes networks to an npz file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {key: value for key, value in vars(trained).items() if key not in ("arrays", "recipe")}
    np.savez(path, **fields, **trained.recipe, **trained.arrays)


def read(path: pathlib.Path) -> Trained:
    """Reads networks that `write` has written."""
    with np.load(path) as file:
        return Trained(
            mask=file["mask"],
            arrays={name: file[name] for name in RECORDED},
            cpu=file["cpu"],
            epochs=int(file["epochs"]),
            recipe={"peak": file["peak"].item(), "augment": file["augment"].item()},
            search_cpu=float(file["search_cpu"]),
            search_epochs=int(file["search_epochs"]),
            is_chosen=bool(file["is_chosen"]),
        )


def flip(case: Case, seed: int) -> Flipped:
    """Returns the images of a case with FLIPPED of their labels exchanged."""
    rng = np.random.default_rng(seed)
    if case.npz:
        with np.load(case.npz) as file:
            images, labels = file["x_train"], file["y_train"].astype(np.int64)
    else:
        digits = sklearn.datasets.load_digits()
        images, labels = np.rint(digits.images * (255 / 16)).astype(np.uint8), digits.target
    rows = np.flatnonzero(labels < (case.classes or labels.max() + 1))
    if case.examples:
        rows = np.sort(rng.choice(rows, case.examples, replace=False))
    images, labels = images[rows], labels[rows].copy()
    num = round(FLIPPED * len(rows))
    chosen = rng.choice(len(rows), num, replace=False)
    if case.confused:
        partner = CONFUSED | {b: a for a, b in CONFUSED.items()}
        labels[chosen] = [partner[label] for label in labels[chosen].tolist()]
    else:
        classes = int(labels.max()) + 1
        labels[chosen] = (labels[chosen] + rng.integers(1, classes, num)) % classes
    flipped = np.isin(np.arange(len(rows)), chosen)
    return Flipped(images[..., None] if images.ndim == 3 else images, labels, flipped)


def folds(labels: IntArray, repetition: int) -> BoolArray:
    """Returns [FOLDS, N] bool, the examples that each network of a cross-validation trains on."""
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=repetition)
    mask = np.ones((FOLDS, len(labels)), bool)
    for row, (_, left_out) in zip(mask, splits.split(np.zeros(len(labels)), labels), strict=True):
        row[left_out] = False
    return mask


def train(
    world: Flipped,
    folder: pathlib.Path,
    *,
    runs: int,
    repetitions: int,
    epochs: int = 0,
    model: choices.Model = choices.MODELS[0],
) -> Trained:
    """Trains the audit's runs and those of repeated cross-validations, in two processes.

    The number of epochs and the search of the learning rate are those of `memkit audit FOLDER`,
    which tries its larger models with the recipe of the first. The folds use the same recipe.

    Args:
      folder: where the file of the data set is written.
      runs: of the audit, on balanced subsets of 70%.
      repetitions: of the cross-validation.
      epochs: of each network; 0 = those of an audit that has time.
      model: one of `choices.MODELS`; the images keep their size.
    """
    path = str(folder / "world.npz")
    arrays = {"x_train": world.images, "y_train": world.labels}
    tests = {"x_test": world.images[:TESTS], "y_test": world.labels[:TESTS]}
    np.savez(path, **arrays, **tests)
    section = {"name": "npz", "path": path}
    chosen = choices.config(section, load_dataset({"dataset": section}), title="")
    (cost,) = costs.counted(studies.draft(chosen, load_dataset(chosen)))
    cost = dataclasses.replace(cost, seconds=_STEPS_ONLY, startup=0.0)
    amount = choices.amount(cost, minutes=10, workers=PROCESSES)
    amount = dataclasses.replace(amount, num_runs=runs, epochs=epochs or amount.epochs)
    chosen = choices.with_amount(chosen, amount)
    chosen["record"]["all_probs"] = True
    placed = placement.place(data_parallel=1, devices="cpu", workers=PROCESSES)
    larger = [choices.with_model(chosen, model, section)] if model != choices.MODELS[0] else []
    options = {"chosen": chosen, "setup": placed.setup, "larger": larger}
    way = interleave.Way(_search, options, placed.worker_envs[:1])
    (best, *others), search_cpu = interleave.once(way)
    recipe = {"peak": best.peak, "augment": best.augment}
    chosen = choices.with_recipe(choices.with_model(chosen, model, section), **recipe)
    options = {"chosen": chosen, "setup": placed.setup}
    labels = world.labels
    design = subsets.design(
        "balanced", num_runs=runs, labels=labels, train_fraction=choices.TRAIN_FRACTION, seed=0
    )
    mask = np.concatenate([design, *(folds(labels, k) for k in range(repetitions))])
    ways = [
        interleave.Way(_runs, options | {"mask": mask, "first": first}, (environment,))
        for first, environment in enumerate(placed.worker_envs)
    ]
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        parts = list(pool.map(interleave.once, ways))
    records = dict(sorted((run, record) for part in parts for run, record in part.items()))
    short = choices.short(chosen, **recipe)["training"]["epochs"]
    return Trained(
        mask=mask,
        arrays={name: np.stack([r[name] for r, _ in records.values()]) for name in RECORDED},
        cpu=np.array([seconds for _, seconds in records.values()]),
        epochs=amount.epochs,
        recipe=recipe,
        search_cpu=search_cpu,
        search_epochs=(1 + len(others)) * short,
        is_chosen=best.config["model"] == chosen["model"],
    )


def _search(
    chosen: Json, setup: placement.engines.Setup, larger: list[Json]
) -> Callable[[], tuple[list[search.Tried], float]]:
    """Returns a function that searches and returns what was tried, and seconds of processor."""

    def work() -> tuple[list[search.Tried], float]:
        started = time.process_time()
        return search.search_here(chosen, setup, larger), time.process_time() - started

    return work


def _runs(
    chosen: Json, setup: placement.engines.Setup, mask: BoolArray, *, first: int
) -> Callable[[], dict[int, tuple[dict[str, IntArray], float]]]:
    """Returns a function that trains every second run: {run: (arrays, seconds of processor)}."""
    from memkit.training.runner import Runner

    runner = Runner(setup)
    runner.configure()
    study = studies.draft(chosen, load_dataset(chosen))
    study = dataclasses.replace(study, train_mask=mask)

    def work() -> dict[int, tuple[dict[str, IntArray], float]]:
        records, started = {}, time.process_time()
        for run in range(first, len(mask), PROCESSES):
            (_, arrays, _), *_ = runner.train_runs(study, study.points[0], [run])
            now = time.process_time()
            records[run] = {name: arrays[name] for name in RECORDED}, now - started
            started = now
        return records

    return work
