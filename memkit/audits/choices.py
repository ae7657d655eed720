"""The study with which a data set is audited: chosen for its size and for the time."""

import dataclasses
import math

from memkit import defaults, subsets
from memkit.data.dataset import ImageDataset
from memkit.training.measure import Cost
from memkit.typing import Json


@dataclasses.dataclass(frozen=True)
class Model:
    """A ResNet with which a data set may be audited.

    Attributes:
      depth: of the ResNet.
      width: of its first stage.
      side: pixels of a side to which larger images are resized.
      cost: seconds of an epoch, in those of the first of MODELS.
    """

    depth: int
    width: int
    side: int
    cost: float


# Those after the first are tried if there is time for more than the least number of runs.
MODELS = (
    Model(depth=8, width=16, side=32, cost=1.0),
    Model(depth=8, width=32, side=32, cost=2.9),
    Model(depth=20, width=16, side=32, cost=3.3),
    Model(depth=8, width=16, side=64, cost=4.5),
    Model(depth=20, width=16, side=64, cost=15.0),
)
TRAIN_FRACTION = 0.7
PEAKS = (0.3, 0.1, 0.03, 0.01)  # learning rates that are tried
AUGMENTED = "pad_crop_flip"
_STEPS = 700  # of a run, with which a ResNet-8 fits a few thousand images
_EPOCHS = (8, 40)  # fewest and most epochs of a run
_MOST_BLOCKS = 5  # of runs: intervals narrow slowly
_BLOCKS_OF_LARGER = 2  # of runs that must fit into the time before larger models are tried
_TRAINING_SHARE = 0.7  # of the time; the rest is for the search, for estimates and the page
_SEARCH_EPOCHS = 1 / 3  # of those of a run


@dataclasses.dataclass(frozen=True)
class Amount:
    """How much is trained.

    Attributes:
      num_runs: number of runs, in whole blocks.
      epochs: epochs of a run.
      seconds: that training takes, with all workers.
    """

    num_runs: int
    epochs: int
    seconds: float


def config(dataset: Json, images: ImageDataset, *, title: str, seed: int = 0) -> Json:
    """Returns the config of an audit with one epoch and one block of runs, to be measured.

    Args:
      dataset: the `dataset` section without normalization, see `sources.dataset`.
      images: the data set that it names.
      title: title of the report.
      seed: root seed.
    """
    channels, count = images.image_shape[-1], len(images.train_ids)
    pad = 4 if images.image_shape[0] >= 24 else 1
    block = subsets.block_size(TRAIN_FRACTION)
    usual = defaults.config(title=title)
    return {
        **usual,
        "seed": seed,
        "dataset": {
            **dataset,
            "mean": [0.5] * channels,
            "std": [0.25] * channels,
            "resident": True,
        },
        "model": {"name": "resnet", "depth": MODELS[0].depth, "width": MODELS[0].width},
        "schedule": {"name": "cosine", "peak": 0.1, "warmup_epochs": 0.0},
        "subsets": usual["subsets"] | {"train_fraction": TRAIN_FRACTION, "num_runs": block},
        "training": defaults.training(epochs=1, batch_size=_batch_size(count), pad=pad),
        # Runs of one block hold out every example, equally often.
        "record": usual["record"] | {"history_runs": 0, "features_runs": block},
    }


