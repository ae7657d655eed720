"""Tries recipes in short runs, to find one with which the models learn."""

import dataclasses

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
      peak: largest learning rate.
      augment: key of `recipe.AUGMENTATIONS`.
      accuracy: of a short run on the train images that it did not train on, 0 to 1.
    """

    peak: float
    augment: str
    accuracy: float


def search(chosen: Json, placement: Placement) -> list[Tried]:
    """Returns the recipes that were tried, the best first.

    They are trained in a process that ends afterwards, on the first of the placement's workers.
    """
    environment, setup = placement.worker_envs[0], placement.setup
    return pool.call_in_process(environment, search_here, chosen, setup)


def search_here(chosen: Json, setup: engines.Setup) -> list[Tried]:
    """Does what `search` does in this process; configures the engine first.

    First the learning rates are tried without augmentation, then an augmentation with the best of
    them. Of recipes with the same accuracy, the one that was tried first wins.
    """
    runner = Runner(setup)
    runner.configure()
    dataset = load_dataset(chosen)
    tried = [_try(runner, dataset, chosen, peak, "none") for peak in choices.PEAKS]
    best = max(tried, key=lambda each: each.accuracy)
    tried.append(_try(runner, dataset, chosen, best.peak, choices.AUGMENTED))
    return sorted(tried, key=lambda each: -each.accuracy)


def _try(runner: Runner, dataset: ImageDataset, chosen: Json, peak: float, augment: str) -> Tried:
    study = studies.draft(choices.short(chosen, peak=peak, augment=augment), dataset)
    (_, arrays, _), *_ = runner.train_runs(study, study.points[0], [0])
    held_out = ~study.train_mask[0]
    return Tried(peak, augment, float(arrays["train_correct"][held_out].mean()))
