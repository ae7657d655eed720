"""Tries recipes in short runs, to find one with which the models learn."""

import dataclasses
import math
from collections.abc import Sequence

from memkit import studies
from memkit.audits import choices
from memkit.data.dataset import ImageDataset
from memkit.sweeps import pool
from memkit.sweeps.placement import Placement
from memkit.training import engines
from memkit.training.images import load_dataset
from memkit.training.runner import Runner
from memkit.typing import Json


@dataclasses.dataclass(frozen=True)
class Tried:
    """A recipe that was tried.

    Attributes:
      config: of the whole audit with this recipe.
      held_out: number of train images that a short run did not train on.
      accuracy: of the short run on them, 0 to 1.
    """

    config: Json
    held_out: int
    accuracy: float

    @property
    def peak(self) -> float:
        """The largest learning rate."""
        return float(self.config["schedule"]["peak"])

    @property
    def augment(self) -> str:
        """Key of `recipe.AUGMENTATIONS`."""
        return str(self.config["training"]["augment"])

    def is_better(self, other: "Tried") -> bool:
        """Returns whether it is more accurate by more than the standard error of the difference."""
        variance = other.accuracy * (1 - other.accuracy) / other.held_out
        return self.accuracy > other.accuracy + math.sqrt(2 * variance)


def search(chosen: Json, placement: Placement, *, larger: Sequence[Json] = ()) -> list[Tried]:
    """Returns the recipes that were tried, the one to use first.

    They are trained in a process that ends afterwards, on the first of the placement's workers.

    Args:
      chosen: config of the audit.
      larger: the same with larger models or images, the cheapest first.
    """
    environment, setup = placement.worker_envs[0], placement.setup
    return pool.call_in_process(environment, search_here, chosen, setup, larger)


def search_here(chosen: Json, setup: engines.Setup, larger: Sequence[Json] = ()) -> list[Tried]:
    """Does what `search` does in this process; configures the engine first.

    First the learning rates are tried without augmentation, then an augmentation with the best of
    them. Of recipes with the same accuracy, the one that was tried first wins. A larger model gets
    the recipe that won, and takes its place if it is better by more than a standard error.
    """
    runner = Runner(setup)
    runner.configure()
    dataset = load_dataset(chosen)
    tried = [_try(runner, dataset, chosen, peak, "none") for peak in choices.PEAKS]
    best = max(tried, key=lambda each: each.accuracy)
    tried.append(_try(runner, dataset, chosen, best.peak, choices.AUGMENTED))
    tried.sort(key=lambda each: -each.accuracy)
    best = tried[0]
    for config in larger:
        if config["dataset"] != chosen["dataset"]:
            dataset = load_dataset(config)
        with_model = _try(Runner(setup), dataset, config, tried[0].peak, tried[0].augment)
        best = with_model if with_model.is_better(best) else best
        tried.append(with_model)
    return [best, *(each for each in tried if each is not best)]


def _try(runner: Runner, dataset: ImageDataset, chosen: Json, peak: float, augment: str) -> Tried:
    study = studies.draft(choices.short(chosen, peak=peak, augment=augment), dataset)
    (_, arrays, _), *_ = runner.train_runs(study, study.points[0], [0])
    held_out = ~study.train_mask[0]
    return Tried(
        config=choices.with_recipe(chosen, peak=peak, augment=augment),
        held_out=int(held_out.sum()),
        accuracy=float(arrays["train_correct"][held_out].mean()),
    )
