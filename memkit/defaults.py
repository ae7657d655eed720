"""The sections of a config, with the values that they have in most studies."""

from memkit.typing import Json


def config(*, title: str) -> Json:
    """Returns the sections that do not depend on the data, the model or the recipe.

    `dataset`, `model`, `schedule` and `training` are left to the study.

    Args:
      title: of the report.
    """
    return {
        "seed": 0,
        "series": ("one_hot",),
        "axis": {"field": "", "values": ()},
        "labels": {"planted_fraction": 0.0, "noise": "symmetric", "class_map": (), "file": ""},
        "subsets": {"design": "balanced", "train_fraction": 0.7, "num_runs": 400},
        "optimizer": {
            "name": "sgd",
            "momentum": 0.9,
            "nesterov": True,
            "weight_decay": 1e-4,
            "decay_all": False,
        },
        # Used only if `series` names students; see docs/methods.md.
        "distillation": {"teacher": "same", "weight": 1.0, "temperature": 3.0, "scale": True},
        "record": {"all_probs": False, "history_runs": 40, "ntk": False, "features_runs": 0},
        "report": {"title": title, "min_influence": 0.15, "min_memorization": 0.25, "top_k": 10},
    }


def training(
    *,
    epochs: int,
    batch_size: int,
    augment: str = "none",
    pad: int = 4,
    precision: str = "float32",
    label_smoothing: float = 0.0,
) -> Json:
    """Returns the section `training`; the arguments are described in docs/configs.md."""
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "augment": augment,
        "pad": pad,
        "precision": precision,
        "data_parallel": 1,
        "sync_batch_norm": True,
        "batch_norm": "one_pass",
        "label_smoothing": label_smoothing,
        "until_accuracy": 0.0,
        "remat": False,
    }
