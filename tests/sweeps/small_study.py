"""A study of 30 made-up images for tests of executors; child processes make it too."""

import numpy as np

from memkit import studies
from memkit.data.dataset import ImageDataset
from memkit.studies import checks


def config(**changes):
    """A checked config with two points; `changes` replace whole sections."""
    default = {
        "dataset": {"name": "digits", "mean": (0.5,), "std": (0.5,), "resident": True},
        "labels": {
            "planted_fraction": 0.1,
            "noise": "symmetric",
            "class_map": (),
            "file": "",
        },
        "subsets": {"design": "balanced", "train_fraction": 0.7, "num_runs": 20},
        "model": {"name": "mlp", "hidden": (4,)},
        "optimizer": {
            "name": "sgd",
            "momentum": 0.9,
            "nesterov": True,
            "weight_decay": 0.0,
            "decay_all": False,
        },
        "schedule": {"name": "cosine", "peak": 0.1, "warmup_epochs": 0.0},
        "training": {
            "epochs": 2,
            "batch_size": 4,
            "augment": "none",
            "pad": 4,
            "precision": "float32",
            "data_parallel": 1,
            "sync_batch_norm": True,
        },
        "distillation": {"teacher": "same", "weight": 1.0, "temperature": 3.0, "scale": False},
        "record": {"all_probs": False, "history_runs": 0},
        "axis": {"field": "schedule.peak", "values": (0.1, 0.2)},
        "series": ("one_hot",),
        "seed": 0,
        "report": {"title": "small", "min_influence": 0.15, "min_memorization": 0.25, "top_k": 3},
    }
    checks.check(default | changes)
    return default | changes


def dataset(num_train=30, num_test=10):
    rng = np.random.default_rng(0)
    return ImageDataset(
        train_images=rng.integers(0, 256, (num_train, 8, 8, 1)).astype(np.uint8),
        train_labels=rng.integers(0, 3, num_train).astype(np.int32),
        train_ids=np.array([f"train_{i}" for i in range(num_train)]),
        test_images=rng.integers(0, 256, (num_test, 8, 8, 1)).astype(np.uint8),
        test_labels=rng.integers(0, 3, num_test).astype(np.int32),
        test_ids=np.array([f"test_{i}" for i in range(num_test)]),
        class_names=("a", "b", "c"),
    )


def make(workdir, **changes):
    return studies.open_or_create(workdir, config(**changes), dataset())