def _batch_size(num_examples: int) -> int:
    """Returns a batch size with which an epoch has at least four steps, if that is possible."""
    members = int(num_examples * TRAIN_FRACTION)
    return max(1, min(64 if num_examples >= 1000 else 32, members // 4))


def amount(one_epoch: Cost, *, minutes: float, workers: int) -> Amount:
    """Returns the runs and epochs that fit into a number of minutes, or the least that is sound.

    Args:
      one_epoch: the measured Cost of a run of one epoch, with its evaluation.
      minutes: for everything.
      workers: number of runs that are trained at the same time.
    """
    block = subsets.block_size(TRAIN_FRACTION)
    available, per_block = _times(one_epoch, minutes=minutes, workers=workers)
    epochs = min(_wanted_epochs(one_epoch), max(_EPOCHS[0], int(available / per_block)))
    blocks = min(_MOST_BLOCKS, max(1, int(available / (per_block * epochs))))
    seconds = (one_epoch.startup or 0.0) + blocks * per_block * epochs
    return Amount(num_runs=blocks * block, epochs=epochs, seconds=seconds)


def larger(one_epoch: Cost, *, minutes: float, workers: int) -> list[Model]:
    """Returns the MODELS after the first for which there is time, the cheapest first.

    Args:
      one_epoch: see `amount`, of the first of MODELS.
    """
    available, per_block = _times(one_epoch, minutes=minutes, workers=workers)
    least = _BLOCKS_OF_LARGER * per_block * _wanted_epochs(one_epoch)
    return [model for model in MODELS[1:] if model.cost * least <= available]


def with_model(chosen: Json, model: Model, dataset: Json) -> Json:
    """Returns a config with a model and the `dataset` section of its images."""
    return chosen | {
        "dataset": chosen["dataset"] | dataset,
        "model": chosen["model"] | {"depth": model.depth, "width": model.width},
    }


def _times(one_epoch: Cost, *, minutes: float, workers: int) -> tuple[float, float]:
    """Returns the seconds for training, and those of one epoch of a block of runs."""
    available = 60 * minutes * _TRAINING_SHARE - (one_epoch.startup or 0.0)
    block = subsets.block_size(TRAIN_FRACTION)
    return available, (one_epoch.seconds or 0.0) * math.ceil(block / workers)


def _wanted_epochs(one_epoch: Cost) -> int:
    fewest, most = _EPOCHS
    return min(most, max(fewest, math.ceil(_STEPS / one_epoch.steps)))


def with_amount(chosen: Json, amount: Amount) -> Json:
    """Returns a config with the runs and epochs of an Amount."""
    return chosen | {
        "subsets": chosen["subsets"] | {"num_runs": amount.num_runs},
        "training": chosen["training"] | {"epochs": amount.epochs},
        "schedule": chosen["schedule"] | {"warmup_epochs": min(2.0, amount.epochs / 10)},
    }


def with_epochs(chosen: Json, epochs: int) -> Json:
    """Returns a config with a number of epochs and no warm-up."""
    return chosen | {
        "training": chosen["training"] | {"epochs": epochs},
        "schedule": chosen["schedule"] | {"warmup_epochs": 0.0},
    }


def runs_within(one_epoch: Cost, chosen: Json, *, minutes: float, workers: int) -> int:
    """Returns the runs of a config that fit into a number of minutes, in whole blocks.

    Args:
      one_epoch: see `amount`.
    """
    block = subsets.block_size(chosen["subsets"]["train_fraction"])
    available = 60 * minutes * _TRAINING_SHARE - (one_epoch.startup or 0.0)
    per_run = (one_epoch.seconds or 0.0) * chosen["training"]["epochs"]
    return block * int(available / (per_run * math.ceil(block / workers)))


def short(chosen: Json, *, peak: float, augment: str) -> Json:
    """Returns a config of short runs with a learning rate and an augmentation, to try them."""
    epochs = max(2, round(chosen["training"]["epochs"] * _SEARCH_EPOCHS))
    schedule = {"peak": peak, "warmup_epochs": min(1.0, epochs / 10)}
    return chosen | {
        "training": chosen["training"] | {"augment": augment, "epochs": epochs},
        "schedule": chosen["schedule"] | schedule,
    }


def with_recipe(chosen: Json, *, peak: float, augment: str) -> Json:
    """Returns a config with a learning rate and an augmentation."""
    return chosen | {
        "training": chosen["training"] | {"augment": augment},
        "schedule": chosen["schedule"] | {"peak": peak},
    }
