"""Valid values of the fields of a config, in a config file or in a stored study.json.

The limits are far above the needs of any study. They reject a damaged or hostile file before
anything is allocated, if it would take more memory or time than any machine has.
"""

from memkit import recipe, rules, subsets
from memkit.typing import Config, Json

MOST_POINTS = 1_000
PRECISIONS = ("float32", "bfloat16")
BATCH_NORMS = ("one_pass", "keras")
_ANY: tuple[rules.Rule, ...] = ()

# section -> field -> rules, checked in order; `data.labels.check` checks the section "labels".
FIELDS: dict[str, dict[str, tuple[rules.Rule, ...]]] = {
    "labels": dict.fromkeys(("planted_fraction", "noise", "class_map", "file"), _ANY),
    "subsets": {
        "design": rules.among(subsets.DESIGNS),
        "train_fraction": rules.number(lambda value: 0 < value < 1, "a number in (0, 1)"),
        "num_runs": rules.whole(2, 10_000_000),
    },
    "training": {
        "epochs": rules.whole(1, 100_000),
        "batch_size": rules.whole(1, 10_000_000),
        "augment": rules.among(recipe.AUGMENTATIONS),
        "pad": (
            rules.Rule(lambda value: rules.is_int(value) and 0 <= value <= 127, "an int in 0..127"),
        ),
        "label_smoothing": rules.number(lambda value: 0 <= value < 1, "a number in [0, 1)"),
        "until_accuracy": rules.number(lambda value: 0 <= value <= 1, "a number in [0, 1]"),
        "precision": rules.among(PRECISIONS),
        "data_parallel": rules.whole(1, 4096),
        "sync_batch_norm": rules.SWITCH,
        "batch_norm": rules.among(BATCH_NORMS),
        "remat": rules.SWITCH,
    },
    "distillation": {
        "teacher": rules.TEXT,
        "weight": rules.number(lambda value: 0 <= value <= 1, "a number in [0, 1]"),
        "temperature": rules.number(lambda value: value > 0, "a number above 0"),
        "scale": rules.SWITCH,
    },
    "record": {
        "all_probs": rules.SWITCH,
        "history_runs": rules.whole(0, 10_000_000),
        "ntk": rules.SWITCH,
        "features_runs": rules.whole(0, 10_000_000),
    },
    "axis": {"field": rules.TEXT, "values": rules.LIST},
    "report": {
        "title": rules.TEXT,
        "min_influence": rules.NUMBER,
        "min_memorization": rules.NUMBER,
        "top_k": rules.whole(0, 100_000),
    },
    # The fields of these sections depend on their name; those listed here are checked if present.
    "dataset": {"resident": rules.SWITCH},
    "optimizer": {
        "momentum": rules.NUMBER,
        "nesterov": rules.SWITCH,
        "weight_decay": rules.NUMBER,
        "decay_all": rules.SWITCH,
    },
    "schedule": {
        "peak": rules.NUMBER,
        "warmup_epochs": rules.NUMBER,
        "factor": rules.NUMBER,
        "milestones": (rules.Rule(rules.are_numbers, "a list of numbers"),),
    },
    "model": {},
}

# Fields that configs of earlier versions lack, with the value for which nothing has changed.
NEWER: Json = {
    "record.ntk": False,
    "record.features_runs": 0,
    "training.label_smoothing": 0.0,
    "training.until_accuracy": 0.0,
    "training.batch_norm": "keras",
    "training.remat": False,
}


def check(section: str, values: Config) -> None:
    """Checks the values of a section; fields without a rule are accepted.

    Args:
      section: key of FIELDS.

    Raises:
      InputError: names the field with an invalid value.
    """
    for name in values.keys() & FIELDS[section].keys():
        rules.check(f"{section}.{name}", values[name], FIELDS[section][name])
